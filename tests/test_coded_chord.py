"""The coded chord iteration and the coded merge, on real ranks."""
import numpy as np
import pytest
from conftest import metrics_per_round, spectrum_array
from threads import on_threads

from benchmark_utils.methods.block import Block
from benchmark_utils.methods.chord import Chord, relative_gap
from benchmark_utils.methods.merged_model import (
    COARSER,
    merged_model,
    model_factor,
)
from benchmark_utils.methods.meter import ReadingMeter
from benchmark_utils.methods.star import RoundedFactors

pytestmark = pytest.mark.simulated_ranks

K = 4


def errors(metrics):
    return np.array([one["subspace_error"] for one in metrics])


def make(make_field, n_ranks, partition, **change):
    sizes = dict(n_steps=60, n_cells=16, d=30, seed=1, decay=0.8) | change
    return make_field(spectrum_array(**sizes), n_ranks=n_ranks,
                      partition=partition)


@pytest.mark.parametrize("m", [6, 20])
def test_gain_of_white_noise(m):
    """The root of the mean square of a column's correction, by the inverse."""
    N, values = 20, 0.8 ** np.arange(m)
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((N, N)))[0]
    gain = Chord(Q[:, :m] * np.sqrt(values), K, 1 / 7, False).gain
    beside = Q[:, K:].T @ (Q[:, :m] * values) @ Q[:, :m].T @ Q[:, K:]
    for theta, found in zip(values[:K], gain, strict=True):
        inverse = np.linalg.inv(theta * np.eye(N - K) - beside)
        assert found == pytest.approx(np.linalg.norm(inverse) / np.sqrt(N))


@pytest.mark.parametrize("partition", ["samples", "features"])
@pytest.mark.parametrize("n_ranks", [1, 2, 4])
@pytest.mark.parametrize("favour", ["bytes", "rounds"])
def test_converges_to_the_exact_subspace(solvers, run, make_field, partition,
                                         n_ranks, favour):
    field = make(make_field, n_ranks, partition)
    metrics = run(solvers["coded-chord"], field, K, 30, favour=favour)
    assert errors(metrics).min() < 1e-8
    assert errors(metrics)[1] < 0.3  # after the merge
    assert max(one["consensus_error"] for one in metrics) == 0


@pytest.mark.parametrize("change, k", [
    (dict(decay=0.97), 4),     # hardly a gap
    (dict(decay=0.3), 4),      # steep: lambda_1 = 2000 lambda_4
    (dict(n_steps=2), 4),      # ranks have fewer samples than components
    (dict(), 1),
    (dict(d=8), 8),            # everything is wanted
    (dict(d=8), 7),            # nothing is beside the guard
], ids=["no gap", "steep", "few samples", "k = 1", "k = d", "guards"])
def test_hard_cases(solvers, run, make_field, change, k):
    field = make(make_field, 4, "samples", **change)
    metrics = run(solvers["coded-chord"], field, k, 80)
    assert errors(metrics).min() < 1e-8
    for one in metrics:
        assert one["certified_error"] >= min(1, one["subspace_error"])


def test_rank_deficient_field_and_ranks_of_zeros(solvers, run, make_field):
    array = spectrum_array(40, 8, 30, seed=2, decay=0.7)
    array[:, :4] = 0  # two of four ranks have nothing
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((30, 6)))[0]
    field = make_field(array @ basis @ basis.T, n_ranks=4,
                       partition="samples")
    metrics = run(solvers["coded-chord"], field, K, 40)
    assert errors(metrics).min() < 1e-8


@pytest.mark.parametrize("partition", ["samples", "features"])
def test_needs_a_fraction_of_the_published_bytes(solvers, run, make_field,
                                                 partition):
    field = make(make_field, 4, partition, n_steps=100, d=60)

    ours, published = (run(solvers[name], field, K, 25)
                       for name in ("coded-chord", "block-krylov"))

    def bytes_to(metrics, target):
        return metrics[np.argmax(errors(metrics) < target)]["comm_bytes"]

    for target, factor in (1e-3, 4), (1e-6, 5):
        assert factor * bytes_to(ours, target) < bytes_to(published, target)


