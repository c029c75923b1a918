"""Exact and iterative methods: exactness, bytes, rates, hard spectra.

Small questions are asked in this process, to a communicator of one rank;
bytes and partitions need real ranks. Errors are against numpy.linalg.svd.
"""

import h5py
import numpy as np
import pytest
from benchopt.utils.run_context import RunContext
from conftest import (
    BENCHMARK,
    global_matrix,
    spectrum_array,
)

from benchmark_utils.fields.field import Field
from benchmark_utils.fields.reference import load_reference
from benchmark_utils.methods.block import Block
from benchmark_utils.methods.certificate import Certified
from benchmark_utils.methods.linalg import orthonormal
from benchmark_utils.methods.meter import ReadingMeter

pytestmark = pytest.mark.simulated_ranks

K = 3
N_STEPS, N_CELLS, D = 40, 11, 36  # samples: 440 x 36, features: 40 x 396
RANKS = (1, 2, 4)


# Methods on real ranks

def reduce(floats, P):
    return 2 * (P - 1) * 8 * floats


def gather(floats, P):
    return P * (P - 1) * 8 * floats


def tree(floats, P):
    return (P - 1) * 8 * floats


def iterative(block):
    """Bytes of a round on the replicated side, of length N."""
    return lambda N, P, partition: reduce(N * block, P) + (
        gather(K * K, P) if partition == "features" else 0)


