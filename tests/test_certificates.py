"""Bounds that methods compute of their own error: true, and of use."""
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import spectrum_array
from threads import on_threads

from benchmark_utils.methods.certificate import (
    Certified,
    exact_bound,
    truncated_bound,
)
from benchmark_utils.methods.chord import Chord
from benchmark_utils.methods.frame import Frame
from benchmark_utils.methods.krylov import KrylovSpace
from benchmark_utils.methods.linalg import leading_factor, orthonormal
from benchmark_utils.methods.model_certificate import (
    Lacking,
    bound_of_step,
    certified_model,
    missed_norm,
    turned,
)
from benchmark_utils.methods.ritz import ModelBeside, RitzPairs
from benchmark_utils.methods.star import RoundedFactors
from benchmark_utils.runtime.errors import WorldError

pytestmark = pytest.mark.simulated_ranks

K, N, P = 3, 40, 3


def sine(U, V):
    Q = orthonormal(V)
    return np.linalg.norm(orthonormal(U) - Q @ (Q.T @ orthonormal(U)), 2)


def shares(values, seed):
    """C_i of P ranks with about these eigenvalues in all."""
    rng = np.random.default_rng(seed)
    V = orthonormal(rng.standard_normal((N, len(values))))
    parts = []
    for _ in range(P):
        own = V + 0.3 * rng.standard_normal(V.shape) / np.sqrt(N)
        parts.append(own * values @ own.T / P)
    return parts


def on_ranks(parts, rank, noise, seed, near=None, lost=0.01, dual=False):
    """One coded step on ranks that are threads: bound and true error."""
    C = sum(parts)
    half = np.linalg.cholesky(C + 1e-15 * np.eye(N)) if dual else np.eye(N)
    V = np.linalg.eigh(C)[1][:, ::-1]
    rng, exact = np.random.default_rng(seed), V[:, :K]
    # Any guards will do, but those of the model make the bound tight.
    guards = (rank > 6) * 9 * V[:, K:K + 3] + rng.standard_normal((N, 3)) / 5
    start = exact if near is None else near
    frame = Frame(np.hstack([
        start + noise * rng.standard_normal((N, K)) / np.sqrt(N),
        guards]), [K, 1, 2] if dual else [K, 3])
    errors = [noise * lost * rng.standard_normal((N, K)) for _ in parts[1:]]

    def norms(order=2):
        """Sums, over ranks, of norms of the parts of the errors."""
        return sum(np.array([np.linalg.norm(part, order) for part in
                             frame.parts(each)]) for each in errors)

    def run(comm, i):
        F = leading_factor(np.linalg.cholesky(
            parts[i] + 1e-15 * np.eye(N)).T, rank + 1)
        factors = RoundedFactors(comm, F[:, :rank], np.square(
            F[:, rank:]).sum(), rank, K)
        factors.gather(0.02)  # rounded, so that the model is not below C
        chord = None
        if i == 0:
            chord = Chord(factors.all, K, 1 / 7, False)
            W = chord.step(frame.W, C @ frame.W - sum(errors))
        missed = parts[i] @ frame.all - factors.own @ (
            factors.own.T @ frame.all)
        certificate = certified_model(comm, factors, chord, frame, missed)
        if i:
            return None
        return certificate.bound(
            chord.ritz, chord.beside, frame, W, Lacking(
                norms()[1:], np.ones(K), norms(None)[0] * np.ones(K)),
            dual), sine(half.T @ W, half.T @ exact)
    return on_threads(run, P)[0]


SPECTRA = {"steep": 0.5 ** np.arange(12), "flat": 0.93 ** np.arange(30),
           "gap": np.r_[1, 0.9, 0.8, 0.1 * 0.9 ** np.arange(20)],
           "cluster": np.r_[1, 1, 1, 0.7, 0.7, 0.7, 0.05 * np.ones(10)]}


