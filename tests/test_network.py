"""The network model against cases worked out by hand, and its scaling."""
import json
import math

import numpy as np
import pytest
from conftest import spectrum_array

from benchmark_utils.comm.ledger import KINDS, Call
from benchmark_utils.comm.network import (
    NETWORKS,
    OTHER_RANKS,
    Network,
    busiest_calls,
    call_seconds,
    communication_seconds,
)
from benchmark_utils.runtime.world import start_world

pytestmark = pytest.mark.simulated_ranks

STEPS = Network(1.0, math.inf)  # seconds are latency steps
BYTES = Network(0.0, 1.0)  # seconds are bytes of the busiest rank
BUS = Network(0.0, math.inf, 1.0)  # seconds are bytes of all ranks
K, D, CELLS, STEPS_IN_TIME = 3, 16, 16, 20


def text(*calls):
    return json.dumps([*map(list, calls)])


# Steps, bytes and total bytes of the algorithm that has fewest of each.
BY_HAND = {
    ("allreduce", 4): (2, 1.5, 6), ("allreduce", 8): (3, 1.75, 14),
    ("bcast", 4): (2, 1.5, 3), ("reduce", 8): (3, 1.75, 7),
    ("gather", 4): (2, 3, 3), ("scatter", 8): (3, 7, 7),
    ("allgather", 4): (2, 3, 12), ("allgather", 5): (3, 4, 20),
    ("reduce_scatter", 4): (2, 0.75, 3), ("scan", 8): (3, 3, 24),
    ("alltoall", 4): (2, 0.75, 3), ("alltoall", 16): (4, 15 / 16, 15),
    ("neighbor", 4): (1, 1, 4), ("barrier", 5): (3, 0, 0),
    ("send", 9): (1, 1, 1),
}


@pytest.mark.parametrize("call", BY_HAND)
def test_calls_by_hand(call):
    kind, n_ranks = call
    assert [call_seconds(kind, n_ranks, 1000, network)
            for network in (STEPS, BYTES, BUS)] == pytest.approx(
        np.multiply(BY_HAND[call], [1, 1000, 1000]).tolist())


def test_one_algorithm_makes_a_call():
    """The fewest steps and the fewest bytes are not had together."""
    network = Network(1.0, 1.0)
    short, long = (call_seconds("allreduce", 8, n, network)
                   for n in (1, 1000))
    assert short == 3 * (1 + 1) and long == 6 + 1750


def test_every_kind_has_a_model():
    assert {kind for kind, _ in BY_HAND} == set(KINDS)
    with pytest.raises(ValueError, match="teleport.*add its algorithms"):
        call_seconds("teleport", 4, 8, STEPS)


@pytest.mark.parametrize("network", NETWORKS.values())
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"send"}))
def test_more_bytes_and_more_ranks_take_longer(kind, network):
    sizes = [call_seconds(kind, 64, n, network) for n in (0, 8, 1e4, 1e7)]
    assert sizes == sorted(sizes) and sizes[0] > 0
    calls = text((kind, None, 4, 3000, 2))
    ranks = [communication_seconds(calls, network, 4, P)
             for P in (4, *OTHER_RANKS)]
    assert ranks == sorted(ranks)


def test_busiest_rank_of_each_kind():
    bcast, gather = Call("bcast", None, 2, 80), Call("gather", None, 2, 8)
    small = Call("bcast", None, 2, 16)
    calls = json.loads(busiest_calls([
        {bcast: 3, small: 1}, {gather: 2, small: 9}]))
    assert sorted(calls, key=str) == [
        [*small, 1], [*bcast, 3], [*gather, 2]]


@pytest.mark.parametrize("pattern, in_turn", [
    ("tree", 2), ("star", 3), ("chain", 3), ("ring", 4)])
def test_sends_with_a_pattern(pattern, in_turn):
    """One sweep: a message on every edge, some at the same time."""
    sender = {Call("send", pattern, 4, 100): 1}
    calls = busiest_calls(
        [sender if rank or pattern == "ring" else {} for rank in range(4)])
    assert communication_seconds(calls, STEPS, 4, 4) == in_turn
    assert communication_seconds(calls, BYTES, 4, 4) == 100 * in_turn
    assert communication_seconds(calls, STEPS, 4, 64) == \
        {"tree": 6, "ring": 64}.get(pattern, 63)


