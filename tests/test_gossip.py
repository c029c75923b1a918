"""Decentralised methods: mixing, every rank's score, rates, costs."""
from functools import partial
from math import ceil, log, sqrt
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from benchmark_utils.methods.gossip import (
    adjacency,
    largest_variance,
    metropolis_weights,
)
from benchmark_utils.methods.matrix import PartitionedMatrix
from benchmark_utils.runtime.world import start_world
from benchmark_utils.scoring.estimates import evaluate

pytestmark = pytest.mark.simulated_ranks

TOPOLOGIES = ("ring", "grid", "erdos_renyi", "complete")
GRADIENT = ("drgta", "fast-pca")
SHOWN = 8  # rounds of which each one is scored
D, K = 20, 3
# Variances of the field: gaps inside the leading three, a large one after.
VARIANCES = np.r_[1, 0.7, 0.45, 0.05 * 0.9 ** np.arange(D - 3)]
EPSILON = np.finfo(float).eps


def gap_matrix(variances=VARIANCES, n=78):
    """Rows sorted so that no two ranks' covariances are alike."""
    rng = np.random.default_rng(2)
    left = np.linalg.qr(rng.standard_normal((n, D)))[0]
    left = left[np.argsort(left @ np.arange(D))]
    right = np.linalg.qr(rng.standard_normal((D, D)))[0]
    return sqrt(n) * left * np.sqrt(variances) @ right


def uneven_field(make_field, n_ranks, partition="samples",
                 variances=VARIANCES):
    """That matrix; under ``features`` its transpose, for the same ranks."""
    X = gap_matrix(variances)
    array = X.T if partition == "features" \
        else X.reshape(13, 6, D).swapaxes(0, 1)
    return make_field(array, n_ranks=n_ranks, partition=partition,
                      weights=np.geomspace(3, 1, n_ranks))


def test_largest_variance(make_field):
    """Of a rank's own covariance, by its products."""
    rng = np.random.default_rng(0)
    array = rng.standard_normal((5, 30, D))
    data = PartitionedMatrix(
        make_field(array, n_ranks=2, dtype="float32"), 1, rng)
    data.load()
    X = array[:, 15:].reshape(-1, D).astype("float32").astype(float)
    exact = X.T @ X / 150
    U = np.linalg.qr(rng.standard_normal((D, K)))[0]
    np.testing.assert_allclose(data.local_covariance(U), exact @ U,
                               rtol=1e-12)
    gossip = SimpleNamespace(maximum=lambda value: value)
    assert largest_variance(gossip, data.local_covariance, U) \
        == pytest.approx(np.linalg.norm(exact, 2), rel=0.1)


