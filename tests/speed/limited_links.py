"""Whole methods on several hosts with slow links: wall time follows bytes.

    sudo python tests/speed/limited_links.py [--rate 100] [--methods name ...]

Each of four ranks is alone in a network namespace behind a virtual cable of
--rate Mbit/s, see ``network_model.py``; the MPI library, MPICH or Open MPI,
is that of the Python that runs it. Prints for each method what the busiest
rank sends or receives, the measured wall time, and the time that the network
model predicts from the ledger. Linux and root only.
"""
import argparse
import os
import shlex
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conftest import SOLVERS, small_field, spectrum_array  # noqa: E402
from network_model import TCP_ONLY, namespaces  # noqa: E402
from test_conformance import EXPECTED  # noqa: E402

from benchmark_utils.comm.network import (  # noqa: E402
    Network,
    busiest_calls,
    communication_seconds,
)
from benchmark_utils.runtime.launchers import mpi_library  # noqa: E402
from benchmark_utils.runtime.world import start_world  # noqa: E402
from benchmark_utils.scoring.estimates import evaluate  # noqa: E402

N_RANKS, K, D, MOST_ROUNDS = 4, 10, 1024, 12
METHODS = ("coded-chord", "low-rank-merge", "quantized-power", "block-krylov",
           "block-power", "randomized-svd", "shift-invert", "oja",
           "history-pca", "gather-all", "tsqr-svd", "gram-eigh")
LATENCY = 33e-6  # of an empty message, measured by network_model.py
PAYLOAD = 1448 / 1514  # of a frame, as tc counts it


@contextmanager
def hosts(rate):
    """Have worlds start on namespaces in the place of hosts."""
    with namespaces(N_RANKS, rate) as hydra:
        mpiexec = Path(sys.executable).with_name("mpiexec")
        options = hydra
        if "Open MPI" in mpi_library():
            launcher = hydra[hydra.index("-launcher-exec") + 1]
            names = hydra[hydra.index("-hosts") + 1]
            subnet = "10.77.0.0/24"
            options = ["--host", names, "--map-by", "node",
                       "--prtemca", "plm_ssh_agent", launcher,
                       "--prtemca", "prte_if_include", subnet,
                       "--mca", "btl_tcp_if_include", subnet]
        os.environ |= TCP_ONLY | {
            "OMPI_MCA_btl": "tcp,self", "OMPI_MCA_pml": "ob1",
            "OMPI_MCA_mpi_yield_when_idle": "1",  # four hosts, few cores
            "UCX_NET_DEVICES": "eth0", "UCX_TCP_SNDBUF": "16k",
            "BENCHMARK_HOST": "10.77.0.254",
            "BENCHMARK_MPIEXEC": shlex.join([str(mpiexec), *options])}
        yield


def measure(world, name, field):
    """Costs of the slowest rank after some rounds, and the calls of all."""
    solver = SOLVERS[name]
    world.load(solver.rounds, field, K,
               {key: values[0] for key, values in solver.parameters.items()},
               0, solver.one_pass)
    world.call("advance", 1)
    world.call("advance", min(MOST_ROUNDS, EXPECTED[name][0]))
    result = world.call("result")
    costs = {key: each.max() for key, each in result["costs"].items()}
    return (evaluate(field, K, **result)["subspace_error"], costs,
            busiest_calls(result["messages"]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, default=100, help="Mbit/s")
    parser.add_argument("--methods", nargs="*", default=METHODS)
    arguments = parser.parse_args()
    network = Network(LATENCY, arguments.rate * 1e6 / 8 * PAYLOAD)
    print(mpi_library())
    print(f"{'method':18} error       kB  measured  modelled  ratio   MB/s")
    with tempfile.TemporaryDirectory() as folder, hosts(arguments.rate):
        field = small_field(Path(folder), spectrum_array(32, 16, D),
                            n_ranks=N_RANKS)
        world = start_world(N_RANKS)
        try:
            # The first run connects the ranks.
            for name in (arguments.methods[0], *arguments.methods):
                error, costs, calls = measure(world, name, field)
                busiest = max(costs["sent_bytes"], costs["received_bytes"])
                modelled = costs["path_compute_s"] + communication_seconds(
                    calls, network, N_RANKS, N_RANKS)
                print(f"{name:18} {error:.0e} {busiest / 1e3:8.0f} "
                      f"{costs['wall_s']:8.3f}s {modelled:8.3f}s "
                      f"{costs['wall_s'] / modelled:6.2f} "
                      f"{busiest / 1e6 / costs['wall_s']:6.1f}", flush=True)
        finally:
            world.close()


if __name__ == "__main__":
    main()
