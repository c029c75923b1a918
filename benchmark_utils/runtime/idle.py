"""Ranks that wait for the next run of the method that they ran.

Repetitions, and the next dataset, share processes; methods do not: what a
method leaves in them (imported libraries, memory, threads) can touch no other.
"""
import atexit

from benchmark_utils.runtime.errors import WorldError
from benchmark_utils.runtime.world import start_world

MOST_WAITING = 48  # processes; the worlds that wait longest are closed
_waiting = {}  # by who may use it, the last one at the end


def take(user, n_ranks):
    """The world that waits for a user, else a new one."""
    world = _waiting.pop((user, n_ranks), None)
    if world and world.waits():
        return world
    if world:
        world.close()
    _make_room(n_ranks)
    return start_world(n_ranks)


def keep(user, world):
    """Have a world wait whose run has ended well, without its data."""
    try:
        world.call("free")
    except WorldError:  # the run has its results
        world.close()
        return
    world.pass_on()
    _make_room(world.n_ranks)
    _waiting[user, world.n_ranks] = world


def _make_room(n_ranks):
    while _waiting and n_ranks + sum(
            world.n_ranks for world in _waiting.values()) > MOST_WAITING:
        _waiting.pop(next(iter(_waiting))).close()


@atexit.register
def close():
    """Close the worlds that wait."""
    for world in _waiting.values():
        world.ask_to_stop()  # so that they end side by side
    while _waiting:
        _waiting.popitem()[1].close()
