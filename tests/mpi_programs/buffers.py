"""Buffers that MPI would not send as meant are refused, others are not.

Started on two ranks; exits with an error if an assertion fails.
"""
import array
import copy
from inspect import signature

import numpy as np
import pytest
from mpi4py import MPI

from benchmark_utils.comm.costs import COSTS
from benchmark_utils.comm.counting import CountingComm

plain = MPI.COMM_WORLD
comm = CountingComm(plain)
RANK, OTHER = plain.rank, 1 - plain.rank
graph = comm.Create_dist_graph_adjacent([OTHER], [OTHER])
CALLS = {name: tuple(signature(getattr(graph, name)).parameters)
         for name, cost in COSTS.items()
         if cost and not name.islower() and hasattr(graph, name)}


def matrix(dtype="f8"):
    return np.arange(6).reshape(2, 3).astype(dtype)


def read_only(x):
    x.flags.writeable = False
    return x


x = matrix()
# What is wrong with a buffer to send, and the sentence that says so.
WRONG_TO_SEND = [
    (np.asfortranarray(x), "send buffer is not in C order.*"
     r"pass np.ascontiguousarray\(x\)\.$"),
    (np.repeat(x, 2, axis=1)[:, ::2], "not in C order.*ascontiguousarray"),
    (x.T, "not in C order.*ascontiguousarray"),
    (np.asfortranarray(x, "f4"), "not in C order"),
    (x.astype(object), r"object.*not numbers.*x.astype\(float\)\.$"),
    (np.zeros(3, "f8,i4"), r"not numbers for MPI.*x.astype\(float\)\.$"),
    (x.astype(">f8"), r"float64 in foreign byte order.*np.float64\)\.$"),
]
WRONG_TO_RECEIVE = [
    (read_only(matrix()), r"receive buffer is read-only: .*empty_like\(x\)"),
    (np.asfortranarray(x), "receive buffer is not in C order.*np.empty"),
    (np.zeros((2, 6))[:, ::2], "receive buffer is not in C order"),
    (matrix(">f8"), "receive buffer holds float64 in foreign byte order"),
]
WRONG_PAIRS = [
    (matrix("f4"), matrix(), "float32 elements are received as float64, .*"
     r"x.astype\(np.float64\)\.$"),
    (matrix(), matrix("f4"), "float64 elements are received as float32"),
    (matrix("i8"), matrix(), "int64 elements are received as float64"),
    (matrix("i4"), matrix("i8"), "int32 elements are received as int64"),
    (matrix("?"), matrix(), "bool elements are received as float64"),
    (matrix("c16"), matrix(), "complex128 elements are received as float64"),
    (memoryview(matrix("i8")), matrix(), "int64 elements are received as f"),
    (x, x, r"overlap: send a copy, x.copy\(\)\.$"),
    (np.zeros(9)[:6], None, "overlap"),  # with the part from the third on
]


def arguments(call, **given):
    """Arguments of a call on this rank as root, with some given ones."""
    return {name: value for name, value in dict(
        dest=OTHER, root=RANK, **given).items() if name in CALLS[call]}


def refuses(call, sentence, **given):
    before = copy.copy(comm.ledger)
    with pytest.raises((TypeError, ValueError), match=sentence) as error:
        getattr(graph, call)(**arguments(call, **given))
    text = str(error.value)
    assert text.startswith(f"{call}: ") and text.count(". ") == 0, text
    assert comm.ledger == before, call


def check_refusals():
    n_checks = 0
    for call, names in CALLS.items():
        if "sendbuf" in names and not call.lower().endswith("w"):
            for sent, sentence in WRONG_TO_SEND:
                refuses(call, sentence, sendbuf=sent, recvbuf=matrix())
            for received, sentence in WRONG_TO_RECEIVE:
                refuses(call, sentence, sendbuf=matrix(), recvbuf=received)
            for sent, received, sentence in WRONG_PAIRS:
                received = sent.base[3:] if received is None else received
                # What Sendrecv sends is not what it receives.
                if call != "Sendrecv" or "overlap" in sentence:
                    refuses(call, sentence, sendbuf=sent, recvbuf=received)
            n_checks += 1
        elif "buf" in names:
            sends = call.endswith("end") or "cast" in call
            wrong = WRONG_TO_SEND if sends else WRONG_TO_RECEIVE
            for buffer, sentence in wrong:
                refuses(call, sentence, buf=buffer)
            n_checks += 1
    assert n_checks > 40, n_checks
    for call in ("Bcast", "Ibcast"):
        for buffer, sentence in WRONG_TO_RECEIVE:
            with pytest.raises((TypeError, ValueError), match=sentence):
                getattr(comm, call)(buffer, root=OTHER)
    for call in ("Alltoallw", "Ialltoallw", "Neighbor_alltoallw"):
        refuses(call, "read-only", sendbuf=None, recvbuf=[
            WRONG_TO_RECEIVE[0][0], [1, 1], [0, 8], [MPI.DOUBLE] * 2])


def same(program):
    """A counting communicator does what the plain one does."""
    assert repr(program(plain)) == repr(program(comm))


