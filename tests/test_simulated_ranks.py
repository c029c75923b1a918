"""Simulated ranks cost and find what MPI processes do."""
from itertools import islice

import numpy as np
import pytest
from conftest import LIBRARIES, METHODS, small_field, spectrum_array
from test_communicator import start

from benchmark_utils.runtime import sharing
from benchmark_utils.runtime.errors import WorldError
from benchmark_utils.runtime.world import start_world
from benchmark_utils.scoring.estimates import evaluate

K, N_ROUNDS = 3, 6
PER_RANK = "sent_bytes", "received_bytes", "calls", "hops", "samples_seen"
ERRORS = ("subspace_error", "excess_error", "worst_domain_error",
          "consensus_error", "certified_error")
TIMES = "comm_s", "compute_s", "wall_s", "memory_mb"
CASES = [(solver, partition) for name, solver in METHODS.items()
         for partition in solver.partitions if name not in LIBRARIES]


def history(world, solver, field):
    """What all ranks report, round after round, and the metrics."""
    parameters = {key: values[0] for key, values in solver.parameters.items()}
    world.load(solver.rounds, field, K, parameters, 0, solver.one_pass)
    while world.call("advance", 1):
        result = world.call("result")
        yield result, evaluate(field, K, **result)


@pytest.mark.parametrize("n_ranks", [2, 5])
def test_every_method_as_on_processes(n_ranks, tmp_path):
    # With fewer rows than K a batch would leave directions to rounding.
    array = spectrum_array(N_ROUNDS * K, 24, 16)
    worlds = {ranks: start_world(n_ranks, ranks)
              for ranks in ("processes", "simulated")}
    try:
        for solver, partition in CASES:
            rows = [history(world, solver, small_field(
                tmp_path, array, n_ranks=n_ranks, partition=partition,
                batch=K, ranks=ranks)) for ranks, world in worlds.items()]
            # The start and rounds; no history ends earlier than the other.
            for (real, errors), (result, metrics) in zip(
                    *(islice(each, N_ROUNDS) for each in rows), strict=True):
                case = solver.name, partition
                for key in PER_RANK:
                    np.testing.assert_array_equal(
                        result["costs"][key], real["costs"][key], str(case))
                assert result["messages"] == real["messages"], case
                for key in ERRORS:
                    assert metrics[key] == pytest.approx(
                        errors[key], rel=1e-6, abs=1e-9), (case, key)
                assert all(np.isnan(metrics[key]) for key in TIMES)
    finally:
        for world in worlds.values():
            world.close()


def test_runs_that_follow_each_other_share_nothing(monkeypatch):
    for module, name, function in sharing.FACTORISATIONS:
        monkeypatch.setattr(module, name, function)
    charged = []
    sharing.share(lambda seconds: charged.append("first"))
    first = np.linalg.qr
    sharing.share(lambda seconds: charged.append("second"))
    assert first.__wrapped__ is np.linalg.qr.__wrapped__
    for _ in range(2):
        np.linalg.qr(np.eye(2))
    assert charged == ["second"]


def test_single_calls():
    start(1, "simulated.py")


@pytest.mark.parametrize("ranks", ["processes", "simulated"])
def test_a_field_with_parts_for_other_ranks(ranks, tmp_path):
    field = small_field(tmp_path, spectrum_array(6, 12, 8), n_ranks=3)
    world = start_world(2, ranks)
    try:
        with pytest.raises(WorldError, match="has parts for 3 ranks"):
            world.load(METHODS["gram-eigh"].rounds, field, K, {})
    finally:
        world.close()
