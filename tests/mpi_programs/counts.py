"""Compare every counted call with plain MPI and with the counting table.

Rank 0 prints a JSON object: the number of checks, the failed ones, and the
counted calls that no check makes. With the option --mutate it also lists the
calls whose rule could be wrong by one in any part without any check failing.
"""
import json
import sys
from functools import partial
from itertools import chain

from checking import COUNTING, PLAIN, RANK, Checks
from collectives import (
    check_collectives,
    check_constructors,
    check_neighbors,
    topologies,
)
from messages import (
    check_messages,
    check_object_neighbors,
    check_objects,
    check_specifications,
)
from mpi4py import MPI

from benchmark_utils.comm.costs import COSTS, LOCAL
from benchmark_utils.comm.counting import _counted

# Items per rank: none, fewer than ranks, not divisible by them, and many.
SIZES = (("complex128", 0), ("uint8", 1), ("float32", 5), ("float64", 1000))


# Where the sender tells what arrives, the price cannot be wrong.
TOLD = {"Recv", "Send", "Gather", "Scatter", "allgather", "Alltoall",
        "Neighbor_allgather", "Neighbor_alltoall"}


def check_all(neighbourhoods, sizes):
    checks = Checks()
    for dtype, size in sizes:
        check_collectives(checks, dtype, size)
    check_constructors(checks)
    check_specifications(checks)
    check_objects(checks)
    check_messages(checks)
    for on, messages in neighbourhoods:
        for dtype, size in sizes:
            check_neighbors(checks, on, messages, dtype, size)
        check_object_neighbors(checks, on, messages)
    return checks


def one_more(part, cost, use):
    """The price of a call, but for one in a part that is known to the rank."""
    price = cost(use)
    value = getattr(price, part)
    if isinstance(value, list):
        more = [n + 1 for n in value]
    else:
        more = None if value is None else value + 1
    return price._replace(**{part: more})


def undetected(neighbourhoods):
    """The calls that could cost one too much without a failing check."""
    classes = {type(on[1]) for on, _ in neighbourhoods} | {type(COUNTING)}
    missed = []
    for cost in filter(None, dict.fromkeys(COSTS.values())):
        names = [n for n, c in COSTS.items() if c is cost]
        methods = [(cls, name, vars(cls)[name]) for cls in classes
                   for name in names if name in vars(cls) and name != "bcast"]
        for part in ("hops", "sent", "received"):
            for cls, name, method in methods:
                setattr(cls, name, _counted(
                    method.__wrapped__, partial(one_more, part, cost)))
            failures = check_all(neighbourhoods, SIZES[2:3]).failures()
            for cls, name, method in methods:
                setattr(cls, name, method)
            told = part == "received" and names[0] in TOLD
            if bool(PLAIN.allreduce(len(failures))) == told:
                missed += [(part, name) for name in names]
    return missed


def main():
    MPI.Attach_buffer(bytearray(10_000))  # for the buffered sends
    neighbourhoods = topologies()
    checks = check_all(neighbourhoods, SIZES)
    counted = {name for name, cost in COSTS.items() if cost is not LOCAL}
    report = {
        "n_checks": len(checks.records),
        "failures": [*chain(*PLAIN.allgather(checks.failures()))],
        "unchecked": sorted(counted - checks.names()),
    }
    if "--mutate" in sys.argv:
        report["undetected"] = undetected(neighbourhoods)
    if RANK == 0:
        print(json.dumps(report))


if __name__ == "__main__":
    main()
