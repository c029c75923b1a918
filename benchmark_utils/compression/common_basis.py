"""A basis that all ranks learn together; its messages are coded integers."""
import numpy as np

from benchmark_utils.compression.integers import IntegerCoder
from benchmark_utils.compression.parts import join, split
from benchmark_utils.methods.hapod import truncate
from benchmark_utils.methods.linalg import leading_factor
from benchmark_utils.methods.pool import broadcast_bytes, gather_bytes

# Of what rounding of the coefficients loses: what is cut off, and what the
# rounding of factors and basis loses. And how often factors are finer.
CUT, ROUNDED, FINER = 0.1, 0.1, 4


def pack(A, steps, shape):
    """Bytes of a matrix whose columns are rounded to multiples of steps.

    They are fields of a shape, coded by what is near.
    """
    q = np.rint(A / steps).T.reshape(-1, *shape)
    return np.uint16(len(q)).tobytes() + steps.astype(
        np.float32).tobytes() + IntegerCoder(shape).encode(q)


def unpack(message, shape):
    """The matrix of :func:`pack`."""
    k = int(np.frombuffer(message[:2], np.uint16)[0])
    head = 2 + 4 * k
    steps = np.frombuffer(message[2:head], np.float32).astype(float)
    return IntegerCoder(shape).decode(message[head:]).reshape(k, -1).T * steps


def common_basis(comm, F, n_rows, noise, shape):
    """Coded basis of the leading directions of all ranks' rows.

    Communication: a gather of coded factors, a broadcast of the coded basis;
    both as long as the noise needs.

    Parameters
    ----------
    comm : MPI communicator
    F : array of shape (d, r)
        Factor F F' = X'X of the rank's rows, in falling order.
    n_rows : int
        Of this rank.
    noise : float
        Mean square of what rounding of the coefficients loses.
    shape : tuple of int
        Of a column of F, as a field.

    Returns
    -------
    bytes
        For :func:`unpack`; the columns are nearly orthonormal.
    """
    d = len(F)
    F, _ = truncate(F, np.sqrt(CUT * noise * n_rows * d))
    F = F if F.shape[1] else np.zeros((d, 1))
    steps = np.full(F.shape[1], np.float32(np.sqrt(
        12 * ROUNDED * noise * n_rows / F.shape[1]) / FINER), float)
    coded = gather_bytes(comm, join(
        [pack(F, steps, shape), np.int64(n_rows).tobytes()]))
    message = None
    if comm.rank == 0:
        factors, rows = zip(*map(split, coded), strict=True)
        n_rows = np.frombuffer(b"".join(rows), np.int64).sum()
        F = leading_factor(np.hstack(
            [unpack(factor, shape) for factor in factors]).T, d)
        kept, _ = truncate(F, np.sqrt(CUT * noise * n_rows * d))
        F = kept if kept.shape[1] else F[:, :1]
        sizes = np.linalg.norm(F, axis=0)
        steps = np.sqrt(12 * ROUNDED * noise * n_rows / F.shape[1]) \
            / np.maximum(sizes, np.sqrt(noise * n_rows))
        message = pack(F / np.maximum(sizes, np.finfo(float).tiny),
                       steps.astype(np.float32).astype(float), shape)
    return broadcast_bytes(comm, message)