@pytest.mark.parametrize("dual", [False, True])
@pytest.mark.parametrize("rank", [3, 6, 12])
@pytest.mark.parametrize("spectrum", SPECTRA)
def test_bound_of_a_step_is_never_below_the_error(spectrum, rank, dual):
    tight = []
    for seed in range(10):
        for noise in (1e-1, 1e-3, 1e-5):
            bound, error = on_ranks(
                shares(SPECTRA[spectrum], seed), rank, noise, seed,
                dual=dual)
            assert bound >= error
            tight.append(bound / error if bound < 1 else np.inf)
    if rank == 12 and spectrum != "flat":
        assert np.median(tight) < 100


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_what_the_model_misses_is_in_the_bound(spectrum):
    """Also of exact products, where nothing else is."""
    for seed in range(10):
        bound, error = on_ranks(
            shares(SPECTRA[spectrum], seed), 6, 1e-3, seed, lost=0)
        assert bound >= error


@pytest.mark.parametrize("dual", [False, True])
@pytest.mark.parametrize("k", [1, 2])
def test_bound_of_a_step_where_all_errors_add_up(k, dual):
    """It is the error, but for terms of third order."""
    theta = np.array([[1.0], [4.0, 1.0]][k - 1])
    # Of two columns the strong one errs, which counts less.
    m, e, r, nu, h = [(0.5, 0.1, 1e-3, 1e-3, 0.05),
                      (0.01, 1e-4, 1e-3, 1e-3, 0.0)][k - 1]
    R, T = np.full((1, k), r), np.full((1, k), r) / (theta - m)
    lacking, inside = nu * np.eye(1, k), -h * np.eye(k)
    C = np.block([[np.diag(theta) + inside, (R + lacking).T],
                  [R + lacking, np.array([[m + e]])]])
    half = np.linalg.cholesky(C) if dual else np.eye(k + 1)
    error = sine(half.T @ np.vstack([np.eye(k), T]),
                 half.T @ np.linalg.eigh(C)[1][:, 1:])
    bound = bound_of_step(
        theta, [R], [T], 0.0, np.array([[m]]), np.array([[e]]),
        lambda weights: np.linalg.norm(lacking * weights, axis=1)[:, None],
        lambda weights: np.linalg.norm(inside * weights, 2), dual)
    assert error <= bound * (1 + 1e-9) < 1.01 * error


@pytest.mark.parametrize("change", [1e-5, 0.1, 3.0])
def test_parts_of_one_frame_along_those_of_another(change):
    rng = np.random.default_rng(0)
    S, sizes = rng.standard_normal((N, K + 4)), [K, 1, 3]
    old = Frame(S, sizes)
    new = Frame(S + change * rng.standard_normal(S.shape), [K, 4])
    of_old, of_new = ([frame.vectors(np.eye(N))[:, rows] for rows in np.split(
        np.arange(N), frame.splits)] for frame in (old, new))
    exact = np.array([[np.linalg.norm(a.T @ b, 2) for b in of_new[1:]]
                      for a in of_old])
    told = turned(old, new)
    np.testing.assert_allclose(told.ravel()[:-1], exact.ravel()[:-1],
                               atol=1e-12)
    assert exact[-1, -1] <= told[-1, -1] + 1e-12 == 1 + 1e-12


@pytest.mark.parametrize("step", [1e-3, 0.03, 0.3])
@pytest.mark.parametrize("spectrum", SPECTRA)
def test_what_rounded_factors_miss(spectrum, step):
    """Never more than told, which is never more than the sum of norms."""
    rank, rng = 6, np.random.default_rng(0)
    for seed in range(10):
        C = shares(SPECTRA[spectrum], seed)[0]
        values, V = np.linalg.eigh(C)
        F = V[:, :-rank - 1:-1] * np.sqrt(values[:-rank - 1:-1])
        cut = max(values[-rank - 1], 0)
        G = np.rint(F / step) * step + 1e-9 * rng.standard_normal(F.shape)
        U = np.linalg.qr(rng.standard_normal((N, K)))[0]
        beside = np.eye(N) - U @ U.T
        told = missed_norm(SimpleNamespace(F=F, own=G, truncated=cut), U)
        exact = np.linalg.norm(beside @ (C - G @ G.T) @ beside, 2)
        assert exact <= told + 1e-14
        rounded = np.linalg.norm(beside @ (F @ F.T - G @ G.T) @ beside, 2)
        assert told <= cut + rounded + 1e-14


