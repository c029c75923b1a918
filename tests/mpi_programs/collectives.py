"""Checks of the collectives with buffers."""
from functools import partial

import numpy as np
from checking import COUNTING, DEPTH, LEFT, PLAIN, RANK, RIGHT, ROOTS, P
from mpi4py import MPI


class Data:
    """Arrays of one dtype, and sizes in items and bytes."""

    def __init__(self, dtype, size):
        self.dtype, self.size = np.dtype(dtype), size
        self.n = size * self.dtype.itemsize
        self.type = MPI.Datatype.fromcode(self.dtype.char)

    def full(self, blocks=1):
        return self.items(blocks * self.size)

    def items(self, count):
        return (np.arange(count) % 50 + RANK + 1).astype(self.dtype)

    def in_place(self, blocks=1):
        return MPI.IN_PLACE


def into(result, *arguments, options=()):
    """Arguments of a call, of which one receives the result."""
    return (*arguments, result, *options), result


def check_collectives(checks, dtype, size):
    data = Data(dtype, size)
    n, full = data.n, data.full

    def bcast(root):
        buffer = full() * (RANK == root)
        return (buffer, root), buffer

    def reduce(root, sent=full):
        if RANK != root:
            return (full(), None, MPI.SUM, root), None
        return into(full(), sent(), options=(MPI.SUM, root))

    def gather(root):
        if RANK != root:
            return (full(), None, root), None
        return into(full(P), full(), options=[root])

    def scatter(root):
        sent = full(P) if RANK == root else None
        return into(full(), sent, options=[root])

    for root in ROOTS:
        checks.collective("Bcast", partial(bcast, root), (P - 1) * n)
        checks.collective("Reduce", partial(reduce, root), (P - 1) * n)
        checks.collective(
            "Reduce", partial(reduce, root, data.in_place), (P - 1) * n)
        checks.collective("Gather", partial(gather, root), (P - 1) * n,
                          hops=P - 1 if RANK == root else 1)
        checks.collective("Scatter", partial(scatter, root), (P - 1) * n,
                          hops=P - 1)

    def arrays(sent, received, sent_blocks=1):
        return into(full(received), sent(sent_blocks))

    for sent in (full, data.in_place):
        checks.collective("Allreduce", partial(arrays, sent, 1),
                          2 * (P - 1) * n, hops=2 * DEPTH)
        checks.collective("Scan", partial(arrays, sent, 1), (P - 1) * n)
        checks.collective("Allgather", partial(arrays, sent, P),
                          P * (P - 1) * n)
        checks.collective("Alltoall", partial(arrays, sent, P, P),
                          P * (P - 1) * n, hops=P - 1)
    checks.collective("Exscan", partial(arrays, full, 1), (P - 1) * n)
    checks.collective("Reduce_scatter_block", partial(arrays, full, 1, P),
                      (P - 1) * P * n)
    checks.collective("Reduce_scatter_block",
                      partial(arrays, data.in_place, P), (P - 1) * P * n)
    checks.collective("Barrier", lambda: ((), None), 0)
    check_vectors(checks, data)


def check_vectors(checks, data):
    """Check the collectives whose blocks are not of the same size."""
    items, itemsize = data.items, data.dtype.itemsize
    counts = [(3 * rank + data.size) % 4 + rank % 2 for rank in range(P)]
    total, mine = sum(counts), counts[RANK]
    # Items from every rank (row) to every rank (column).
    pairs = np.add.outer(counts, range(P))
    off_diagonal = int(pairs.sum() - np.trace(pairs)) * itemsize

    def gatherv(root):
        result = items(total)
        return (items(mine), [result, counts], root), result

    def scatterv(root):
        return into(items(mine), [items(total), counts], options=[root])

    def allgatherv():
        result = items(total)
        return (items(mine), [result, counts]), result

    def reduce_scatter():
        return into(items(mine), items(total), options=[counts])

    def reduce_scatter_in_place():
        return into(items(total), MPI.IN_PLACE, options=[counts])

    def alltoallv():
        sent, received = pairs[RANK], pairs[:, RANK]
        result = items(received.sum())
        return ([items(sent.sum()), sent], [result, received]), result

    def alltoallw():
        sides = [
            [items(line.sum()),
             (line, (np.cumsum(line) - line) * itemsize), [data.type] * P]
            for line in (pairs[RANK], pairs[:, RANK])]
        return sides, sides[1][0]

    for root in ROOTS:
        others = (total - counts[root]) * itemsize
        checks.collective("Gatherv", partial(gatherv, root), others,
                          hops=P - 1 if RANK == root else 1)
        checks.collective("Scatterv", partial(scatterv, root), others,
                          hops=P - 1)
    for name, make in (("Allgatherv", allgatherv),
                       ("Reduce_scatter", reduce_scatter),
                       ("Reduce_scatter", reduce_scatter_in_place)):
        checks.collective(name, make, (P - 1) * total * itemsize)
    checks.collective("Alltoallv", alltoallv, off_diagonal, hops=P - 1)
    checks.collective("Alltoallw", alltoallw, off_diagonal, hops=P - 1)


