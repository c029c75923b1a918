"""Rank-local linear algebra: products with a block, leading factors.

Data stay in their own precision (float32 on disk and in memory); every
product is accumulated in float64, because a float32 product stops at a
subspace error of about 1e-7. Blocks are read in pieces that stay in cache, so
the conversion is free and ``X.T @ (X @ U)`` reads the block from memory once.
All functions take a transposed block X.T as well, without a copy of it.
"""
import numpy as np
from scipy.linalg import eigh
from scipy.linalg.blas import dsyrk

CACHE_BYTES = 2**20
UNCONVERTED_BYTES = 2**24  # of a piece that is read once and not converted
# OpenBLAS copies its arguments into an order of its own, but for products of
# at most so many multiplications; with few columns the copy takes as long.
UNPACKED = 10**6
NARROW = 256  # columns of a tile, at least
WIDE = 80  # columns of a product, above which a copy is worth its time
WIDE_BYTES = 2**22  # of a piece of such a product
SMALL = 300  # order of a matrix with all eigenvectors
INSIDE = 0.5  # cosine above which a vector was never turned out of a space


def row_pieces(X, n_bytes=CACHE_BYTES, at_least=32):
    """Yield X in pieces of rows as float64; the buffer is reused."""
    size = max(at_least, n_bytes // (8 * X.shape[1]))
    # Converting is slow between two orders, as for the transposed of a block.
    buffer = np.empty((min(size, len(X)), X.shape[1]),
                      order="C" if X.flags.c_contiguous else "F")
    for start in range(0, len(X), size):
        piece = X[start:start + size]
        if X.dtype != buffer.dtype:
            piece = buffer[:len(piece)]
            np.copyto(piece, X[start:start + size])
        yield piece


def _products(X, U):
    """Yield X in pieces of rows, their products with U, and their tiles.

    Tiles are slices of columns, so narrow that they are multiplied without a
    copy. If U has many columns the copy is worth its time: one tile.
    """
    d, k = U.shape
    U, width, n_bytes = np.ascontiguousarray(U), d, WIDE_BYTES
    if k <= WIDE:
        rows = max(32, min(CACHE_BYTES // (8 * d), UNPACKED // (NARROW * k)))
        width, n_bytes = max(32, UNPACKED // (rows * k)), 8 * d * rows
    tiles = [slice(start, start + width) for start in range(0, d, width)]
    for piece in row_pieces(X, n_bytes):
        yield piece, sum(piece[:, tile] @ U[tile] for tile in tiles), tiles


def gram_product(X, U):
    """X'X U for a tall block X (n x d) and U (d x k): one read of X."""
    product = np.zeros(U.shape)
    for piece, Z, tiles in _products(X, U):
        for tile in tiles:
            product[tile] += (Z.T @ piece[:, tile]).T
    return product


def _column_slices(X):
    size = max(32, CACHE_BYTES // (8 * len(X)))
    for start in range(0, X.shape[1], size):
        yield slice(start, start + size)


def product(X, U):
    """X U for a block X (n x d) and U (d x k)."""
    if len(X) > X.shape[1]:
        return np.concatenate([Z for _, Z, _ in _products(X, U)])
    return sum(X[:, piece].astype(float, copy=False) @ U[piece]
               for piece in _column_slices(X))


def gram(blocks, d):
    """Upper triangle of the sum of X'X over blocks X (n x d); zeros below.

    One symmetric rank-k update per piece, at the rate of a matrix product
    with half its operations.
    """
    G = np.zeros((d, d), order="F")
    for X in blocks:
        if X.dtype == float and not X.flags.c_contiguous:
            # dsyrk would copy a transposed block; numpy calls it without.
            for piece in row_pieces(X, UNCONVERTED_BYTES):
                G += np.triu(piece.T @ piece)
        else:
            for piece in row_pieces(X):
                G = dsyrk(1.0, piece.T, beta=1.0, c=G, overwrite_c=True)
    return G


def leading_eigenpairs(C, k):
    """The k largest eigenvalues of a symmetric C, decreasing, and vectors.

    Only the upper triangle of C is read.
    """
    last = len(C) - 1
    values, vectors = eigh(C, lower=False,
                           subset_by_index=[last - k + 1, last])
    return values[::-1], vectors[:, ::-1]


def factor_of_gram(G, r):
    """F (d x r) with F F' the best rank-r approximation of G = X'X (d x d).

    Only the upper triangle of G is read.
    """
    variance, V = leading_eigenpairs(G, r)
    return V * np.sqrt(variance.clip(0))


def leading_factor(X, r):
    """F (d x r) with F F' the best rank-r approximation of X'X.

    F holds the leading right singular vectors times the singular values, from
    the Gram matrix of the smaller side: a factor needs no division by small
    singular values, so squaring the condition number costs no orthogonality.

    Parameters
    ----------
    X : array of shape (n, d)
    r : int
        Reduced to min(n, d) where that is smaller.
    """
    n, d = X.shape
    r = min(r, n, d)
    if n < d:
        X = X.astype(float, copy=False)
        # Of a small matrix all eigenvectors take less time than a few.
        G = dsyrk(1.0, X.T, trans=1) if X.flags.c_contiguous else X @ X.T
        V = np.linalg.eigh(G, UPLO="U")[1][:, :-r - 1:-1] if n <= SMALL \
            else leading_eigenpairs(G, r)[1]
        return (V.T @ X).T  # faster than X.T @ V
    return factor_of_gram(gram([X], d), r)


def truncated_factor(X, r):
    """F as of :func:`leading_factor`, and the eigenvalue that it leaves out.

    The largest one of X'X - F F', 0 where that is nothing.
    """
    F = leading_factor(X, r + 1)
    return F[:, :r], np.square(F[:, r:]).sum()


def positive_qr(X):
    """Q and R of X with a diagonal of R that is not negative."""
    Q, R = np.linalg.qr(X)
    signs = np.where(np.diag(R) < 0, -1.0, 1.0)
    return Q * signs, signs[:, None] * R


def orthonormal_against(V, X):
    """Orthonormal block, as wide as X, orthogonal to the orthonormal V.

    Its span and that of V hold the columns of X. Where X has fewer
    independent columns than that, QR fills up with directions of rounding
    errors, of which the passes leave what is orthogonal to V.

    Parameters
    ----------
    V : array of shape (n, m)
    X : array of shape (n, b), m + b <= n
    """
    for _ in range(3):
        X = orthonormal(X - V @ (V.T @ X))
    if abs(V.T @ X).max(initial=0.0) > INSIDE:
        # Nothing is left of X, not even rounding errors.
        X = orthonormal(np.hstack([V, X]))[:, V.shape[1]:]
    return X


def orthonormal(X):
    """Orthonormal basis of the columns of X (QR, positive diagonal).

    The sign convention makes the basis a continuous function of X, which
    methods that compare successive iterates rely on.
    """
    return positive_qr(X)[0]


def spectral_norm(X):
    """Largest singular value of X, 0 where X is empty: by X'X or XX'."""
    if not X.size:
        return 0.0
    G = X.T @ X if len(X) >= X.shape[1] else X @ X.T
    return np.sqrt(np.linalg.eigvalsh(G)[-1].clip(0))


def polar_factor(X):
    """Orthonormal basis of the columns of X that is nearest to X."""
    left, _, right = np.linalg.svd(X, full_matrices=False)
    return left @ right


def procrustes(U, reference):
    """The orthogonal R for which U @ R is closest to the reference."""
    return polar_factor(U.T @ reference)
