"""The price list: what each call of a communicator costs a rank.

Bytes are those of bandwidth-optimal algorithms, shared among the ranks so
that their sums are exact; ``docs/communication.rst`` has the sums.
"""
from functools import cache, partial
from typing import NamedTuple

from mpi4py import MPI

from benchmark_utils.comm.buffers import (
    check,
    chunk,
    element_type,
    nbytes,
    parse,
    parse_typed,
)
from benchmark_utils.comm.ledger import KINDS

dumps = MPI.pickle.dumps


@cache
def kind_of(name):
    return next((kind for kind in KINDS if kind in name.lower()), None)


class Price(NamedTuple):
    """Cost of a call to one rank."""

    calls: int
    hops: int  # latency steps after all that the rank waits for
    sent: int | list  # bytes; in a list to each rank, or along each edge
    received: int | None = None  # bytes; None: the sender tells


def _read_pickle(sent, blocks=None):
    """Bytes of an object, or of a list of one object per block."""
    if blocks is None:
        return len(dumps(sent))
    return [len(dumps(x)) for x in ([None] * blocks if sent is None else sent)]


@cache
def _parser(name):
    """Parser for a call: mpi4py's names tell how a payload is laid out."""
    if name.endswith("recv"):
        return parse
    # Where counts may differ, a list of two is the counts of two blocks.
    return {"v": partial(parse, pair=tuple), "w": parse_typed}.get(
        name[-1], parse)


class Use:
    """One use of a call on this rank: who, what, how many bytes.

    Parameters
    ----------
    comm : CountingComm
    name : str
        Of the call.
    arguments : dict
        By mpi4py's names.
    read : function, optional
        Bytes of what is sent, if not those of its pickle.
    """

    def __init__(self, comm, name, arguments, read=_read_pickle):
        self.comm, self.name, self.kind = comm, name, kind_of(name)
        self.rank, self.size, self.read = comm.rank, comm.size, read
        get = arguments.get
        self.root, self.dest = get("root", 0), get("dest")
        self.tag = get("tag", get("sendtag", 0))
        self.recvcounts = get("recvcounts")
        self.sent_type = self.received_type = None
        if name.islower():
            self.sent = get("sendobj", get("obj"))
        else:
            self._use_buffers(get, _parser(name))

    def _use_buffers(self, get, parser):
        """Find the buffers, and check those that matter on this rank."""
        sent, received = parser(get("sendbuf")), parser(get("recvbuf"))
        if (buffer := get("buf")) is not None:
            sent = received = parser(buffer)
        self.read, self.recvbuf = nbytes, received
        # None means in place to mpi4py.
        in_place = sent.buffer is None or sent.buffer is MPI.IN_PLACE
        self.sent = received if in_place else sent
        name, at_root = self.name.lower(), self.rank == self.root
        if name in ("recv", "irecv") or (
                self.kind in ("bcast", "scatter") and not at_root):
            sent = None
        if name.endswith("send") or (
                self.kind in ("reduce", "gather") and not at_root) or (
                self.kind == "bcast" and at_root):
            received = None
        check(self.name, sent, received)
        self.received_type = element_type(received)
        self.sent_type = self.received_type if in_place else \
            element_type(sent)

    @property
    def n(self):
        """Bytes of one message."""
        return self.read(self.sent)

    def blocks(self, buffer=None):
        """Bytes of each rank's block."""
        return self.read(self.sent if buffer is None else buffer, self.size)

    def to_others(self, blocks):
        """The same, but nothing for this rank."""
        return [0 if rank == self.rank else n for rank, n in enumerate(blocks)]

    def is_remote(self, peer):
        """Whether messages with this rank leave the process."""
        return peer not in (MPI.PROC_NULL, self.rank) and self.size > 1

    def tree(self, sent, received=None, passes=1):
        """A call whose depth is the logarithm of the number of ranks."""
        return Price(1, passes * (self.size - 1).bit_length(), sent, received)

    def chain(self, first, last):
        """Every rank passes the message on to the next."""
        n = self.n
        return self.tree(0 if self.rank == last % self.size else n,
                         0 if self.rank == first % self.size else n)

    def ring(self):
        """Reduce-scatter, then allgather: all but one chunk, twice."""
        n = self.n
        both_ways = 2 * (n - chunk(n, self.size, self.rank))
        return self.tree(both_ways, both_ways, passes=2)

    def direct(self, sent):
        """All others' messages, one after the other, at the root."""
        at_root = self.rank == self.root or self.kind == "scatter"
        return Price(1, self.size - 1 if at_root else 1, sent)

    def allgather(self):
        """Ring: a rank passes on every block but its successor's."""
        blocks = self.blocks(self.recvbuf)
        return self.tree(sum(blocks) - blocks[(self.rank + 1) % self.size],
                         sum(blocks) - blocks[self.rank])

    def reduce_scatter(self):
        """Pairwise: to each rank its block, from each rank one's own."""
        if self.recvcounts is not None:
            counts = [int(count) for count in self.recvcounts]
            kept = self.n * counts[self.rank] // max(sum(counts), 1)
        elif "block" in self.name:
            kept = self.blocks()[self.rank]
        else:
            kept = self.read(self.recvbuf)
        return self.tree(self.n - kept, (self.size - 1) * kept)

    def edges(self, read_blocks):
        """One block along each edge of the topology that leaves this rank."""
        edges = self.comm.outedges
        sizes = read_blocks(len(edges)) if edges else []
        return Price(1, int(self.size > 1), [
            n if self.is_remote(edge) else 0
            for n, edge in zip(sizes, edges, strict=True)])


