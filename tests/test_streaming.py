"""Streaming methods against plain numpy, their bounds and their rates."""
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import global_matrix, spectrum_array
from threads import sine

from benchmark_utils.methods import streaming
from benchmark_utils.methods.certificate import Certified
from benchmark_utils.methods.linalg import orthonormal, truncated_factor
from benchmark_utils.methods.streaming import (
    few_rows,
    shrunk_factor,
    update_svd,
    updated_factor,
)
from benchmark_utils.runtime.world import start_world

pytestmark = pytest.mark.simulated_ranks

K, D = 3, 24


def array():
    return spectrum_array(6, 11, D)


# Incremental SVD.

class Alone:
    """Stands for the data of one rank under the partition features."""

    @staticmethod
    def inner(comm, U, V):
        return U.T @ V

    @staticmethod
    def qr(comm, U):
        return np.linalg.qr(U)


def streamed_svd(batches, rank, forget=1.0):
    """The update, and plain numpy's truncated SVD of the same."""
    d = batches[0].shape[1]
    U = np.linalg.qr(np.random.default_rng(9).standard_normal((d, rank)))[0]
    s, exact = np.zeros(rank), np.zeros((0, d))
    neglected = 0.0
    for X in batches:
        U, s, _ = update_svd(None, Alone, U, forget * s, X)
        _, values, right = np.linalg.svd(np.vstack([forget * exact, X]),
                                         full_matrices=False)
        neglected += np.square(values[rank:]).sum()
        exact = values[:rank, None] * right[:rank]
    return U, s, exact, neglected


def decaying_batches(n_batches=12, rows=5, d=40):
    rng = np.random.default_rng(4)
    return list(rng.standard_normal((n_batches, rows, d))
                * 0.8 ** np.arange(d))


@pytest.mark.parametrize("forget", [1.0, 0.7])
def test_update_is_a_truncated_svd(forget):
    U, s, exact, _ = streamed_svd(decaying_batches(), 6, forget)
    np.testing.assert_allclose((U * s ** 2) @ U.T, exact.T @ exact,
                               atol=1e-12 * s[0] ** 2)


def test_running_error_bound():
    """What the updates neglected bounds the error, and is known for free."""
    batches, rank, k = decaying_batches(), 6, 3
    U, s, _, neglected = streamed_svd(batches, rank)
    X = np.concatenate(batches)
    known = np.square(X).sum() - np.square(s).sum()
    assert known == pytest.approx(neglected)
    error = np.linalg.eigvalsh(X.T @ X - (U * s ** 2) @ U.T)
    assert error[0] > -1e-10 and error[-1] <= known
    variance, right = np.linalg.svd(X, full_matrices=False)[1:]
    gap = variance[k - 1] ** 2 - variance[k] ** 2
    assert 0 < sine(U[:, :k], right[:k].T) <= known / (gap - known) or \
        known >= gap


def test_bound_of_singular_values():
    """Weyl: singular values move by the neglected norm at most."""
    batches, rank = decaying_batches(), 15
    _, s, _, neglected = streamed_svd(batches, rank)
    exact = np.linalg.svd(np.concatenate(batches), compute_uv=False)[:rank]
    assert (exact - s).min() > -1e-12
    assert 0 < (exact - s).max() <= np.sqrt(neglected)