def test_exact_messages_cost_what_the_docstring_says(solvers, run, make_field):
    """Uncoded: r + k numbers per feature and the guards, then 2 k; headers.

    A better basis has no coordinates along the last one. The ranks tell what
    rounding takes, and twice what the model misses.
    """
    P, d = 4, 30
    field = make(make_field, P, "samples")
    cost = np.diff([one["comm_bytes"] for one in run(
        solvers["coded-chord"], field, K, 6, coding="float64")])
    # Guards: where noise is amplified more than white noise is.
    X = spectrum_array(60, 16, d, seed=1, decay=0.8).reshape(-1, d)
    values = np.linalg.svd(X, compute_uv=False) ** 2
    amplified = 1 / (values[K - 1] - values[K:])
    guards = np.sum(amplified > 2.2 * np.linalg.norm(amplified) / np.sqrt(d))
    assert 0 < guards < K
    # The factors, whether finer ones are needed, the first basis.
    start = 2 * 16 + 2 + 8 * d * 4 * K + 8 + (4 + 2 * (1 + 2 * K)) \
        + 8 * d * (K + guards)
    plain = 2 + 8 * d * K + 3 + 8 + 8 * (d - K) * K
    assert cost[0] == (P - 1) * start
    assert set(cost[1:]) == {(P - 1) * plain, (P - 1) * (plain + 2 * 6)}


def test_uncoded_rate_is_the_one_of_the_theory(solvers, run, make_field):
    """rho = nu / (1 + nu), nu of the pencil (C - M, lambda_k - C)."""
    P, d = 4, 30
    array = spectrum_array(60, 16, d, seed=1, decay=0.87)
    field = make_field(array, n_ranks=P, partition="samples")
    error = errors(run(
        solvers["coded-chord"], field, K, 25, coding="float64"))
    n, model = array[..., 0].size, 0
    for part in np.split(array, P, axis=1):
        X = part.reshape(-1, d)
        _, s, V = np.linalg.svd(X / np.sqrt(n), full_matrices=False)
        model = model + (V[:4 * K].T * s[:4 * K]**2) @ V[:4 * K]
    X = array.reshape(-1, d)
    values, U = np.linalg.eigh(X.T @ X / n)
    rest = U[:, :-K]
    A = np.diag(values[-K] - values[:-K])
    E = rest.T @ (X.T @ X / n - model) @ rest
    nu = np.linalg.eigvals(np.linalg.solve(A, E)).real.max()
    usable = (error > 1e-12) & (error < 1e-6)
    rate = np.exp(np.polyfit(np.flatnonzero(usable),
                             np.log(error[usable]), 1)[0])
    assert rate == pytest.approx(nu / (1 + nu), rel=0.1)


def test_runs_repeat(solvers, run, make_field):
    field = make(make_field, 3, "samples")
    first, second = (start(solvers["coded-chord"], field, K, 6)
                     for start in (run, metrics_per_round))
    for one, other in zip(first, second, strict=True):
        assert one["comm_bytes"] == other["comm_bytes"]
        assert one["subspace_error"] == other["subspace_error"]


@pytest.mark.parametrize("tolerance", [0.1, 0.01, 0.001])
def test_water_filled_merge_keeps_its_tolerance(solvers, run, make_field,
                                                tolerance):
    field = make(make_field, 4, "samples", d=60)
    solver = solvers["low-rank-merge"]
    coded = run(solver, field, K, 1, coding="water-filled",
                tolerance=tolerance)[-1]
    plain = run(solver, field, K, 1, rank_factor=8)[-1]
    assert coded["subspace_error"] < 3 * tolerance
    assert 4 * coded["comm_bytes"] < plain["comm_bytes"]


def test_water_filled_merge_has_no_tree(solvers, run, make_field):
    field = make(make_field, 2, "samples")
    with pytest.raises(RuntimeError, match="needs topology = star"):
        run(solvers["low-rank-merge"], field, K, 1,
            coding="water-filled", topology="tree")