def test_what_factors_with_dependent_columns_miss():
    F, U = np.ones((8, 2)), np.eye(8, 2)
    G = 1.01 * F
    told = missed_norm(SimpleNamespace(F=F, own=G, truncated=0.0), U)
    exact = np.linalg.norm((F @ F.T - G @ G.T)[2:, 2:], 2)
    assert told == pytest.approx(exact)


@pytest.mark.parametrize("strength, certain", [(0.6, False), (0.02, True)])
def test_a_hidden_direction_is_not_missed(strength, certain):
    """Every rank cuts it off, but all of them together make it leading.

    The basis is an invariant space, and the model's leading one: residual
    and model show nothing.
    """
    V = orthonormal(np.random.default_rng(0).standard_normal((N, N)))
    # Four directions of every rank, and one of all of them.
    own = np.array([1, 0.3, 0.2, 0.1])
    parts = [(V[:, i::P][:, :4] * own * (1 - 0.1 * i)) @ V[:, i::P][:, :4].T
             + strength * np.outer(V[:, -1], V[:, -1]) * (own[-1] if certain
                                                          else 1)
             for i in range(P)]
    rank = 4 if certain else 1
    bound, error = on_ranks(parts, rank, 1e-6, 0, near=V[:, :K])
    assert (error < 1e-4) == certain
    assert error <= bound < 1 if certain else bound == 1


def test_bounds_of_truncated_models():
    rng = np.random.default_rng(0)
    for size in (0.01, 0.1, 0.3):
        for _ in range(20):
            V = orthonormal(rng.standard_normal((12, 12)))
            values = 0.6 ** np.arange(12)
            E = rng.standard_normal((12, 3))
            E *= np.sqrt(size * values[K]) / np.linalg.norm(E, 2)
            C = V * values @ V.T + E @ E.T
            missed = np.linalg.norm(E @ E.T, 2)
            bound = truncated_bound(values, K, missed)
            assert bound >= sine(V[:, :K], np.linalg.eigh(C)[1][:, -K:])
    assert truncated_bound(values, K, values[0]) == 1
    assert truncated_bound(values, K, np.inf) == 1
    assert truncated_bound(values[:K], K, 0.0) < 1e-12


def test_bound_of_an_exact_method():
    assert exact_bound(np.array([1.0, 0.5]), 1, 10) < 1e-12
    assert exact_bound(np.array([1.0, 1.0]), 1, 10) == 1
    assert exact_bound(np.array([1.0]), 1, 10) < 1e-12


@pytest.mark.parametrize("hidden", [0.0, 0.05, 2.0])
def test_bound_of_a_krylov_space_that_misses_a_direction(hidden):
    """Exact Ritz vectors; outside V one direction with variance hidden."""
    C = np.diag(np.r_[np.geomspace(1, 0.1, 6), hidden])
    V = np.eye(7)[:, :6]
    space = KrylovSpace(7, 100)
    space.add(V, C @ V)
    bound = space.bound(K, np.trace(C))
    assert bound < 1e-9 if hidden < 0.1 else bound == 1


CERTIFYING = {  # bounds on this field, at the end of the stream
    "block-krylov": 1e-4,
    "coded-chord": 1e-6, "frequent-directions": 5e-6, "hapod": 1e-3,
    "incremental-svd": 5e-3, "low-rank-merge": 5e-3, "shift-invert": 1e-8}


