"""Hierarchical approximate POD: factors merged along a tree of ranks.

Himpe, Leibner & Rave 2018, SIAM J. Sci. Comput. 40(5), A3267.
"""
from math import ceil, log2, sqrt

import numpy as np

from benchmark_utils.methods.krylov import is_affordable
from benchmark_utils.methods.linalg import leading_factor


def truncate(F, error, outside=0.0):
    """Fewest leading columns of F; the others' norm is at most `error`.

    And the largest variance of the others.

    Parameters
    ----------
    F : array of shape (d, m)
        Orthogonal columns of decreasing norm, see ``leading_factor``.
    error : float
        In the Frobenius norm. Columns of rounding errors never count.
    outside : float
        Variance that F lacks; it is neglected, too.
    """
    variance = np.square(F).sum(axis=0)
    neglected = np.cumsum(variance[::-1])[::-1] + outside
    rounding = len(F) * np.finfo(float).eps * variance.sum()
    kept = np.count_nonzero(neglected > max(error ** 2, rounding))
    return F[:, :kept], variance[kept:].max(initial=0.0)


class Modes:
    """A rank's leading modes, as many as are asked for, times their strength.

    Parameters
    ----------
    block : Block
        X (n x d).
    r : int
        Modes to begin with. Where they do not suffice, more are computed, or
        all of them if a tenth of N or so would not do.
    rng : numpy.random.Generator
    """

    def __init__(self, block, r, rng):
        self.block, self.rng = block, rng
        self.variance = block.squared_norm()
        self.F, self.missed = block.nystrom_factor(r, rng)

    def neglected(self, k):
        """The variance beyond the first k modes."""
        return max(0.0, self.variance - np.square(self.F[:, :k]).sum())

    def within(self, error):
        """Fewest modes that leave a norm of at most `error`.

        Returns
        -------
        F : array of shape (d, m)
        missed : float
            Bound of X'X - F F', which is positive.
        """
        N = min(self.block.X.shape)
        while self.F.shape[1] < N and self.neglected(None) > error ** 2:
            r = self.F.shape[1]
            # No mode to come has more variance than the last one.
            lacking = (self.neglected(None) - error ** 2) / max(
                np.square(self.F[:, -1]).sum(), np.finfo(float).tiny)
            r = int(min(1 + r + max(2 * lacking, r / 2), N))
            self.F, self.missed = self.block.nystrom_factor(
                r if is_affordable(N, r) else N, self.rng)
        outside = self.neglected(None) if self.missed else 0.0
        F, left = truncate(self.F, error, outside)
        return F, self.missed + left


def children(topology, rank, size):
    """The ranks that send to this one: one list for each of its PODs.

    ``star``: all send to rank 0, which makes one POD. ``chain``: each sends
    to the rank before it. ``tree``: pairs, in log2(size) levels.
    """
    if topology == "star":
        return [range(1, size)] if rank == 0 and size > 1 else []
    if topology == "chain":
        return [[rank + 1]] if rank + 1 < size else []
    distances = [2 ** level for level in range(ceil(log2(size)))]
    return [[rank + distance] for distance in distances
            if rank % (2 * distance) == 0 and rank + distance < size]


def parent(topology, rank):
    """The rank that takes this rank's factor."""
    return {"star": 0, "chain": rank - 1, "tree": rank & (rank - 1)}[topology]


def depth(topology, size):
    """Levels of PODs from a leaf to the root, both included."""
    return {"star": 2, "chain": size, "tree": 1 + ceil(log2(size))}[topology]


def hapod(comm, within, n_samples, topology, error, omega):
    """Factor of the leading modes of all ranks' data, at rank 0.

    Communication: on each of the P - 1 edges d * K floats, with K the number
    of modes that the local tolerance needs, and three numbers.

    Parameters
    ----------
    comm : MPI communicator
    within : function
        Maps a norm to the leading modes of this rank's data that leave no
        more, see :class:`Modes`.
    n_samples : int
        Rows of this rank's X.
    topology : {"star", "chain", "tree"}
    error : float
        Bound of the root mean square of all samples' projection errors.
    omega : float
        Between 0 and 1. Near 1 ranks send more modes, near 0 the root keeps
        more modes than it needs.

    Returns
    -------
    F : array of shape (d, K)
        At rank 0, None elsewhere.
    missed : float
        At rank 0 a bound of X'X - F F', which is positive.
    """
    levels = max(2, depth(topology, comm.size))
    local = error * sqrt((1 - omega ** 2) / (levels - 1))
    groups = children(topology, comm.rank, comm.size)
    if comm.size == 1:
        return within(omega * error * sqrt(n_samples))
    # Along a chain, a rank adds its untruncated data to what it receives.
    F, missed = within(0.0 if topology == "chain" and groups
                       else local * sqrt(n_samples))
    for group in groups:
        parts = [F.T]
        for child in group:
            header = np.empty(3)
            comm.Recv(header, child)
            n_modes, n_more, left = header
            n_samples, missed = n_samples + n_more, missed + left
            parts.append(np.empty((int(n_modes), len(F))))
            comm.Recv(parts[-1], child)
        F = leading_factor(np.vstack(parts), len(F))
        if comm.rank > 0 or group is not groups[-1]:
            F, left = truncate(F, local * sqrt(n_samples))
            missed += left
    if comm.rank == 0:
        F, left = truncate(F, omega * error * sqrt(n_samples))
        return F, missed + left
    comm.Send(np.array([F.shape[1], n_samples, missed]),
              parent(topology, comm.rank))
    comm.Send(np.ascontiguousarray(F.T), parent(topology, comm.rank))
    return None, 0.0
