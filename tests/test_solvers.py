"""Every method against numpy: the right subspace at the stated cost."""
from math import ceil, log2

import numpy as np
import pytest
from conftest import global_matrix, metrics_per_round, spectrum_array
from mpi4py import MPI

from benchmark_utils.program import DistributedPCA
from benchmark_utils.runtime.errors import WorldError
from benchmark_utils.runtime.memory import MemoryMeter

K = 3
N_STEPS, N_CELLS, D = 6, 11, 24
RANKS = (1, 2, 4)

def formula(name, P, d=D, k=K, n=N_STEPS * N_CELLS):
    """Bytes that all ranks send until the last round, from the docstrings."""
    r, size = 2 * k, min(k + 10, d)
    merge = (P - 1) * 8 * (d * r + d * k + 1)
    return {
        "block-power": 40 * 2 * (P - 1) * 8 * d * size,
        "gram-eigh": 2 * (P - 1) * 8 * d * (d + 1) // 2,
        "incremental-svd": 2 * merge,  # after batches 5 and 6
        "low-rank-merge": merge,
    }[name]


def array():
    return spectrum_array(N_STEPS, N_CELLS, D)


@pytest.mark.parametrize("n_ranks", RANKS)
@pytest.mark.parametrize("name", ["block-power", "gram-eigh",
                                  "incremental-svd", "low-rank-merge"])
def test_bytes(name, n_ranks, solvers, run, make_field):
    last = run(solvers[name], make_field(
        array(), n_ranks=n_ranks), K, 40)[-1]
    assert last["comm_bytes"] == formula(name, n_ranks)


@pytest.mark.parametrize("name", ["block-power", "gram-eigh"])
def test_ranks_agree(name, solvers, run, make_field):
    """The converged subspace does not depend on the number of ranks."""
    X = global_matrix(array(), "samples")
    exact = np.linalg.svd(X)[2][:K].T
    for n_ranks in RANKS:
        field = make_field(array(), n_ranks=n_ranks)
        # The stored reference is numpy's: errors are against numpy.
        import h5py
        with h5py.File(field.reference_path) as file:
            basis = file["basis"][:, :K]
        assert np.linalg.norm(basis - exact @ (exact.T @ basis), 2) < 1e-10
        last = run(solvers[name], field, K, 40)[-1]
        assert last["subspace_error"] < 1e-9


def test_block_power_rate(solvers, run, make_field):
    """The error falls by lambda_{k+p+1} / lambda_k per round."""
    rng = np.random.default_rng(1)
    d, k, p = 30, 2, 2
    scales = np.sqrt(np.r_[1, 0.9, 0.8, 0.7, 0.6 * np.ones(d - 4)])
    left = np.linalg.qr(rng.standard_normal((200, d)))[0]
    right = np.linalg.qr(rng.standard_normal((d, d)))[0]
    field = make_field((left * scales @ right.T)[None], n_ranks=2)
    errors = [m["subspace_error"] for m in run(
        solvers["block-power"], field, k, 40, oversampling=p)]
    rate = (errors[40] / errors[20]) ** (1 / 20)
    assert rate == pytest.approx(0.6 / 0.9, rel=0.05)


def specific_field(make_field, n_ranks=4, k=4, d=40):
    """Shared directions outranked on each rank by three of its own."""
    rng = np.random.default_rng(3)
    basis = np.linalg.qr(rng.standard_normal((d, k + 3 * n_ranks)))[0]
    rows = []
    for rank in range(n_ranks):
        own = basis[:, k + 3 * rank:k + 3 * rank + 3]
        rows.append(rng.standard_normal((50, k)) @ basis[:, :k].T * 1.2
                    + 1.5 * rng.standard_normal((50, 3)) @ own.T)
    rows = np.concatenate(rows) + 1e-4 * rng.standard_normal(
        (50 * n_ranks, d))
    return make_field(rows[None], n_ranks=n_ranks)


@pytest.mark.parametrize("topology", ["star", "tree"])
def test_merge_needs_rank_beyond_k(topology, solvers, run, make_field):
    """r = k loses shared directions, r = 2k keeps them."""
    field = specific_field(make_field)
    error = {}
    for factor in (1, 2, 4):
        error[factor] = run(
            solvers["low-rank-merge"], field, 4, 1, rank_factor=factor,
            topology=topology)[-1]["subspace_error"]
    assert error[1] > 0.1
    # Eight directions fit in 2k on a rank, sixteen in 4k on a pair.
    assert error[4 if topology == "tree" else 2] < 1e-5


