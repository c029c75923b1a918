"""Checks of messages, of pickled objects and of buffer specifications."""
from functools import partial

import numpy as np
from checking import DEPTH, LEFT, PLAIN, RANK, RIGHT, ROOTS, P, pickled_size
from mpi4py import MPI

ITEM = "the same everywhere"
N_ITEM = pickled_size(ITEM)
IS_REMOTE = int(P > 1)  # otherwise all messages are to oneself


def numbers():
    return np.arange(3.0) + RANK


N = numbers().nbytes


def shift(send, comm):
    received = np.zeros(3)
    request = comm.Irecv(received, source=LEFT)
    PLAIN.Barrier()  # a ready send must find its receive
    sending = getattr(comm, send)(numbers(), dest=RIGHT)
    if sending is not None:
        sending.Wait()
    request.Wait()
    return received


def shift_object(send, comm):
    request = comm.irecv(source=LEFT)
    sending = getattr(comm, send)(ITEM, RIGHT)
    if sending is not None:
        sending.wait()
    return request.wait()


def probe_and_receive(probe, comm):
    received = np.zeros(3)
    request = comm.Isend(numbers(), RIGHT)
    while not getattr(comm, probe)(source=LEFT):
        pass
    comm.Recv(received)
    request.Wait()
    return received


def receive_object(comm):
    request = comm.isend(ITEM, RIGHT)
    received = comm.recv()
    request.wait()
    return received


def exchange(dest, source, comm):
    received = np.full(3, -1.0)
    comm.Sendrecv(numbers(), dest, 0, received, source)
    return received


def exchange_in_place(dest, source, comm):
    buffer = numbers()
    comm.Sendrecv_replace(buffer, dest, source=source)
    return buffer


def exchange_objects(dest, source, comm):
    return comm.sendrecv(ITEM, dest, source=source)


def to_nobody(comm):
    comm.Send(None, MPI.PROC_NULL)
    comm.Recv(None, MPI.PROC_NULL)


def tree_sum(comm):
    """Sum to rank 0 with messages only."""
    value, other, step = np.ones(1), np.zeros(1), 1
    while step < P and RANK % (2 * step) == 0:
        if RANK + step < P:
            comm.Recv(other, RANK + step)
            value += other
        step *= 2
    if RANK:
        comm.Send(value, RANK - step)
    return value


def check_messages(checks):
    remote = IS_REMOTE
    for send in ("Send", "Bsend", "Ssend", "Rsend",
                 "Isend", "Ibsend", "Issend", "Irsend"):
        checks.run(f"{send} Irecv", partial(shift, send),
                   remote * P * N, remote, remote)
    for send in ("send", "bsend", "ssend", "isend", "ibsend", "issend"):
        checks.run(f"{send} irecv", partial(shift_object, send),
                   remote * P * N_ITEM, remote, remote)
    for probe in ("Probe", "Iprobe", "probe", "iprobe"):
        checks.run(f"{probe} Recv", partial(probe_and_receive, probe),
                   remote * P * N, remote, remote)
    checks.run("recv", receive_object, remote * P * N_ITEM, remote, remote)

    chain = (RIGHT if RIGHT else MPI.PROC_NULL,
             LEFT if RANK else MPI.PROC_NULL)
    for ends, senders in (((RIGHT, LEFT), remote * P), (chain, P - 1)):
        sends = int(remote and ends[0] != MPI.PROC_NULL)
        for name, program, n in (
                ("Sendrecv", exchange, N),
                ("Sendrecv_replace", exchange_in_place, N),
                ("sendrecv", exchange_objects, N_ITEM)):
            checks.run(name, partial(program, *ends), senders * n, remote,
                       sends)

    checks.run("sendrecv", lambda comm: comm.sendrecv(
        None, RIGHT, recvbuf=bytearray(100), source=LEFT),
        remote * P * pickled_size(None), remote, remote)
    checks.run("Send", to_nobody, 0, 0, 0)
    if RANK == 0:  # the last rank of the longest path through the tree
        checks.run("Recv", tree_sum, (P - 1) * 8, DEPTH, 0)
    else:
        step = RANK & -RANK
        receives = sum(RANK + 2**k < P for k in range(step.bit_length() - 1))
        checks.run("Recv", tree_sum, (P - 1) * 8, receives + 1, 1)