# Rounds, the error reached and the bytes of each round.
METHODS = {
    "block-krylov": (12, 1e-9, iterative(K)),
    "chebyshev-power": (20, 1e-9, iterative(K + 10)),
    "randomized-svd": (4, 1e-2, lambda N, P, _: reduce(N * (K + 10), P)
                       + gather((K + 10) ** 2, P)),
    "method-of-snapshots": (1, 1e-11, lambda N, P, _: reduce(
        N * (N + 1) // 2, P)),
    "tsqr-svd": (1, 1e-11, lambda N, P, _: tree(
        N * (N + 1) // 2 + N * K, P)),
}
FIRST = {"block-krylov": 1}  # floats more, of the first round
CASES = [(name, partition) for name in METHODS
         for partition in ("samples", "features")
         if name != "method-of-snapshots" or partition == "features"]


@pytest.fixture
def numpy_field(make_field):
    """make_field with the singular vectors of numpy as reference."""
    def make(array, partition="samples", n_components=K, **split):
        field = make_field(array, partition=partition, **split)
        X = global_matrix(np.asarray(array), partition)
        with h5py.File(field.reference_path, "r+") as file:
            del file["basis"]
            file["basis"] = np.linalg.svd(
                X, full_matrices=False)[2][:n_components].T
        return field
    return make


def array():
    return spectrum_array(N_STEPS, N_CELLS, D)


@pytest.mark.parametrize("n_ranks", RANKS)
@pytest.mark.parametrize(("name", "partition"), CASES)
def test_exact_at_the_stated_bytes(name, partition, n_ranks, solvers, run,
                                   numpy_field):
    """Also with ranks of unequal size, whose data are not alike."""
    rounds, tolerance, cost = METHODS[name]
    field = numpy_field(array(), partition, n_ranks=n_ranks,
                        weights=np.geomspace(3, 1, n_ranks))
    metrics = run(solvers[name], field, K, rounds)
    assert len(metrics) == rounds + 1
    assert metrics[-1]["subspace_error"] < tolerance
    N = D if partition == "samples" else N_STEPS
    sent = np.diff([each["comm_bytes"] for each in metrics])
    sent[0] -= reduce(FIRST.get(name, 0), n_ranks)
    assert (sent == cost(N, n_ranks, partition)).all()


@pytest.mark.parametrize("partition", ["samples", "features"])
def test_tree_of_three_ranks(partition, solvers, run, numpy_field):
    field = numpy_field(array(), partition, n_ranks=3)
    last = run(solvers["tsqr-svd"], field, K, 1)[-1]
    assert last["subspace_error"] < 1e-11
    N = D if partition == "samples" else N_STEPS
    assert last["comm_bytes"] == tree(N * (N + 1) // 2 + N * K, 3)


def test_a_method_that_does_not_sum_fails(solvers, run, numpy_field):
    original = solvers["block-krylov"].rounds

    class Deaf(solvers["block-krylov"]):
        @staticmethod
        def rounds(comm, **arguments):
            class Alone:
                def sum(self, local):
                    return local
            yield from original(comm=Alone(), **arguments)

    last = run(Deaf, numpy_field(array(), n_ranks=2), K, 5)[-1]
    assert last["subspace_error"] > METHODS["block-krylov"][1]


@pytest.fixture
def simulated(tmp_path, monkeypatch):
    """Fields of the dataset, with its own parameters."""
    dataset = next(each for each in BENCHMARK.get_datasets()
                   if each.name == "simulated")
    monkeypatch.setattr(dataset, "folder", staticmethod(lambda: tmp_path))

    def make(**parameters):
        defaults = {key: values[0]
                    for key, values in dataset.parameters.items()}
        instance = dataset.get_instance(**{**defaults, **parameters})
        RunContext(base_seed="0", dataset_name=str(instance)).attach(
            None, instance, None)
        field = instance.field()
        load_reference(field)
        return field
    return make


def bytes_to(metrics, error):
    return next(each["comm_bytes"] for each in metrics
                if each["subspace_error"] <= error)


SPIKED = dict(n_ranks=16, n_samples=6400, planted=5, eigengap=None)


@pytest.mark.parametrize(("k", "parameters"), [(10, {}), (5, SPIKED)])
def test_krylov_needs_fewer_bytes_than_power(k, parameters, solvers, run,
                                             simulated):
    field = simulated(rank_specific=3.0, **parameters)
    field = Field(field.path, n_ranks=4, seed=field.seed)
    krylov, power = (
        bytes_to(run(solvers[name], field, k, 40), 1e-6)
        for name in ("block-krylov", "block-power"))
    assert krylov <= 0.6 * power


def weak_modes(n, d, k, smallest, seed=0):
    """An n x d matrix whose k-th mode is tiny; the next are a tenth of it."""
    rng = np.random.default_rng(seed)
    sigma = np.r_[np.geomspace(1, smallest, k), np.full(5, smallest / 10)]
    left = np.linalg.qr(rng.standard_normal((n, len(sigma))))[0]
    right = np.linalg.qr(rng.standard_normal((d, len(sigma))))[0]
    return left * sigma @ right.T


@pytest.mark.parametrize(("name", "partition"), [
    ("tsqr-svd", "samples"), ("tsqr-svd", "features"),
    ("gram-eigh", "samples"), ("method-of-snapshots", "features"),
    ("block-krylov", "samples")])
def test_only_tsqr_sees_modes_of_1e_10(name, partition, solvers, run,
                                       numpy_field):
    """Squares of such modes are below the rounding of the largest."""
    k = 6
    X = weak_modes(200, 40, k, 1e-10)
    field = numpy_field(X[None] if partition == "samples" else X.T, partition,
                        k, n_ranks=2)
    metrics = run(solvers[name], field, k, 10)
    error = metrics[-1]["subspace_error"]
    assert error < 1e-5 if name == "tsqr-svd" else error > 1e-2
    if name == "method-of-snapshots":  # it notices, and stays orthonormal
        assert metrics[1]["comm_bytes"] == (
            reduce(40 * 41 // 2, 2) + gather(k * k, 2))


# Methods on one rank, in this process

class OneRank:
    """What the methods use of a communicator."""

    rank, size = 0, 1

    def sum(self, local):
        return local


class WholeMatrix(Block):
    """What the methods use of a PartitionedMatrix."""

    def __init__(self, X, partition):
        super().__init__(X, ReadingMeter())
        self.partition = partition
        self.n_samples, self.n_features = X.shape

    def random_basis(self, k, rng):
        return orthonormal(rng.standard_normal((self.n_features, k)))

    def unit_basis(self, k):
        return np.eye(self.n_features, k)

    def orthonormalize(self, comm, U):
        return orthonormal(U)

    def row_qr(self, comm, Y):
        return np.linalg.qr(Y)

    def covariance(self, comm, U):
        return self.X.T @ (self.X @ U) / self.n_samples

    def inner(self, comm, U, V):
        return U.T @ V


def errors(solver, X, k, n_rounds, partition="samples", seed=0,
           **parameters):
    """Sines of the largest angle to the SVD, and the last estimate."""
    defaults = {key: values[0] for key, values in solver.parameters.items()}
    exact = np.linalg.svd(X, full_matrices=False)[2][:k].T
    estimates = solver.rounds(
        OneRank(), WholeMatrix(X, partition), n_components=k,
        rng=np.random.default_rng(seed), **{**defaults, **parameters})
    sines = []
    for _, U in zip(range(n_rounds + 1), estimates, strict=False):
        U, bound = U if isinstance(U, Certified) else (U, 1.0)
        assert abs(U.T @ U - np.eye(k)).max() < 1e-9
        sines.append(np.linalg.norm(U - exact @ (exact.T @ U), 2))
        assert bound >= sines[-1] - 1e-12
    return np.array(sines), U


def with_variances(variances, n, d, seed=0):
    """An n x d matrix whose Gram matrix has these eigenvalues."""
    rng = np.random.default_rng(seed)
    r = len(variances)
    left = np.linalg.qr(rng.standard_normal((n, r)))[0]
    right = np.linalg.qr(rng.standard_normal((d, r)))[0]
    return left * np.sqrt(variances) @ right.T


def arcsine_tail(top, edge, m):
    """Eigenvalues as dense at both ends of [0, edge] as Chebyshev's zeros.

    On them Krylov methods show their bound from the first round on.
    """
    return np.r_[top, edge * (1 + np.cos(np.pi * np.arange(m) / m)) / 2]


@pytest.mark.parametrize("partition", ["samples", "features"])
def test_chebyshev_rate(partition, solvers):
    """The error falls by 1 / (x + sqrt(x^2 - 1)), x = 2 l_k / l_{k+p+1} - 1.

    Once the Ritz value that estimates l_{k+p+1} has settled.
    """
    X = with_variances(arcsine_tail([1, 0.9, 0.85, 0.82], 0.8, 40), 100, 100)
    sines, _ = errors(solvers["chebyshev-power"], X, 2, 40, partition,
                      oversampling=2)
    x = 2 * 0.9 / 0.8 - 1
    rate = (sines[40] / sines[24]) ** (1 / 16)
    assert rate == pytest.approx(1 / (x + np.sqrt(x * x - 1)), rel=0.05)


@pytest.mark.parametrize("partition", ["samples", "features"])
def test_krylov_rate(partition, solvers):
    """The error falls as 1 / T_t(2 l_k / l_{b+1} - 1) before it is faster."""
    X = with_variances(arcsine_tail([1, 0.9], 0.8, 298), 300, 300)
    sines, _ = errors(solvers["block-krylov"], X, 2, 40, partition,
                      restart_length=150)
    x = 2 * 0.9 / 0.8 - 1
    theory = 1 / (x + np.sqrt(x * x - 1))
    rate = (sines[28] / sines[8]) ** (1 / 20)
    assert 0.85 * theory < rate < 1.05 * theory


@pytest.mark.parametrize("partition", ["samples", "features"])
def test_randomized_rate_and_bound(partition, solvers):
    """A pass gains l_{k+p+1} / l_k; the mean error obeys corollary 10.10."""
    k, p = 2, 4
    X = with_variances(np.r_[1, 0.9, np.linspace(0.6, 0.5, 50)], 100, 80)
    solver = solvers["randomized-svd"]
    sines, _ = errors(solver, X, k, 99, partition, oversampling=p,
                      power_passes=30)
    assert len(sines) == 32
    slope = np.sort(np.linalg.svd(X)[1] ** 2)[::-1][k + p] / 0.9
    assert (sines[31] / sines[11]) ** (1 / 20) == pytest.approx(
        slope, rel=0.05)
    for q in (0, 2):
        missed = []
        for seed in range(20):
            _, U = errors(solver, X, k, 99, partition, seed, oversampling=p,
                          power_passes=q)
            missed.append(np.linalg.norm(X - X @ U @ U.T, 2))
        factor = 1 + np.sqrt(k / (p - 1)) + np.e * np.sqrt(
            (k + p) * (min(X.shape) - k)) / p
        assert np.mean(missed) <= np.sqrt(0.6) * (
            1 + factor ** (1 / (2 * q + 1)))


@pytest.mark.parametrize("partition", ["samples", "features"])
@pytest.mark.parametrize("name", ["block-krylov", "chebyshev-power",
                                  "randomized-svd"])
def test_rank_deficient_data(name, partition, solvers):
    """Blocks run out of independent columns, and estimates stay exact."""
    X = with_variances([1, 0.5, 0.25, 0.1, 0.05], 60, 30)
    for k in (3, 5):
        sines, _ = errors(solvers[name], X, k, 30, partition)
        assert sines[-1] < 1e-12


@pytest.mark.parametrize(("block_size", "restart_length"),
                         [(1, 8), (3, 2), (4, 8), (15, 1)])
def test_krylov_blocks_and_restarts(block_size, restart_length, solvers):
    """Any block size, short bases, an eigenvalue of multiplicity k."""
    spectrum = np.r_[np.ones(4), np.linspace(0.7, 0.01, 56)]
    X = with_variances(spectrum, 90, 60)
    sines, _ = errors(solvers["block-krylov"], X, 4, 150,
                      block_size=block_size, restart_length=restart_length)
    assert sines[-1] < 1e-12


def test_krylov_ends_when_the_space_is_exhausted(solvers):
    X = np.random.default_rng(0).standard_normal((40, 17))
    sines, _ = errors(solvers["block-krylov"], X, 5, 50)
    assert len(sines) == 1 + 4  # blocks of 5, 5, 5 and 2
    assert sines[-1] < 1e-12


def test_chebyshev_is_not_fooled_by_a_cluster(solvers):
    """A cluster that fills the block: its last Ritz value is no edge.

    Power gains 0.1 / 0.8 per round; a filter on [0, 0.8] would gain nothing.
    """
    spectrum = np.r_[np.linspace(1, 0.8, 20), np.linspace(0.1, 0.01, 100)]
    X = with_variances(spectrum, 200, 120)
    sines, _ = errors(solvers["chebyshev-power"], X, 10, 12)
    power = 0.1 / np.sort(spectrum)[::-1][9]
    assert sines[10] < 10 * sines[1] * power ** 9 + 1e-10


@pytest.mark.parametrize("rank_specific", [0.0, 1.0, 3.0])
def test_chebyshev_is_faster_than_power(rank_specific, solvers, simulated):
    field = simulated(rank_specific=rank_specific)
    with h5py.File(field.path) as file:
        X = file["field"][:].astype(float).reshape(-1, field.n_features)
    chebyshev, power = (
        np.argmax(errors(solvers[name], X, 10, 40)[0] < 1e-8)
        for name in ("chebyshev-power", "block-power"))
    assert 0 < chebyshev < power


def test_chebyshev_of_a_flat_spectrum(solvers):
    """lambda_{l+1} = 0.98 lambda_k: power would need 900 rounds."""
    X = with_variances(np.r_[np.ones(4), np.full(95, 0.98)], 120, 100)
    sines, _ = errors(solvers["chebyshev-power"], X, 4, 120)
    assert sines[-1] < 1e-8
