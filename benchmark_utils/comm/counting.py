"""Count what an MPI program sends, without changing the program.

:class:`CountingComm` is an mpi4py communicator with a :class:`Ledger`. The
table ``COSTS`` names all that it can do: local calls, which send nothing, and
counted calls, each with its cost. Any other call is refused, also one that a
future mpi4py may add.

Bytes are those of bandwidth-optimal algorithms, shared among the ranks so
that their sum is exact; ``docs/communication.rst`` has the sums.
"""
from dataclasses import dataclass, field
from functools import partial, wraps
from inspect import signature
from numbers import Integral
from time import perf_counter, process_time

import numpy as np
from mpi4py import MPI

dumps = MPI.pickle.dumps


class UncountedCall(NotImplementedError):
    """A communication that cannot be counted was refused."""


@dataclass
class Ledger:
    """What one rank spent on communication."""

    calls: int = 0  # sends and collectives
    hops: int = 0  # latency steps of these, and of the messages waited for
    sent_bytes: int = 0  # payload
    seconds: float = 0.0  # wall clock inside communication
    cpu_seconds: float = 0.0  # CPU time of the process inside communication
    # Calls by kind, size of the communicator and bytes that a call sent.
    record: dict = field(default_factory=dict)
    growth: dict = field(default_factory=dict)  # see CountingComm.declare

    def add(self, kind, size, price):
        calls, hops, sent_bytes = price
        self.calls += calls
        self.hops += hops
        self.sent_bytes += sent_bytes
        if calls:
            key = kind, size, sent_bytes
            self.record[key] = self.record.get(key, 0) + calls

    def messages(self):
        """The record, with what was declared about a kind beside it."""
        return {(kind, self.growth.get(kind), *rest): calls
                for (kind, *rest), calls in self.record.items()}

    def time(self, function, *args, **kwargs):
        """Call a function and charge its duration."""
        cpu, wall = process_time(), perf_counter()
        result = function(*args, **kwargs)
        self.seconds += perf_counter() - wall
        self.cpu_seconds += process_time() - cpu
        return result


def _view(buffer):
    if buffer is None or buffer is MPI.BOTTOM:
        return memoryview(b"")
    try:
        return memoryview(buffer)
    except TypeError:
        raise UncountedCall(
            f"The bytes of a {type(buffer).__name__} cannot be counted: pass "
            "a NumPy array, copied from the GPU if need be.") from None


def _chunk(n, parts, index):
    """Size of one of the parts of n, integers as equal as can be."""
    return n // parts + (index < n % parts)


def _read_buffer(spec, blocks=None, pair=(tuple, list)):
    """Bytes of a message, or list of the bytes of each block.

    `spec` is a buffer or [buffer, count(s), displacement(s), datatype], as in
    mpi4py: only the buffer is required, a count is that of one block, and
    count(s) and displacement(s) may come as a `pair`.
    """
    if not isinstance(spec, (list, tuple)):
        if blocks is None:
            return _view(spec).nbytes
        spec = spec, None
    buffer, *layout = spec
    view, datatype, parts = _view(buffer), None, blocks or 1
    if len(layout) > 1 or isinstance(layout[0], (MPI.Datatype, str)):
        datatype = layout.pop()
    if len(layout) == 1 and isinstance(layout[0], pair):
        layout = layout[0]
    counts, displacement = (*layout, None, None)[:2]
    if isinstance(datatype, str):
        datatype = MPI.Datatype.fromcode(datatype)
    size = datatype.size if datatype else view.itemsize
    if counts is None:
        extent = datatype.extent if datatype else size
        n_items = view.nbytes // extent - (displacement or 0)
        counts = [_chunk(n_items, parts, index) for index in range(parts)]
    elif isinstance(counts, Integral):
        counts = [counts] * parts
    sizes = [int(count) * size for count in counts]
    return sizes if blocks else sizes[0]


