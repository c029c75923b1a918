"""Count what an MPI program communicates, without changing the program.

:class:`CountingComm` is an mpi4py communicator with a :class:`Ledger`. The
table ``COSTS`` names all that it can do: local calls, which send nothing, and
counted calls, each with its cost. Any other call is refused, also one that a
future mpi4py may add.
"""
from functools import wraps
from inspect import signature

import numpy as np
from mpi4py import MPI

from benchmark_utils.comm.buffers import UncountedCall
from benchmark_utils.comm.clock import Clock, Waiting
from benchmark_utils.comm.costs import COSTS, LOCAL, Use, dumps
from benchmark_utils.comm.doors import CLASSES, close_doors
from benchmark_utils.comm.ledger import Call, Ledger

__all__ = ["CountingComm", "CountingRequest", "Ledger", "UncountedCall",
           "install"]

SELF = MPI.COMM_SELF


def _book(comm, use, price, blocking):
    """Write a call down that was made; returns what it waits for."""
    sent = sum(price.sent) if isinstance(price.sent, list) else price.sent
    comm.ledger.add(Call(use.kind, None, use.size, sent), price)
    return Waiting(comm, use, price, blocking)


def _counted(method, cost):
    name = method.__name__
    blocking = not name.lower().startswith("i")
    names = list(signature(method).parameters)[1:]

    @wraps(method)
    def call(self, *args, **kwargs):
        with self.ledger as ledger:
            arguments = dict(zip(names, args, strict=False), **kwargs)
            use = Use(self, name, arguments)
            price = cost(use)
            if use.kind == "send" and price.calls:
                self._clock.send(ledger, use, price.sent)
            status = arguments.get("status")
            if status is None and "status" in names:
                args = args[:names.index("status")]  # None may stand there
                status = kwargs["status"] = MPI.Status()
            result = ledger.time(method, self, *args, **kwargs)
            waiting = _book(self, use, price, blocking)
            if blocking:
                waiting.settle(status)
            if type(result) in _COUNTING:
                result = _COUNTING[type(result)](result, ledger)
            if isinstance(result, CountingRequest):
                result.waiting = waiting
        return result
    return call


def _refused(name):
    stem = name.removesuffix("_init")
    alternatives = (stem, stem[1:].capitalize())
    instead = next((other for other in alternatives if other in COSTS),
                   "the sends and collectives of a communicator")

    def call(*_, **__):
        raise UncountedCall(f"{name} cannot be counted: use {instead}.")
    return call


def _plain_class(cls):
    """The class of mpi4py that a class of ours counts for."""
    return next(c for c in cls.__mro__ if c.__module__ == MPI.__name__)


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
        elif COSTS[name] is not LOCAL:
            setattr(cls, name, _counted(method, COSTS[name]))
    return cls


@_classify
class CountingComm(MPI.Intracomm):
    """Intracommunicator that counts what it communicates.

    It uses the handle of `comm` and counts into `ledger`, by default a new
    one. Communicators derived from it count into the same ledger. All ranks
    of `comm` must make theirs at the same time, since it gets a duplicate for
    the ledgers' clocks, and all messages on it must be sent and received by
    counting communicators.
    """

    def __new__(cls, comm=None, ledger=None):
        # Not super(): for a topology, that class refuses to make ours.
        self = CLASSES["Intracomm"].__new__(cls, comm)
        self.ledger = Ledger() if ledger is None else ledger
        self._clock = Clock(_plain_class(cls)(self)) \
            if self and self.size > 1 else None
        return self

    def bcast(self, obj, root=0):
        """Broadcast an object, as bytes so that all ranks know its size."""
        with self.ledger as ledger:
            packed = ledger.time(dumps, obj) if self.rank == root else None
            packed = ledger.time(super().bcast, packed, root)
            use = Use(self, "bcast", {"obj": packed, "root": root}, len)
            _book(self, use, COSTS["bcast"](use), True).settle()
            return ledger.time(MPI.pickle.loads, packed)

    def sum(self, values):
        """Sum of an array over the ranks, a new array on every rank."""
        return self._reduced(values, MPI.SUM)

    def max(self, values):
        """Elementwise maximum over the ranks, a new array on every rank."""
        return self._reduced(values, MPI.MAX)

    def _reduced(self, values, operation):
        values = np.asarray(values, order="C")
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