@pytest.mark.parametrize("n_ranks", [1, 2, 4])
@pytest.mark.parametrize("name", CERTIFYING)
def test_certified_on_ranks(name, n_ranks, solvers, run, make_field):
    solver, limit = solvers[name], CERTIFYING[name]
    for partition in solver.partitions:
        # Samples: 6 steps of 40 cells with 30 features; features: 40 of 10.
        array = spectrum_array(6, 40, 30, seed=4, decay=0.5)
        if partition == "features":
            array = spectrum_array(40, 1, 30, seed=4, decay=0.5).reshape(
                40, 10, 3)
        field = make_field(array, n_ranks=n_ranks, partition=partition)
        parameters = {"tolerance": 0.1} if name == "hapod" else {}
        metrics = run(solver, field, K, len(array) if solver.one_pass
                      else 9, **parameters)
        for one in metrics:
            assert one["certified_error"] >= one["subspace_error"] - 1e-12
        last = metrics[-1]
        assert last["certified_error"] < limit


@pytest.mark.parametrize("favour", ["bytes", "rounds"])
def test_coded_chord_knows_when_it_is_near(favour, solvers, run, make_field):
    """From an error of 1e-3 on, also for one component."""
    for k, seed in ((4, 0), (4, 1), (1, 2)):
        field = make_field(
            spectrum_array(60, 16, 30, seed=seed, decay=0.7), n_ranks=4)
        for one in run(solvers["coded-chord"], field, k, 14, favour=favour):
            error, bound = one["subspace_error"], one["certified_error"]
            assert bound >= min(1, error)
            if error < 1e-3:
                assert bound < 30 * error + 1e-11


@pytest.mark.parametrize("partition", ["samples", "features"])
def test_a_run_ends_at_its_certified_target(partition, solvers, run,
                                            make_field):
    array = spectrum_array(40, 8, 30, decay=0.6)
    if partition == "features":
        array = array[:, :1].reshape(40, 10, 3)
    field = make_field(array, n_ranks=2, partition=partition)
    metrics = run(solvers["coded-chord"], field, K, 30, target=1e-5)
    bounds = [one["certified_error"] for one in metrics]
    assert bounds[-1] <= 1e-5 < min(bounds[:-1])
    assert metrics[-1]["subspace_error"] <= 1e-5


def test_forgetting_certifies_nothing(solvers, run, make_field):
    for partition in ("samples", "features"):
        field = make_field(spectrum_array(6, 8, 12), n_ranks=2,
                           partition=partition)
        last = run(solvers["incremental-svd"], field, K, 6, forget=0.9)[-1]
        assert last["certified_error"] == 1


@pytest.mark.parametrize("bound", [-1.0, 1.5, np.nan])
def test_a_wrong_bound_is_refused(bound, solvers, run, make_field):
    class Proud(solvers["block-power"]):
        @staticmethod
        def rounds(comm, data, n_components, rng, oversampling):
            while True:
                yield Certified(data.random_basis(n_components, rng), bound)

    field = make_field(spectrum_array(6, 8, 12), n_ranks=2)
    with pytest.raises(WorldError, match="not between 0 and 1"):
        run(Proud, field, K, 1)


def test_a_model_beside_a_basis():
    """Against dense algebra."""
    rng = np.random.default_rng(1)
    F, W = rng.standard_normal((N, 5)), rng.standard_normal((N, K))
    C = rng.standard_normal((N, N))
    ritz = RitzPairs(W, (C + C.T) @ W)
    model = ModelBeside(F, ritz.U)
    np.testing.assert_allclose(ritz.U, W @ ritz.mixing, atol=1e-12)
    np.testing.assert_allclose(
        (C + C.T) @ ritz.U, ritz.U @ (ritz.U.T @ (C + C.T) @ ritz.U)
        + ritz.residual, atol=1e-11)
    outside = np.eye(N) - ritz.U @ ritz.U.T
    dense = outside @ F @ F.T @ outside
    assert model.top == pytest.approx(np.linalg.norm(dense, 2))
    T = model.solve(model.top + np.arange(1, K + 1), ritz.residual)
    for shift, t, r in zip(model.top + np.arange(1, K + 1), T.T,
                           ritz.residual.T, strict=True):
        np.testing.assert_allclose(shift * t - dense @ t, r, atol=1e-10)