def _read_typed(spec, blocks):
    """The same for [buffer, counts, displacements, datatypes]."""
    _, *layout, types = spec
    if len(layout) == 1:
        layout = layout[0]
    counts = layout[0] if layout else [1] * blocks
    return [int(n) * each.size for n, each in zip(counts, types, strict=True)]


def _read_pickle(sent, blocks=None):
    """The same for an object, or for a list of one object per block."""
    if blocks is None:
        return len(dumps(sent))
    return [len(dumps(x)) for x in ([None] * blocks if sent is None else sent)]


def _reader(name):
    """Reader for a call: mpi4py's names tell how a payload is laid out."""
    if name.islower():
        return _read_pickle
    # Where counts may differ, a list of two is the counts of two blocks.
    vectors = {"v": partial(_read_buffer, pair=tuple), "w": _read_typed}
    return vectors.get(name[-1], _read_buffer)


class _Call:
    """A call on this rank; its costs are (calls, hops, sent_bytes)."""

    def __init__(self, comm, read, sent=None, recvbuf=None, recvcounts=None,
                 root=0, dest=None, source=MPI.ANY_SOURCE, **_):
        # None means in place to mpi4py, but it is also a good object.
        in_place = sent is MPI.IN_PLACE or (
            sent is None and read is not _read_pickle)
        self.sent = recvbuf if in_place else sent
        self.comm, self.rank, self.size = comm, comm.rank, comm.size
        self.read, self.recvbuf, self.recvcounts = read, recvbuf, recvcounts
        self.root, self.dest, self.source = root, dest, source

    @property
    def n(self):
        return self.read(self.sent)

    def all_but(self, index, buffer=None):
        """Bytes of all blocks but one."""
        sizes = self.read(self.sent if buffer is None else buffer, self.size)
        return sum(sizes) - sizes[index % self.size]

    def is_remote(self, peer):
        """Whether messages with this rank leave the process."""
        return peer not in (MPI.PROC_NULL, self.rank) and self.size > 1

    def tree(self, sent_bytes, passes=1):
        return 1, passes * (self.size - 1).bit_length(), sent_bytes

    def chain(self, last):
        """Every rank sends the message on, but for the last."""
        return self.tree(0 if self.rank == last % self.size else self.n)

    def ring(self):
        """Reduce-scatter, then allgather: all but one chunk, twice."""
        n = self.n
        chunk = _chunk(n, self.size, self.rank)
        return self.tree(2 * (n - chunk), passes=2)

    def reduce_scatter(self):
        if self.recvcounts is None:
            return self.tree(self.n - self.read(self.recvbuf))
        counts = [int(count) for count in self.recvcounts]
        kept = self.n * counts[self.rank] // max(sum(counts), 1)
        return self.tree(self.n - kept)

    def edges(self, read_blocks):
        """One block along each edge of the topology that leaves this rank."""
        edges = self.comm.outedges
        sizes = read_blocks(len(edges)) if edges else []
        sent = (size for size, edge in zip(sizes, edges, strict=True)
                if self.is_remote(edge))
        return 1, int(self.size > 1), sum(sent)