def _with_clock(method):
    @wraps(method)
    def free(self):
        if self and self._clock:
            self._clock.free()
            self._clock = None
        method(self)
    return free


for _name in ("Free", "Disconnect", "free"):
    setattr(CountingComm, _name, _with_clock(getattr(MPI.Intracomm, _name)))


class CountingRequest(MPI.Request):
    """Request whose completion is timed in the ledger of a communicator."""

    def __new__(cls, request=None, ledger=None):
        self = super().__new__(cls, request)
        self.ledger = Ledger() if ledger is None else ledger
        self.waiting = None
        return self


# What the results of counted calls become. A duplicate has the right class,
# but not yet the ledger.
_COUNTING = {MPI.Request: CountingRequest, MPI.Intracomm: CountingComm,
             CountingComm: CountingComm}
for _plain in (MPI.Cartcomm, MPI.Graphcomm, MPI.Distgraphcomm):
    _class = type(f"Counting{_plain.__name__}", (CountingComm, _plain), {})
    _COUNTING[_plain] = _COUNTING[_class] = _classify(_class)


def _settle(request, status):
    """Settle what a request waited for, if it is complete."""
    if isinstance(request, CountingRequest) and not request:
        waiting, request.waiting = request.waiting, None
        if waiting:
            waiting.settle(status)


def _completing(method):
    """Time a method that completes requests, and settle those."""
    form = method.__name__.lower()[4:]

    @wraps(method)
    def complete(requests, *args, **kwargs):
        given = next((x for x in (*args, *kwargs.values())), None)
        if given is None:
            given = [] if form in ("all", "some") else MPI.Status()
        every = list(requests) if form else [requests]
        ledger = next((each.ledger for each in every
                       if isinstance(each, CountingRequest)), Ledger())
        with ledger:
            result = ledger.time(method, requests, given)
            if not form:
                _settle(requests, given)
            elif form == "all":
                for pair in zip(every, given, strict=False):
                    _settle(*pair)
            else:
                which = result[0] if isinstance(result, tuple) else result
                if form == "any":
                    which, given = [which], [given]
                for index, status in zip(which or (), given, strict=False):
                    if index != MPI.UNDEFINED:
                        _settle(every[index], status)
        return result
    return complete


for _name in ("Wait", "Test", "wait", "test"):
    setattr(CountingRequest, _name, _completing(getattr(MPI.Request, _name)))
    for _many in (_name + "all", _name + "any", _name + "some"):
        _method = _completing(getattr(MPI.Request, _many))
        setattr(CountingRequest, _many, staticmethod(_method))


def install(comm):
    """Make `comm` the world of this process, and refuse what it cannot see.

    From now on ``MPI.COMM_WORLD`` is `comm`, ``MPI.Request.Waitall`` and its
    like are timed, one-sided communication and MPI files are refused, and
    so is what else could send, see :mod:`benchmark_utils.comm.doors`.
    """
    MPI.COMM_WORLD = comm
    MPI.COMM_SELF = CountingComm(SELF, comm.ledger)
    if MPI.Request is CountingRequest:  # once for all runs of a process
        return
    MPI.Request = CountingRequest
    close_doors(COSTS, CountingComm, _refused)
    windows = "Create", "Create_dynamic", "Allocate", "Allocate_shared"
    MPI.Win = type("Win", (CLASSES["Win"],), {
        name: _refused(f"Win.{name}") for name in windows})
    MPI.File = type("File", (CLASSES["File"],),
                    {"Open": _refused("File.Open")})
