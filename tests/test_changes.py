"""Streams that are merged by coded changes, on real ranks."""
import numpy as np
import pytest
from conftest import spectrum_array

from benchmark_utils.runtime.errors import WorldError

pytestmark = pytest.mark.simulated_ranks

K, N_STEPS = 4, 24


def stream(run, solvers, field, **parameters):
    """Errors, and bytes of each batch, of an SVD merged at every batch."""
    metrics = run(solvers["incremental-svd"], field, K, N_STEPS,
                  merge_every=1, **parameters)
    return (np.array([one["subspace_error"] for one in metrics[1:]]),
            np.diff([one["comm_bytes"] for one in metrics]))


@pytest.mark.parametrize("n_ranks", [1, 2, 4])
def test_the_same_errors_for_an_eighth_of_the_bytes(n_ranks, solvers, run,
                                                    make_field):
    field = make_field(spectrum_array(N_STEPS, 40, 40, decay=0.7),
                       n_ranks=n_ranks, weights=range(1, n_ranks + 1))
    plain, cost = stream(run, solvers, field)
    coded, coded_cost = stream(run, solvers, field, coding="changes")
    assert abs(coded - plain).max() < 0.02
    assert coded.mean() == pytest.approx(plain.mean(), rel=0.05)
    assert 8 * coded_cost.sum() < cost.sum() or n_ranks == 1


def test_a_finer_tolerance_is_kept(solvers, run, make_field):
    field = make_field(spectrum_array(N_STEPS, 40, 40, decay=0.7), n_ranks=2)
    plain, _ = stream(run, solvers, field)
    for tolerance in 0.1, 0.01, 0.001:
        coded, _ = stream(run, solvers, field, coding="changes",
                          tolerance=tolerance)
        assert abs(coded - plain).max() < 2 * tolerance


def test_silence_where_nothing_changes(solvers, run, make_field):
    """The same snapshot again and again: only the headers are left."""
    field = make_field(np.tile(spectrum_array(1, 40, 40), (N_STEPS, 1, 1)),
                       n_ranks=2)
    _, cost = stream(run, solvers, field, coding="changes")
    assert cost[-8:].max() < 64 < cost[0] / 8


def test_ranks_without_data(solvers, run, make_field):
    array = spectrum_array(N_STEPS, 8, 20)
    array[:, :4] = 0
    errors, _ = stream(run, solvers, make_field(array, n_ranks=4),
                       coding="changes")
    assert errors[-1] < 0.05


def test_features_are_refused(solvers, run, make_field):
    field = make_field(spectrum_array(6, 8, 12), n_ranks=2,
                       partition="features")
    with pytest.raises(WorldError, match="needs partition = samples"):
        stream(run, solvers, field, coding="changes")
