"""Leading factors from a Krylov space: below X'X, nearly the best, cheap."""
import numpy as np
import pytest

from benchmark_utils.methods import krylov
from benchmark_utils.methods.block import Block
from benchmark_utils.methods.linalg import orthonormal
from benchmark_utils.methods.meter import ReadingMeter

R = 8


def block(values, n=900, d=400, seed=0):
    rng = np.random.default_rng(seed)
    left, right = (orthonormal(rng.standard_normal((size, len(values))))
                   for size in (n, d))
    return Block(np.ascontiguousarray(left * np.sqrt(values) @ right.T),
                 ReadingMeter())


SLOW = np.arange(1.0, 101) ** -3  # singular values j^-1.5
SPECTRA = {"slow": SLOW, "steep": 0.5 ** np.arange(30),
           "cluster": np.r_[np.ones(R - 2), 0.1 * np.ones(6), SLOW / 100],
           "few": np.arange(R - 2.0, 0, -1), "zero": np.zeros(1)}


@pytest.mark.parametrize("shape", [(900, 400), (400, 900)])
@pytest.mark.parametrize("spectrum", SPECTRA)
def test_below_and_as_near_as_told(spectrum, shape):
    values = SPECTRA[spectrum]
    data = block(values, *shape)
    F, missed = data.nystrom_factor(R, np.random.default_rng(1))
    if shape[0] > shape[1]:  # a cluster of more than a block's width is not
        assert (data._gram is None) == (spectrum != "cluster")
    left = np.linalg.eigvalsh(data.X.T @ data.X - F @ F.T)
    rounding = 1e-12 * values[0]
    assert left[0] >= -rounding
    assert left[-1] <= missed + rounding
    best = np.append(values, np.zeros(R + 1))[R]
    assert left[-1] <= 1.05 * best + rounding
    # What the space has not seen is told as if it were one direction.
    assert missed <= best + values[R:].sum() + 1e3 * rounding
    inner = F.T @ F
    assert abs(inner - np.diag(np.diag(inner))).max() <= rounding
    assert (np.diff(np.diag(inner)) <= rounding).all()


@pytest.mark.parametrize("seed", range(10))
def test_the_bound_of_what_no_vector_of_the_space_shows(seed):
    """Flat after R: most of the variance is outside the space."""
    values = np.r_[np.geomspace(1, 0.5, R), 1e-3 * np.ones(300)]
    data = block(values, seed=seed)
    F, missed = data.nystrom_factor(R, np.random.default_rng(seed))
    left = np.linalg.eigvalsh(data.X.T @ data.X - F @ F.T)
    assert left[0] >= -1e-12 and left[-1] <= missed < 0.3


@pytest.mark.parametrize("d, converged", [(400, 1e-9), (300, 0.1)])
def test_falls_back_to_the_gram_matrix(d, converged, monkeypatch):
    """Where it converges too slowly, and where the Gram matrix is small."""
    monkeypatch.setattr(krylov, "CONVERGED", converged)
    monkeypatch.setattr(krylov, "AFFORDABLE", 1 / 16)
    data = block(SLOW, d=d)
    F, missed = data.nystrom_factor(R, np.random.default_rng(0))
    exact, truncated = block(SLOW, d=d).truncated_factor(R)
    assert data._gram is not None and missed == truncated
    np.testing.assert_array_equal(F, exact)


def test_a_stored_gram_matrix_is_used():
    data = block(SLOW)
    data.gram()
    passes = data.meter.passes
    data.nystrom_factor(R, np.random.default_rng(0))
    assert data.meter.passes == passes


@pytest.mark.parametrize("shape", [(900, 400), (400, 900)])
@pytest.mark.parametrize("spectrum", ["slow", "steep", "cluster", "zero"])
def test_basis_without_the_gram_matrix(spectrum, shape):
    """Accurate vectors; the cluster has more columns than a block sees."""
    data = block(SPECTRA[spectrum], *shape)
    U = data.leading_basis(R, np.random.default_rng(2))
    np.testing.assert_allclose(U.T @ U, np.eye(R), atol=1e-12)
    if spectrum == "slow":
        assert data._gram is None
    if spectrum in ("slow", "steep"):
        exact = np.linalg.svd(data.X, full_matrices=False)[2][:R].T
        assert np.linalg.norm(U - exact @ (exact.T @ U), 2) < 2e-6
