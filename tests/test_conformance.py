"""What every method must satisfy, also one that is added later."""
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import (
    METHODS,
    ROOT,
    SOLVERS,
    spectrum_array,
    waiting_worlds,
)

from benchmark_utils.scoring.metrics import METRICS

K = 3
N_STEPS, N_CELLS, D = 6, 11, 24
EVERY = [(name, partition) for name, solver in sorted(METHODS.items())
         for partition in solver.partitions]

# Rounds to run, and the error that the method reaches on this easy field,
# under every partition and on 1, 2 and 4 ranks. Every method needs an entry.
EXACT = 1e-9
EXPECTED = {
    "apmos": (1, EXACT),  # its rank is that of the field
    "block-krylov": (5, EXACT),
    "block-power": (2, EXACT),
    "chebyshev-power": (2, EXACT),
    "coded-chord": (18, EXACT),
    "dask-svd-compressed": (1, 1e-4),
    "deepca": (20, EXACT),
    "drgta": (300, 1e-2),
    "fast-pca": (100, 5e-2),
    "fdot": (20, 1e-3),
    "frequent-directions": (N_STEPS, 1e-6),
    "gather-all": (1, EXACT),
    "gather-compressed": (1, 2e-2),
    "gram-eigh": (1, EXACT),
    "hapod": (1, 2e-3),
    "history-pca": (N_STEPS, 0.2),
    "iarg": (20, EXACT),
    "incremental-svd": (N_STEPS, 3e-4),
    "local-power": (20, EXACT),
    "low-rank-merge": (1, 2e-4),
    "method-of-snapshots": (1, EXACT),
    "oja": (N_STEPS, 0.45),
    "projector-average": (1, 0.03),
    "pymor-hapod": (1, 2e-3),
    "quantized-power": (22, EXACT),
    "randomized-svd": (4, EXACT),
    "reduced-chord": (12, EXACT),
    "scipy-eigsh": (1, EXACT),
    "sdot": (20, EXACT),
    "shift-invert": (4, EXACT),
    "sklearn-incremental-pca": (N_STEPS, 3e-4),
    "sklearn-truncated-svd": (1, EXACT),
    "streaming-sketch": (N_STEPS, 3e-4),
    "tsqr-svd": (1, EXACT),
}


def check(solver, metrics, partition, n_ranks):
    """Raise AssertionError with a sentence that says what is wrong."""
    assert solver.name in EXPECTED, (
        f"{solver.name} has no entry in EXPECTED of {__file__}: say how many "
        "rounds it needs on this field and which error it then reaches.")
    for one in metrics:
        assert set(METRICS) <= set(one)
        assert all(np.isfinite(value).all() for value in one.values())
        assert one["certified_error"] >= min(1, one["subspace_error"]), \
            "proves what is not true"
        if solver.replicated or partition == "features":
            assert one["consensus_error"] == 0, "ranks disagree"
    start, last = metrics[0], metrics[-1]
    assert start["comm_bytes"] == 0, "communicates before it starts"
    error = last["subspace_error"]
    assert error <= start["subspace_error"] / 2, "hardly moves"
    assert error <= EXPECTED[solver.name][1], f"stops at {error:.1e}"
    assert last["excess_error"] <= error
    assert last["samples_seen"] >= 0.99, "has not read all data"
    assert (last["comm_bytes"] > 0) == (n_ranks > 1)


def rounds_of(name):
    """The first ones are scored one by one."""
    rounds = EXPECTED.get(name, (1, None))[0]
    first = min(N_STEPS, rounds)
    return dict(n_rounds=first, then=rounds - first)


@pytest.fixture(scope="module")
def elsewhere():
    """As `run`, in other processes."""
    with waiting_worlds() as run:
        yield run


@pytest.mark.parametrize("n_ranks", (1, 2, 4))
@pytest.mark.parametrize(("name", "partition"), EVERY)
def test_conformance(name, partition, n_ranks, run, elsewhere, make_field):
    field = make_field(spectrum_array(N_STEPS, N_CELLS, D), n_ranks=n_ranks,
                       partition=partition)
    solver, rounds = SOLVERS[name], rounds_of(name)
    metrics = run(solver, field, K, **rounds)
    check(solver, metrics, partition, n_ranks)
    if n_ranks == 2:  # the same seed on other ranks, with another past
        elsewhere(solver, field, K, n_rounds=0, seed=1)
        again = elsewhere(solver, field, K, **rounds)
        for key in ("subspace_error", "comm_bytes", "samples_seen"):
            assert [one[key] for one in metrics] == [
                one[key] for one in again], "same seed, other numbers"


def never_moves(comm, data, n_components, rng, **_):
    """A start that is yielded for ever, with some reading and sending."""
    U = data.random_basis(n_components, rng)
    while True:
        yield U
        data.covariance(comm, U)


def forgets_the_others(comm, data, n_components, rng, **_):
    """The power iteration with a rank's own covariance."""
    U = data.random_basis(n_components, rng)
    while True:
        yield U
        comm.Barrier()
        comm.sum(U)
        U = data.orthonormalize(comm, data.local_covariance(U))


@pytest.mark.parametrize(("rounds", "name", "complaint"), [
    (never_moves, "block-power", "hardly moves"),
    (never_moves, "new-method", "no entry in EXPECTED"),
    (forgets_the_others, "block-power", "disagree"),
    (SOLVERS["block-power"].rounds, "new-method", "no entry in EXPECTED")])
def test_a_wrong_method_does_not_conform(rounds, name, complaint, run,
                                         make_field):
    """Also not a right one whose expectation nobody has declared."""
    solver = SimpleNamespace(name=name, rounds=rounds, one_pass=False,
                             replicated=True,
                             parameters={"oversampling": [10]})
    field = make_field(spectrum_array(N_STEPS, N_CELLS, D), n_ranks=2)
    metrics = run(solver, field, K, 2, then=18)
    with pytest.raises(AssertionError, match=complaint):
        check(solver, metrics, "samples", 2)


@pytest.mark.parametrize("name", SOLVERS)
def test_docstring_has_round_and_guarantee(name):
    doc = SOLVERS[name].__doc__
    first = doc.splitlines()[0]
    assert first.endswith(".") and len(first) < 80
    assert "<b>Round:</b>" in doc and "<b>Guarantee:</b>" in doc
    path = ROOT / "solvers" / f"{name.replace('-', '_')}.py"
    assert len(path.read_text().splitlines()) <= 80


def test_the_median_method_is_short():
    """Compressors have a codec beside, and may be longer."""
    paths = [ROOT / "solvers" / f"{name.replace('-', '_')}.py"
             for name in METHODS]
    assert np.median([
        len(path.read_text().splitlines()) for path in paths]) < 45
