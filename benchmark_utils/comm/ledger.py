"""What one rank spent on communication, and its logical clock."""
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import NamedTuple

# Calls of a kind have the same cost. The kind of a call is the first of these
# words that its name contains.
KINDS = ("neighbor", "allreduce", "reduce_scatter", "reduce", "allgather",
         "gather", "scatter", "bcast", "alltoall", "scan", "barrier", "send")


class Call(NamedTuple):
    """What calls have in common that take the same time."""

    kind: str  # one of KINDS
    growth: str | None  # see CountingComm.declare
    size: int  # ranks of the communicator
    sent: int  # bytes that this rank sends in one call


def _private(default):
    """A field that has nothing to do with what was communicated."""
    return field(default=default, repr=False, compare=False)


@dataclass
class Ledger:
    """What one rank spent on communication.

    `hops` and `path_seconds` are a logical clock (Lamport 1978, Commun. ACM
    21(7)): a message carries its sender's, and whoever waits for a message
    takes over what is later than its own. The largest values of all ranks are
    the length of the critical path, in latency steps and in seconds of
    computation. The two may belong to different paths.
    """

    calls: int = 0  # sends and collectives
    hops: int = 0  # latency steps on the longest path that ends here
    sent_bytes: int = 0  # payload
    received_bytes: int = 0
    seconds: float = 0.0  # wall clock inside communication
    # CPU seconds of computation: of this rank, and of all on the longest path.
    compute_seconds: float = _private(0.0)
    path_seconds: float = _private(0.0)
    overhead_seconds: float = _private(0.0)  # wall clock of counting itself
    # CPU seconds of the program so far, without what is no computation.
    cpu_clock: Callable[[], float] = _private(process_time)
    record: Counter = field(default_factory=Counter)  # of Call
    growth: dict = field(default_factory=dict)  # see CountingComm.declare

    def __post_init__(self):
        self.resume()

    def add(self, call, price):
        """Book what is known when a call is made."""
        self.calls += price.calls
        self.sent_bytes += call.sent
        if price.calls:
            self.record[call] += price.calls

    def wait_for(self, hops, path_seconds):
        """Take over the clock of what this rank has waited for."""
        self.hops = max(self.hops, hops)
        self.path_seconds = max(self.path_seconds, path_seconds)

    def messages(self):
        """The record, with what was declared about a kind."""
        return {call._replace(growth=self.growth.get(call.kind)): times
                for call, times in self.record.items()}

    def time(self, function, *args, **kwargs):
        """Call a function and charge its duration to communication."""
        begin = perf_counter()
        result = function(*args, **kwargs)
        self.seconds += perf_counter() - begin
        return result

    def resume(self):
        """Computation begins, or goes on after :meth:`pause`."""
        self._computing_since = self.cpu_clock()

    def pause(self):
        """What follows is not computation, until :meth:`resume`."""
        computed = self.cpu_clock() - self._computing_since
        self.compute_seconds += computed
        self.path_seconds += computed

    def __enter__(self):
        """Begin a counted call."""
        self.pause()
        self._begin = perf_counter() - self.seconds
        return self

    def __exit__(self, *_):
        """End it: all of it that was not timed is overhead."""
        self.overhead_seconds += perf_counter() - self.seconds - self._begin
        self.resume()
