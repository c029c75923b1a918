"""Ranks that wait for the next repetition of the method that they ran.

Repetitions share processes, methods do not: what a method leaves in them
(imported libraries, memory, threads) can touch no other.
"""
import atexit

from benchmark_utils.runtime.world import start_world

_waiting = {}  # by who may use it; at most one world


def take(user, n_ranks):
    """The world that waits for a user, else a new one; others are closed."""
    world = _waiting.pop((user, n_ranks), None)
    close()
    if world and world.waits():
        return world
    if world:
        world.close()
    return start_world(n_ranks)


def keep(user, world):
    """Have a world wait whose run has ended well."""
    close()
    _waiting[user, world.n_ranks] = world


@atexit.register
def close():
    """Close the world that waits, if there is one."""
    while _waiting:
        _waiting.popitem()[1].close()