@pytest.mark.parametrize("n_nodes", (1, 2, 3, 4, 12, 16))
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_graphs(topology, n_nodes):
    edges = adjacency(topology, n_nodes, np.random.default_rng(0))
    weights = metropolis_weights(edges)
    assert (edges == edges.T).all() and not edges.diagonal().any()
    np.testing.assert_array_equal(weights, weights.T)
    np.testing.assert_allclose(weights.sum(axis=0), 1, rtol=1e-15)
    assert (weights >= 0).all() and (weights[edges] > 0).all()
    assert (weights[~edges & ~np.eye(n_nodes, dtype=bool)] == 0).all()
    eigenvalues = np.linalg.eigvalsh(weights)
    if n_nodes > 1:  # connected: only the mean is kept
        assert abs(eigenvalues[:-1]).max() < 1 - 1e-3
    n_edges = {("ring", 2): 1, ("ring", 16): 16, ("grid", 16): 24,
               ("grid", 12): 17, ("complete", 16): 120}
    assert edges.sum() == 2 * n_edges.get((topology, n_nodes),
                                          edges.sum() // 2)


def test_random_graph_is_the_same_for_the_same_stream():
    one, same, other = (adjacency(
        "erdos_renyi", 16, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (one == same).all() and (one != other).any()


def test_known_spectrum():
    """Ring of 16: (1 + 2 cos(2 pi j / 16)) / 3."""
    weights = metropolis_weights(
        adjacency("ring", 16, np.random.default_rng(0)))
    expected = (1 + 2 * np.cos(2 * np.pi * np.arange(16) / 16)) / 3
    np.testing.assert_allclose(np.linalg.eigvalsh(weights),
                               np.sort(expected), atol=1e-14)


@pytest.mark.parametrize("n_ranks", (1, 3, 4))
def test_mixing(n_ranks, make_field):
    """Mean kept, contraction to the digit of theory, bytes, maximum."""
    def rounds(comm, data, n_components, rng):
        from itertools import product

        from benchmark_utils.methods.gossip import (
            Gossip,
            adjacency,
            metropolis_weights,
            orthonormalize,
        )

        yield data.random_basis(n_components, rng)
        X = data.local_rng.standard_normal((5, 3))
        for topology, mixing, n_mixings in product(
                ("ring", "grid", "erdos_renyi", "complete"),
                ("chebyshev", "plain"), (1, 5)):
            gossip = Gossip(comm, topology, mixing, np.random.default_rng(0))
            weights = metropolis_weights(adjacency(
                topology, comm.size, np.random.default_rng(0)))
            before = comm.ledger.sent_bytes
            mixed = gossip.mix(X, n_mixings)
            degree = np.count_nonzero(weights[comm.rank]) - 1
            assert comm.ledger.sent_bytes - before == \
                n_mixings * degree * X.nbytes
            old, new = np.array(comm.allgather(X)), \
                np.array(comm.allgather(mixed))
            assert np.allclose(old.mean(axis=0), new.mean(axis=0), 0, 1e-14)
            spread, left = (np.linalg.norm(x - x.mean(axis=0))
                            for x in (old, new))
            share = gossip.deviation(n_mixings)
            assert left <= share * spread + 1e-13
            if mixing == "plain":
                assert np.allclose(new, np.tensordot(np.linalg.matrix_power(
                    weights, n_mixings), old, axes=1))
            if comm.size > 1:  # the slowest deviation: the bound is sharp
                values, vectors = np.linalg.eigh(weights)
                slowest = -2 if mixing == "chebyshev" else np.argsort(
                    abs(values))[-2]
                own = vectors[comm.rank, slowest] * np.ones(1)
                mixed = gossip.mix(own, n_mixings)
                assert np.allclose(abs(mixed), abs(share * own), 0, 1e-13)
                assert np.isclose(
                    gossip.spectral_gap, 1 - np.sort(abs(values))[-2])
            assert gossip.deviation(gossip.enough) < 1e-15
            assert gossip.maximum(X[0, 0]) == old[:, 0, 0].max()
        # Graded by 12 orders of magnitude, and with one column twice.
        rows = X * np.array([1, 1e-6, 1e-12])
        Q = orthonormalize(gossip, rows)
        inner = sum(comm.allgather(Q.T @ Q))
        assert abs(inner - np.eye(3)).max() < 1e-12
        Q = orthonormalize(gossip, np.hstack([rows, rows[:, :1]]))
        assert np.isfinite(Q).all()
        yield data.random_basis(n_components, rng)

    field = uneven_field(partial(make_field, ranks="processes"), n_ranks)
    world = start_world(n_ranks)
    try:
        world.load(rounds, field, K, {})
        assert world.call("advance", 2) == 2
    finally:
        world.close()


def test_chebyshev_is_faster():
    """The square root of the spectral gap: sqrt(gap) against gap."""
    weights = metropolis_weights(
        adjacency("ring", 64, np.random.default_rng(0)))
    values = np.linalg.eigvalsh(weights)
    gap = 1 - values[-2]
    ratio = (values[-2] - values[0]) / (2 - values[0] - values[-2])
    rate = ratio / (1 + sqrt(1 - ratio ** 2))
    assert -log(rate) / -log(values[-2]) > 0.8 * sqrt(1 / gap)


def test_every_rank_is_scored(make_field):
    """Ranks that disagree: the worst one counts, and their distance."""
    def rounds(comm, data, n_components, rng):
        angles = 0.1, 0.3, -0.4
        U = np.zeros((data.n_features, 1))
        U[0], U[1] = np.cos(angles[comm.rank]), np.sin(angles[comm.rank])
        yield U
        yield np.eye(data.n_features)[:, :1]

    rng = np.random.default_rng(0)
    X = np.linalg.qr(rng.standard_normal((60, 4)))[0] * [4, 3, 2, 1]
    field = make_field(X.reshape(2, 30, 4), n_ranks=3)
    world = start_world(3, field.ranks)
    try:
        world.load(rounds, field, 1, {})
        world.call("advance", 1)
        apart = evaluate(field, 1, **world.call("result"))
        world.call("advance", 1)
        equal = evaluate(field, 1, **world.call("result"))
    finally:
        world.close()
    assert apart["subspace_error"] == pytest.approx(np.sin(0.4))
    assert apart["chordal_error"] == pytest.approx(np.sin(0.4))
    assert apart["consensus_error"] == pytest.approx(np.sin(0.7))
    # Variances 16, 9, 4 and 1; the estimate of the worst rank everywhere.
    assert apart["excess_error"] == pytest.approx(
        7 * np.sin(0.4) ** 2 / 30)
    # Each rank is judged by its own estimate, on its own rows.
    for rank, angle in enumerate([0.1, 0.3, -0.4]):
        own = field.reader(rank).read(0, 2)
        u = np.array([np.cos(angle), np.sin(angle), 0, 0])
        expected = (np.square(own[:, 0]).sum() - np.square(own @ u).sum()
                    ) / np.square(own).sum()
        assert apart["domain_errors"][rank] == pytest.approx(expected)
    assert equal["consensus_error"] == 0
    assert equal["subspace_error"] < 1e-12


def mixings(n_ranks, name, rounds):
    """Mixings of a round on a ring, from the docstring."""
    rate = {2: 0.0, 4: 3 - sqrt(8)}[n_ranks]  # 1/3 / (1 + sqrt(8/9))
    enough = ceil(log(EPSILON / 2) / log(rate)) if rate else 1
    return [min(1 + t, enough) for t in range(rounds)], enough


def bytes_per_round(name, n_ranks, rounds, n):
    if n_ranks == 1:
        return np.zeros(rounds)
    growing, enough = mixings(n_ranks, name, rounds)
    floats = {
        "deepca": [5 * D * K] * rounds,
        "sdot": [mixed * D * K for mixed in growing],
        "fdot": [mixed * n * K + 3 * enough * K * K for mixed in growing],
        "drgta": [2 * 2 * D * K] * rounds,
        "fast-pca": [2 * D * K] * rounds,
    }[name]
    if name in GRADIENT:
        floats[0] += n_ranks - 1
    directed_edges = {2: 2, 4: 8}[n_ranks]
    return 8 * directed_edges * np.array(floats)


@pytest.mark.parametrize("n_ranks", (1, 2, 4))
@pytest.mark.parametrize("name", ("deepca", "sdot", "fdot", *GRADIENT))
def test_exact_at_the_stated_cost(name, n_ranks, solvers, run, make_field):
    """numpy's subspace on uneven ranks; bytes as in the docstring."""
    partition = "features" if name == "fdot" else "samples"
    field = uneven_field(make_field, n_ranks, partition)
    rounds = 250 if name in GRADIENT else 40
    metrics = run(solvers[name], field, K, SHOWN, then=rounds - SHOWN)
    # The stored reference is numpy's: errors are against numpy.
    X = gap_matrix().T if partition == "features" else gap_matrix()
    with h5py.File(field.reference_path) as file:
        basis = file["basis"][:, :K]
    exact = np.linalg.svd(X)[2][:K].T
    assert np.linalg.norm(basis - exact @ (exact.T @ basis), 2) < 1e-10
    assert metrics[-1]["subspace_error"] < 1e-8
    assert metrics[-1]["consensus_error"] < 1e-8
    sent = np.diff([m["comm_bytes"] for m in metrics])
    stated = bytes_per_round(name, n_ranks, rounds, field.n_samples)
    np.testing.assert_array_equal(
        sent, np.append(stated[:SHOWN], stated[SHOWN:].sum()))


@pytest.mark.parametrize("topology", ("complete", "erdos_renyi"))
def test_other_graphs(topology, solvers, run, make_field):
    field = uneven_field(make_field, 4)
    last = run(solvers["deepca"], field, K, 30,
               topology=topology, mixing="plain")[-1]
    assert last["subspace_error"] < 1e-8
    if topology == "complete":
        assert last["comm_bytes"] == 8 * 30 * 5 * 12 * D * K


def test_ranks_without_weights_are_noticed(solvers, run, make_field):
    """The mean of the ranks' own covariances is another matrix."""
    class Unweighted(solvers["deepca"]):
        @staticmethod
        def rounds(comm, data, n_components, rng, align, topology, mixing,
                   n_mixings):
            from benchmark_utils.methods.gossip import Gossip
            from benchmark_utils.methods.linalg import polar_factor
            gossip = Gossip(comm, topology, mixing, rng)
            W = S = previous = data.random_basis(n_components, rng)
            while True:
                yield W
                product = data.gram_product(W) / len(data.X)
                S = gossip.mix(S + product - previous, n_mixings)
                W, previous = polar_factor(S), product

    field = uneven_field(make_field, 4)
    last = run(Unweighted, field, K, 40)[-1]
    assert last["subspace_error"] > 1e-4


def rate_field(make_field, variances):
    """Four equal ranks with given variances in all.

    Returns the field and the largest variance of a rank.
    """
    rng = np.random.default_rng(1)
    d = len(variances)
    left = np.linalg.qr(rng.standard_normal((200, d)))[0]
    right = np.linalg.qr(rng.standard_normal((d, d)))[0]
    X = sqrt(200) * left * np.sqrt(variances) @ right
    largest = max(np.linalg.norm(part, 2) ** 2 / 50
                  for part in np.split(X, 4))
    return make_field(X[None], n_ranks=4), largest


@pytest.mark.parametrize("name, parameters", [
    ("deepca", {}), ("deepca", {"align": "sign"}), ("sdot", {})])
def test_rate_of_the_power_iteration(name, parameters, solvers, run,
                                     make_field):
    """lambda_{k+1} / lambda_k per round."""
    variances = np.r_[1, 0.8, 0.48 * np.ones(10)]
    field, _ = rate_field(make_field, variances)
    errors = [m["subspace_error"] for m in run(
        solvers[name], field, 2, 30, **parameters)]
    rate = (errors[30] / errors[15]) ** (1 / 15)
    assert rate == pytest.approx(0.48 / 0.8, rel=0.02)


@pytest.mark.parametrize("name, limit", [("drgta", 0.4), ("fast-pca", 0.9)])
def test_rate_of_gradient_methods(name, limit, solvers, run, make_field):
    """1 - step gap per round, where mixing is exact."""
    variances = np.r_[1, 0.5, 0.2 * np.ones(10)]
    field, largest = rate_field(make_field, variances)
    errors = [m["subspace_error"] for m in run(
        solvers[name], field, 2, 100, topology="complete")]
    rate = (errors[100] / errors[60]) ** (1 / 40)
    assert rate == pytest.approx(1 - limit / largest * 0.3, rel=0.01)


def test_tracking_needs_no_growing_number_of_mixings(solvers, run, make_field):
    """Two mixings: S-DOT has a floor, DeEPCA none, SA-DOT none either."""
    field = uneven_field(make_field, 4)
    error = {
        name: run(solvers[name], field, K, 40, **parameters)[
            -1]["subspace_error"]
        for name, parameters in [("sdot", {"growth": 0, "n_mixings": 2}),
                                 ("deepca", {"n_mixings": 2})]}
    assert error["sdot"] > 1e-4
    assert error["deepca"] < 1e-8


def test_sign_alignment_waits_for_the_columns(solvers, run, make_field):
    """Small gaps inside the leading three: signs fix no common frame."""
    field = uneven_field(make_field, 4, variances=np.r_[
        1, 0.9, 0.8, 0.05 * np.ones(D - 3)])
    error = {
        align: run(solvers["deepca"], field, K, 30, align=align)[
            -1]["subspace_error"] for align in ("polar", "sign")}
    assert error["polar"] < 1e-12
    assert error["sign"] > 1e-7


def test_too_few_mixings(solvers, run, make_field):
    """DeEPCA needs K above a threshold where the ranks are unlike."""
    field = uneven_field(make_field, 4)
    last = run(solvers["deepca"], field, K, 40, n_mixings=1)[-1]
    assert last["subspace_error"] > 1e-5
