"""Compare the network model with MPI over TCP on this machine.

    python tests/speed/network_model.py loopback
    sudo python tests/speed/network_model.py namespaces --rate 100

``loopback``: all ranks on one network stack, whose speed is that of the
cores. ``namespaces``: each rank in its own network namespace behind a virtual
cable that tc limits to --rate Mbit/s both ways, joined by a bridge: a switched
network; Linux and root only. Needs MPICH (mpiexec of hydra, UCX).

Latency and bandwidth come from a ping-pong of two ranks alone. Prints, for
every call and size, the measured time over the predicted one. Rounds of all
calls take turns, so that what else runs on the machine meets all of them; the
fastest decile counts.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmark_utils.network import (  # noqa: E402
    Network,
    algorithm_seconds,
    algorithms,
    call_seconds,
)

SIZES = [2**13, 2**15, 2**17, 2**19, 2**21, 2**23]
KINDS = ("allreduce", "bcast", "gather", "neighbor")
TCP_ONLY = {"UCX_TLS": "tcp", "MPIR_CVAR_NOLOCAL": "1"}
NAME = "pcanet"  # prefix of namespaces and cables
LAUNCHER = f"""#!/bin/sh
# hydra: [-x] address command...; namespace r has the address 10.77.0.(r+1)
[ "$1" = -x ] && shift
address=$1; shift
exec ip netns exec {NAME}$((${{address##*.}} - 1)) sh -c "$*"
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

    return {"ping-pong": ping_pong,
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
    calls = {(name, n): call for n in SIZES
             for name, call in programs(comm, n).items()}
    for call in calls.values():  # the first has to connect
        call()
    end = time.monotonic() + seconds
    while comm.bcast(time.monotonic() < end):
        for key, call in calls.items():
            for _ in range(max(1, 2**18 // key[1])):
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
            [*key, float(np.quantile(each, 0.1)), len(each)]
            for key, each in times.items()]))


@contextmanager
def namespaces(n_ranks, rate):
    """Options of mpiexec that put each rank behind a cable of its own."""
    def run(*command):
        subprocess.run(" ".join(command).split(), check=True)

    # A bucket of two frames: what is longer cannot pass at once.
    limit = f"root tbf rate {rate}mbit burst 4kb latency 100ms"
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
                made.append(f"ip netns del {inside}")  # and its cable
                run(f"ip link add {outside} type veth",
                    f"peer name eth0 netns {inside}")
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


def fit(ping_pong):
    """Latency and bandwidth with the least squares of relative errors."""
    n = np.array(sorted(ping_pong))
    one_way = np.array([ping_pong[each] for each in n]) / 2
    (latency, per_byte), *_ = np.linalg.lstsq(
        np.column_stack([1 / one_way, n / one_way]), np.ones(len(n)))
    return float(latency), float(1 / per_byte)


def prediction(kind, n_ranks, n, network):
    """Seconds of a call by the algorithm that MPICH chooses."""
    if kind == "neighbor":  # each rank sends to the one or two next to it
        n *= min(2, n_ranks - 1)
    if kind == "bcast" and n_ranks < 8:  # MPIR_CVAR_BCAST_MIN_PROCS
        binomial, _ = algorithms(kind, n_ranks, n)
        return algorithm_seconds(binomial, network)
    return call_seconds(kind, n_ranks, n, network)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("link", choices=["loopback", "namespaces", "rank"])
    parser.add_argument("--rate", type=int, default=100, help="Mbit/s")
    parser.add_argument("--ranks", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    if arguments.link == "rank":
        measure(arguments.seconds)
        return

    mpiexec = [str(Path(sys.executable).with_name("mpiexec")),
               "-n", str(arguments.ranks)]
    program = [sys.executable, __file__, "rank", "--seconds",
               str(arguments.seconds)]
    environment = os.environ | TCP_ONLY | {"OMP_NUM_THREADS": "1"}
    if arguments.link == "namespaces":
        environment["UCX_NET_DEVICES"] = "eth0"
        with namespaces(arguments.ranks, arguments.rate) as options:
            output = subprocess.run(
                [*mpiexec, *options, *program], env=environment, check=True,
                stdout=subprocess.PIPE).stdout
    else:
        output = subprocess.run([*mpiexec, *program], env=environment,
                                check=True, stdout=subprocess.PIPE).stdout
    times = {(name, n): seconds
             for name, n, seconds, _ in json.loads(output)}
    n_rounds = json.loads(output)[0][-1]

    latency, bandwidth = fit({n: times["ping-pong", n] for n in SIZES})
    # The ranks share the cores that a ping-pong has for itself.
    total = bandwidth if arguments.link == "loopback" else np.inf
    network = Network(latency, bandwidth, total)
    print(f"{arguments.ranks} ranks, {n_rounds} rounds, load "
          f"{os.getloadavg()[0]:.1f}; fitted: {latency * 1e6:.0f} us, "
          f"{bandwidth / 1e6:.1f} MB/s")
    print(f"{'payload':>10} {'ping-pong':>12}"
          + "".join(f"{kind:>18}" for kind in KINDS)
          + "   ms, measured / predicted")
    for n in SIZES:
        row = f"{n:10d} {times['ping-pong', n] * 500:12.3f}"
        for kind in KINDS:
            predicted = prediction(kind, arguments.ranks, n, network)
            row += (f"{times[kind, n] * 1e3:11.3f} "
                    f"{times[kind, n] / predicted:6.2f}")
        print(row)


if __name__ == "__main__":
    main()