_LOCAL = None
_FREE = 0, 0, 0
_TABLE = {
    """Abort Attach_buffer Call_errhandler Cart_map Compare Create_errhandler
    Create_keyval Delete_attr Detach_buffer Disconnect Flush_buffer Free
    Free_keyval Get_attr Get_cart_rank Get_coords Get_dim Get_dims
    Get_dist_neighbors Get_dist_neighbors_count Get_errhandler Get_group
    Get_info Get_name Get_neighbors Get_neighbors_count Get_rank Get_size
    Get_topo Get_topology Graph_map Is_inter Is_intra Set_attr Set_errhandler
    Set_info Set_name Shift free""": _LOCAL,
    # Timed, but without payload: to look for messages, to set up.
    """Irecv irecv Probe Iprobe probe iprobe Dup Dup_with_info Clone Split
    Split_type Create Create_group Create_cart Create_graph Create_dist_graph
    Create_dist_graph_adjacent Sub""": lambda call: _FREE,
    """Send Bsend Ssend Rsend Isend Ibsend Issend Irsend
    send bsend ssend isend ibsend issend""": lambda call:
        (1, 1, call.n) if call.is_remote(call.dest) else _FREE,
    # A hop, so that a reduction tree shows its depth at its root.
    "Recv recv": lambda call: (0, call.is_remote(call.source), 0),
    "Sendrecv Sendrecv_replace sendrecv": lambda call:
        (1, 1, call.n) if call.is_remote(call.dest)
        else (0, call.is_remote(call.source), 0),
    "Barrier Ibarrier barrier": lambda call: call.tree(0),
    "Bcast Ibcast bcast": lambda call: call.chain(last=call.root - 1),
    "Reduce Ireduce reduce Gather Igather Gatherv Igatherv gather":
        lambda call: call.chain(last=call.root),
    "Scan Iscan scan Exscan Iexscan exscan": lambda call: call.chain(last=-1),
    "Scatter Iscatter Scatterv Iscatterv scatter": lambda call: call.tree(
        call.all_but(call.root) if call.rank == call.root else 0),
    "Allreduce Iallreduce allreduce": lambda call: call.ring(),
    # Ring: a rank sends on every block but that of its successor.
    "Allgather Iallgather Allgatherv Iallgatherv": lambda call: call.tree(
        call.all_but(call.rank + 1, call.recvbuf)),
    # No ring: a rank knows the size of its own pickle only.
    "allgather": lambda call: call.tree((call.size - 1) * call.n),
    "Reduce_scatter_block Ireduce_scatter_block": lambda call: call.tree(
        call.all_but(call.rank)),
    "Reduce_scatter Ireduce_scatter": lambda call: call.reduce_scatter(),
    "Alltoall Ialltoall Alltoallv Ialltoallv Alltoallw Ialltoallw alltoall":
        lambda call: (1, call.size - 1, call.all_but(call.rank)),
    """Neighbor_allgather Ineighbor_allgather neighbor_allgather
    Neighbor_allgatherv Ineighbor_allgatherv""": lambda call: call.edges(
        lambda blocks: [call.n] * blocks),
    """Neighbor_alltoall Ineighbor_alltoall neighbor_alltoall
    Neighbor_alltoallv Ineighbor_alltoallv Neighbor_alltoallw
    Ineighbor_alltoallw""": lambda call: call.edges(
        lambda blocks: call.read(call.sent, blocks)),
}
COSTS = {name: cost
         for names, cost in _TABLE.items() for name in names.split()}
# Calls of a kind have the same cost; the first that a name contains is its.
KINDS = ("neighbor", "allreduce", "reduce_scatter", "reduce", "allgather",
         "gather", "scatter", "bcast", "alltoall", "scan", "barrier", "send")


def _kind(name):
    return next((kind for kind in KINDS if kind in name.lower()), None)


def _counted(method, cost):
    read = _reader(method.__name__)
    kind = _kind(method.__name__)
    names = list(signature(method).parameters)[1:]
    sent = names[0] if names else None

    @wraps(method)
    def call(self, *args, **kwargs):
        arguments = dict(zip(names, args, strict=False), **kwargs)
        this = _Call(self, read, arguments.pop(sent, None), **arguments)
        price = cost(this)
        result = self.ledger.time(method, self, *args, **kwargs)
        self.ledger.add(kind, this.size, price)
        counting = _COUNTING.get(type(result))
        return counting(result, self.ledger) if counting else result
    return call


def _refused(name):
    stem = name.removesuffix("_init")
    alternatives = (stem, stem[1:].capitalize())
    instead = next((other for other in alternatives if other in COSTS),
                   "the sends and collectives of a communicator")

    def call(*_, **__):
        raise UncountedCall(f"{name} cannot be counted: use {instead}.")
    return call


def _classify(cls):
    """Count or refuse what `cls` inherits from mpi4py and is not local."""
    for name in dir(cls):
        method = getattr(cls, name)
        owner = next(c for c in cls.__mro__ if name in vars(c))
        if (name.startswith("_") or not callable(method)
                or owner.__module__ != MPI.__name__):
            continue
        if name not in COSTS:
            setattr(cls, name, _refused(name))
        elif COSTS[name] is not _LOCAL:
            setattr(cls, name, _counted(method, COSTS[name]))
    return cls


