"""The critical path: clocks in known patterns, methods of known depth."""
from math import ceil, log2

import numpy as np
import pytest
from conftest import spectrum_array
from test_communicator import start

K, D, N_STEPS, CELLS = 3, 12, 4, 8


@pytest.mark.parametrize("n_ranks", [2, 3, 4])
def test_patterns(n_ranks):
    start(n_ranks, "clock.py", timeout=200)


def test_a_token_and_a_chain_of_eight():
    start(8, "clock.py", "--short", timeout=200)


@pytest.fixture
def rounds(solvers, make_field, run):
    """Metrics after every round; all ranks own as much."""
    def rounds(name, n_ranks, n_rounds, **parameters):
        field = make_field(spectrum_array(N_STEPS, CELLS * n_ranks, D),
                           n_ranks=n_ranks)
        return run(solvers[name], field, K, n_rounds, **parameters)
    return rounds


@pytest.mark.simulated_ranks
def test_steps_of_methods_on_eight_ranks(rounds):
    hops = [m["comm_hops"] for m in rounds("iarg", 8, 4)]
    assert np.diff(hops).tolist() == [8] * 4
    hops = [m["comm_hops"] for m in rounds("block-power", 8, 3)]
    assert np.diff(hops).tolist() == [2 * 3] * 3


@pytest.mark.simulated_ranks
@pytest.mark.parametrize("topology, steps", [
    ("star", 3), ("tree", 2), ("chain", 3)])
def test_steps_of_hapod(topology, steps, rounds):
    """A sum of variances, a header and a factor per message, a broadcast."""
    last = rounds("hapod", 4, 1, topology=topology)[-1]
    depth = ceil(log2(4))
    assert last["comm_hops"] == 2 * depth + 2 * steps + depth


def test_the_root_of_a_star_is_the_busiest(rounds):
    last = rounds("gather-all", 4, 1)[-1]
    own = N_STEPS * CELLS * D * 8
    basis = D * K * 8
    assert last["comm_bytes_max"] >= 3 * own
    assert last["comm_bytes_max"] < 3 * (own + 8) + basis + 1


def test_computation_in_turn_adds_up(rounds):
    """A token takes all ranks' time; an allreduce that of the slowest."""
    token = rounds("iarg", 4, 30)[-1]
    together = rounds("block-power", 4, 30)[-1]
    assert token["path_compute_s"] > 2.5 * token["compute_s"]
    assert together["compute_s"] <= together["path_compute_s"]
    assert together["path_compute_s"] < 2.5 * together["compute_s"]
