"""A start near the wanted subspace: the merge of few-bit factors."""
import numpy as np

from benchmark_utils.methods.linalg import leading_factor, orthonormal
from benchmark_utils.methods.merged_model import TOLERANCE
from benchmark_utils.methods.merging import leading_basis
from benchmark_utils.methods.star import RoundedFactors, Star

RANK_FACTOR = 4  # the default of coded-chord


def merged_basis(comm, factors, k, tolerance, coding="entropy"):
    """Leading eigenvectors of the sum of rounded factors F F'.

    Communication: see :meth:`.star.RoundedFactors.gather` and
    :meth:`.star.Star.broadcast`, with k numbers.

    Parameters
    ----------
    comm : MPI communicator
    factors : RoundedFactors
    k : int
    tolerance : float
        Rounding moves the basis by about this sine; a tenth of it is lost on
        the way back.
    coding : {"entropy", "float64"}

    Returns
    -------
    W : array of shape (d, k)
        Orthonormal, the same on every rank.
    values : array of shape (k,)
        The eigenvalues, rounded to 8 bits.
    """
    d, scale = len(factors.own), factors.unit ** 2
    U, values = np.zeros((d, k)), np.zeros(k)
    factors.gather(tolerance)
    if comm.rank == 0:
        F = leading_factor(factors.all.T, k)
        U = leading_basis(F, k)
        values[:F.shape[1]] = np.square(F).sum(axis=0) / scale
    step = 0.1 * tolerance * np.sqrt(12 / d)
    U, values, _ = Star(comm, coding).broadcast(U, values, lambda _: step)
    return orthonormal(U), values * scale


def merged_start(comm, data, k, coding):
    """The same for all data, with what the factors say of C W.

    Communication: see :class:`.star.RoundedFactors`, :func:`merged_basis`.

    Returns
    -------
    W : array of shape (d, k)
    own : array of shape (d, k)
        This rank's part of the total.
    total : array of shape (d, k)
        About C W, the same on every rank.
    """
    n, rank = data.n_samples, min(RANK_FACTOR * k, data.n_features)
    F, missed = data.nystrom_factor(rank, data.local_rng)
    factors = RoundedFactors(
        comm, F / np.sqrt(n), missed / n, rank, k, coding)
    W, values = merged_basis(comm, factors, k, max(TOLERANCE), coding)
    total = W * values
    if comm.rank:
        return W, factors.own @ (factors.own.T @ W), total
    # Rank 0 knows the parts of the others; its own makes up the total.
    return W, total - factors.others @ (factors.others.T @ W), total