@pytest.mark.parametrize("scale", [1e18, 1e-18])
def test_units_of_the_field_do_not_matter(scale, solvers, run, make_field):
    """Also where variances have no place in float32."""
    array = spectrum_array(60, 16, 30, seed=1, decay=0.8)
    one, other = (run(solvers["coded-chord"], make_field(
        factor * array, n_ranks=2), K, 9) for factor in (1, scale))
    assert errors(other).min() < 1e-6
    assert other[-1]["comm_bytes"] == pytest.approx(
        one[-1]["comm_bytes"], rel=0.05)


@pytest.mark.parametrize("variances, rank", [
    (np.ones(30), 8), (0.5 ** np.arange(30), 4)], ids=["flat", "steep"])
def test_flat_spectra_send_twice_the_modes(variances, rank):
    X = np.diag(np.sqrt(variances))
    F, truncated = model_factor(Block(X, ReadingMeter()), 4, 2)
    assert F.shape == (30, rank)
    assert truncated == pytest.approx(variances[rank])


@pytest.mark.parametrize("tail, factor", [(0.5, COARSER), (0.2, 1)])
def test_flat_spectra_are_rounded_coarser(tail, factor):
    """On all ranks alike, from what rank 0 truncates."""
    values = np.array([1, 1, tail, tail])

    def run(comm, i):
        factors = RoundedFactors(
            comm, np.eye(30, 4) * np.sqrt(values), tail, 4, 2)
        return merged_model(comm, factors, 2, 0.1, False)[1]
    assert on_threads(run, 3) == pytest.approx([0.1 * factor] * 3)


@pytest.mark.parametrize("n_steps", [6, 12])
def test_few_snapshots_cost_their_gram_matrix(n_steps, solvers, run,
                                              make_field):
    """A reduce and a broadcast of the basis, or an allreduce if less."""
    field = make(make_field, 4, "features", n_steps=n_steps)
    start, last = run(solvers["coded-chord"], field, K, 2)
    gram = n_steps * (n_steps + 1) // 2
    assert last["comm_bytes"] - start["comm_bytes"] == 8 * 3 * min(
        2 * gram, gram + n_steps * K + 1)
    assert last["certified_error"] < 1e-9


@pytest.mark.parametrize("n_steps, few", [(52, True), (56, False)])
def test_up_to_13_snapshots_per_component_if_flat(n_steps, few, solvers, run,
                                                  make_field):
    """Then the iteration, which sends twice the modes, takes more."""
    assert K == 4
    noise = np.random.default_rng(0).standard_normal((n_steps, 64, 12))
    field = make_field(noise, n_ranks=4, partition="features")
    start, last, *_ = run(solvers["coded-chord"], field, K, 2)
    gram = n_steps * (n_steps + 1) // 2
    asked = 2 * 3 * 8  # an allreduce of a float
    exact = asked + 8 * 3 * (gram + n_steps * K + 1)
    assert (last["comm_bytes"] - start["comm_bytes"] == exact) is few


@pytest.mark.parametrize("n_modes", [8, 16, 400])
def test_models_are_those_of_numpy(n_modes):
    """Also of many ranks, which together have more modes than features."""
    F = 0.7 ** np.arange(16)[:, None] * np.random.default_rng(0) \
        .standard_normal((16, n_modes))
    V, values, _ = np.linalg.svd(F, full_matrices=False)
    chord = Chord(F, 3, 0.1, False)
    gap = values[2] ** 2 - values[3] ** 2
    assert relative_gap(values ** 2, 3) == pytest.approx(gap / values[2] ** 2)
    # Weak modes are left out, and how much they are is known.
    left_out = np.linalg.norm(F @ F.T - chord.F @ chord.F.T, 2)
    assert left_out == pytest.approx(chord.left_out)
    assert 0 < left_out < 0.01 * gap
    assert abs(chord.leading(3).T @ V[:, :3]).round(9).tolist() \
        == np.eye(3).tolist()
