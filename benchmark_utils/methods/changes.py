"""Merges of factors that change little from one to the next: their changes."""
import numpy as np

from benchmark_utils.methods.linalg import (
    leading_factor,
    orthonormal,
    procrustes,
)
from benchmark_utils.methods.merging import leading_basis
from benchmark_utils.methods.star import RoundedFactors, Star


class MergedChanges:
    """The basis of merged factors, kept up to date by coded changes.

    A rank turns its factor like the one that rank 0 has of it, which changes
    nothing of F F', and sends the difference; rank 0 does the same with the
    basis. Where nothing changes, next to nothing is sent.

    Parameters
    ----------
    comm : MPI communicator
    d, rank, k : int
        Features, columns of a factor and of the basis.
    tolerance : float
        By which rounding may move the basis, about.
    """

    def __init__(self, comm, d, rank, k, tolerance):
        self.comm, self.tolerance, self.k = comm, tolerance, k
        self.factors = RoundedFactors(
            comm, np.zeros((d, rank)), 0.0, rank, k)
        self.down, self.W = Star(comm), np.zeros((d, k))
        # A tenth of the tolerance is lost on the way back.
        self.step = 0.1 * tolerance * np.sqrt(12 / d)

    def merge(self, F):
        """Orthonormal basis (d x k) of the sum of F F', on every rank.

        Communication: an allreduce of 2 floats, a gather and a broadcast of
        entropy-coded integers, d * rank and d * k of them.

        Parameters
        ----------
        F : array of shape (d, m), m at most rank
            Strong columns first.
        """
        self.factors.replace(F)
        self.factors.gather(self.tolerance)
        move = np.zeros_like(self.W)
        if self.comm.rank == 0:
            F = leading_factor(self.factors.all.T, self.k)
            U = leading_basis(F, self.k)
            move = U @ procrustes(U, self.W) - self.W
        move, _, _ = self.down.broadcast(move, [], lambda _: self.step)
        self.W = self.W + move
        return orthonormal(self.W)