@_classify
class CountingComm(MPI.Intracomm):
    """Intracommunicator that counts what it sends.

    It uses the handle of `comm` and counts into `ledger`, by default a new
    one. Communicators derived from it count into the same ledger.
    """

    def __new__(cls, comm=None, ledger=None):
        # Not super(): for a topology, that class refuses to make ours.
        self = MPI.Intracomm.__new__(cls, comm)
        self.ledger = Ledger() if ledger is None else ledger
        return self

    def bcast(self, obj, root=0):
        """Broadcast an object, as bytes so that all ranks know its size."""
        packed = dumps(obj) if self.rank == root else None
        packed = self.ledger.time(super().bcast, packed, root)
        price = COSTS["bcast"](_Call(self, len, packed, root=root))
        self.ledger.add("bcast", self.size, price)
        return MPI.pickle.loads(packed)

    def sum(self, values):
        """Sum of an array over the ranks, a new array on every rank."""
        return self._reduced(values, MPI.SUM)

    def max(self, values):
        """Elementwise maximum over the ranks, a new array on every rank."""
        return self._reduced(values, MPI.MAX)

    def _reduced(self, values, operation):
        values = np.ascontiguousarray(values)
        result = np.empty_like(values)
        self.Allreduce(values, result, operation)
        return result

    def declare(self, **growth):
        """Say how the messages of a kind grow with the number of ranks.

        Counting does not need it, only the modelled time on other numbers of
        ranks: ``send="tree"``, or ``allgather="unknown"`` where the rule of
        ``docs/network.rst`` does not hold.
        """
        self.ledger.growth |= growth

    def __reduce__(self):
        # A copy would count elsewhere. The name of a global makes copies this
        # very object, and pickling fails as there is no such global.
        return "a CountingComm of another process"


class CountingRequest(MPI.Request):
    """Request whose completion is timed in the ledger of a communicator."""

    def __new__(cls, request=None, ledger=None):
        self = super().__new__(cls, request)
        self.ledger = Ledger() if ledger is None else ledger
        return self


# What the results of counted calls become. A duplicate has the right class,
# but not yet the ledger.
_COUNTING = {MPI.Request: CountingRequest, MPI.Intracomm: CountingComm,
             CountingComm: CountingComm}
for _plain in (MPI.Cartcomm, MPI.Graphcomm, MPI.Distgraphcomm):
    _class = type(f"Counting{_plain.__name__}", (CountingComm, _plain), {})
    _COUNTING[_plain] = _COUNTING[_class] = _classify(_class)


def _timed(method):
    @wraps(method)
    def complete(requests, *args, **kwargs):
        single = isinstance(requests, CountingRequest)
        ledgers = (each.ledger for each in ([requests] if single else requests)
                   if isinstance(each, CountingRequest))
        return next(ledgers, Ledger()).time(method, requests, *args, **kwargs)
    return complete


for _name in ("Wait", "Test", "wait", "test"):
    setattr(CountingRequest, _name, _timed(getattr(MPI.Request, _name)))
    for _many in (_name + "all", _name + "any", _name + "some"):
        _method = _timed(getattr(MPI.Request, _many))
        setattr(CountingRequest, _many, staticmethod(_method))


def install(comm):
    """Make `comm` the world of this process, and refuse what it cannot see.

    From now on ``MPI.COMM_WORLD`` is `comm`, ``MPI.Request.Waitall`` and its
    like are timed, one-sided communication and MPI files are refused.
    """
    MPI.COMM_WORLD = comm
    MPI.Request = CountingRequest
    windows = "Create", "Create_dynamic", "Allocate", "Allocate_shared"
    MPI.Win = type("Win", (MPI.Win,), {
        name: _refused(f"Win.{name}") for name in windows})
    MPI.File = type("File", (MPI.File,), {"Open": _refused("File.Open")})