def check_constructors(checks):
    """Check that what a communicator makes counts into its ledger."""
    group = PLAIN.Get_group()
    edges = [(rank + 1) % P for rank in range(P)]

    def allreduce(create, comm):
        derived = create(comm)
        data = np.arange(3.0) + derived.rank
        derived.Allreduce(MPI.IN_PLACE, data)
        derived.Free()
        return data

    for names, create in (
            ("Dup", lambda comm: comm.Dup()),
            ("Dup_with_info", lambda comm: comm.Dup_with_info(MPI.INFO_NULL)),
            ("Clone", lambda comm: comm.Clone()),
            ("Split", lambda comm: comm.Split(0, -RANK)),
            ("Split_type",
             lambda comm: comm.Split_type(MPI.COMM_TYPE_SHARED, -RANK)),
            ("Create", lambda comm: comm.Create(group)),
            ("Create_group", lambda comm: comm.Create_group(group)),
            ("Create_cart", lambda comm: comm.Create_cart([P])),
            ("Create_cart Sub",
             lambda comm: comm.Create_cart([1, P]).Sub([False, True])),
            ("Create_graph",
             lambda comm: comm.Create_graph(range(1, P + 1), edges)),
            ("Create_dist_graph",
             lambda comm: comm.Create_dist_graph([RANK], [1], [RIGHT])),
            ("Create_dist_graph_adjacent",
             lambda comm: comm.Create_dist_graph_adjacent([LEFT], [RIGHT]))):
        checks.run(names, partial(allreduce, create), 2 * (P - 1) * 24,
                   2 * DEPTH)


def topologies():
    """Plain and counting communicator, and the messages of one exchange."""
    star = [*range(1, P)] + [0] * (P - 1)
    star_ends = np.cumsum([P - 1] + [1] * (P - 1))
    ends = [RIGHT, LEFT]
    creations = [(lambda comm: comm.Create_cart([P], [False]), 2 * (P - 1))]
    if P > 1:
        creations += [
            (lambda comm: comm.Create_cart([P], [True]), 2 * P),
            (lambda comm: comm.Create_graph(star_ends, star), 2 * (P - 1)),
            (lambda comm: comm.Create_dist_graph_adjacent(ends[::-1], ends),
             2 * P)]
    return [((create(PLAIN), create(COUNTING)), messages)
            for create, messages in creations]


def check_neighbors(checks, on, messages, dtype, size):
    """Check the collectives among the neighbours of a topology."""
    data = Data(dtype, size)
    full, n = data.full, data.n
    n_in, n_out = on[0].degrees

    def vector(blocks):
        return [full(blocks), [size] * blocks]

    def typed(blocks):
        starts = [n * block for block in range(blocks)]
        return [full(blocks), ([size] * blocks, starts), [data.type] * blocks]

    def arguments(send, n_sent, receive):
        received = receive(n_in)
        array = received[0] if isinstance(received, list) else received
        return (send(n_sent), received), array

    for name, send, n_sent, receive in (
            ("allgather", full, 1, full), ("allgatherv", full, 1, vector),
            ("alltoall", full, n_out, full),
            ("alltoallv", vector, n_out, vector),
            ("alltoallw", typed, n_out, typed)):
        checks.collective(
            f"Neighbor_{name}", partial(arguments, send, n_sent, receive),
            messages * n, hops=int(P > 1), on=on)
