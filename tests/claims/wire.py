"""Bytes of whole methods: in the ledger, and on the wire.

    python tests/claims/wire.py [--ranks 2 3 4 8] [--methods name ...]

runs every method with all messages of MPI on TCP, in a network namespace in
which nothing else runs. Linux with unprivileged user namespaces, or as root;
the MPI library is that of the Python that runs it.

The wire is what the kernel counts on the loopback interface, less the headers
of IP and TCP, less what a method costs that does nothing: the driver's
commands. MPI's own headers and hand-shakes remain. The clocks that travel
beside the messages are switched off. Where the library has several algorithms
of a call, one with the fewest bytes is chosen. For each method and number of
ranks: bytes on the ledger, the wire over them, and how the ledger's bytes are
shared among kinds of calls. Ends with an error if a ledger is above the wire,
or if the wire is above 1.1 ledgers of 64 KiB or more and neither ``TREES``
nor ``MPI_HEADER`` says why.
"""
import argparse
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

IN_NAMESPACE = "BENCHMARK_WIRE"
# MPI libraries want an address that is not loopback's; what a host sends to
# its own address passes the loopback interface all the same.
NETWORK = """
ip link add eth0 type veth peer name eth1
ip addr add 10.77.0.1/24 dev eth0
for name in lo eth0 eth1; do ip link set $name up; done
exec "$@"
"""
HEADER = 20 + 32  # IP; TCP with time stamps
LEAST, MOST = 2**16, 1.1
MOST_ROUNDS, K = 12, 10
WARM, RUNS = 2**15, 3
MPI_HEADER = 64  # bytes per call of a rank: matters to short messages only
# Calls for which a library has only trees, that forward parts.
TREES = {"MPICH": ("gather", "scatter"), "Open MPI": ()}


def enter_namespace():
    """Start this program anew in a network of its own."""
    user = ["--map-root-user"] * (os.geteuid() != 0)
    os.execvpe("unshare", ["unshare", "--net", *user, "sh", "-c", NETWORK,
                           "sh", sys.executable, *sys.argv],
               {**os.environ, IN_NAMESPACE: "1"})


if __name__ == "__main__" and IN_NAMESPACE not in os.environ:
    enter_namespace()

import cloudpickle  # noqa: E402
from conftest import METHODS, small_field, spectrum_array  # noqa: E402
from test_communicator import BANDWIDTH_OPTIMAL, TCP_ONLY  # noqa: E402
from test_conformance import EXPECTED  # noqa: E402

from benchmark_utils.runtime.launchers import mpi_library  # noqa: E402
from benchmark_utils.runtime.world import start_world  # noqa: E402


class Silent:
    """In the place of a clock: the wire carries what the method sends."""

    def __init__(self, comm):
        pass

    def free(self):
        pass

    begin_receive = end_receive = free

    def send(self, *_):
        pass

    def is_certain(self, blocking):
        return False  # types travel with the clock

    def receive(self, status):
        return ()

    def exchange(self, *_):
        return None, ()


def without_clocks(rounds):
    def start(comm, **arguments):
        from benchmark_utils.comm import counting
        counting.Clock = Silent
        comm._clock = Silent(comm)
        return rounds(comm=comm, **arguments)
    return start


def nothing(comm, data, n_components, rng):
    """Connects all ranks before its start, and is silent from then on."""
    import numpy as np
    everything = np.zeros((comm.size, WARM))
    for _ in range(3):
        comm.Alltoall(everything, np.empty_like(everything))
    U = data.random_basis(n_components, rng)
    while True:
        yield U


def payload():
    """Bytes that TCP has carried on the loopback interface so far."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, fields = line.partition(":")
        if name.strip() == "lo":
            n_bytes, n_packets = map(int, fields.split()[:2])
            return n_bytes - HEADER * n_packets
    raise OSError("no interface lo")


def spent(world, rounds, field, n_rounds, parameters, one_pass=False):
    """Bytes on the wire, on the ledger by kind of call, and all calls."""
    world.load(without_clocks(rounds), field, K, parameters, 0, one_pass)
    world.call("advance", 1)
    before = payload()
    world.call("advance", n_rounds)
    wire, ledger = payload() - before, Counter()
    result = world.call("result")
    for rank in result["messages"]:
        for call, times in rank.items():
            ledger[call.kind] += times * call.sent
    return wire, ledger, result["costs"]["calls"].sum()


def fields(folder, n_ranks):
    """Numbers of which every message is some kB long, by partition."""
    return {
        "samples": small_field(
            folder, spectrum_array(32, 16, 1024), n_ranks=n_ranks),
        "features": small_field(
            folder, spectrum_array(512, 32, 16), n_ranks=n_ranks,
            partition="features"),
    }


def most(library, n_ranks, ledger, n_calls):
    """Bytes above which the wire is not explained."""
    calls = next(calls for name, calls in TREES.items() if name in library)
    # A rank sends the parts of all below it in a binomial tree.
    forwarded = sum(min(r & -r, n_ranks - r) - 1 for r in range(1, n_ranks))
    return MPI_HEADER * n_calls + MOST * sum(
        n * (1 + forwarded / (n_ranks - 1) * (kind in calls))
        for kind, n in ledger.items())


def audit(library, folder, n_ranks, names):
    """Rows of the table: method, partition, ledger, wire, its limit."""
    world = start_world(n_ranks)
    try:
        for partition, field in fields(folder, n_ranks).items():
            idle = min(spent(world, nothing, field, 1, {})[0]
                       for _ in range(3))
            for name, solver in METHODS.items():
                if partition not in solver.partitions or name not in names:
                    continue
                cloudpickle.register_pickle_by_value(
                    sys.modules[solver.rounds.__module__])
                parameters = {key: values[0] for key, values
                              in solver.parameters.items()}
                least = float("inf")
                for _ in range(RUNS):  # a busy machine sends more often
                    wire, ledger, n_calls = spent(
                        world, solver.rounds, field,
                        min(MOST_ROUNDS, EXPECTED[name][0]), parameters,
                        solver.one_pass)
                    least = min(least, wire - idle)
                    limit = most(library, n_ranks, ledger, n_calls)
                    if least <= limit:
                        break
                yield name, partition, ledger, least, limit
    finally:
        world.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ranks", type=int, nargs="*", default=[2, 3, 4, 8])
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    arguments = parser.parse_args()
    os.environ.update(TCP_ONLY | BANDWIDTH_OPTIMAL)
    library, wrong = mpi_library(), []
    print(library)
    with tempfile.TemporaryDirectory() as folder:
        for n_ranks in arguments.ranks:
            for name, partition, ledger, wire, limit in audit(
                    library, Path(folder), n_ranks, arguments.methods):
                total = ledger.total()
                print(f"{n_ranks} {name:24} {partition:9} {total:11} "
                      f"{wire / max(1, total):6.3f}  "
                      + " ".join(f"{kind} {n / total:.0%}"
                                 for kind, n in ledger.most_common()
                                 if n > total / 200), flush=True)
                if total > wire or total >= LEAST and wire > limit:
                    wrong.append(f"{name} ({partition}, {n_ranks} ranks)")
    if wrong:
        sys.exit(f"Not explained: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
