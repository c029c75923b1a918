"""Compare the network model with MPI over TCP on this machine.

    python tests/speed/network_model.py loopback
    sudo python tests/speed/network_model.py namespaces --rate 100

``loopback``: all ranks on one network stack, whose speed is that of the
cores. ``namespaces``: each rank in its own network namespace behind a virtual
cable that tc limits to --rate Mbit/s both ways, joined by a bridge: a switched
network; Linux and root only. Needs MPICH (mpiexec of hydra, UCX).

The latency is that of an empty message, the bandwidth of a rank comes from a
ping-pong of two ranks alone, that of all together from messages between all
neighbours in pairs. Prints, for every call and size, the measured time over
the predicted one: for both the fastest of the algorithms, each of which is
forced in a run of its own. Rounds of all calls take turns, so that what else
runs on the machine meets all of them; the fastest decile of a run counts, and
the median of the runs.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmark_utils.comm.network import Network, call_seconds  # noqa: E402

SIZES = [2**13, 2**15, 2**17, 2**19, 2**21, 2**23]
KINDS = ("allreduce", "bcast", "gather", "neighbor")
TCP_ONLY = {"UCX_TLS": "tcp", "MPIR_CVAR_NOLOCAL": "1"}
ALGORITHMS = [("recursive_doubling", "binomial"),
              ("reduce_scatter_allgather",
               "scatter_recursive_doubling_allgather")]
NAME = "pcanet"  # prefix of namespaces and cables
LAUNCHER = f"""#!/bin/sh
# [-x] address command...; namespace r has the address 10.77.0.(r+1)
# Open MPI needs hosts whose names differ.
[ "$1" = -x ] && shift
rank=$((${{1##*.}} - 1)); shift
exec ip netns exec {NAME}$rank unshare --uts sh -c "hostname rank$rank; $*"
"""


def programs(comm, n):
    """The calls with a payload of n bytes."""
    from mpi4py import MPI
    size, rank = comm.size, comm.rank
    array, total = np.ones(n // 8), np.empty(n // 8)
    parts = np.empty(size * (n // 8)) if rank == 0 else None
    near = sorted({(rank + 1) % size, (rank - 1) % size})
    ring = comm.Create_dist_graph_adjacent(near, near)
    received = np.empty(len(near) * (n // 8))

    def ping_pong():
        if rank == 0:
            comm.Send(array, 1)
            comm.Recv(total, 1)
        elif rank == 1:
            comm.Recv(total, 0)
            comm.Send(array, 0)

    def exchange():
        partner = rank ^ 1
        if partner < size:
            comm.Sendrecv(array, partner, recvbuf=total, source=partner)

    return {"ping-pong": ping_pong, "exchange": exchange,
            "allreduce": lambda: comm.Allreduce(array, total, MPI.SUM),
            "bcast": lambda: comm.Bcast(array),
            "gather": lambda: comm.Gather(array, parts),
            "neighbor": lambda: ring.Neighbor_allgather(array, received)}


def measure(seconds):
    """On the ranks: seconds from the first start of a call to its last end.

    All ranks have the clock of one machine. Rank 0 prints.
    """
    from mpi4py import MPI
    comm, times = MPI.COMM_WORLD, {}
    calls = {(name, n): call for n in [0, *SIZES]
             for name, call in programs(comm, n).items()}
    for call in calls.values():  # the first has to connect
        call()
    end = time.monotonic() + seconds
    while comm.bcast(time.monotonic() < end):
        for key, call in calls.items():
            for _ in range(max(1, 2**18 // max(key[1], 2**13))):
                # All wake up at once; a barrier lets some go much earlier.
                together = comm.bcast(time.monotonic() + 2e-3)
                time.sleep(max(0.0, together - time.monotonic()))
                start = time.monotonic()
                call()
                stop = time.monotonic()
                times.setdefault(key, []).append(
                    comm.allreduce(stop, MPI.MAX)
                    - comm.allreduce(start, MPI.MIN))
    if comm.rank == 0:
        print(json.dumps([
            [*key, float(np.quantile(each, 0.1))]
            for key, each in times.items()]))


@contextmanager
def namespaces(n_ranks, rate):
    """Options of mpiexec that put each rank behind a cable of its own."""
    def run(*command):
        subprocess.run(" ".join(command).split(), check=True)

    # A bucket of one frame: what is longer cannot pass at once. A queue that
    # holds everything: no congestion.
    limit = f"root tbf rate {rate}mbit burst 1600b limit 1gb"
    with tempfile.TemporaryDirectory() as folder:
        launcher = Path(folder) / "launcher"
        launcher.write_text(LAUNCHER)
        launcher.chmod(0o755)
        made = []
        try:
            run(f"ip link add {NAME} type bridge")
            made.append(f"ip link del {NAME}")
            run(f"ip addr add 10.77.0.254/24 dev {NAME}")
            run(f"ip link set {NAME} up")
            for rank in range(n_ranks):
                inside, outside = f"{NAME}{rank}", f"{NAME}v{rank}"
                run(f"ip netns add {inside}")
                made.append(f"ip netns del {inside}")
                run(f"ip link add {outside} type veth",
                    f"peer name eth0 netns {inside}")
                made.append(f"ip link del {outside}")
                run(f"ip link set {outside} master {NAME} up")
                run(f"ip -n {inside} addr add 10.77.0.{rank + 1}/24 dev eth0")
                run(f"ip -n {inside} link set eth0 up")
                run(f"ip -n {inside} link set lo up")
                run(f"tc qdisc add dev {outside}", limit)
                run(f"ip netns exec {inside} tc qdisc add dev eth0", limit)
            yield ["-launcher", "ssh", "-launcher-exec", str(launcher),
                   "-localhost", "10.77.0.254", "-hosts",
                   ",".join(f"10.77.0.{r + 1}" for r in range(n_ranks))]
        finally:
            for command in reversed(made):
                run(command)


def fit(times, n_ranks):
    """The network: bandwidths with the least squares of relative errors."""
    def bandwidth(kind, factor):
        seconds = np.array([times[kind, n] for n in SIZES]) * factor
        shares = np.array(SIZES) / seconds
        return shares @ shares / (shares @ (1 - latency / seconds))

    latency = times["ping-pong", 0] / 2
    return Network(latency, bandwidth("ping-pong", 1 / 2),
                   n_ranks // 2 * 2 * bandwidth("exchange", 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("link", choices=["loopback", "namespaces", "rank"])
    parser.add_argument("--rate", type=int, default=100, help="Mbit/s")
    parser.add_argument("--ranks", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10, help="per run")
    parser.add_argument("--runs", type=int, default=3, help="per algorithm")
    arguments = parser.parse_args()
    if arguments.link == "rank":
        measure(arguments.seconds)
        return

    environment = os.environ | TCP_ONLY | {"OMP_NUM_THREADS": "1"}
    wires = nullcontext([])
    if arguments.link == "namespaces":
        # With the kernel's buffer of megabytes a send returns before its data
        # have left, and the next one shares the link with it.
        environment |= {"UCX_NET_DEVICES": "eth0", "UCX_TCP_SNDBUF": "16k"}
        wires = namespaces(arguments.ranks, arguments.rate)

    def run(options, allreduce, bcast):
        output = subprocess.run(
            [str(Path(sys.executable).with_name("mpiexec")), "-n",
             str(arguments.ranks), *options, sys.executable, __file__, "rank",
             "--seconds", str(arguments.seconds)],
            env=environment | {
                "MPIR_CVAR_ALLREDUCE_INTRA_ALGORITHM": allreduce,
                "MPIR_CVAR_BCAST_INTRA_ALGORITHM": bcast},
            check=True, stdout=subprocess.PIPE).stdout
        return {(kind, n): seconds for kind, n, seconds in json.loads(output)}

    with wires as options:
        runs = [[run(options, *names) for names in ALGORITHMS]
                for _ in range(arguments.runs)]
    times = {key: min(np.median([each[i][key] for each in runs])
                      for i in range(len(ALGORITHMS))) for key in runs[0][0]}

    network = fit(times, arguments.ranks)
    print(f"{arguments.ranks} ranks, load {os.getloadavg()[0]:.1f}; "
          f"{network.latency * 1e6:.0f} us, {network.bandwidth / 1e6:.1f} "
          f"MB/s, all together {network.total_bandwidth / 1e6:.1f} MB/s")
    print(f"{'payload':>10} {'ping-pong':>12}"
          + "".join(f"{kind:>18}" for kind in KINDS)
          + "   ms, measured / predicted")
    for n in SIZES:
        row = f"{n:10d} {times['ping-pong', n] * 500:12.3f}"
        for kind in KINDS:
            # To all neighbours on a ring: the one or two next to the rank.
            near = min(2, arguments.ranks - 1) if kind == "neighbor" else 1
            predicted = call_seconds(kind, arguments.ranks, near * n, network)
            row += (f"{times[kind, n] * 1e3:11.3f} "
                    f"{times[kind, n] / predicted:6.2f}")
        print(row)


if __name__ == "__main__":
    main()
