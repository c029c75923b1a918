"""Merges and sums along trees of ranks, in numbers of two and four bytes.

All ranks end with the same numbers. Integers of a common step are added
without a further error, in whatever order the network does it.
"""
import numpy as np

from benchmark_utils.methods.linalg import leading_factor

LARGEST = 2 ** 15 - 1  # of the integers of a factor
LARGEST_SUM = 2 ** 31 - 1
TINY = np.finfo(np.float32).tiny  # step of what is zero
SMALL = 1e-25  # variance below which float32 loses digits of covariances


def merged_factor(comm, F, rank):
    """Leading factor of the sum of F F' over ranks, the same on every rank.

    Pairs merge in log2(P) levels and truncate at every one: what they leave
    out of the sum is positive, up to rounding.

    Communication: messages along a tree and a broadcast, of rank columns:
    integers of 2 bytes and a step of 4 bytes.

    Parameters
    ----------
    comm : MPI communicator
        With sends declared as a tree.
    F : array of shape (N, m), m at most rank

    Returns
    -------
    array of shape (N, rank)
    """
    distance = 1
    while distance < comm.size:
        if comm.rank % (2 * distance):
            comm.Send(narrowed(F, rank), comm.rank - distance)
            break
        if comm.rank + distance < comm.size:
            message = np.empty_like(narrowed(F, rank))
            comm.Recv(message, comm.rank + distance)
            F = leading_factor(np.hstack([F, widened(message, rank)]).T, rank)
        distance *= 2
    message = narrowed(F, rank)
    comm.Bcast(message)
    return widened(message, rank)


def narrowed(F, rank):
    """F as bytes, filled up with columns of zeros: steps, then integers."""
    padded = np.zeros((len(F), rank))
    padded[:, :F.shape[1]] = F
    steps = (abs(padded).max(axis=0) / LARGEST).clip(TINY).astype(np.float32)
    q = np.rint(padded / steps).clip(-LARGEST, LARGEST).astype(np.int16)
    return np.concatenate([steps.view(np.uint8), q.view(np.uint8).ravel()])


def widened(message, rank):
    """The factor of :func:`narrowed`."""
    steps, q = np.split(message, [4 * rank])
    return (q.view(np.int16).reshape(-1, rank)
            * steps.view(np.float32).astype(float))


def narrow_covariance(comm, C):
    """Sum of symmetric positive matrices over ranks, to seven digits.

    Communication: an allreduce of N (N + 1) / 2 floats of 4 bytes.

    Parameters
    ----------
    comm : MPI communicator
    C : array of shape (N, N)

    Returns
    -------
    array of shape (N, N) or None
        The upper triangle, and zeros below. None, on all ranks, where the
        numbers are too small or too large for float32.
    """
    upper = np.triu_indices(len(C))
    largest = np.finfo(np.float32).max / (2 * comm.size)  # no sum overflows
    total = np.zeros_like(C)
    total[upper] = comm.sum(
        C[upper].clip(-largest, largest).astype(np.float32))
    # The largest entry is on the diagonal, where nothing cancels.
    return total if SMALL < total.max() < largest else None


class NarrowSum:
    """Sum over ranks of products with a basis that moves less and less.

    A rank adds what its product has changed since the last sum, and what
    rounding has left of that. The step needs no message: C_i W changes by at
    most the norm of C_i times that of the move, which all ranks know.

    Parameters
    ----------
    comm : MPI communicator
    share : callable
        W -> this rank's share C_i W of C W.
    norm : float
        Bound of the norm of every C_i.
    """

    def __init__(self, comm, share, norm):
        self.comm, self.share, self.norm = comm, share, norm
        self.largest = LARGEST_SUM // comm.size  # no sum overflows
        self.W = self.own = self.total = self.steps = 0.0

    def __call__(self, W):
        """C W, on every rank.

        Communication: an allreduce of integers of 4 bytes, one per entry.
        """
        change = self.norm * np.linalg.norm(W - self.W, axis=0)
        # Half a step is what rounding left last time.
        self.steps = (change + self.steps / 2).clip(TINY) / self.largest
        self.W = W
        # What exceeds the bound, by rounding, is left to the next sum.
        q = np.rint((self.share(W) - self.own) / self.steps).clip(
            -self.largest, self.largest).astype(np.int32)
        self.own = self.own + q * self.steps
        self.total = self.total + self.comm.sum(q) * self.steps
        return self.total