LOCAL = None
FREE = Price(0, 0, 0, 0)
_TABLE = {
    """Abort Attach_buffer Call_errhandler Cart_map Compare Create_errhandler
    Create_keyval Delete_attr Detach_buffer Disconnect Flush_buffer Free
    Free_keyval Get_attr Get_cart_rank Get_coords Get_dim Get_dims
    Get_dist_neighbors Get_dist_neighbors_count Get_errhandler Get_group
    Get_info Get_name Get_neighbors Get_neighbors_count Get_rank Get_size
    Get_topo Get_topology Graph_map Is_inter Is_intra Set_attr Set_errhandler
    Set_info Set_name Shift free""": LOCAL,
    # Timed, but without payload: to look for messages, to set up.
    """Probe Iprobe probe iprobe Dup Dup_with_info Clone Split
    Split_type Create Create_group Create_cart Create_graph Create_dist_graph
    Create_dist_graph_adjacent Sub""": lambda use: FREE,
    # A message that arrives brings its bytes, and a step.
    "Recv recv Irecv irecv": lambda use: Price(0, 0, 0),
    """Send Bsend Ssend Rsend Isend Ibsend Issend Irsend
    send bsend ssend isend ibsend issend
    Sendrecv Sendrecv_replace sendrecv""": lambda use:
        Price(1, 1, use.n) if use.is_remote(use.dest) else Price(0, 0, 0),
    "Barrier Ibarrier barrier": lambda use: use.tree(0, 0),
    "Bcast Ibcast bcast": lambda use: use.chain(use.root, use.root - 1),
    "Reduce Ireduce reduce": lambda use: use.chain(use.root + 1, use.root),
    "Scan Iscan scan Exscan Iexscan exscan": lambda use: use.chain(0, -1),
    "Gather Igather Gatherv Igatherv gather": lambda use: use.direct(
        0 if use.rank == use.root else use.n),
    "Scatter Iscatter Scatterv Iscatterv scatter": lambda use: use.direct(
        use.to_others(use.blocks()) if use.rank == use.root else []),
    "Allreduce Iallreduce allreduce": lambda use: use.ring(),
    "Allgather Iallgather Allgatherv Iallgatherv":
        lambda use: use.allgather(),
    # No ring: a rank knows the size of its own pickle only.
    "allgather": lambda use: use.tree(use.to_others([use.n] * use.size)),
    """Reduce_scatter_block Ireduce_scatter_block
    Reduce_scatter Ireduce_scatter""": lambda use: use.reduce_scatter(),
    "Alltoall Ialltoall Alltoallv Ialltoallv Alltoallw Ialltoallw alltoall":
        lambda use: Price(1, use.size - 1, use.to_others(use.blocks())),
    """Neighbor_allgather Ineighbor_allgather neighbor_allgather
    Neighbor_allgatherv Ineighbor_allgatherv""": lambda use: use.edges(
        lambda blocks: [use.n] * blocks),
    """Neighbor_alltoall Ineighbor_alltoall neighbor_alltoall
    Neighbor_alltoallv Ineighbor_alltoallv Neighbor_alltoallw
    Ineighbor_alltoallw""": lambda use: use.edges(
        lambda blocks: use.read(use.sent, blocks)),
}
COSTS = {name: cost
         for names, cost in _TABLE.items() for name in names.split()}
