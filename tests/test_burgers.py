"""The formula against its equation, the stored field against the formula."""
import numpy as np
import pytest
from conftest import get_field, load_dataset

from benchmark_utils.fields.reference import load_reference


@pytest.fixture
def burgers(tmp_path):
    return load_dataset("burgers", tmp_path)


def residual(velocity, reynolds=1000):
    """Of the equation, relative to its largest term.

    First derivatives by complex steps, exact to rounding; the second is a
    central difference of order 4 of the first.
    """
    x, t = np.linspace(0.01, 0.99, 300), np.linspace(0, 2, 9)[:, None]
    tiny, h = 1e-30, 3e-5

    def slope(x):
        return velocity(x + 1j * tiny, t, reynolds).imag / tiny

    curvature = (8 * (slope(x + h) - slope(x - h))
                 - (slope(x + 2 * h) - slope(x - 2 * h))) / (12 * h)
    terms = [velocity(x, t + 1j * tiny, reynolds).imag / tiny,
             velocity(x, t, reynolds) * slope(x), -curvature / reynolds]
    return np.abs(sum(terms)).max() / np.abs(terms).max()


def test_equation(burgers):
    assert residual(burgers.velocity) < 1e-7
    assert residual(burgers.velocity, 100) < 1e-7


@pytest.mark.parametrize("wrong", [
    lambda u: lambda x, t, reynolds: u(x, t, 1.001 * reynolds),
    lambda u: lambda x, t, reynolds: 1.001 * u(x, t, reynolds),
    lambda u: lambda x, t, reynolds: u(x, 1.001 * t, reynolds),
])
def test_wrong_formula_is_noticed(burgers, wrong):
    assert residual(wrong(burgers.velocity)) > 1e-4


def test_formula_as_published(burgers):
    """Where its factors do not overflow."""
    x, t, t0 = np.linspace(0, 1, 50), np.linspace(0, 2, 7)[:, None], np.exp(25)
    published = x / (t + 1) / (
        1 + np.sqrt((t + 1) / t0) * np.exp(200 * x**2 / (4 * t + 4)))
    np.testing.assert_allclose(burgers.velocity(x, t, 200), published,
                               rtol=1e-12)


def test_spectrum_is_that_of_the_formula(burgers):
    """Ten leading variances to 1e-6, what float32 allows; all to 1e-7."""
    field = get_field(burgers, n_x=2048, n_snapshots=200, n_ranks=4)
    u = burgers.velocity(np.linspace(0, 1, 2048),
                         np.linspace(0, 2, 200)[:, None], 1000)
    exact = np.linalg.svd(u, compute_uv=False)**2 / 200
    eigenvalues = load_reference(field).eigenvalues
    np.testing.assert_allclose(eigenvalues[:10], exact[:10], rtol=1e-6)
    np.testing.assert_allclose(eigenvalues, exact[:len(eigenvalues)],
                               atol=1e-7 * exact[0])


def test_shock_moves_as_the_tooltip_says(burgers):
    x = np.linspace(0, 1, 2001)
    shock = [x[np.argmin(np.gradient(burgers.velocity(x, t, 1000)))]
             for t in (0, 2)]
    np.testing.assert_allclose(shock, [0.5, 0.87], atol=0.01)


def test_only_features(burgers):
    with pytest.raises(ValueError, match="choose features"):
        get_field(burgers, partition="samples")