def test_update_stays_orthonormal_without_new_information():
    """Repeated batches, zero batches and batches of full rank."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((4, 12)) @ rng.standard_normal((12, 50))
    batches = [X, 1e-3 * X, 0 * X, X + 1e-12, X[:, ::-1], X] * 3
    U, s, _, _ = streamed_svd(batches, 10)
    assert abs(U.T @ U - np.eye(10)).max() < 1e-7


def test_forgetting_follows_a_change():
    rng = np.random.default_rng(2)
    old, new = np.linalg.qr(rng.standard_normal((30, 4)))[0].reshape(
        30, 2, 2).transpose(1, 0, 2)
    batches = [rng.standard_normal((10, 2)) @ basis.T
               for basis in [old] * 8 + [new] * 5]
    error = {forget: sine(streamed_svd(batches, 4, forget)[0][:, :2], new)
             for forget in (1.0, 0.5)}
    assert error[1.0] > 0.9 and error[0.5] < 0.3


def test_without_the_residual_the_update_fails(monkeypatch):
    def wrong(comm, U):
        return np.linalg.qr(U)[0], np.zeros((U.shape[1], U.shape[1]))

    monkeypatch.setattr(Alone, "qr", staticmethod(wrong))
    U, s, exact, _ = streamed_svd(decaying_batches(), 6)
    assert abs((U * s ** 2) @ U.T - exact.T @ exact).max() > 1e-3


def streams(d=300, rows=160, rank=12):
    """Batches that change little, drift, or bring what no guess shows."""
    rng = np.random.default_rng(5)
    scales = np.arange(1, d + 1) ** -1.5
    alike = [rng.standard_normal((rows, d)) * scales for _ in range(4)]
    drifting = [X[:, np.roll(np.arange(d), 2 * step)]
                for step, X in enumerate(alike)]
    past = np.zeros((rows, d))
    past[:rank, :rank] = np.diag(np.geomspace(2, 1, rank))
    hidden = np.zeros((rows, d))
    hidden[:60, 100:160] = 3 * np.eye(60)
    return {"alike": alike, "drifting": drifting, "hidden": [past, hidden],
            "float32": [X.astype("float32") for X in alike],
            "zero": [past, 0 * past, 0 * past],
            "few": [past[:rank], alike[0][:30]]}


@pytest.mark.parametrize("stream", streams())
def test_updated_factor_is_nearly_the_best(stream, monkeypatch):
    """Below the data, and what it leaves is told, close to the least."""
    rank, rng, dense = 12, np.random.default_rng(1), []
    monkeypatch.setattr(
        streaming, "truncated_factor",
        lambda A, r: (dense.append(len(A)), truncated_factor(A, r))[1])
    batches = streams(rank=rank)[stream]
    F = np.zeros((batches[0].shape[1], 0))
    for X in batches:
        A = np.vstack([F.T, X])
        F, left = updated_factor(F, X, rank, rng)
        missed = np.linalg.eigvalsh(A.T @ A - F @ F.T)
        best = np.append(np.linalg.svd(A, compute_uv=False), 0)[rank] ** 2
        rounding = 1e-12 * np.square(A).sum()
        assert missed[0] >= -rounding
        assert missed[-1] <= left + rounding <= 1.1 * best + 2 * rounding
        overlap = F.T @ F
        assert abs(overlap - np.diag(np.diag(overlap))).max() <= rounding
    # The first batch has no guess; the others need all vectors rarely.
    assert len(dense) == (2 if stream in ("hidden", "few") else 1)


def noisy_stream(strength=0.0, n_batches=12, rows=100, d=400, noise=0.1):
    """Modes that change slowly, and in every row of random sign; noise."""
    rng = np.random.default_rng(3)
    modes = np.linalg.qr(rng.standard_normal((d, 6)))[0]
    t = np.arange(n_batches * rows)[:, None] / (n_batches * rows)
    slow = np.cos(np.pi * np.arange(6) * t) / np.arange(1, 7)
    signs = strength * rng.choice([-1, 1], (len(t), 6))
    X = (slow + signs) @ modes.T + noise * rng.standard_normal((len(t), d))
    return np.split(X, n_batches)


def test_noise_is_left_out_and_told():
    """Of all data no more than told, with less error than by truncations."""
    r, k, rng = 12, 6, np.random.default_rng(0)
    batches = noisy_stream(noise=0.05)
    d = batches[0].shape[1]
    F, plain, total, sizes = np.zeros((d, 0)), np.zeros((d, 0)), 0.0, []
    for X in batches:
        F, left = updated_factor(F, X, r, rng)
        plain, _ = truncated_factor(np.vstack([plain.T, X]), r)
        total += left
        sizes.append(F.shape[1])
    assert sizes[0] == r < max(sizes) <= 4 * r
    X = np.concatenate(batches)
    missed = np.linalg.eigvalsh(X.T @ X - F @ F.T)
    assert missed[0] > -1e-10 and missed[-1] <= total
    exact = np.linalg.svd(X, full_matrices=False)[2][:k].T
    assert sine(np.linalg.svd(F)[0][:, :k], exact) \
        < sine(orthonormal(plain[:, :k]), exact)


@pytest.mark.parametrize("case", ["noise", "along", "strong", "slow", "few"])
def test_only_noise_is_left_out(case):
    """Not what the factor follows below the noise, nor what is above it."""
    r, rng = 12, np.random.default_rng(1)
    *past, X = noisy_stream(0.2 if case == "along" else 0.0)
    F, _ = truncated_factor(np.concatenate(past), r)
    if case == "strong":
        X = 10 * X
    elif case == "slow":
        X = 0.01 * rng.standard_normal(X.shape) / np.arange(1, 401)
    elif case == "few":
        X = X[:30]
    rows, left = few_rows(F, X, r)
    if case == "noise":
        missed = np.linalg.eigvalsh(X.T @ X - rows.T @ rows)
        assert len(rows) < len(X) / 4
        assert missed[0] > -1e-12 and missed[-1] <= left
    else:
        assert rows is X and left == 0


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_rows_that_depend_are_no_noise(rank):
    """Weak as they are: in every batch again, they would never be seen."""
    r, rng = 12, np.random.default_rng(2)
    F = np.eye(400, r) * np.geomspace(2, 1, r)
    X = 1e-3 * rng.standard_normal((50, rank)) @ rng.standard_normal(
        (rank, 400))
    rows, left = few_rows(F, X, r)
    assert len(rows) <= rank
    np.testing.assert_allclose(rows.T @ rows, X.T @ X, atol=1e-15)
    assert left < 1e-15


def saved(comm, data, n_components, rng, rounds, path, **parameters):
    """Run a method and keep rank 0's last estimate, or its rows of it."""
    for U in rounds(comm, data, n_components, rng, **parameters):
        np.save(f"{path}{comm.rank}.npy",
                U.estimate if isinstance(U, Certified) else U)
        yield U


