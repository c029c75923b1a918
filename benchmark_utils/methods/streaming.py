"""Factors that are updated batch by batch."""
import numpy as np

from benchmark_utils.methods.linalg import leading_factor
from benchmark_utils.methods.merging import broadcast_basis, merge_factors

# A residual is new information above this part of its batch: what is left of
# it in the old subspace is then below 1e-8.
NEGLIGIBLE = 1e-8


def merged_estimates(comm, data, U, rank, merge_every, update):
    """Follow each rank's stream with a factor; merge them on a schedule.

    Communication: every `merge_every` batches, and at the end, a gather of
    d * rank floats per rank and a broadcast of d * k floats.

    Parameters
    ----------
    comm : MPI communicator
    data : PartitionedMatrix
        Under the partition ``samples``.
    U : array of shape (d, k)
        Estimate until the first merge.
    rank : int
        Columns of a factor, at least k.
    merge_every : int
    update : function
        Maps a factor (d, m) and a batch X (rows, d) to the next factor.

    Yields
    ------
    array of shape (d, k), after every batch
    """
    d, k = U.shape
    F = np.empty((d, 0))
    for batch, X in enumerate(data.batches(), start=1):
        F = update(F, X)
        if batch % merge_every == 0 or batch == data.n_batches:
            merged = merge_factors(comm, F, rank, "star")
            U = broadcast_basis(comm, merged, k, d)
        yield U


def shrunk_factor(A, size):
    """Frequent Directions: a factor of A'A, shrunk by its last variance.

    Parameters
    ----------
    A : array of shape (n, d)
    size : int
        Columns of the factor.

    Returns
    -------
    array of shape (d, at most size)
        The leading factor; if it has `size` columns, the square of its last
        column's norm is subtracted from all squares.
    """
    F = leading_factor(A, size)
    variance = np.square(F).sum(axis=0)
    last = variance.min()
    if len(variance) < size or last == 0:
        return F
    return F * np.sqrt(1 - last / variance)


def update_svd(comm, data, U, singular_values, X):
    """Add the rows X to a truncated SVD of the past, features distributed.

    Levy & Lindenbaum 2000, IEEE Trans. Image Process. 9(8): project, QR of
    the residual, SVD of a small matrix, rotate; the projection is repeated
    so that the residual is orthogonal to the last digit.

    Communication: for m rows and rank r, two allreduces of r * m floats and
    an allgather of m * m.

    Parameters
    ----------
    U : array of shape (d, r)
        This rank's rows of an orthonormal basis.
    singular_values : array of shape (r,)
        Zero for directions that are not used yet.
    X : array of shape (m, d)

    Returns
    -------
    U, singular_values : arrays of the same shapes
        The leading ones of the past with X.
    """
    B = X.T.astype(float)
    projection = data.inner(comm, U, B)
    E = B - U @ projection
    correction = data.inner(comm, U, E)
    Q, R = data.qr(comm, E - U @ correction)
    left, new, right = np.linalg.svd(R)
    size = np.sqrt(np.square(projection).sum() + np.square(new).sum())
    kept = new > NEGLIGIBLE * size
    small = np.block([
        [np.diag(singular_values), projection + correction],
        [np.zeros((kept.sum(), len(singular_values))),
         new[kept, None] * right[kept]]])
    rotation, singular_values, _ = np.linalg.svd(small, full_matrices=False)
    rank = U.shape[1]
    turned, added = np.split(rotation[:, :rank], [rank])
    U = U @ turned + Q @ (left[:, kept] @ added)
    return U, singular_values[:rank]
