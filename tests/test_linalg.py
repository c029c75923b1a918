"""Rank-local linear algebra against plain numpy."""
from types import SimpleNamespace

import numpy as np
import pytest

from benchmark_utils.methods.linalg import (
    gram,
    gram_product,
    leading_eigenpairs,
    leading_factor,
    orthonormal,
    orthonormal_against,
    product,
    row_pieces,
)
from benchmark_utils.methods.tsqr import TreeQR

rng = np.random.default_rng(0)
SHAPES = [(1, 7), (40, 7), (5000, 300), (7, 1000), (300, 300)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("k", [3, 100])
def test_products(shape, dtype, k):
    """float32 data lose nothing: products are in float64."""
    X = rng.standard_normal(shape).astype(dtype)
    U, Z = (rng.standard_normal((size, k)) for size in shape[::-1])
    exact = X.astype(float)
    scale = 1e-12 * np.sqrt(X.size)
    np.testing.assert_allclose(product(X, U), exact @ U, atol=scale)
    np.testing.assert_allclose(product(X.T, Z), exact.T @ Z, atol=scale)
    np.testing.assert_allclose(gram_product(X, U), exact.T @ (exact @ U),
                               atol=scale * shape[0])
    np.testing.assert_allclose(gram_product(X.T, Z), exact @ (exact.T @ Z),
                               atol=scale * shape[1])
    G = gram([X[:1], X[1:]], shape[1])
    np.testing.assert_allclose(G, np.triu(exact.T @ exact),
                               atol=scale * shape[0])


def test_float32_arithmetic_would_be_noticed():
    X = rng.standard_normal((5000, 30)).astype("float32")
    U = rng.standard_normal((30, 3))
    wrong = X.T @ (X @ U.astype("float32"))
    exact = X.astype(float).T @ (X.astype(float) @ U)
    assert abs(wrong - exact).max() > 1e4 * abs(
        gram_product(X, U) - exact).max()


def test_row_pieces_cover_the_block():
    X = rng.standard_normal((1000, 3)).astype("float32")
    pieces = [piece.copy() for piece in row_pieces(X, n_bytes=1000)]
    assert len(pieces) > 10
    np.testing.assert_array_equal(np.concatenate(pieces), X)


@pytest.mark.parametrize("shape", SHAPES)
def test_leading_factor_is_the_best_approximation(shape):
    X = rng.standard_normal(shape)
    r = 4
    F = leading_factor(X, r)
    _, s, Vt = np.linalg.svd(X, full_matrices=False)
    best = Vt[:r].T * s[:r]
    np.testing.assert_allclose(F @ F.T, best @ best.T, atol=1e-9 * s[0] ** 2)
    assert (np.diff(np.linalg.norm(F, axis=0)) <= 1e-9).all()


def test_leading_factor_of_low_rank():
    X = np.outer(rng.standard_normal(9), rng.standard_normal(5))
    F = leading_factor(X, 3)
    np.testing.assert_allclose(F @ F.T, X.T @ X, atol=1e-12)


def test_leading_eigenpairs():
    A = rng.standard_normal((6, 6))
    A = A @ A.T
    values, vectors = leading_eigenpairs(np.triu(A), 2)
    np.testing.assert_allclose(A @ vectors, vectors * values, atol=1e-10)
    assert values[0] == pytest.approx(np.linalg.norm(A, 2))


def test_orthonormal_is_continuous():
    X = rng.standard_normal((9, 3))
    Q = orthonormal(X)
    np.testing.assert_allclose(Q.T @ Q, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(orthonormal(Q), Q, atol=1e-14)
    np.testing.assert_allclose(orthonormal(X + 1e-9), Q, atol=1e-7)
    # Where QR changes its signs: at a first entry of zero.
    X[0] = 1e-9, 0, 0
    one = orthonormal(X)
    X[0] = -1e-9, 0, 0
    np.testing.assert_allclose(orthonormal(X), one, atol=1e-7)


@pytest.mark.parametrize("columns", ["independent", "dependent", "inside V",
                                     "zero"])
def test_orthonormal_against(columns):
    rng = np.random.default_rng(0)
    V = orthonormal(rng.standard_normal((40, 12)))
    X = rng.standard_normal((40, 5))
    if columns == "dependent":
        X[:, 3:] = X[:, :2] * 1e-9 + V[:, :2]
    elif columns == "inside V":
        X = V @ rng.standard_normal((12, 5))
    elif columns == "zero":
        X[:, 2] = 0
    W = orthonormal_against(V, X)
    basis = np.hstack([V, W])
    np.testing.assert_allclose(basis.T @ basis, np.eye(17), atol=1e-13)
    if columns != "zero":  # where X does not say, any direction will do
        np.testing.assert_allclose(X, basis @ (basis.T @ X), atol=1e-12)


def test_orthonormal_against_what_is_inside():
    """Unit vectors: nothing is left, exactly."""
    V = np.eye(8)[:, :4]
    W = orthonormal_against(V, V[:, :3])
    both = np.hstack([V, W])
    np.testing.assert_allclose(both.T @ both, np.eye(7), atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(5000, 30), (12, 30), (30, 30)])
def test_tree_qr(shape, dtype):
    X = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    kept = X.copy()
    one_rank = SimpleNamespace(rank=0, size=1)
    factors = TreeQR(one_rank, row_pieces(X, n_bytes=2**16), 30)
    assert not np.tril(factors.R, -1).any()
    np.testing.assert_allclose(factors.multiply(factors.R, 30), X,
                               atol=1e-12)
    k = min(shape)
    Q = factors.multiply(np.linalg.svd(factors.R)[0][:, :k], k)
    np.testing.assert_allclose(Q.T @ Q, np.eye(k), atol=1e-13)
    np.testing.assert_array_equal(X, kept)
