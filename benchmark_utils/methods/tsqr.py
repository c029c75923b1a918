"""QR of a tall matrix whose rows are spread over ranks (TSQR).

Demmel, Grigori, Hoemmen & Langou 2012, SIAM J. Sci. Comput. 34(1), in the
form of section 5 of the report EECS-2008-89: a rank takes its rows in pieces
that stay in cache, one after the other, then the triangles of the ranks meet
in pairs up a binary tree. Q stays implicit, one set of reflectors per step,
and is applied in the reverse order. As stable as Householder QR of the whole.
"""
import numpy as np
from scipy.linalg.lapack import dtpmqrt, dtpqrt

from benchmark_utils.methods.linalg import positive_qr

REFLECTORS_AT_ONCE = 32


class Step:
    """Householder QR of a triangle R (n x n) on top of B (m x n).

    Parameters
    ----------
    R, B : arrays
    triangular : bool
        B is a triangle as well; halves the operations.
    """

    def __init__(self, R, B, triangular=False):
        n = len(R)
        self.height = n if triangular else 0
        self.R, self.reflectors, self.factors, _ = dtpqrt(
            self.height, min(n, REFLECTORS_AT_ONCE), R, B)

    def multiply(self, C):
        """Q C for C (n x k): the rows of R and the rows of B."""
        below = np.zeros((len(self.reflectors), C.shape[1]), order="F")
        return dtpmqrt(self.height, self.reflectors, self.factors, C, below,
                       overwrite_b=True)[:2]


class TreeQR:
    """QR of the matrix whose rows on this rank come in pieces.

    Communication: P - 1 messages of n (n + 1) / 2 floats, in log2(P) levels.

    Parameters
    ----------
    comm : MPI communicator
    pieces : iterable of arrays of shape (any, n)
    n : int
    keep_reflectors : bool
        Needed to multiply by Q; as large as the rows in float64.

    Attributes
    ----------
    R : array of shape (n, n) at rank 0, None elsewhere
    """

    def __init__(self, comm, pieces, n, keep_reflectors=True):
        self.comm, self.n = comm, n
        self.local, self.tree, self.parent = [], [], None
        self.R = np.zeros((n, n), order="F")
        for piece in pieces:
            step = Step(self.R, piece)
            self.R = step.R
            if keep_reflectors:
                self.local.append(step)
        upper = np.triu_indices(n)
        distance = 1
        while distance < comm.size and self.parent is None:
            child = comm.rank + distance
            if comm.rank % (2 * distance):
                self.parent = comm.rank - distance
                comm.Send(self.R[upper], self.parent)
                self.R = None
            elif child < comm.size:
                packed = np.empty(n * (n + 1) // 2)
                comm.Recv(packed, child)
                received = np.zeros((n, n), order="F")
                received[upper] = packed
                step = Step(self.R, received, triangular=True)
                self.R = step.R
                self.tree.append((child, step))
            distance *= 2

    def multiply(self, C, k):
        """This rank's rows of Q C, for C (n x k) at rank 0.

        Communication: P - 1 messages of n * k floats.
        """
        if self.parent is not None:
            C = np.empty((self.n, k))
            self.comm.Recv(C, self.parent)
        for child, step in reversed(self.tree):
            C, below = step.multiply(C)
            self.comm.Send(np.ascontiguousarray(below), child)
        rows = []
        for step in reversed(self.local):
            C, below = step.multiply(C)
            rows.append(below)
        return np.concatenate(rows[::-1])


def row_qr(comm, Y, heights):
    """This rank's rows of Q, and R on every rank, of a thin matrix Y.

    A TSQR whose tree has one level, stable for every condition number. The
    diagonal of R is not negative.

    Communication: one allgather of b * b floats; one latency instead of the
    tree's two times log2(P).

    Parameters
    ----------
    Y : array of shape (rows of this rank, b)
        All ranks together have at least b rows.
    heights : int array of shape (P,)
        Rows of every rank.
    """
    b = Y.shape[1]
    Q, own = np.linalg.qr(Y)
    padded = np.zeros((b, b))
    padded[:len(own)] = own
    stacked = np.empty((comm.size, b, b))
    comm.Allgather(padded, stacked)
    # Padding would get its share of a Q that rounding errors fill up.
    heights = np.minimum(heights, b)
    mixing, R = positive_qr(stacked[np.arange(b) < heights[:, None]])
    first = heights[:comm.rank].sum()
    return Q @ mixing[first:first + len(own)], R