def saved_estimate(solver, field, k, path, **parameters):
    """The last estimate of a method, rows of all ranks joined."""
    defaults = {key: values[0] for key, values in solver.parameters.items()}
    world = start_world(field.n_ranks, field.ranks)
    try:
        world.load(saved, field, k,
                   {**defaults, **parameters, "rounds": solver.rounds,
                    "path": str(path)}, 0, solver.one_pass)
        world.call("advance", 1000)
    finally:
        world.close()
    ranks = range(field.n_ranks if field.partition == "features" else 1)
    return np.concatenate([np.load(f"{path}{rank}.npy") for rank in ranks])


@pytest.mark.parametrize("name", ["incremental-svd", "streaming-sketch"])
def test_partitioned_features_give_the_same(name, solvers, make_field,
                                            tmp_path):
    """A stream over ranks is the stream on one rank, up to rounding."""
    estimates = [saved_estimate(
        solvers[name], make_field(array(), n_ranks=P, partition="features"),
        K, tmp_path / f"{P}-") for P in (1, 2, 4)]
    for other in estimates[1:]:
        assert sine(estimates[0], other) < 1e-9


# Sketches.

def sketch_of(batches, size):
    F = np.zeros((batches[0].shape[1], 0))
    for X in batches:
        F, _ = shrunk_factor(np.vstack([F.T, X]), size)
    return F


def adversarial(order):
    """Rows whose order hides weak directions behind strong ones."""
    rng = np.random.default_rng(8)
    X = rng.standard_normal((400, 40)) * 0.9 ** np.arange(40)
    strength = np.linalg.norm(X, axis=1)
    # Late: one direction that appears at the end only.
    X[-20:] = 3 * rng.standard_normal((20, 1)) * np.eye(40)[-1]
    return {"random": X, "ascending": X[np.argsort(strength)],
            "descending": X[np.argsort(-strength)]}[order]