def check_objects(checks):
    """Check pickles, of another size on every rank where that is allowed."""
    items = [{"rank": rank, "text": "x" * 10 * rank} for rank in range(P)]
    sizes = [pickled_size(item) for item in items]
    view = np.arange(20.0)[::2]  # its pickle is larger than that of a copy

    def first(a, b):
        return a

    def bcast(item, root, comm):
        return comm.bcast(item if RANK == root else None, root=root)

    def scatter(root, comm):
        return comm.scatter(items if RANK == root else None, root)

    for root in ROOTS:
        others = sum(sizes) - sizes[root]
        for item in (items[root], view, None):
            checks.run("bcast", partial(bcast, item, root),
                       (P - 1) * pickled_size(item), DEPTH)
        checks.run("gather", partial(
            lambda root, comm: comm.gather(items[RANK], root), root),
            others, P - 1 if RANK == root else 1)
        checks.run("scatter", partial(scatter, root), others, P - 1)
        checks.run("reduce", partial(
            lambda root, comm: comm.reduce(ITEM, op=first, root=root), root),
            (P - 1) * N_ITEM, DEPTH)
    checks.run("scatter", lambda comm: comm.scatter(None),
               (P - 1) * pickled_size(None), P - 1)
    checks.run("allreduce", lambda comm: comm.allreduce(ITEM, op=first),
               2 * (P - 1) * N_ITEM, 2 * DEPTH)
    checks.run("scan", lambda comm: comm.scan(ITEM, first),
               (P - 1) * N_ITEM, DEPTH)
    checks.run("exscan", lambda comm: comm.exscan(ITEM, first),
               (P - 1) * N_ITEM, DEPTH)
    checks.run("allgather", lambda comm: comm.allgather(sendobj=items[RANK]),
               (P - 1) * sum(sizes), DEPTH)
    checks.run("alltoall", lambda comm: comm.alltoall(items),
               (P - 1) * sum(sizes), P - 1)
    checks.run("barrier", lambda comm: comm.barrier(), 0, DEPTH)


def check_object_neighbors(checks, on, messages):
    checks.run("neighbor_allgather",
               lambda comm: comm.neighbor_allgather(ITEM),
               messages * N_ITEM, IS_REMOTE, on=on)
    checks.run("neighbor_alltoall",
               lambda comm: comm.neighbor_alltoall([ITEM] * comm.outdegree),
               messages * N_ITEM, IS_REMOTE, on=on)


def check_specifications(checks):
    """Check all that mpi4py takes for a buffer."""
    triple = MPI.DOUBLE.Create_contiguous(3).Commit()
    gap = MPI.DOUBLE.Create_vector(2, 1, 2).Create_resized(0, 32).Commit()

    def absolute(array):
        address = MPI.Get_address(array)
        return MPI.DOUBLE.Create_hindexed([5], [address]).Commit()

    def data():
        return np.arange(12.0) + RANK

    def bcast(specify):
        array = data()
        return (specify(array),), array

    for specify, n in (
            (lambda x: x, 96),
            (memoryview, 96),
            (lambda x: [x, MPI.DOUBLE], 96),
            (lambda x: (x, "d"), 96),
            (lambda x: [x, 5], 40),
            (lambda x: [x, np.int32(5), None], 40),
            (lambda x: [x, 5, MPI.DOUBLE], 40),
            (lambda x: [x, (5, 2), MPI.DOUBLE], 40),
            (lambda x: [x, [5, 2], MPI.DOUBLE], 40),
            (lambda x: [x, 5, 2, MPI.DOUBLE], 40),
            (lambda x: [x, (None, 2), "d"], 80),
            (lambda x: [x, triple], 96),
            (lambda x: [x, 2, triple], 48),
            (lambda x: [x, gap], 48),
            (lambda x: [MPI.BOTTOM, 1, absolute(x)], 40),
            (lambda x: [None, 0, MPI.DOUBLE], 0)):
        checks.collective("Bcast", partial(bcast, specify), (P - 1) * n)

    counts = [rank + 1 for rank in range(P)]
    starts = [2 * rank for rank in range(P)]
    even = [12 // P + (rank < 12 % P) for rank in range(P)]

    def scatterv(sent, counts):
        result = np.zeros(counts[RANK])
        return (sent, result), result

    for sent, parts in (
            ([data(), counts], counts),
            ([data(), (counts, starts)], counts),
            ([data(), counts, starts, MPI.DOUBLE], counts),
            ([data(), (counts, 2), "d"], counts),
            ([data(), np.array(counts), "d"], counts),
            ([data(), 2], [2] * P),
            (data(), even)):
        checks.collective("Scatterv", partial(scatterv, sent, parts),
                          8 * sum(parts[1:]), hops=P - 1)

    def scatter():
        result = np.zeros(2)
        return ([data(), [2, 1], MPI.DOUBLE], result), result

    def allgather():
        result = np.zeros(12)
        return ([data(), 2, "d"], [result, 2, 1, "d"]), result

    checks.collective("Scatter", scatter, (P - 1) * 16, hops=P - 1)
    checks.collective("Allgather", allgather, P * (P - 1) * 16)
