"""Check all that is not a cost: refusals, requests, derived communicators.

Started on two ranks; exits with an error if an assertion fails.
"""
import copy
import inspect
import pickle
import time

import numpy as np
import pytest
from mpi4py import MPI

from benchmark_utils.comm.costs import COSTS
from benchmark_utils.comm.counting import (
    CountingComm,
    UncountedCall,
    _classify,
    install,
)
from benchmark_utils.comm.protocol import Communicator, Neighbourhood

# Local, but the clock's duplicate is freed with the communicator.
FREES = {"Free", "free", "Disconnect"}
plain = MPI.COMM_WORLD
comm = CountingComm(plain)
ledger = comm.ledger
other = 1 - plain.rank
topologies = [
    comm.Create_cart([2], [True]),
    comm.Create_graph([1, 2], [1, 0]),
    comm.Create_dist_graph_adjacent([other], [other]),
]


def public_methods(cls):
    return {name for name in dir(cls)
            if not name.startswith("_") and callable(getattr(cls, name))}


def check_every_method_is_classified():
    every = set()
    for counting in (comm, *topologies):
        mpi_class = type(counting).__bases__[-1]
        assert mpi_class.__module__ == "mpi4py.MPI"
        names = public_methods(mpi_class)
        every |= names
        for name in names - set(COSTS):
            with pytest.raises(UncountedCall, match=f"^{name} cannot be "
                               "counted: use [^.]*[.]$"):
                getattr(counting, name)()
        overridden = set().union(*(
            vars(cls) for cls in type(counting).__mro__
            if cls.__module__ == CountingComm.__module__))
        for name in names & set(COSTS):
            assert (name in overridden) == (
                COSTS[name] is not None or name in FREES), name
    assert set(COSTS) <= every


def check_the_protocol_is_fulfilled():
    """All calls are there, with mpi4py's names of arguments."""
    for one, protocol in ((comm, Communicator),
                          (topologies[2], Neighbourhood)):
        assert isinstance(one, protocol)
        for name, written in vars(protocol).items():
            if not name.startswith("_"):
                ours, theirs = (
                    list(inspect.signature(call).parameters)
                    for call in (written, getattr(type(one), name)))
                assert theirs[:len(ours)] == ours, name
    assert not isinstance(comm, Neighbourhood)


def check_methods_of_the_future_are_refused():
    future = type("Future", (MPI.Intracomm,),
                  {"Teleport": print, "__module__": "mpi4py.MPI"})
    counting = _classify(type("Counting", (CountingComm, future), {}))
    with pytest.raises(UncountedCall, match="Teleport cannot be counted"):
        counting(plain).Teleport()


def check_refusals_name_an_alternative():
    for name, instead in (
            ("Allreduce_init", "Allreduce"), ("Psend_init", "Send"),
            ("Isendrecv", "Sendrecv"), ("Idup", "Dup"),
            ("Spawn", "the sends and collectives")):
        with pytest.raises(UncountedCall, match=f"use {instead}"):
            getattr(comm, name)()


def check_what_has_no_bytes_is_refused():
    class OnGPU:
        __cuda_array_interface__ = None

    before = copy.copy(ledger)
    for buffer in (OnGPU(), [OnGPU(), 3, MPI.DOUBLE], 3.0):
        with pytest.raises(UncountedCall, match="pass a NumPy array"):
            comm.Allreduce(MPI.IN_PLACE, buffer)
    with pytest.raises(MPI.Exception):
        comm.Send(np.zeros(2), 7)
    assert ledger == before


def check_no_status_by_its_place():
    """A status of None may be the last of the arguments."""
    other, received = 1 - plain.rank, np.zeros(2)
    request = comm.Isend(np.ones(2), other, 5)
    comm.Recv(received, other, 5, None)
    request.Wait()
    assert (received == 1).all()


def check_derived_communicators():
    ring = topologies[0]
    for one in (comm.Split(plain.rank), *topologies, ring.Sub([True]),
                ring.Dup(), ring.Split(), topologies[2].Clone()):
        assert isinstance(one, CountingComm) and one.ledger is ledger
    assert isinstance(ring.Dup(), MPI.Cartcomm) and ring.dims == [2]
    assert comm == MPI.COMM_WORLD and not comm.Split(MPI.UNDEFINED)


def check_copies_do_not_count_elsewhere():
    assert copy.deepcopy({"comm": comm})["comm"] is comm
    assert copy.copy(comm) is comm
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(comm)


def check_waiting_is_timed(complete):
    """Rank 1 waits 0.3 s for rank 0; only rank 1 was in communication."""
    before = copy.copy(ledger)
    if plain.rank == 0:
        time.sleep(0.3)
    complete(comm.Ibarrier())
    waited = ledger.seconds - before.seconds
    assert waited > 0.15 if plain.rank else waited < 0.15
    assert ledger.compute_seconds - before.compute_seconds < 0.1
    assert (ledger.calls, ledger.hops) == (before.calls + 1, before.hops + 1)


def check_polling_is_timed():
    before = copy.copy(ledger)
    request = comm.Ibarrier()
    while not request.Test():
        pass
    assert ledger.seconds > before.seconds


def check_install():
    world, request, window = MPI.COMM_WORLD, MPI.Request, MPI.Win
    install(comm)
    assert MPI.COMM_WORLD is comm
    for constructor in (MPI.Win.Allocate, MPI.Win.Create, MPI.File.Open):
        with pytest.raises(UncountedCall):
            constructor(8)
    assert issubclass(MPI.Win, window) and issubclass(MPI.Request, request)
    for complete in (MPI.Request.Waitall, MPI.Request.waitall,
                     MPI.Request.Waitany):
        check_waiting_is_timed(
            lambda one, complete=complete: complete([MPI.REQUEST_NULL, one]))
    MPI.Request.Waitall([plain.Ibarrier()])
    assert MPI.Request.Waitall([]) is True
    MPI.COMM_WORLD = world


check_every_method_is_classified()
check_the_protocol_is_fulfilled()
check_methods_of_the_future_are_refused()
check_refusals_name_an_alternative()
check_what_has_no_bytes_is_refused()
check_no_status_by_its_place()
check_derived_communicators()
check_copies_do_not_count_elsewhere()
check_waiting_is_timed(lambda request: request.Wait())
check_polling_is_timed()
check_install()