@pytest.mark.parametrize("rows", [1, 16, 100])
@pytest.mark.parametrize("order", ["random", "ascending", "descending"])
def test_frequent_directions_bound(order, rows):
    """Also after a merge of four ranks' sketches."""
    size, X = 12, adversarial(order)
    variance = np.linalg.svd(X, compute_uv=False) ** 2
    bound = min(variance[j:].sum() / (size - j) for j in range(size))
    local = [sketch_of([part[i:i + rows] for i in range(0, len(part), rows)],
                       size) for part in np.array_split(X, 4)]
    merged, _ = shrunk_factor(np.hstack(local).T, size)
    for F in (sketch_of([X[i:i + rows] for i in range(0, len(X), rows)],
                        size), merged):
        error = np.linalg.eigvalsh(X.T @ X - F @ F.T)
        assert error[0] > -1e-9 * variance[0]
        assert error[-1] <= bound


def test_truncation_instead_of_shrinking_breaks_the_bound():
    """The late direction that incremental SVD never sees."""
    size, d = 4, 200
    early = 1.01 * np.eye(d)[:size]
    # Each later row is the least of its batch, so that it is dropped.
    late = np.tile(np.eye(d)[-1:], (100, 1))
    X = np.vstack([early, late])
    variance = np.linalg.svd(X, compute_uv=False) ** 2
    bound = min(variance[j:].sum() / (size - j) for j in range(size))

    def error(update):
        F = np.zeros((d, 0))
        for x in X:
            F, _ = update(np.vstack([F.T, x]), size)
        return np.linalg.norm(X.T @ X - F @ F.T, 2)

    assert error(shrunk_factor) <= bound < error(truncated_factor)


@pytest.mark.parametrize("n_ranks", [1, 4])
def test_sketch_is_the_nystrom_approximation(n_ranks, solvers, make_field,
                                             tmp_path):
    field = make_field(array(), n_ranks=n_ranks)
    U = saved_estimate(solvers["streaming-sketch"], field, K, tmp_path / "U",
                       sketch_factor=3)
    X = global_matrix(array(), "samples")
    shared = np.random.SeedSequence(0).spawn(1)[0]
    test = orthonormal(np.random.default_rng(shared).standard_normal(
        (D, 3 * K)))
    Y = X.T @ (X @ test)
    approximation = Y @ np.linalg.solve(test.T @ Y, Y.T)
    exact = np.linalg.eigh(approximation)[1][:, -K:]
    assert sine(U, exact) < 1e-6
    # The range of Y alone is another subspace.
    assert sine(np.linalg.svd(Y)[0][:, :K], exact) > 1e-4


# Stochastic methods.

def stochastic_error(solver, n_batches, seed, **parameters):
    """Error to the distribution's subspace after a long random stream."""
    d, k, rows = 10, 2, 10
    rng = np.random.default_rng(seed)
    scales = np.r_[2.0, 1.6, 0.6 * np.ones(d - k)]
    data = SimpleNamespace(
        random_basis=lambda k, rng: orthonormal(rng.standard_normal((d, k))),
        batches=lambda: (rng.standard_normal((rows, d)) * scales
                         for _ in range(n_batches)))
    comm = SimpleNamespace(sum=np.copy)
    defaults = {key: values[0] for key, values in solver.parameters.items()}
    *_, U = solver.rounds(comm, data, k, rng, **{**defaults, **parameters})
    return np.linalg.norm(U[k:], 2)


@pytest.mark.parametrize("name, parameters, exponent", [
    ("oja", {}, 1 / 2), ("oja", {"variant": "adaoja"}, 1 / 4),
    ("history-pca", {}, 1 / 2)])
def test_stochastic_rate(name, parameters, exponent, solvers):
    """The error is the root of the step size, or of 1 / n."""
    few, many = (np.sqrt(np.mean([
        stochastic_error(solvers[name], n, seed, **parameters) ** 2
        for seed in range(8)])) for n in (100, 1600))
    assert few < 0.5
    assert few / many == pytest.approx(16 ** exponent, rel=0.3)


@pytest.mark.parametrize("name", ["oja", "history-pca"])
def test_stochastic_methods_do_not_depend_on_ranks(name, solvers, run,
                                                   make_field):
    errors = [[m["subspace_error"] for m in run(
        solvers[name], make_field(array(), n_ranks=P), K, 6)]
        for P in (1, 2, 4)]
    np.testing.assert_allclose(errors[1], errors[0], rtol=1e-8)
    np.testing.assert_allclose(errors[2], errors[0], rtol=1e-8)


