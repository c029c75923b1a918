"""Scores of estimates against dense linear algebra."""
import numpy as np
import pytest
from conftest import global_matrix, spectrum_array

from benchmark_utils.runtime.world import start_world
from benchmark_utils.scoring.estimates import ESTIMATES, evaluate
from benchmark_utils.scoring.metrics import basis_bytes, cost_metrics

K, N_RANKS = 3, 3


@pytest.fixture(params=["samples", "features"])
def partition(request):
    return request.param


def score(field, estimate):
    """Metrics of a basis that is known beforehand."""
    def rounds(comm, data, n_components, rng, estimate):
        import numpy as np
        yield np.ascontiguousarray(estimate[comm.rank])

    world = start_world(field.n_ranks)
    try:
        world.load(rounds, field, K, {"estimate": estimate})
        world.call("advance", 1)
        return evaluate(field, K, **world.call("result"))
    finally:
        world.close()


def test_metrics(make_field, partition):
    """Every metric of accuracy from its definition."""
    array = spectrum_array(5, 9, 8, decay=0.8)
    field = make_field(array, partition=partition, n_ranks=N_RANKS)
    X = global_matrix(array, partition)
    exact = np.linalg.svd(X, full_matrices=False)[2][:K].T
    rng = np.random.default_rng(1)
    U = np.linalg.qr(exact + 0.2 * rng.standard_normal(exact.shape))[0]
    if partition == "samples":
        estimate, parts = [U] * N_RANKS, [
            array[:, field.cells(rank)].reshape(-1, 8)
            for rank in range(N_RANKS)]
        missed = [X - X @ U @ U.T for X in parts]
        least = [X - X @ exact @ exact.T for X in parts]
    else:
        columns = [field.columns(rank) for rank in range(N_RANKS)]
        estimate, parts = [U[own] for own in columns], [
            X[:, own] for own in columns]
        missed = [(X - X @ U @ U.T)[:, own] for own in columns]
        least = [(X - X @ exact @ exact.T)[:, own] for own in columns]
    sines = np.sin(np.arccos(np.clip(
        np.linalg.svd(exact.T @ U)[1], 0, 1)))
    total = np.square(X).sum()
    domain = np.array([
        (np.square(m).sum() - np.square(o).sum()) / np.square(x).sum()
        for m, o, x in zip(missed, least, parts, strict=True)])
    lost = sum(np.square(m).sum() for m in missed) / total
    optimum = sum(np.square(o).sum() for o in least) / total

    metrics = score(field, estimate)
    expected = dict(
        subspace_error=sines.max(),
        chordal_error=np.sqrt(np.mean(sines ** 2)),
        reconstruction_error=lost, excess_error=lost - optimum,
        worst_domain_error=domain.max(), consensus_error=0)
    for key, value in expected.items():
        assert metrics[key] == pytest.approx(value, rel=1e-6, abs=1e-12), key
    np.testing.assert_allclose(metrics["domain_errors"], domain, rtol=1e-6)


def test_a_wrong_reference_is_noticed():
    """No subspace captures more than the exact one."""
    scores = ESTIMATES["subspace"].perfect(2, K)
    metrics = ESTIMATES["subspace"].metrics(**scores)
    assert metrics["excess_error"] == 0
    scores["captured_worst"] = np.array([1, 1 + 1e-9])
    with pytest.warns(UserWarning, match="stored reference is wrong"):
        metrics = ESTIMATES["subspace"].metrics(**scores)
    assert metrics["excess_error"] == 0


def test_unit_of_cost():
    assert basis_bytes(4, 100, 3, "samples") == 3 * 100 * 3 * 8
    assert basis_bytes(4, 100, 3, "features") == 0


def test_costs_of_unequal_ranks():
    """Sums of bytes, and of everything else the rank that has most."""
    costs = {key: np.array([2.0, 7.0, 3.0]) for key in (
        "calls", "hops", "compute_s", "path_compute_s", "comm_s", "wall_s",
        "memory_mb", "samples_seen")}
    metrics = cost_metrics(
        6, sent_bytes=np.array([1, 2, 9]), received_bytes=np.array([11, 1, 0]),
        **costs)
    assert (metrics["comm_bytes"], metrics["comm_bytes_max"]) == (12, 11)
    assert metrics["comm_floor_ratio"] == 2
    others = set(metrics) - {"comm_bytes", "comm_bytes_max",
                             "comm_floor_ratio"}
    assert {metrics[key] for key in others} == {7}
