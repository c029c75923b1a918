"""Factors that are updated batch by batch."""
import numpy as np
from scipy.linalg.blas import dsyr2k
from scipy.linalg.lapack import dpotrf

from benchmark_utils.methods.linalg import leading_factor, truncated_factor
from benchmark_utils.methods.merging import certified_basis, merge_factors

# A residual is new information above this part of its batch: what is left of
# it in the old subspace is then below 1e-8.
NEGLIGIBLE = 1e-8
# An update takes so many columns more than it wants, and what it leaves out is
# at most so many times the least. Of a small matrix all eigenvectors take less
# time than some iterations.
EXTRA, CLOSE, ITERATIONS, SMALL = 10, 1.1, 3, 150
# Noise is looked for in so many rows at once, of which all eigenvectors take
# as long as the inner products of 2000 features. It is at most so many times
# stronger than its edge, and than elsewhere along a column of the factor. A
# factor grows to so many times its columns before it is truncated.
ROWS, EDGE, ALIKE, GROWN = 50, 1.2, 2, 4


def merged_estimates(comm, data, U, rank, merge_every, update,
                     certify=True, changes=None):
    """Follow each rank's stream with a factor; merge them on a schedule.

    Communication: every `merge_every` batches, and at the end, a gather of
    d * rank + 1 floats per rank and a broadcast of d * k floats; or that of
    the changes.

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
        Maps a factor (d, m) and a batch X (rows, d) to the next factor and
        to a bound of the positive matrix that this one leaves out.
    certify : bool
        Whether that is all that the factor misses.
    changes : MergedChanges
        To merge by; nothing is certified then.

    Yields
    ------
    Estimate of shape (d, k), after every batch; certified at the end, when
    all data have been seen.
    """
    d, k = U.shape
    F, missed = np.empty((d, 0)), 0.0
    for batch, X in enumerate(data.batches(), start=1):
        F, left = update(F, X)
        missed += left
        last = batch == data.n_batches
        if batch % merge_every and not last:
            yield U
            continue
        if F.shape[1] > rank:
            F, left = truncated_factor(F.T, rank)
            missed += left
        if changes:
            U = changes.merge(F / np.sqrt(data.n_samples * batch
                                          / data.n_batches))
        else:
            merged, lost = merge_factors(comm, F, rank, "star", missed)
            final = certified_basis(comm, merged, lost, k, d)
            U = final.estimate
        yield final if last and certify and not changes else U


def nearly_leading(G, r, rng):
    """Nearly the r leading eigenvectors of G, from the first unit vectors.

    Subspace iteration. A Cholesky factorisation proves what it leaves out, so
    no gap is needed, and nothing rests on the guess.

    Parameters
    ----------
    G : array of shape (n, n)
        Symmetric and positive. Its leading eigenvectors are guessed to be
        near the first r unit vectors and some others.
    r : int
    rng : numpy.random.Generator

    Returns
    -------
    Z : array of shape (n, r), or None where more iterations are needed
        Orthonormal.
    left : float
        Above the norm of (I - Z Z') G (I - Z Z'), and at most `CLOSE` times
        the least that any Z leaves, but for rounding.
    """
    n = len(G)
    Y = np.hstack([G[:, :r], G[:, r:] @ rng.standard_normal((n - r, EXTRA))])
    for _ in range(ITERATIONS):
        Q = np.linalg.qr(G @ Y)[0]
        Y = G @ Q
        values, vectors = np.linalg.eigh(Q.T @ Y)
        values, vectors = values[::-1], vectors[:, ::-1]
        Z, Y = Q @ vectors[:, :r], Y @ vectors
        # A Ritz value is at most the eigenvalue of its index.
        left = CLOSE * values[r] + n * np.finfo(float).eps * values[0]
        # Z Z'G + G Z Z' - G is -(I - Z Z') G (I - Z Z') beside Z, and positive
        # on Z, with nothing across.
        beside = dsyr2k(1.0, Z, Y[:, :r], -1.0, G)
        beside[np.diag_indices(n)] += left
        # It is positive, because its factorisation does not fail.
        if dpotrf(beside, clean=False, overwrite_a=True)[1] == 0:
            return Z, left
    return None, 0.0