@pytest.mark.parametrize("calls", [
    ("send", None, 4, 100, 2), ("send", "unknown", 4, 100, 2),
    ("allgather", "unknown", 4, 300, 1), ("allreduce", None, 2, 100, 1)])
def test_unknown_growth_is_refused(calls):
    as_measured, other = (
        communication_seconds(text(calls), STEPS, 4, P) for P in (4, 64))
    assert as_measured >= 1 and math.isnan(other)


def test_one_rank():
    alone = text(("allreduce", None, 1, 0, 5))
    assert communication_seconds(alone, STEPS, 1, 1) == 0
    assert math.isnan(communication_seconds(alone, STEPS, 1, 64))
    assert communication_seconds("[]", STEPS, 4, 64) == 0


@pytest.fixture(scope="module")
def world():
    """Ranks that are simulated in one process, as many as a field asks for."""
    world = start_world(4, "simulated")
    yield world
    world.close()


@pytest.fixture
def result(solvers, make_field, world):
    """What the ranks return after a method's last round; all own as much."""
    def run(name, n_ranks, n_rounds=3, partition="samples", **parameters):
        array = spectrum_array(STEPS_IN_TIME, CELLS * n_ranks, D)
        if partition == "features":
            array = array[:, :, 0]
        field = make_field(array, n_ranks=n_ranks, partition=partition)
        solver = solvers[name]
        defaults = {key: values[0]
                    for key, values in solver.parameters.items()}
        world.load(solver.rounds, field, K, {**defaults, **parameters}, 0,
                   solver.one_pass)
        world.call("advance", n_rounds)
        answer = world.call("result")
        return {**answer["costs"], "messages": answer["messages"]}
    return run


def test_bytes_are_those_of_the_ledger(result):
    """Where one optimal algorithm serves a call, nothing is added to it."""
    costs = result("block-power", 4)
    calls = busiest_calls(costs["messages"])
    assert communication_seconds(calls, BYTES, 4, 4) == pytest.approx(
        costs["sent_bytes"].max()) and costs["sent_bytes"].max() > 0
    assert 2 * communication_seconds(calls, STEPS, 4, 4) == \
        costs["hops"].max()  # counted: reduce-scatter, allgather


@pytest.mark.parametrize("name, partition, parameters", [
    ("apmos", "features", {}),
    ("block-power", "samples", {}),
    ("block-power", "features", {}),
    ("gather-all", "samples", {}),
    ("iarg", "samples", {}),
    ("incremental-svd", "samples", {}),
    ("low-rank-merge", "samples", {"topology": "tree"}),
    ("shift-invert", "samples", {}),
    ("tsqr-svd", "samples", {}),
    ("tsqr-svd", "features", {}),
])
def test_scaling_predicts_the_calls_on_more_ranks(
        name, partition, parameters, result):
    """The calls of 2 ranks, scaled, are those that 4 ranks make."""
    two, four = (busiest_calls(
        result(name, n_ranks, partition=partition, **parameters)["messages"])
        for n_ranks in (2, 4))
    for network in (STEPS, BYTES, BUS, NETWORKS["1 GbE"]):
        assert communication_seconds(two, network, 2, 4) == pytest.approx(
            communication_seconds(four, network, 4, 4), rel=1e-6)


def test_a_token_passes_every_rank(result):
    """One rank works at a time, so an epoch has P messages in turn."""
    costs = result("iarg", 3)
    calls = busiest_calls(costs["messages"])
    assert communication_seconds(calls, STEPS, 3, 3) == 2 * 3
    assert communication_seconds(calls, BYTES, 3, 3) == \
        costs["sent_bytes"].sum()


def test_quantized_sums_are_not_scaled(result):
    calls = busiest_calls(result("quantized-power", 2)["messages"])
    assert communication_seconds(calls, STEPS, 2, 2) > 0
    assert math.isnan(communication_seconds(calls, STEPS, 2, 64))
