"""The chord iteration with sums in the network, on real ranks and threads."""
import numpy as np
import pytest
from conftest import spectrum_array
from threads import on_threads

from benchmark_utils.methods.narrow import (
    NarrowSum,
    merged_factor,
    narrow_covariance,
)

pytestmark = pytest.mark.simulated_ranks

K, N = 4, 30
FIRST = {"bytes": 0.3, "rounds": 1e-6}  # error of the model's basis


@pytest.mark.parametrize("favour", FIRST)
@pytest.mark.parametrize("partition", ["samples", "features"])
@pytest.mark.parametrize("n_ranks", [1, 2, 3, 4])
def test_converges_to_the_exact_subspace(solvers, run, make_field, partition,
                                         n_ranks, favour):
    field = make_field(
        spectrum_array(n_steps=60, n_cells=16, d=N, seed=1, decay=0.8),
        n_ranks=n_ranks, partition=partition)
    metrics = run(solvers["reduced-chord"], field, K, 12, favour=favour)
    assert metrics[1]["subspace_error"] < FIRST[favour]
    assert metrics[-1]["subspace_error"] < 1e-9
    assert max(one["consensus_error"] for one in metrics) < 1e-12


@pytest.mark.parametrize("n_ranks", [1, 3, 6])
def test_model_is_that_of_numpy(n_ranks):
    """Where nothing is truncated; off by the rounding to two bytes."""
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((n_ranks, N, 2))
    found = on_threads(
        lambda comm, i: merged_factor(comm, factors[i], 12), n_ranks)
    C = sum(F @ F.T for F in factors)
    for F in found:
        np.testing.assert_array_equal(F, found[0])
        assert np.linalg.norm(F @ F.T - C, 2) < 1e-4 * np.linalg.norm(C, 2)


@pytest.mark.parametrize("n_ranks", [1, 3, 6])
def test_covariance_to_seven_digits(n_ranks):
    rng = np.random.default_rng(0)
    shares = rng.standard_normal((n_ranks, N, 2 * N))
    shares = shares @ shares.swapaxes(1, 2)
    found = on_threads(
        lambda comm, i: narrow_covariance(comm, shares[i]), n_ranks)
    exact = np.triu(shares.sum(axis=0))
    for total in found:
        np.testing.assert_array_equal(total, found[0])
        assert abs(total - exact).max() < n_ranks * 2 ** -24 * exact.max()


@pytest.mark.parametrize("scale", [0, 1e-26, 1e38, 1e200])
def test_no_covariance_beyond_the_range_of_float32(scale):
    """Also if that of one rank alone is beyond."""
    shares = scale * np.eye(N), np.zeros((N, N))
    assert on_threads(
        lambda comm, i: narrow_covariance(comm, shares[i]), 2) == [None] * 2


@pytest.mark.parametrize("scale", [1e-18, 1e20])
def test_such_factors_are_merged(scale, solvers, run, make_field):
    field = make_field(scale * spectrum_array(20, 16, N), n_ranks=2)
    metrics = run(solvers["reduced-chord"], field, K, 12, favour="rounds")
    assert 1e-6 < metrics[1]["subspace_error"] < 0.3
    assert metrics[-1]["subspace_error"] < 1e-9


def sums(shares, bases):
    """Totals, steps and largest integers of a rank, basis by basis."""
    norm = max(np.linalg.norm(C, 2) for C in shares)

    def run(comm, i):
        narrow = NarrowSum(comm, lambda W: shares[i] @ W, norm)
        return [(narrow(W), narrow.steps) for W in bases]
    return on_threads(run, len(shares))[0]


def test_sums_are_as_exact_as_stated():
    """Off by at most half a step of every rank, and steps shrink."""
    rng = np.random.default_rng(0)
    P = 4
    shares = rng.standard_normal((P, N, N))
    shares = shares @ shares.swapaxes(1, 2)
    shares[1:] *= 1e-3  # one rank has nearly everything
    W, move = rng.standard_normal((2, N, K))
    bases = [W + 0.1 ** t * move for t in range(8)]
    totals = sums(shares, bases)
    for W, (total, steps) in zip(bases, totals, strict=True):
        exact = shares.sum(axis=0) @ W
        rounding = 1e-13 * abs(exact).max()
        assert (abs(total - exact) <= P * steps / 2 + rounding).all()
    assert (totals[-1][1] < 1e-5 * totals[0][1]).all()


def test_sums_do_not_overflow():
    """Ranks that all reach the bound, with the same sign."""
    shares = [np.eye(N)] * 4
    W = np.eye(N)[:, :K]
    for total, _ in sums(shares, [W, -W, W]):
        assert abs(total).max() == pytest.approx(4)
