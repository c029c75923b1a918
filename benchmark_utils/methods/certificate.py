"""Bounds of an estimate's error that a method computes while it runs.

They need no exact answer, and nothing in them is random. ``docs/theory.rst``
proves every one.
"""
from typing import NamedTuple

import numpy as np

EPS = np.finfo(float).eps


class Certified(NamedTuple):
    """What a method yields that knows a bound of its error.

    Attributes
    ----------
    estimate : array
    bound : float
        Above the sine of its largest angle to the exact subspace; 1 where
        this rank knows none. The best bound of all ranks counts, so ranks
        that differ must not give one.
    """

    estimate: np.ndarray
    bound: float


def sum_at_root(comm, numbers):
    """Sum over ranks, at rank 0; None elsewhere.

    Communication: a reduce of the numbers.
    """
    numbers = np.asarray(numbers, float)
    total = np.empty_like(numbers) if comm.rank == 0 else None
    comm.Reduce(numbers, total)
    return total


def rounding(N):
    """Of norms, products and updated factors in float64, relative.

    Long sums are behind a short vector, too.
    """
    return EPS * max(N, 1000)


def exact_bound(values, k, N):
    """Of eigenvectors whose only error is the rounding of float64.

    Parameters
    ----------
    values : array
        Eigenvalues, decreasing; none is missing but zeros.
    k : int
    N : int
        Order of the matrix.
    """
    values = np.append(values, 0.0)
    gap = values[k - 1] - values[k]
    return min(1.0, rounding(N) * values[0] / gap) if gap > 0 else 1.0


def truncated_bound(values, k, missed):
    """Of the leading eigenvectors of a model M that truncation made.

    Parameters
    ----------
    values : array
        Eigenvalues of M, decreasing.
    k : int
    missed : float
        At least ||C - M||, where C - M is positive.
    """
    values = np.append(values, np.zeros(k + 1))
    error = rounding(len(values)) * values[0]
    # Weyl; the part of a positive matrix across two spaces is at most half
    # of its norm.
    gap = values[k - 1] - values[k] - missed - error
    return min(1.0, (missed + 2 * error) / (2 * gap)) if gap > 0 else 1.0
