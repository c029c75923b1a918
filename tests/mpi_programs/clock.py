"""The ledgers' clocks, in patterns whose critical path is known.

Started on any number of ranks; exits with an error if an assertion fails.
"""
import sys
import time

import numpy as np
from mpi4py import MPI

from benchmark_utils.comm.counting import CountingComm, CountingRequest

plain = MPI.COMM_WORLD
comm = CountingComm(plain)
ledger = comm.ledger
P, RANK = plain.size, plain.rank
NEXT, LAST = RANK + 1, P - 1
DEPTH = int(np.ceil(np.log2(P)))
COMPUTATION = 0.03  # CPU seconds
block = np.ones(3)


def new():
    return np.zeros(3)


def measured(program, start=0):
    """Hops of all ranks after a program, from given ones of this rank."""
    ledger.hops = start
    ledger.path_seconds = ledger.compute_seconds = 0.0
    plain.Barrier()
    ledger.resume()
    program()
    ledger.pause()
    return plain.allgather(ledger.hops)


def compute():
    begin = time.process_time()
    while time.process_time() - begin < COMPUTATION:
        pass


def token(work=lambda: None):
    for _ in range(2):
        if RANK:
            comm.Recv(new(), RANK - 1)
        work()
        comm.Send(block, NEXT % P)
        if RANK == 0:
            comm.Recv(new(), LAST)


def chain(receive, send=lambda dest: comm.Send(block, dest)):
    """From the first rank to the last."""
    if RANK:
        receive(RANK - 1)
    if NEXT < P:
        send(NEXT)


def check_messages():
    assert max(measured(token)) == 2 * P
    assert measured(lambda: chain(
        lambda source: comm.Recv(new(), source)))[LAST] == P - 1
    assert measured(lambda: chain(lambda _: comm.Recv(new())))[LAST] == P - 1

    def probed(source):
        status = MPI.Status()
        comm.Probe(status=status)
        comm.Recv(new(), status.source, status.tag)
        assert status.source == source and status.tag == 7

    def send_tagged(dest):
        comm.Isend(block, dest, tag=7).Wait()

    assert measured(lambda: chain(probed, send_tagged))[LAST] == P - 1
    assert measured(lambda: chain(
        lambda source: comm.recv(source=source),
        lambda dest: comm.send("text", dest)))[LAST] == P - 1

    def shift():
        for _ in range(3):
            comm.Sendrecv(block, NEXT % P, 0, new(), (RANK - 1) % P)

    assert measured(shift) == [3] * P
    # To oneself and to nobody: no step.
    def alone():
        request = comm.Irecv(new(), RANK)
        comm.Send(block, RANK)
        request.Wait()
        comm.Sendrecv(block, MPI.PROC_NULL, 0, new(), MPI.PROC_NULL)
        comm.Recv(new(), MPI.PROC_NULL)

    assert measured(alone) == [0] * P


def check_stars():
    """One after the other where the root waits for each, else at once."""
    def star():
        if RANK:
            comm.Send(block, 0)
        else:
            for _ in range(P - 1):
                comm.Recv(new(), MPI.ANY_SOURCE)

    def at_once():
        if RANK:
            comm.Send(block, 0)
        else:
            CountingRequest.Waitall(
                [comm.Irecv(new(), source) for source in range(1, P)])

    assert measured(star)[0] == P - 1
    assert measured(at_once)[0] == 1


def until(test):
    while not test():
        pass


def check_completions():
    """A chain of receives that are completed in every way there is."""
    R, flag = CountingRequest, lambda result: result[1]
    complete = {
        "Wait": lambda r: r.Wait(), "wait": lambda r: r.wait(),
        "Test": lambda r: until(r.Test),
        "test": lambda r: until(lambda: r.test()[0]),
        "Waitall": lambda r: R.Waitall([MPI.REQUEST_NULL, r]),
        "waitall": lambda r: R.waitall([r]),
        "Testall": lambda r: until(lambda: R.Testall([r])),
        "testall": lambda r: until(lambda: R.testall([r])[0]),
        "Waitany": lambda r: R.Waitany([MPI.REQUEST_NULL, r]),
        "waitany": lambda r: R.waitany([r]),
        "Testany": lambda r: until(lambda: flag(R.Testany([r]))),
        "testany": lambda r: until(lambda: flag(R.testany([r]))),
        "Waitsome": lambda r: R.Waitsome([MPI.REQUEST_NULL, r]),
        "waitsome": lambda r: R.waitsome([r]),
        "Testsome": lambda r: until(lambda: R.Testsome([r])),
        "testsome": lambda r: until(lambda: R.testsome([r])[0]),
        "statuses": lambda r: R.Waitall([r], statuses=[]),
        "status": lambda r: r.Wait(MPI.Status()),
    }
    for name, finish in complete.items():
        pickled = name.islower() and not name.startswith("status")

        def receive(source, finish=finish, pickled=pickled):
            finish(comm.irecv() if pickled else comm.Irecv(new()))
            assert source == RANK - 1

        def send(dest, pickled=pickled):
            (comm.isend("text", dest) if pickled
             else comm.Isend(block, dest)).wait()

        before = ledger.received_bytes
        assert measured(lambda: chain(receive, send))[LAST] == P - 1, name
        assert (ledger.received_bytes > before) == (RANK > 0), name


