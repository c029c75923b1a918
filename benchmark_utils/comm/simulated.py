"""Ranks that are simulated: many in one process, one of them at a time.

Every rank is a greenlet, which runs until it waits for another rank. What it
sends is moved in memory and costs what the price list says, in the same kind
of ledger and on the same logical clock as under MPI. The calls are those of
:class:`~benchmark_utils.comm.protocol.Communicator`.
"""
from functools import reduce

import numpy as np
from mpi4py import MPI

from benchmark_utils.comm.buffers import parse
from benchmark_utils.comm.clock import NOTHING, check_types, message
from benchmark_utils.comm.costs import COSTS, Use
from benchmark_utils.comm.counting import CountingComm
from benchmark_utils.comm.ledger import Call, Ledger
from benchmark_utils.comm.scheduler import Group

OPERATIONS = [(MPI.SUM, np.add), (MPI.MAX, np.maximum),
              (MPI.MIN, np.minimum), (MPI.PROD, np.multiply)]


def _flat(spec):
    """The elements of a buffer that is an array."""
    return np.asarray(parse(spec).buffer).reshape(-1)


class SimulatedComm:
    """Communicator of one simulated rank; counts into its ledger.

    Parameters
    ----------
    group : Group
    rank : int
    ledger : Ledger, optional
    neighbours : (sources, destinations)
        Of a graph.
    """

    def __init__(self, group, rank, ledger=None, neighbours=((), ())):
        self.group, self.rank, self.size = group, rank, group.size
        self.ledger = Ledger() if ledger is None else ledger
        self.inedges, self.outedges = (
            [int(edge) for edge in edges] for edges in neighbours)

    def __getattr__(self, name):
        raise NotImplementedError(
            f"Simulated ranks have no {name}: use the calls of "
            "benchmark_utils/comm/protocol.py, or MPI processes.")

    def _book(self, name, **arguments):
        """Price a call and write it down; what it costs, and its message."""
        use = Use(self, name, arguments)
        price = COSTS[name](use)
        sent = sum(price.sent) if isinstance(price.sent, list) else price.sent
        told = message(self.ledger, sent, use.sent_type)
        self.ledger.add(Call(use.kind, None, use.size, sent), price)
        return use, price, told

    def _settle(self, use, price, latest=NOTHING, told=0, hops=None):
        """Take over the latest clock of the messages that have arrived."""
        ledger = self.ledger
        ledger.received_bytes += told if price.received is None \
            else price.received
        ledger.wait_for(
            int(max(ledger.hops, latest[0])) + (
                price.hops if hops is None else hops), float(latest[1]))
        check_types(use.name, latest[3:], use.received_type)

    def _collective(self, name, value, combine, root=None, **arguments):
        """One call of all ranks; those that get no message pass `root`.

        Returns
        -------
        The outcome of `combine`, a function of the values of all ranks.
        """
        if root is not None:
            arguments["root"] = root
        with self.ledger:
            use, price, told = self._book(name, **arguments)

            def complete(pairs):
                values, messages = zip(*pairs, strict=True)
                messages = np.array(messages)
                clock = messages[root] if use.kind == "bcast" \
                    else messages.max(axis=0)
                return combine(values), clock, messages[:, 2].sum()

            outcome, clock, n_told = self.group.meet(
                self.rank, (name, root), (value, told), complete)
            if use.kind == "alltoall":  # blocks are of one size
                n_told = told[2]
            if self.size > 1 and (use.kind not in ("reduce", "gather")
                                  or self.rank == root):
                self._settle(use, price, clock, int(n_told))
            else:
                self._settle(use, price)
        return outcome

    sum, max = CountingComm.sum, CountingComm.max
    _reduced = CountingComm._reduced

    def Allreduce(self, sendbuf, recvbuf, op=None):
        sent = recvbuf if sendbuf is MPI.IN_PLACE else sendbuf
        total = self._collective(
            "Allreduce", _flat(sent),
            lambda values: _reduce(values, op),
            sendbuf=sendbuf, recvbuf=recvbuf)
        _flat(recvbuf)[:] = total

    def Reduce(self, sendbuf, recvbuf, op=None, root=0):
        total = self._collective(
            "Reduce", _flat(sendbuf), lambda values: _reduce(values, op),
            root, sendbuf=sendbuf, recvbuf=recvbuf)
        if self.rank == root:
            _flat(recvbuf)[:] = total

    def Bcast(self, buf, root=0):
        sent = self._collective(
            "Bcast", _flat(buf), lambda values: values[root].copy(), root,
            buf=buf)
        if self.rank != root:
            _flat(buf)[:len(sent)] = sent

    def Gather(self, sendbuf, recvbuf, root=0):
        self._gather("Gather", sendbuf, recvbuf, root)

    def Gatherv(self, sendbuf, recvbuf, root=0):
        self._gather("Gatherv", sendbuf, recvbuf, root)

    def _gather(self, name, sendbuf, recvbuf, root):
        at_root = self.rank == root
        value = _flat(sendbuf), _flat(recvbuf) if at_root else None

        def combine(values):
            np.concatenate([sent for sent, _ in values],
                           out=values[root][1][:sum(
                               len(sent) for sent, _ in values)])

        self._collective(name, value, combine, root,
                         sendbuf=sendbuf, recvbuf=recvbuf)

    def Allgather(self, sendbuf, recvbuf):
        _flat(recvbuf)[:] = self._collective(
            "Allgather", _flat(sendbuf), np.concatenate,
            sendbuf=sendbuf, recvbuf=recvbuf)

    def Alltoall(self, sendbuf, recvbuf):
        blocks = self._collective(
            "Alltoall", _flat(sendbuf).reshape(self.size, -1), np.stack,
            sendbuf=sendbuf, recvbuf=recvbuf)
        _flat(recvbuf)[:] = blocks[:, self.rank].reshape(-1)

    def Send(self, buf, dest, tag=0):
        with self.ledger:
            use, price, told = self._book("Send", buf=buf, dest=dest, tag=tag)
            key = self.rank, dest, tag
            self.group.boxes[key].append((_flat(buf).copy(), told))
            if self.group.scheduler.waiting.get(dest) == ("Recv", key):
                self.group.scheduler.wake(dest)
            self._settle(use, price)

    def Recv(self, buf, source, tag=0):
        with self.ledger:
            use, price, _ = self._book("Recv", buf=buf, source=source,
                                       tag=tag)
            key = source, self.rank, tag
            box = self.group.boxes[key]
            if not box:
                self.group.scheduler.wait("Recv", key)
            sent, told = box.popleft()
            _flat(buf)[:len(sent)] = sent
            self._settle(use, price, told, int(told[2]), hops=1)

    def Create_dist_graph_adjacent(self, sources, destinations):
        with self.ledger:
            group = self.group.meet(
                self.rank, ("Create_dist_graph_adjacent",), None,
                lambda _: Group(self.group.scheduler))
        return SimulatedComm(group, self.rank, self.ledger,
                             (sources, destinations))

    def Neighbor_allgather(self, sendbuf, recvbuf):
        with self.ledger:
            use, price, told = self._book("Neighbor_allgather",
                                          sendbuf=sendbuf, recvbuf=recvbuf)
            # As on a wire: to every neighbour the bytes of one edge.
            told[2] = max(price.sent, default=0)
            sent, messages = self.group.meet(
                self.rank, ("Neighbor_allgather",),
                (_flat(sendbuf), told), _copies)
            received = _flat(recvbuf).reshape(max(1, len(self.inedges)), -1)
            for row, source in zip(received, self.inedges, strict=False):
                row[:] = sent[source]
            if self.inedges and self.size > 1:
                arrived = messages[self.inedges]
                self._settle(use, price, arrived.max(axis=0),
                             int(arrived[:, 2].sum()))
            else:
                self._settle(use, price)

    def declare(self, **growth):
        self.ledger.growth |= growth


def _reduce(values, op):
    """By default the sum, in the order of ranks."""
    combine = next((function for operation, function in OPERATIONS
                    if operation == (op or MPI.SUM)), None)
    if combine is None:
        raise NotImplementedError("Simulated ranks reduce by SUM, MAX, MIN "
                                  "and PROD only.")
    return reduce(lambda total, x: combine(total, x, out=total),
                  values[1:], values[0].copy())


def _copies(pairs):
    """What is sent, before anybody changes it, and all messages."""
    sent, messages = zip(*pairs, strict=True)
    return [x.copy() for x in sent], np.array(messages)
