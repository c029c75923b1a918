"""Controls: published methods with float32 messages, and a merged start."""
import numpy as np
import pytest
from conftest import spectrum_array
from threads import on_threads

from benchmark_utils.methods.messages import ShortMessages
from benchmark_utils.methods.start import merged_start

pytestmark = pytest.mark.simulated_ranks

K, D, P = 3, 40, 3


@pytest.fixture
def field(make_field):
    """Ranks own from 1 to 4 parts of the cells."""
    def make(partition="samples", **spectrum):
        array = spectrum_array(6, 11, D, **spectrum)
        return make_field(array, n_ranks=P, partition=partition,
                          weights=np.geomspace(4, 1, P))
    return make


def column(metrics, key):
    return np.array([one[key] for one in metrics])


@pytest.mark.parametrize("name, partition, parameters", [
    ("block-krylov", "samples", {}), ("block-krylov", "features", {}),
    *(("shift-invert", "samples", {"preconditioner": kind})
      for kind in ("merged", "first", "average"))])
def test_short_messages_cost_half_and_stop(name, partition, parameters,
                                           solvers, run, field):
    """Bytes of every round; a floor that float64 has not; no certificate."""
    plain, short = (
        run(solvers[name], field(partition), K, 12, messages=messages,
            **parameters) for messages in ("float64", "float32"))
    sent, half = (np.diff(column(metrics, "comm_bytes"))[:len(short) - 1]
                  for metrics in (plain, short))
    # The factors of the orthonormalisation stay in float64.
    kept = 8 * P * (P - 1) * K * K if partition == "features" else 0
    np.testing.assert_array_equal(2 * (half - kept), sent - kept)
    assert column(plain, "subspace_error").min() < 1e-11
    assert 1e-9 < column(short, "subspace_error")[-1] < 1e-5
    assert (column(short, "certified_error") == 1).all()
    assert column(short, "consensus_error").max() == 0


def test_short_messages_are_the_same_on_all_ranks():
    """Also on rank 0, which has what it sends in float64."""
    x = np.random.default_rng(0).standard_normal((P, 5, 2))

    def talk(comm, i):
        short, mine, total = ShortMessages(comm), x[i].copy(), np.zeros((5, 2))
        short.Bcast(mine)
        gathered = np.zeros((P, 5, 2)) if i == 0 else None
        short.Gather(x[i], gathered)
        short.Reduce(x[i], total if i == 0 else None)
        return mine, short.sum(x[i]), total, gathered

    results = on_threads(talk, P)
    for sent, summed, _, _ in results:
        np.testing.assert_array_equal(sent, x[0].astype(np.float32))
        np.testing.assert_array_equal(summed, results[0][1])
    _, summed, total, gathered = results[0]
    np.testing.assert_array_equal(gathered, x.astype(np.float32))
    for each in (summed, total):
        assert each.dtype == float
        np.testing.assert_allclose(each, x.sum(axis=0), atol=1e-6)
        assert abs(each - x.sum(axis=0)).max() > 1e-9


def test_uncoded_power_is_block_power(solvers, run, field):
    one, other = (run(solvers[name], field(), K, 8, **parameters)
                  for name, parameters in (
                      ("quantized-power", {"coding": "float64"}),
                      ("block-power", {"oversampling": 0})))
    for key in "comm_bytes", "subspace_error":
        np.testing.assert_allclose(column(one, key), column(other, key),
                                   rtol=1e-6)


@pytest.mark.parametrize("coding", ["difference", "float64"])
def test_power_from_the_merged_start(coding, solvers, run, field):
    """Close after one round, exact at the end; later rounds send as much."""
    start, metrics = (
        run(solvers["quantized-power"], field(), K, 40, coding=coding,
            start=start) for start in ("random", "merged"))
    error = column(metrics, "subspace_error")
    assert error[1] < 0.1 < column(start, "subspace_error")[1]
    assert error[-1] < 1e-9
    sent, usual = (np.diff(column(each, "comm_bytes"))
                   for each in (metrics, start))
    np.testing.assert_array_equal(sent[1:], usual[1:])


def test_parts_of_the_merged_start_make_up_its_total():
    """What ranks believe to have sent is what all believe to have."""
    rng = np.random.default_rng(0)
    blocks = rng.standard_normal((P, 30, D)) * 0.8 ** np.arange(D)

    class Data:
        n_samples, n_features, local_rng = 90, D, None

        def __init__(self, block):
            self.block = block

        def nystrom_factor(self, rank, rng):
            _, s, V = np.linalg.svd(self.block, full_matrices=False)
            return V[:rank].T * s[:rank], s[rank] ** 2

    starts = on_threads(
        lambda comm, i: merged_start(comm, Data(blocks[i]), K, "entropy"), P)
    W, _, total = starts[0]
    for other, _, same in starts:
        np.testing.assert_array_equal(other, W)
        np.testing.assert_array_equal(same, total)
    np.testing.assert_allclose(sum(own for _, own, _ in starts), total,
                               atol=1e-12)
    X = np.concatenate(blocks)
    exact = X.T @ (X @ W) / 90
    assert np.linalg.norm(total - exact) < 0.1 * np.linalg.norm(exact)
