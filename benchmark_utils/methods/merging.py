"""Merging the factors of all ranks into one."""
import numpy as np

from benchmark_utils.methods.linalg import leading_factor, orthonormal


def _padded(F, rank):
    """Columns as rows, filled up with zeros."""
    padded = np.zeros((rank, len(F)))
    padded[:F.shape[1]] = F.T
    return padded


def gather_factors(comm, F, rank):
    """The factors of all ranks side by side, at rank 0.

    Communication: one gather of d * rank floats per rank.

    Returns
    -------
    array of shape (d, P * rank) at rank 0, None elsewhere
    """
    padded = _padded(F, rank)
    gathered = np.empty((comm.size, *padded.shape)) \
        if comm.rank == 0 else None
    comm.Gather(padded, gathered)
    return gathered.reshape(-1, len(F)).T if comm.rank == 0 else None


def merge_factors(comm, F, rank, topology):
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

    Returns
    -------
    array of shape (d, rank) at rank 0, None elsewhere
    """
    if topology == "star":
        gathered = gather_factors(comm, F, rank)
        return leading_factor(gathered.T, rank) if comm.rank == 0 else None
    padded = _padded(F, rank)
    distance = 1
    while distance < comm.size:
        if comm.rank % (2 * distance):
            comm.Send(padded, comm.rank - distance)
            return None
        if comm.rank + distance < comm.size:
            received = np.empty_like(padded)
            comm.Recv(received, comm.rank + distance)
            merged = leading_factor(np.vstack([padded, received]), rank)
            padded[:merged.shape[1]] = merged.T
        distance *= 2
    return padded.T


def broadcast_basis(comm, F, k, d):
    """Orthonormal leading k directions of rank 0's factor, on every rank.

    Where the factor has fewer columns, any other directions.

    Communication: one broadcast of d * k floats.
    """
    U = np.zeros((d, k))
    if comm.rank == 0:
        U[:, :F.shape[1]] = F[:, :k]
        U[:] = orthonormal(U)
    comm.Bcast(U)
    return U