def into(make, call):
    def program(on):
        received = make()
        call(on, received)
        return np.asarray(received)
    return program


def check_what_mpi_allows():
    root = RANK == 0
    ones = np.ones(3)
    swap = {"dest": OTHER, "source": OTHER}
    halves = np.arange(6.0)
    same(into(lambda: np.zeros(3), lambda on, r: on.Allreduce(
        read_only(np.ones(3)), r)))
    same(into(lambda: np.zeros(3), lambda on, r: on.Allreduce(
        MPI.IN_PLACE, r)))
    same(into(halves.copy, lambda on, r: on.Allreduce(r[:3], r[3:])))
    same(into(halves.copy, lambda on, r: on.Sendrecv(
        [r, (3, 0)], recvbuf=[r, (3, 3)], **swap)))
    same(into(halves.copy, lambda on, r: on.Sendrecv(
        [r, 3], recvbuf=[r, (3, 3)], **swap)))
    same(into(lambda: np.zeros(6), lambda on, r: on.Gather(
        ones, r if root else None)))
    same(into(lambda: np.zeros(3), lambda on, r: on.Reduce(
        ones, r if root else read_only(matrix("i4")))))
    same(into(lambda: np.zeros(3), lambda on, r: on.Scatter(
        np.arange(6.0) if root else np.asfortranarray(matrix("i4")), r)))
    same(into(lambda: np.zeros(3) if RANK else read_only(np.ones(3)),
              lambda on, r: on.Bcast(r)))
    # An explicit datatype is the caller's word.
    same(into(lambda: np.zeros(6), lambda on, r: on.Sendrecv(
        [np.asfortranarray(x), MPI.DOUBLE], recvbuf=r, **swap)))
    same(into(lambda: np.zeros(6), lambda on, r: on.Sendrecv(
        [x, MPI.BYTE], recvbuf=[r, MPI.BYTE], **swap)))
    same(into(lambda: np.zeros(12, "f4"), lambda on, r: on.Sendrecv(
        [x.astype(">f4"), MPI.BYTE], recvbuf=[r, 24, MPI.BYTE], **swap)))
    same(into(lambda: np.zeros(1 + RANK), lambda on, r: on.Sendrecv(
        np.ones(2, "f4") if RANK else ones[:2],
        recvbuf=r if RANK else r.view("f4"), **swap)))
    # Other containers, and nothing at all of another type.
    same(into(lambda: bytearray(4), lambda on, r: on.Sendrecv(
        b"text", recvbuf=r, **swap)))
    same(into(lambda: array.array("d", [0] * 3), lambda on, r: on.Sendrecv(
        ones, recvbuf=r, **swap)))
    same(into(lambda: np.zeros(3, "f4"), lambda on, r: on.Sendrecv(
        np.zeros(0), recvbuf=r, **swap)))
    same(into(lambda: np.zeros(3), lambda on, r: on.Sendrecv(
        ones, recvbuf=r, dest=MPI.PROC_NULL, source=MPI.PROC_NULL)))
    total = comm.sum(np.asfortranarray(x))
    assert total.flags.c_contiguous and (total == 2 * x).all()
    assert comm.max([1, RANK]).tolist() == [1, 1]


def check_types_of_other_ranks():
    """Rank 0 has integers where rank 1 has floats of the same size."""
    mine, other = (np.dtype(t) for t in ("i8", "f8")[::1 - 2 * RANK])

    def block(n=2):
        return np.ones(n, mine)

    def mixed(call, *arguments, seen=True, on=comm):
        sentence = f"{other.name} elements are received as {mine.name}"
        request = None
        try:
            request = getattr(on, call)(*arguments)
            if request is not None:
                request.Wait()
        except TypeError as error:
            assert seen and sentence in str(error), (call, error)
        else:
            assert not seen, call

    def both(call, *arguments, **options):
        mixed(call, *arguments, **options)
        mixed("I" + call.lower(), *arguments, **options)

    both("Allgather", block(), block(4))
    both("Alltoall", block(), block())
    both("Bcast", block(), seen=RANK == 1)
    both("Gather", block(), block(4), seen=RANK == 0)
    both("Scatter", block(4), block(), seen=RANK == 1)
    both("Neighbor_allgather", block(), block(), on=graph)
    both("Neighbor_alltoall", block(), block(), on=graph)
    mixed("Sendrecv", block(), OTHER, 0, block(), OTHER)
    mixed("Sendrecv_replace", block(), OTHER, 0, OTHER)
    for receive in ("Recv", "Irecv"):
        if RANK == 0:
            comm.Send(block(), 1)
        else:
            mixed(receive, block())
    # All goes on after that; of two receives it is not known whose is whose.
    request = [comm.Irecv(np.zeros(2, t), OTHER) for t in (mine, other)]
    for dtype in (other, mine):
        comm.Send(np.ones(2, dtype), OTHER)
    for one in request[::-1]:
        one.Wait()
    comm.Barrier()


check_refusals()
check_what_mpi_allows()
check_types_of_other_ranks()
