"""How the ledgers' clocks travel: beside the messages, not counted, not timed.

Every counting communicator has a private duplicate. After a call it carries a
small message along the same ways: from sender to receiver, from the root to
all, between neighbours. So a rank waits for no other than in the call itself.
"""
from math import inf

import numpy as np
from mpi4py import MPI

from benchmark_utils.comm.buffers import mismatch

# A message: steps, seconds, bytes of the payload, type of its elements, and
# its negative, so that a maximum over ranks has the least type as well.
LENGTH = 5
NOTHING = 0, 0.0, 0, -inf, -inf


def message(ledger, n_sent, dtype):
    types = -inf, -inf
    if dtype is not None and n_sent:
        code = 1000 * ord(dtype.kind) + dtype.itemsize
        types = code, -code
    return np.array([ledger.hops, ledger.path_seconds, n_sent, *types])


def _nothing(n=1):
    """Messages that say nothing, to receive into."""
    messages = np.empty((n, LENGTH))
    messages[:] = NOTHING
    return messages


def _dtype(code):
    return np.dtype(f"{chr(int(code) // 1000)}{int(code) % 1000}")


def check_types(call, types, dtype):
    """Compare the types of what arrived with that of the receive buffer.

    `types` are the largest of messages, and the negative of the least.
    """
    if dtype is None:
        return
    for code in (types[0], -types[1]):
        if abs(code) < inf and _dtype(code) != dtype:
            raise mismatch(call, _dtype(code), dtype)


class Clock:
    """The duplicate of a communicator and what is under way on it.

    Parameters
    ----------
    comm : MPI.Intracomm
        A plain communicator of more than one rank. All of them must take
        part.
    """

    def __init__(self, comm):
        self.comm = comm.Dup()
        self._pending = []
        self._n_open, self._ambiguous = 0, False

    def free(self):
        MPI.Request.Waitall(self._pending)
        self.comm.Free()

    def _keep(self, request):
        """Keep the memory of a message until it is sent."""
        self._pending = [one for one in self._pending if not one.Test()]
        self._pending.append(request)
        return request

    def begin_receive(self):
        """A receive has begun that does not block."""
        self._n_open += 1
        self._ambiguous |= self._n_open > 1

    def end_receive(self):
        self._n_open -= 1
        self._ambiguous &= self._n_open > 0

    def is_certain(self, blocking):
        """Whether it is sure which clock belongs to which message.

        Several messages of one rank with one tag may be completed in another
        order than they were sent, and then exchange their clocks. When all
        are complete, the latest has been taken over all the same.
        """
        return not (self._ambiguous or blocking and self._n_open)

    def send(self, ledger, use, n):
        """Begin to send the clock beside a message."""
        self._keep(self.comm.Isend(message(ledger, n, use.sent_type),
                                   use.dest, use.tag))

    def receive(self, status):
        """The clock that came beside the message of this status."""
        message = np.empty((1, LENGTH))
        self.comm.Recv(message, status.source, status.tag)
        return message

    def exchange(self, ledger, use, sent, blocking):
        """Carry the clock along the ways of a collective.

        Parameters
        ----------
        sent : int or list
            See :class:`Price`.

        Returns
        -------
        request : MPI.Request or None
            Of a call that does not block.
        messages : array of shape (n, 5)
            What this rank waits for; complete with the request.
        """
        comm, kind, root = self.comm, use.kind, use.root
        at_root = comm.rank == root
        own, options = message(ledger, np.sum(sent), use.sent_type), ()
        if isinstance(sent, list):
            own = np.tile(own, (len(sent), 1))
            own[:, 2] = sent
        arrived = _nothing()
        if kind == "bcast":
            name, options = "Bcast", (root,)
            arrived[:] = own
        elif kind in ("reduce", "gather"):
            # Not Reduce: Open MPI's has algorithms that wait for the root.
            name, options = "Gather", (root,)
            arrived = _nothing(comm.size if at_root else 0)
        elif kind == "scatter":
            name, options = "Scatter", (root,)
        elif kind == "scan":
            name, options = "Scan", (MPI.MAX,)
        elif kind == "neighbor":
            name = "Neighbor_alltoall"
            arrived = _nothing(comm.indegree)
        elif isinstance(sent, list):
            name, arrived = "Alltoall", _nothing(comm.size)
        else:
            name, options = "Allreduce", (MPI.MAX,)
        buffers = (arrived,) if kind == "bcast" else (own, arrived)
        if blocking:
            getattr(comm, name)(*buffers, *options)
            return None, arrived
        request = getattr(comm, "I" + name.lower())(*buffers, *options)
        return self._keep(request), arrived


class Waiting:
    """What a rank waits for in a call; to be settled when it has ended."""

    def __init__(self, comm, use, price, blocking):
        self.ledger, self.clock, self.use = comm.ledger, comm._clock, use
        self.price, self.blocking = price, blocking
        self.hops = comm.ledger.hops
        self.receives = "recv" in use.name.lower()
        self.request, self.messages = None, ()
        if self.clock is None:
            return
        if use.kind not in (None, "send"):
            self.request, self.messages = self.clock.exchange(
                self.ledger, use, price.sent, blocking)
        elif self.receives and not blocking:
            self.clock.begin_receive()

    def settle(self, status=None):
        """Book what has arrived, and take over the latest clock.

        Raises
        ------
        TypeError
            Another rank's elements are not of the type of this rank's.
        """
        hops, received = self.price.hops, self.price.received
        messages, clock, certain = self.messages, self.clock, True
        if self.request is not None:
            self.request.Wait()
        elif self.receives and clock is not None:
            certain = clock.is_certain(self.blocking)
            if not self.blocking:
                clock.end_receive()
            if self.use.is_remote(status.source) and not status.cancelled:
                messages, hops = clock.receive(status), 1
        latest, told = NOTHING, 0
        if len(messages):
            latest, told = messages.max(axis=0), int(messages[:, 2].sum())
        self.ledger.received_bytes += told if received is None else received
        self.ledger.wait_for(int(max(self.hops, latest[0])) + hops,
                             float(latest[1]))
        if certain:
            check_types(self.use.name, latest[3:], self.use.received_type)
