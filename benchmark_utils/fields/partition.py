"""Which rank owns which cell of a field."""
import math
from numbers import Integral

import numpy as np

PARTITIONS = ("samples", "features")
DECOMPOSITIONS = ("slabs", "blocks")
RANKS = ("processes", "simulated")


def slab_edges(n_points, n_ranks, weights=None):
    """Cut an axis into one slab per rank, sizes by weight, none empty.

    Returns
    -------
    edges : int array of shape (n_ranks + 1,)
        Rank r owns the points edges[r] to edges[r + 1].
    """
    weights = np.ones(n_ranks) if weights is None else np.asarray(weights)
    share = np.concatenate([[0], np.cumsum(weights) / weights.sum()])
    # One point for every rank, the rest by weight; 1e-9 guards the floor.
    return np.arange(n_ranks + 1) + np.floor(
        share * (n_points - n_ranks) + 1e-9).astype(int)


def block_counts(n_ranks):
    """Blocks along two axes, as balanced as MPI_Dims_create makes them."""
    short = next(n for n in range(math.isqrt(n_ranks), 0, -1)
                 if n_ranks % n == 0)
    return n_ranks // short, short


def part_counts(n_ranks, decomposition):
    """Parts along the first and the second space axis."""
    return (block_counts(n_ranks) if decomposition == "blocks"
            else (n_ranks, 1))


def check_whole(name, value, least=1):
    """Raise ValueError unless a value is a whole number, not too small."""
    if not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} is {value!r}: give a whole number, "
                         f"{least} or more.")


def misfit(n_ranks, decomposition, names, space):
    """Why the ranks cannot all own a part of the space, None if they can.

    Parameters
    ----------
    names, space : sequences
        Names of the space axes and their numbers of points.
    """
    if decomposition == "blocks" and len(space) < 2:
        return (f"The field has one space axis, {names[0]!r}: choose "
                "decomposition=slabs.")
    counts = part_counts(n_ranks, decomposition)
    if all(count <= points for count, points
           in zip(counts, space, strict=False)):
        return None
    if decomposition == "blocks":
        return ("{} x {} blocks do not fit on {} x {} points: choose "
                "fewer ranks.".format(*counts, *space[:2]))
    return (f"{n_ranks} ranks cannot share the {space[0]} points of axis "
            f"{names[0]!r}: choose n_ranks <= {space[0]}.")


def domain_owners(space, counts, weights=None):
    """Rank that owns each cell if every rank owns one part of the space.

    Parameters
    ----------
    space : sequence of int
        Points of the space axes.
    counts : (int, int)
        Parts along the first two of them; the others are never cut.
    weights : sequence of floats, optional
        Relative sizes of the parts, one per rank; equal by default.

    Returns
    -------
    int array of shape (n_cells,)
    """
    weights = np.reshape(weights or np.ones(math.prod(counts)), counts)
    owners = np.empty((*space, 1)[:2], int)
    rows = slab_edges(len(owners), len(weights), weights.sum(axis=1))
    for i, row_weights in enumerate(weights):
        columns = slab_edges(owners.shape[1], len(row_weights), row_weights)
        for j in range(len(row_weights)):
            owners[rows[i]:rows[i + 1], columns[j]:columns[j + 1]] = (
                i * len(row_weights) + j)
    return np.repeat(owners, math.prod(space) // owners.size)


def dealt(owners, heterogeneity, rng):
    """Owners after some cells were exchanged between ranks at random.

    A cell takes part with probability 1 - heterogeneity; every rank keeps
    its number of cells.
    """
    owners = owners.copy()
    moved = np.flatnonzero(rng.random(len(owners)) >= heterogeneity)
    owners[moved] = owners[rng.permutation(moved)]
    return owners
