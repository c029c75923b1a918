"""Runs of a method share their ranks; nothing else does."""
import time

import numpy as np
import pytest
from conftest import spectrum_array
from test_world import assert_gone

from benchmark_utils.runtime import idle
from benchmark_utils.runtime.errors import WorldError
from benchmark_utils.runtime.world import start_world


@pytest.fixture
def field(make_field):
    yield make_field(spectrum_array(40, 2000, 64), n_ranks=2)
    idle.close()


def rounds(comm, data, n_components, rng):
    """Takes 20 MB, and keeps its communicator where the next run sees it."""
    import sys

    from mpi4py import MPI
    assert getattr(sys, "former", MPI.COMM_NULL) == MPI.COMM_NULL
    sys.former = comm
    U = data.random_basis(n_components, rng)
    yield U
    large = np.ones(20_000_000 // 8)
    comm.Barrier()
    yield U
    assert large.all()


def one_run(user, field):
    """The ranks and the MB of a run that ends well."""
    world = idle.take(user, field.n_ranks)
    world.load(rounds, field, 3, {})
    assert world.call("advance", 2) == 2
    memory = world.call("result")["costs"]["memory_mb"]
    idle.keep(user, world)
    return list(world.ranks.values()), memory


def test_the_next_repetition_has_the_same_ranks(field):
    """Its memory is its own, and the communicators before it are free."""
    first, memory = one_run("method", field)
    for _ in range(2):
        again, more = one_run("method", field)
        assert again == first
        # The first one reads code from disk; a block has 20 MB.
        np.testing.assert_allclose(more, memory, atol=6)
    assert (memory > 40).all()
    idle.close()
    assert_gone(first)


def test_another_method_has_other_ranks(field):
    first, _ = one_run("method", field)
    other, _ = one_run("other method", field)
    assert not set(first) & set(other)
    assert one_run("method", field)[0] == first  # of the next dataset


@pytest.mark.parametrize("partition", ["samples", "features"])
def test_a_score_is_that_of_its_field(make_field, partition):
    """Repetitions share sums over the data, other fields do not."""
    def start(comm, data, n_components, rng):
        yield data.random_basis(n_components, rng)

    def scores(world, seed):
        world.load(start, make_field(
            spectrum_array(40, 20, 16, seed)[
                ..., :1 if partition == "features" else None],
            n_ranks=2, partition=partition), 3, {})
        world.call("advance", 1)
        scores = world.call("result")["scores"]
        stored = world.call("stored", 3)["stored"]
        return scores["variance"], scores["captured_own"], stored["power"]

    order, worlds, found = (0, 1, 1, 0), [start_world(2)], []
    try:
        shared = [scores(worlds[0], seed) for seed in order]
        for seed in 0, 1:
            worlds.append(start_world(2))
            found.append(scores(worlds[-1], seed))
    finally:
        for world in worlds:
            world.close()
    for one, seed in zip(shared, order, strict=True):
        for mine, other in zip(one, found[seed], strict=True):
            np.testing.assert_array_equal(mine, other)


def test_not_too_many_wait(field, monkeypatch):
    """The ranks that wait longest end."""
    monkeypatch.setattr(idle, "MOST_WAITING", 4)
    ranks = [one_run(method, field)[0] for method in ("a", "b", "a", "c")]
    assert ranks[0] == ranks[2]
    assert_gone(ranks[1])
    assert one_run("a", field)[0] == ranks[0]


def test_what_is_printed_and_freed(field, capfd):
    """At the end of every run; data do not stay in memory."""
    def prints(comm, data, n_components, rng):
        print("printed")
        yield data.random_basis(n_components, rng)

    for _ in range(2):
        world = idle.take("method", field.n_ranks)
        world.load(prints, field, 3, {})
        world.call("advance", 1)
        used = [rank.memory_info().rss for rank in world.ranks.values()]
        idle.keep("method", world)
        assert capfd.readouterr().err.count("printed") == field.n_ranks
        assert world.waits()
        end = time.monotonic() + 10  # rank 0 has answered for all
        while time.monotonic() < end:
            freed = np.subtract(used, [
                rank.memory_info().rss for rank in world.ranks.values()])
            if (freed > 15e6).all():  # a block has 20 MB
                break
            time.sleep(0.05)
        assert (freed > 15e6).all()


def test_ranks_that_ended_while_they_waited(field):
    first, _ = one_run("method", field)
    first[1].kill()
    assert_gone(first)
    again, _ = one_run("method", field)
    assert not set(first) & set(again)


def test_an_error_is_that_of_its_repetition(field):
    def fails(comm, data, n_components, rng):
        yield data.random_basis(n_components, rng)
        raise RuntimeError("the second repetition")

    first, _ = one_run("method", field)
    world = idle.take("method", field.n_ranks)
    try:
        assert list(world.ranks.values()) == first
        world.load(fails, field, 3, {})
        with pytest.raises(WorldError, match="the second repetition"):
            world.call("advance", 2)
    finally:
        world.close()
    again, _ = one_run("method", field)
    assert not set(first) & set(again)
