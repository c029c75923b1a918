"""CountingComm against plain MPI, against the table, and against the wire."""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TCP_ONLY = {
    "UCX_TLS": "tcp", "MPIR_CVAR_NOLOCAL": "1",  # MPICH
    "OMPI_MCA_btl": "tcp,self", "OMPI_MCA_pml": "ob1",  # Open MPI
}
BANDWIDTH_OPTIMAL = {
    "MPIR_CVAR_ALLGATHER_INTRA_ALGORITHM": "ring",
    "MPIR_CVAR_ALLREDUCE_INTRA_ALGORITHM": "ring",
    "MPIR_CVAR_ALLTOALL_INTRA_ALGORITHM": "pairwise",
    "MPIR_CVAR_BCAST_INTRA_ALGORITHM": "binomial",
    "MPIR_CVAR_REDUCE_INTRA_ALGORITHM": "binomial",
    "MPIR_CVAR_REDUCE_SCATTER_INTRA_ALGORITHM": "pairwise",
    "OMPI_MCA_coll_tuned_use_dynamic_rules": "1",
    "OMPI_MCA_coll_tuned_allreduce_algorithm": "4",  # ring
    "OMPI_MCA_coll_tuned_gather_algorithm": "1",  # to the root directly
    "OMPI_MCA_coll_tuned_reduce_scatter_algorithm": "3",  # ring
    "OMPI_MCA_coll_tuned_scatter_algorithm": "1",  # directly
}
# Neither library has a bandwidth-optimal algorithm for all of these.
NEVER_OPTIMAL = {"Scan", "Gather", "Scatter", "Reduce_scatter_block"}


def start(n_ranks, program, *options, timeout=60, **environment):
    """Run one of the programs of ``mpi_programs`` and return its output."""
    beside_python = Path(sys.executable).with_name("mpiexec")
    mpiexec = beside_python if beside_python.exists() else shutil.which(
        "mpiexec")
    assert mpiexec, "mpiexec not found: pip install mpich"
    command = [mpiexec, "-n", str(n_ranks), sys.executable, "-m", "mpi4py",
               ROOT / "tests" / "mpi_programs" / program, *options]
    environment = {
        "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
        # Open MPI as root, and with fewer cores than ranks.
        "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
        **environment}
    with subprocess.Popen(
            command, env=os.environ | environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            output, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.terminate()  # not kill: mpiexec must stop the ranks
            raise
    assert process.returncode == 0, output + errors
    return output


@pytest.mark.parametrize("n_ranks", [1, 2, 3, 4])
def test_costs_and_results(n_ranks):
    report = json.loads(start(n_ranks, "counts.py"))
    assert report["failures"] == []
    assert report["unchecked"] == []
    assert report["n_checks"] > 300


def test_every_wrong_rule_is_detected():
    report = json.loads(start(2, "counts.py", "--mutate"))
    assert report["failures"] == []
    assert report["undetected"] == []


def test_behaviour():
    start(2, "behaviour.py")


def test_ways_around_the_ledger():
    start(2, "cheats.py")


def test_buffers():
    start(2, "buffers.py")


@pytest.mark.skipif(not Path("/proc/net/dev").exists(),
                    reason="the byte counters of the kernel need Linux")
@pytest.mark.parametrize("algorithms", [{}, BANDWIDTH_OPTIMAL],
                         ids=["default", "bandwidth-optimal"])
def test_ledger_against_wire(algorithms):
    """The ledger never exceeds the wire, and explains it if it can."""
    least = {}
    for _ in range(3):
        report = json.loads(
            start(3, "wire.py", "65536", "1048576", **TCP_ONLY, **algorithms))
        for call, (ledger, wire) in report.items():
            assert 0 < ledger <= wire, call
            # Other programs may use the interface: the least is ours.
            least[call] = min(wire, least.get(call, wire))
        unexplained = {
            call: (report[call][0], wire) for call, wire in least.items()
            if algorithms and report[call][0] < 0.9 * wire
            and call.split()[0] not in NEVER_OPTIMAL}
        if not unexplained:
            return
    assert not unexplained
