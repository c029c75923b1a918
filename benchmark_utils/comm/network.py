"""Communication time on other networks and other numbers of ranks.

A rank's ledger records how often each kind of call sent how many bytes. From
these follow the payloads, and from a payload the time of the fastest standard
algorithm of the call: latency * steps + bytes / bandwidth (Hockney 1994,
Parallel Comput. 20; Thakur, Rabenseifner & Gropp 2005, Int. J. High Perform.
Comput. Appl. 19(1)). ``docs/network.rst`` has the assumptions, the sources of
the constants and a validation.
"""
import json
from collections import Counter, namedtuple
from functools import cache
from math import inf, nan

# Seconds; bytes per second into or out of a rank; of all ranks together.
Network = namedtuple("Network", "latency bandwidth total_bandwidth",
                     defaults=[inf])

NETWORKS = {
    "shared memory": Network(0.5e-6, 10e9, 50e9),
    "HPC interconnect": Network(2e-6, 25e9),
    "10 GbE": Network(12e-6, 1.177e9),
    "1 GbE": Network(24e-6, 117.7e6),
    "wide area": Network(10e-3, 117.7e6),
}
OTHER_RANKS = 64, 1024, 16384

# Bytes that the busiest rank sends for one byte of payload; for other kinds 1.
# Payload: the vector of a reduction, the buffer that a rank passes to an
# alltoall, the part of one rank in a scatter, gather or allgather.
SENT_PER_PAYLOAD = {
    "allreduce": lambda P: 2 * (P - 1) / P,
    "reduce_scatter": lambda P: (P - 1) / P,
    "alltoall": lambda P: (P - 1) / P,
    "allgather": lambda P: P - 1,
    "scatter": lambda P: P - 1,
}
# Sends that depend on each other: how many in all, how many one after the
# other. A star's meet at its centre, a ring's carry a token.
PATTERNS = {
    "tree": (lambda P: P - 1, lambda P: (P - 1).bit_length()),
    "star": (lambda P: P - 1, lambda P: P - 1),
    "chain": (lambda P: P - 1, lambda P: P - 1),
    "ring": (lambda P: P, lambda P: P),
}
# Patterns in which one rank computes after the other.
IN_TURN = "chain", "ring"


def algorithms(kind, P, n):
    """Standard algorithms of a call with payload n on P ranks.

    Returns
    -------
    list of (steps, bytes, total bytes), that with the fewest steps first
        Messages one after the other; bytes into or out of the rank that has
        most of either; bytes of all ranks.
    """
    L, others, n_all = (P - 1).bit_length(), (P - 1) / P, P * n
    if kind == "allreduce":  # recursive doubling; reduce-scatter, allgather
        return [(L, L * n, L * n_all),
                (2 * L, 2 * others * n, 2 * others * n_all)]
    if kind in ("bcast", "reduce"):  # binomial; scatter, allgather
        return [(L, L * n, others * n_all),
                (2 * L, 2 * others * n, others * n_all + L * n / 2)]
    if kind in ("gather", "scatter"):  # binomial, parts forwarded; direct
        return [(L, others * n_all, L * n_all / 2),
                (P - 1, others * n_all, others * n_all)]
    if kind == "allgather":  # recursive doubling
        return [(L, others * n_all, others * n_all * P)]
    if kind == "reduce_scatter":  # recursive halving
        return [(L, others * n, others * n_all)]
    if kind == "alltoall":  # Bruck; pairwise exchange
        return [(L, L * n / 2, L * n_all / 2),
                (P - 1, others * n, others * n_all)]
    if kind == "scan":  # recursive doubling
        return [(L, L * n, L * n_all)]
    if kind == "neighbor":  # to all neighbours at once
        return [(1, n, n_all)]
    if kind == "barrier":
        return [(L, 0, 0)]
    if kind == "send":
        return [(1, n, n)]
    raise ValueError(f"No model of the call {kind!r}: add its algorithms.")


def algorithm_seconds(algorithm, network):
    """Seconds of one of the :func:`algorithms`."""
    steps, sent, total = algorithm
    return steps * network.latency + max(sent / network.bandwidth,
                                         total / network.total_bandwidth)


def call_seconds(kind, n_ranks, payload, network):
    """Seconds of one call by its fastest algorithm."""
    return 0.0 if n_ranks == 1 else min(
        algorithm_seconds(algorithm, network)
        for algorithm in algorithms(kind, n_ranks, payload))


def busiest_calls(records):
    """The calls on the critical path, as text for a column of the results.

    Calls of different kinds follow each other; for each kind the record of
    the rank that sends most of it counts. Sends with a declared pattern are
    those of all ranks.

    Parameters
    ----------
    records : list of dicts of Call -> number of calls
        See :meth:`Ledger.messages`; of each rank.

    Returns
    -------
    str
        JSON list of [kind, growth, size, sent bytes, number of calls].
    """
    path = Counter()
    for kind in {call.kind for record in records for call in record}:
        ranks = [Counter({call: times for call, times in record.items()
                          if call.kind == kind}) for record in records]
        if any(call.growth in PATTERNS for rank in ranks for call in rank):
            path += sum(ranks, Counter())
        else:
            path += max(ranks, key=_bytes_and_calls)
    return json.dumps(sorted(([*call, times] for call, times in path.items()),
                             key=str))


def _bytes_and_calls(record):
    return (sum(times * call.sent for call, times in record.items()),
            record.total())


@cache
def _in_turn(calls):
    """Whether ranks wait for one another, from the calls of a run."""
    return any(growth in IN_TURN for _, growth, *_ in json.loads(calls))


def compute_seconds(calls, one_rank, path, n_ranks, other_ranks):
    """Modelled computation of a run, on the critical path.

    Where ranks work in turn, what the path adds to the seconds of one rank
    grows with the number of links between ranks.

    Parameters
    ----------
    calls : str
        From :func:`busiest_calls`.
    one_rank, path : float
        ``compute_s`` and ``path_compute_s`` of the measured run.
    n_ranks, other_ranks : int
        See :func:`communication_seconds`.

    Returns
    -------
    float
        Seconds.
    """
    if other_ranks == n_ranks or not _in_turn(calls):
        return path
    links = (other_ranks - 1) / max(1, n_ranks - 1)
    return one_rank + (path - one_rank) * links


@cache
def communication_seconds(calls, network, n_ranks, other_ranks):
    """Modelled communication time of a run.

    Parameters
    ----------
    calls : str
        From :func:`busiest_calls`.
    network : Network
    n_ranks, other_ranks : int
        Ranks that made these calls, and ranks of the modelled run, each with
        as much data as one of them.

    Returns
    -------
    float
        Seconds; NaN if a call's growth is not known: on one rank, on a part
        of the ranks, among sends without a declared pattern, or declared to
        be unknown.
    """
    seconds, scaled = 0.0, other_ranks != n_ranks
    for kind, growth, size, sent, times in json.loads(calls):
        known = growth in PATTERNS if growth or kind == "send" else True
        if scaled and not (known and size == n_ranks > 1):
            return nan
        P = other_ranks if scaled else size
        if growth in PATTERNS:
            in_all, in_turn = PATTERNS[growth]
            times *= in_turn(P) / max(1, in_all(size))
        if size > 1:
            payload = sent / SENT_PER_PAYLOAD.get(kind, lambda _: 1)(size)
            seconds += times * call_seconds(kind, P, payload, network)
    return seconds
