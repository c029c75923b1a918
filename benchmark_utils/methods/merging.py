"""Merging the factors of all ranks into one."""
import numpy as np

from benchmark_utils.methods.certificate import Certified, truncated_bound
from benchmark_utils.methods.linalg import (
    leading_factor,
    orthonormal,
    truncated_factor,
)


def _packed(F, rank, missed):
    """Columns as rows, filled up with zeros; then a number, or none."""
    padded = np.zeros((rank, len(F)))
    padded[:F.shape[1]] = F.T
    return np.append(padded, missed)


def gather_factors(comm, F, rank, missed=()):
    """The factors of all ranks side by side, at rank 0.

    Communication: one gather of d * rank floats per rank, and of the number.

    Parameters
    ----------
    F : array of shape (d, m), m at most rank
    missed : float or ()
        A number that goes with it.

    Returns
    -------
    array of shape (d, P * rank) at rank 0, None elsewhere
    array of shape (P,), or (0,)
        The numbers of all ranks.
    """
    packed = _packed(F, rank, missed)
    gathered = np.empty((comm.size, packed.size)) if comm.rank == 0 else None
    comm.Gather(packed, gathered)
    if comm.rank:
        return None, np.zeros(0)
    factors, numbers = np.split(gathered, [rank * len(F)], axis=1)
    return factors.reshape(-1, len(F)).T, numbers.ravel()


def merge_factors(comm, F, rank, topology, missed=()):
    """Leading factor of the sum of F F' over ranks, at rank 0.

    Parameters
    ----------
    comm : MPI communicator
    F : array of shape (d, rank)
        This rank's factor; F F' approximates its part of X'X. Weights and
        variances are in the factor, so ranks of any size merge.
    rank : int
        Columns of a factor. Ranks with fewer fill up with zeros.
    topology : {"star", "tree"}
        ``star``: one gather of d * rank floats per rank, truncated once.
        ``tree``: pairs, in log2(P) levels, truncated at every level: the
        root's memory does not grow with P, the error does.
    missed : float or ()
        Bound of this rank's part of X'X minus F F', which is positive; one
        float more in every message.

    Returns
    -------
    F : array of shape (d, rank), star: (d, rank + 1)
        At rank 0, None elsewhere.
    missed : float
        At rank 0 a bound of X'X - F F', if the ranks have told theirs.
    """
    if topology == "star":
        gathered, numbers = gather_factors(comm, F, rank, missed)
        if comm.rank:
            return None, 0.0
        # One column more: the eigenvalue after the wanted ones.
        return leading_factor(gathered.T, rank + 1), numbers.sum()
    packed, size = _packed(F, rank, missed), rank * len(F)
    distance = 1
    while distance < comm.size:
        if comm.rank % (2 * distance):
            comm.Send(packed, comm.rank - distance)
            return None, 0.0
        if comm.rank + distance < comm.size:
            received = np.empty_like(packed)
            comm.Recv(received, comm.rank + distance)
            both = np.concatenate([packed[:size], received[:size]])
            F, left = truncated_factor(both.reshape(-1, len(F)), rank)
            packed = _packed(
                F, rank, packed[size:] + received[size:] + left)
        distance *= 2
    return packed[:size].reshape(rank, -1).T, packed[size:].sum()


def leading_basis(F, k):
    """Orthonormal leading k directions of a factor; any others where it has
    fewer columns.
    """
    U = np.zeros((len(F), k))
    U[:, :F.shape[1]] = F[:, :k]
    return orthonormal(U)


def broadcast_basis(comm, F, k, d):
    """The :func:`leading_basis` of rank 0's factor, on every rank.

    Communication: one broadcast of d * k floats.
    """
    U = leading_basis(F, k) if comm.rank == 0 else np.empty((d, k))
    comm.Bcast(U)
    return U


def certified_basis(comm, F, missed, k, d):
    """The same, with a bound of its error at rank 0.

    Parameters
    ----------
    F : array of shape (d, r)
        At rank 0: orthogonal columns, strong ones first.
    missed : float
        At rank 0: bound of X'X - F F', which is positive.

    Returns
    -------
    Certified
    """
    U = broadcast_basis(comm, F, k, d)
    return Certified(U, 1.0 if comm.rank else truncated_bound(
        np.square(F).sum(axis=0), k, missed))