@pytest.mark.parametrize("n_ranks", (2, 3, 4))
def test_tree_merge_cost(n_ranks, solvers, run, make_field):
    field = make_field(array(), n_ranks=n_ranks)
    last = run(solvers["low-rank-merge"], field, K, 1,
               topology="tree")[-1]
    assert last["comm_bytes"] == formula("low-rank-merge", n_ranks)
    assert last["comm_hops"] <= 2 * ceil(log2(n_ranks))


def test_one_pass_methods_do_not_hold_the_data(solvers, make_field):
    """Peak memory of a stream is far below that of the block."""
    rng = np.random.default_rng(0)
    field = make_field(rng.standard_normal((40, 5000, 30)), n_ranks=1)
    block_mb = 40 * 5000 * 30 * 8 / 1e6
    memory = {
        name: metrics_per_round(solvers[name], field, 5, 40)[-1]["memory_mb"]
        for name in ("incremental-svd", "low-rank-merge")}
    assert memory["incremental-svd"] < block_mb / 3
    assert memory["low-rank-merge"] > block_mb


def test_unsupported_partition_is_skipped(solvers, make_field):
    field = make_field(array(), n_ranks=2, partition="features")
    skip, reason = solvers["gram-eigh"]().skip(field, K)
    assert skip and "samples" in reason


WRONG = [
    ("coded-chord", "coding", "foo", "coding is 'foo', not one of entropy, "),
    ("block-krylov", "messages", "float16", "not one of float64, float32"),
    ("shift-invert", "messages", "float16", "not one of float64, float32"),
    ("sdot", "mixing", "slow", "not one of chebyshev, plain"),
    ("deepca", "topology", "star", "not one of ring, grid, erdos_renyi, "),
    ("shift-invert", "rank_factor", 0, "rank_factor is 0: give a whole numb"),
    ("block-krylov", "block_size", -3, "block_size is -3: give a whole numb"),
    ("block-power", "oversampling", -1, "a whole number, 0 or more"),
    ("hapod", "tolerance", "small", "tolerance is 'small': give a number"),
]


@pytest.mark.parametrize("name, key, value, sentence", WRONG)
def test_values_that_a_method_does_not_know(name, key, value, sentence,
                                            solvers, make_field):
    """In a run they are skipped, in a program refused."""
    solver = solvers[name].get_instance(**{key: value})
    skip, reason = solver.skip(make_field(spectrum_array(4, 8, 6)), 2)
    assert skip and sentence in reason
    with pytest.raises(ValueError, match=sentence):
        DistributedPCA(MPI.COMM_SELF, name, 2, **{key: value})


def test_every_word_of_a_method_has_its_choices(solvers):
    """And no default is refused."""
    for solver in solvers.values():
        for key, values in solver.parameters.items():
            if isinstance(values[0], str) and key != "codec":
                assert values[0] in solver.choices[key], (solver.name, key)
        assert solver.wrong_parameter({
            key: values[0] for key, values in solver.parameters.items()
        }) is None


def test_orthonormalize_of_any_rank(make_field, run):
    """Also where ranks have fewer rows than the basis has columns."""
    class Deficient:
        parameters, one_pass = {}, False

        @staticmethod
        def rounds(comm, data, n_components, rng):
            U = data.random_basis(n_components, rng)
            yield U
            U[:, 1:] = U[:, :1]
            yield data.orthonormalize(comm, U)  # scoring checks it

    field = make_field(spectrum_array(20, 5, 1), n_ranks=4,
                       partition="features")
    assert len(run(Deficient, field, K, 1)) == 2


def test_data_are_read_only(solvers, run, make_field):
    """A method cannot change what it is scored on."""
    class Writes:
        parameters, one_pass = {}, False

        @staticmethod
        def rounds(comm, data, n_components, rng):
            yield data.random_basis(n_components, rng)
            data.X[:] = 0

    with pytest.raises(WorldError, match="read-only"):
        run(Writes, make_field(array(), n_ranks=2), K, 1)


@pytest.mark.parametrize("heterogeneity", [1, 0])
def test_memory_is_the_block_and_little_else(
        solvers, make_field, heterogeneity):
    """Not what reading and scoring left behind, nor less for it."""
    if not MemoryMeter().has_proc:
        pytest.skip("This system does not reset the peak of a process.")
    values = np.random.default_rng(0).standard_normal((40, 5000, 30))
    field = make_field(values, n_ranks=2, heterogeneity=heterogeneity)
    block_mb = values.nbytes / 2 / 1e6
    for name, blocks in [("block-power", 1), ("gram-eigh", 0)]:
        rounds = metrics_per_round(solvers[name], field, 5, 1)
        used = rounds[-1]["memory_mb"] / block_mb
        assert blocks <= used < blocks + 0.6, name
