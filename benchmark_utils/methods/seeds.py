"""The random numbers of a run."""
import numpy as np


def generators(seed, rank):
    """A stream that is the same on every rank, and the rank's private one."""
    return tuple(
        np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(key,)))
        for key in (0, 1 + rank))
