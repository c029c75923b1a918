"""The calls of a communicator that methods use, and no others.

Whatever fulfils :class:`Communicator` can run the methods:
:class:`~benchmark_utils.comm.counting.CountingComm` on MPI, or ranks that are
only simulated. Names and meaning are those of mpi4py; ``sum``, ``max`` and
``declare`` are ours.

A buffer is a NumPy array of numbers in C order. What is sent and what is
received are arrays of one type that do not overlap.
"""
from typing import Protocol, runtime_checkable


@runtime_checkable
class Neighbourhood(Protocol):
    """Ranks that exchange messages along the edges of a graph."""

    size: int

    def Neighbor_allgather(self, sendbuf, recvbuf):
        """Send an array to every neighbour.

        `recvbuf` has shape (number of neighbours, \\*shape of the array), in
        the order in which the neighbours were given.
        """


@runtime_checkable
class Communicator(Protocol):
    """P ranks that run the same program and call collectives in one order."""

    rank: int
    size: int

    def sum(self, values):
        """Sum of an array over the ranks, a new array on every rank."""

    def max(self, values):
        """Elementwise maximum over the ranks, a new array on every rank."""

    def Allreduce(self, sendbuf, recvbuf, op=None):
        """Combine the ranks' arrays, by default their sum, on every rank."""

    def Bcast(self, buf, root=0):
        """Overwrite an array with that of the root."""

    def Reduce(self, sendbuf, recvbuf, op=None, root=0):
        """The same as Allreduce at the root; `recvbuf` is None elsewhere."""

    def Gather(self, sendbuf, recvbuf, root=0):
        """The ranks' arrays of one shape, stacked in `recvbuf` at the root.

        Its shape is (P, \\*shape of the array); None elsewhere.
        """

    def Gatherv(self, sendbuf, recvbuf, root=0):
        """The same for arrays of different sizes.

        At the root `recvbuf` is [array, counts], with the number of elements
        of each rank.
        """

    def Scatterv(self, sendbuf, recvbuf, root=0):
        """Parts of an array of the root, of different sizes, to the ranks.

        At the root `sendbuf` is [array, counts], elsewhere None.
        """

    def Allgather(self, sendbuf, recvbuf):
        """The same as Gather on every rank."""

    def Alltoall(self, sendbuf, recvbuf):
        """Send block r of an array of P blocks to rank r."""

    def Send(self, buf, dest, tag=0):
        """Send an array to a rank, which receives it."""

    def Recv(self, buf, source, tag=0):
        """Receive an array from a rank, not longer than `buf`."""

    def Create_dist_graph_adjacent(self, sources, destinations):
        """A :class:`Neighbourhood`, of the ranks to receive from and send to.
        """

    def declare(self, **growth):
        """How the messages of a kind grow with P, for modelled times.

        For example ``send="tree"``, see ``docs/network.rst``. Nothing else
        depends on it.
        """