def without_noise(F, X, r):
    """The few directions of X that are no noise, if all others are.

    They are noise if their variances are those of white noise (Marchenko &
    Pastur 1967), weaker than the factor, and no larger along its columns than
    elsewhere: then nothing that the factor follows is in them.

    Parameters
    ----------
    F : array of shape (d, at least r)
        The first r columns are orthogonal and decrease.
    X : array of shape (n, d)
    r : int

    Returns
    -------
    rows : array of shape (at most n / 4, d), or None
    left : float
        The norm of X'X minus that of the rows, which is positive.
    """
    n, d = X.shape
    values, V = np.linalg.eigh(X @ X.T)
    rounding = n * np.finfo(float).eps * values[-1]
    values[values < rounding] = 0  # rows may depend on each other
    means = np.cumsum(values) / np.arange(1, n + 1)
    edges = EDGE * (1 + np.sqrt(n / d)) ** 2 * means
    rest = n - np.argmax((values <= edges)[::-1])
    if 4 * rest < 3 * n or values[rest - 1] > np.square(F[:, r - 1]).sum():
        return None, 0.0
    rows, G = V[:, rest:].T @ X, F[:, :r // 2]
    along = np.square(X @ G).sum(axis=0) - np.square(rows @ G).sum(axis=0)
    elsewhere = np.square(G).sum(axis=0) * (
        values[:rest].sum() / d + rounding)
    if (along > ALIKE * elsewhere).any():
        return None, 0.0
    return rows, values[rest - 1] + rounding


def few_rows(F, X, r):
    """The rows of a batch :func:`without_noise`; all of them if that fails.

    Returns
    -------
    rows : array of shape (at most n, d)
    left : float
        Bound of X'X minus that of the rows, which is positive.
    """
    n, total = len(X), 0.0
    if F.shape[1] < r or n < ROWS:
        return X, total
    pieces = []
    for piece in np.array_split(X, -(-n // ROWS)):
        rows, left = without_noise(F, piece.astype(float, copy=False), r)
        if rows is None:
            return X, 0.0
        pieces.append(rows)
        total += left
    return np.concatenate(pieces), total


def updated_factor(F, X, r, rng):
    """The :func:`truncated_factor` of past and present, nearly, and faster.

    A new factor is a combination of the old columns, most of them leading
    directions still, and the rows: F F' + X'X minus it is positive. Where the
    rows are few directions and noise, these directions join the factor, which
    is truncated when it has grown.

    Parameters
    ----------
    F : array of shape (d, m)
    X : array of shape (n, d)
    r : int
    rng : numpy.random.Generator

    Returns
    -------
    F : array of shape (d, at most `GROWN` * r)
        The first r columns are nearly orthogonal, strong ones first.
    left : float
        Bound of what it leaves out: at a truncation the largest eigenvalue, at
        most `CLOSE` times the least possible, and those of the noise.
    """
    rows, noise = few_rows(F, X, r)
    A = np.vstack([F.T, rows])
    if len(rows) < len(X) and len(A) <= GROWN * r:
        return A.T, noise
    if F.shape[1] >= r and max(SMALL, 2 * (r + EXTRA)) < len(A) < len(F):
        Z, left = nearly_leading(A @ A.T, r, rng)
        if Z is not None:
            return (Z.T @ A).T, left + noise
    F, left = truncated_factor(A, r)
    return F, left + noise


def shrunk_factor(A, size):
    """Frequent Directions: a factor of A'A, shrunk by its last variance.

    Parameters
    ----------
    A : array of shape (n, d)
    size : int
        Columns of the factor.

    Returns
    -------
    F : array of shape (d, at most size)
        The leading factor; if it has `size` columns, the square of its last
        column's norm is subtracted from all squares.
    last : float
        That square; A'A - F F' is positive and at most this.
    """
    F = leading_factor(A, size)
    variance = np.square(F).sum(axis=0)
    last = variance.min(initial=np.inf)
    if len(variance) < size or last == 0:
        return F, 0.0
    return F * np.sqrt(1 - last / variance), last


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
    missed : float
        Bound of what this leaves out of X'X.
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
    # A truncated part is positive; what is negligible need not be.
    missed = np.append(singular_values, 0)[rank] ** 2 \
        + 4 * singular_values[0] * new[~kept].max(initial=0.0)
    turned, added = np.split(rotation[:, :rank], [rank])
    U = U @ turned + Q @ (left[:, kept] @ added)
    return U, singular_values[:rank], missed
