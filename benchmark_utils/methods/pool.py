"""All data on one rank, for programs that compute in one process."""
import numpy as np

from benchmark_utils.methods.merging import broadcast_basis, leading_basis


def pooled_estimate(comm, data, k, factor):
    """Orthonormal leading k directions of a factor that rank 0 computes.

    Communication: a gather of one number per rank, and of all n d numbers as
    they are stored; then a broadcast (samples) or a scatter (features) of the
    d * k floats.

    Parameters
    ----------
    comm : MPI communicator
    data : PartitionedMatrix
    k : int
    factor : function
        Maps X (n x d), of the field's own type, to F (d x m), strong
        directions first. Its rows (samples) or its columns (features) come in
        the order of the ranks.

    Returns
    -------
    array of shape (d, k), features: this rank's rows of it
    """
    primal, root = data.partition == "samples", comm.rank == 0
    block = data.X if primal else np.ascontiguousarray(data.X.T)
    data.count_pass()
    heights, F = np.empty(comm.size, int), None
    comm.Gather(np.array([len(block)]), heights)
    if root:
        width = block.shape[1]
        pooled = np.empty((heights.sum(), width), block.dtype)
        comm.Gatherv(block, [pooled, heights * width])
        F = factor(pooled if primal else pooled.T)
    else:
        comm.Gatherv(block, None)
    if primal:
        return broadcast_basis(comm, F, k, data.n_features)
    own = np.empty((len(block), k))
    comm.Scatterv([leading_basis(F, k), heights * k] if root else None, own)
    return own


def gather_bytes(comm, message):
    """Messages of all ranks at rank 0, None elsewhere.

    Communication: a gather of the bytes and of one number per rank.
    """
    lengths, message = np.empty(comm.size, int), np.frombuffer(
        message, np.uint8)
    comm.Gather(np.array([len(message)]), lengths)
    if comm.rank:
        comm.Gatherv(message, None)
        return None
    pooled = np.empty(lengths.sum(), np.uint8)
    comm.Gatherv(message, [pooled, lengths])
    return [part.tobytes() for part in np.split(
        pooled, np.cumsum(lengths)[:-1])]


def broadcast_bytes(comm, message=None):
    """The bytes of rank 0, on every rank.

    Communication: a broadcast of the bytes and one of their number.
    """
    length = np.array([len(message or b"")])
    comm.Bcast(length)
    buffer = np.frombuffer(message, np.uint8).copy() if comm.rank == 0 \
        else np.empty(length[0], np.uint8)
    comm.Bcast(buffer)
    return buffer.tobytes()
