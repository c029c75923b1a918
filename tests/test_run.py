"""What a run charges to a method: each cost against a known one."""
import pytest
from conftest import spectrum_array

from benchmark_utils.runtime.errors import WorldError
from benchmark_utils.runtime.world import start_world

BUSY = 0.3  # seconds
# Elsewhere a busy machine may add some, in proportion to what is done.
ELSEWHERE = 0.1


@pytest.fixture
def field(make_field):
    return make_field(spectrum_array(4, 9, 8), n_ranks=3)


def costs(field, rounds, n_rounds, **options):
    world = start_world(field.n_ranks)
    try:
        world.load(rounds, field, 3, {"seconds": BUSY}, **options)
        assert world.call("advance", n_rounds) == n_rounds
        return world.call("result")["costs"]
    finally:
        world.close()


def spin(seconds):
    """Use so many seconds of CPU time."""
    from time import process_time
    end = process_time() + seconds
    while process_time() < end:
        pass


def test_compute_is_cpu_time_outside_communication(field):
    class Slow:
        """Takes CPU time to be packed."""

        def __reduce__(self):
            spin(BUSY)
            return int, ()

    def rounds(comm, data, n_components, rng, seconds):
        U = data.random_basis(n_components, rng)
        yield U
        if comm.rank == 1:
            spin(seconds)
        comm.bcast(Slow() if comm.rank == 2 else None, root=2)
        yield U

    of = costs(field, rounds, 2)
    assert of["compute_s"][1] >= BUSY
    assert of["compute_s"][0] < ELSEWHERE and of["compute_s"][2] < ELSEWHERE
    assert of["comm_s"][2] >= BUSY
    # The others wait for rank 2: that is communication as well.
    assert of["comm_s"][0] > BUSY / 2
    assert (of["wall_s"] > of["comm_s"]).all()


def test_reading_of_the_stream_is_not_charged(field, monkeypatch):
    """In situ, the simulation hands a batch over in memory."""
    def rounds(comm, data, n_components, rng, seconds):
        from benchmark_utils.fields.reading import Reader
        read = Reader.read

        def slowly(self, start, stop):
            spin(seconds)
            return read(self, start, stop)

        Reader.read = slowly
        U = data.random_basis(n_components, rng)
        yield U
        for _ in data.batches():
            yield U

    of = costs(field, rounds, 3, one_pass=True)
    assert (of["compute_s"] < ELSEWHERE).all()
    assert (of["wall_s"] < BUSY).all()
    assert of["samples_seen"].tolist() == [0.5] * 3


def test_a_method_without_a_starting_point(field):
    def rounds(comm, data, n_components, rng, seconds):
        return
        yield

    world = start_world(field.n_ranks)
    try:
        world.load(rounds, field, 3, {"seconds": 0})
        assert world.call("advance", 1) == 0
        with pytest.raises(WorldError, match="before its first yield"):
            world.call("result")
    finally:
        world.close()