def check_collectives(form):
    """Who waits for whom: rank 1, or the last one, is late by ten steps."""
    late = min(1, LAST)
    sizes = {"scatter": (P, 1), "gather": (1, P), "allgather": (1, P),
             "alltoall": (P, P), "reduce_scatter_block": (P, 1)}

    def run(name, *options):
        sent, received = (np.ones(3 * n) for n in sizes.get(name, (1, 1)))
        buffers = {"bcast": [sent], "barrier": []}.get(name, [sent, received])
        call = getattr(comm, form(name))
        return measured(lambda: (call(*buffers, *options)
                                 or MPI.REQUEST_NULL).Wait(),
                        10 * (RANK == late))

    start = [10 * (rank == late) for rank in range(P)]
    everybody = {
        "allreduce": 2 * DEPTH, "barrier": DEPTH, "allgather": DEPTH,
        "reduce_scatter_block": DEPTH, "alltoall": P - 1}
    for name, steps in everybody.items():
        assert run(name) == [10 + steps] * P, name
    for name, steps in (("bcast", DEPTH), ("scatter", P - 1)):
        assert run(name) == [t + steps for t in start], name
        assert run(name, late) == [10 + steps] * P, name
    assert run("reduce") == [10 + DEPTH] + [t + DEPTH for t in start[1:]]
    assert run("gather") == [10 + P - 1] + [t + 1 for t in start[1:]]
    for name in ("scan", "exscan"):
        assert run(name) == [
            (10 if rank >= late else 0) + DEPTH for rank in range(P)], name


def check_derived_communicators():
    half = comm.Split(RANK % 2)
    line = comm.Create_cart([P], [False])
    ends = [rank for rank in (RANK - 1, NEXT) if 0 <= rank < P]
    path = comm.Create_dist_graph_adjacent(ends, ends)

    def halves():
        """Four exchanges in one half, one in the other; then all meet."""
        for _ in range(4 - 3 * (RANK % 2)):
            half.Barrier()
        comm.Barrier()

    largest = (P + 1) // 2
    assert measured(halves) == [4 * (largest - 1).bit_length() + DEPTH] * P

    def waves(graph, n_in):
        for _ in range(2):
            graph.Neighbor_allgather(block, np.zeros((n_in, 3)))

    assert measured(lambda: waves(line, 2)) == [2] * P
    late = [10] + [0] * LAST
    assert measured(lambda: waves(path, len(ends)), late[RANK]) == [
        12 if rank < 3 else 2 for rank in range(P)]
    for one in (half, line, path):
        one.Free()


def check_seconds():
    """The seconds of ranks in turn add up, those side by side do not."""
    def seconds():
        return plain.allreduce(ledger.path_seconds, MPI.MAX) / COMPUTATION

    assert max(measured(lambda: token(compute))) == 2 * P
    assert 2 * P <= seconds() < 2.5 * P + 0.5
    assert 2 <= ledger.compute_seconds / COMPUTATION < 3

    def side_by_side():
        for _ in range(3):
            compute()
            comm.Allreduce(MPI.IN_PLACE, new())

    measured(side_by_side)
    assert 3 <= seconds() < 4

    def by_turns():
        for turn in range(P):
            if RANK == turn:
                compute()
            (comm.Iallreduce(MPI.IN_PLACE, new())
             if turn % 2 else comm.Ibarrier()).Wait()

    measured(by_turns)
    assert P <= seconds() < 1.3 * P + 0.5
    assert ledger.compute_seconds < 1.5 * COMPUTATION

    def not_all_is_computation():
        compute()
        ledger.pause()
        compute()
        ledger.resume()
        comm.Barrier()

    measured(not_all_is_computation)
    assert 1 <= seconds() < 1.7


def check_waiting_is_communication():
    """It is not the clock that waits for a late rank."""
    calls = [
        lambda: comm.Barrier(), lambda: comm.Bcast(new()),
        lambda: comm.Allreduce(MPI.IN_PLACE, new()),
        lambda: comm.Send(block, LAST) if RANK == 0
        else RANK == LAST and comm.Recv(new(), 0)]
    for call in calls:
        plain.Barrier()
        waited, overhead = ledger.seconds, ledger.overhead_seconds
        if RANK == 0:
            time.sleep(0.3)
        call()
        if RANK == LAST:
            assert ledger.seconds - waited > 0.15
            assert 0 < ledger.overhead_seconds - overhead < 0.15


def check_nobody_waits_who_did_not_before():
    """Short messages leave before anybody receives them."""
    # Open MPI waits for the root to reduce an array of P numbers or more.
    one = np.ones(1)
    first = {"reduce": [one, np.zeros(1), MPI.SUM, 0],
             "gather": [one, np.zeros(P), 0]}
    for name, arguments in first.items():
        for form in (str.capitalize, lambda name: "I" + name):
            call = getattr(comm, form(name))
            if RANK == 0:
                for source in range(1, P):
                    comm.Recv(new(), source)
            (call(*arguments) or MPI.REQUEST_NULL).Wait()
            if RANK:
                comm.Send(block, 0)
    request = comm.Irecv(new(), (RANK - 1) % P)  # of what is never sent
    request.Cancel()
    request.Wait()


check_messages()
if "--short" not in sys.argv:
    check_stars()
    check_completions()
    check_collectives(str.capitalize)
    check_collectives(lambda name: "I" + name)
    check_derived_communicators()
    check_waiting_is_communication()
check_seconds()
check_nobody_waits_who_did_not_before()
