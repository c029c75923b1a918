"""How ranks are started: the command, its environment, the address."""
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from benchmark_utils.runtime.errors import WorldError
from benchmark_utils.runtime.leftovers import WORLD

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                    "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
                    "VECLIB_MAXIMUM_THREADS")
# A process of its own: the driver must not start MPI.
ASK_LIBRARY = """
import mpi4py
mpi4py.rc.initialize = False
from mpi4py import MPI
print(MPI.Get_library_version().splitlines()[0])
"""


def launcher():
    """Command prefix that starts MPI ranks, without ``-n``.

    ``BENCHMARK_MPIEXEC`` overrides the choice. Otherwise ``srun`` for MPICH
    inside a Slurm allocation of several nodes, else the ``mpiexec`` of this
    Python's environment (it must be of the same make as mpi4py's MPI), else
    the one on PATH.

    Raises
    ------
    WorldError
        If there is none.
    """
    if "BENCHMARK_MPIEXEC" in os.environ:
        command = shlex.split(os.environ["BENCHMARK_MPIEXEC"])
        if not command or not shutil.which(command[0]):
            raise WorldError(
                "BENCHMARK_MPIEXEC is "
                f"{os.environ['BENCHMARK_MPIEXEC']!r}, not a command.")
        return command
    if _n_nodes() > 1 and shutil.which("srun") and "MPICH" in mpi_library():
        # All nodes, even from a step of one; and a rank that dies must not
        # leave the others waiting for it.
        return ["srun", "--mpi=pmi2", "--kill-on-bad-exit=1",
                f"--nodes={_n_nodes()}"]
    beside = shutil.which("mpiexec", path=str(Path(sys.executable).parent))
    command = beside or shutil.which("mpiexec")
    if command is None:
        raise WorldError(
            f"No mpiexec beside {sys.executable} nor on PATH: install one "
            "with `pip install mpich`, or load the cluster's MPI module.")
    return [command]


def check_alone():
    """Raise WorldError if Slurm runs this process in several tasks."""
    n_tasks = int(os.environ.get("SLURM_STEP_NUM_TASKS", 1))
    if n_tasks > 1:
        raise WorldError(
            f"benchopt runs in each of the {n_tasks} tasks of a Slurm step. "
            "It starts the ranks itself: run it once, by `srun -n 1 -N 1 "
            "benchopt ...`, or by `slurm_use_srun: false` for submitit.")


@cache
def mpi_library():
    """First line of what mpi4py's MPI says of itself, or ``none``."""
    done = subprocess.run([sys.executable, "-c", ASK_LIBRARY], check=False,
                          capture_output=True, text=True)
    return done.stdout.strip() or "none"


def n_threads():
    """BLAS threads of a rank, as text."""
    text = os.environ.get("BENCHMARK_THREADS", "1")
    if not text.isdecimal() or int(text) < 1:
        raise WorldError(f"BENCHMARK_THREADS is {text!r}: give a whole "
                         "number, 1 or more.")
    return text


def watchdog():
    """Seconds without a sign of life after which ranks are given up."""
    text = os.environ.get("BENCHMARK_WATCHDOG", "600")
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise WorldError(f"BENCHMARK_WATCHDOG is {text!r}: give a number of "
                         "seconds.")
    return seconds


def _n_nodes():
    return int(os.environ.get("SLURM_JOB_NUM_NODES", 1))


def address():
    """Where ranks find the driver; loopback unless nodes are several."""
    default = os.uname().nodename if _n_nodes() > 1 else "127.0.0.1"
    return os.environ.get("BENCHMARK_HOST", default)


def environment(address, key, token):
    """Environment of the ranks of the world that a token names."""
    return {
        **os.environ,
        **dict.fromkeys(THREAD_VARIABLES, n_threads()),
        "BENCHMARK_ADDRESS": f"{address[0]}:{address[1]}",
        "BENCHMARK_KEY": key.hex(),
        WORLD: token,
        "PYTHONUNBUFFERED": "1",
        # Slurm, under every launcher: a step within benchopt's own (else
        # it waits for it for ever), and more ranks than tasks.
        "SLURM_OVERLAP": "1",
        "SLURM_OVERCOMMIT": "1",
        # Open MPI: more ranks than cores, alike on all nodes, and root in
        # containers.
        "PRTE_MCA_rmaps_default_mapping_policy":
            "node:oversubscribe" if _n_nodes() > 1 else ":oversubscribe",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        # Open MPI does not start without one.
        "HOME": os.environ.get("HOME", tempfile.gettempdir()),
        # pyMOR would answer on the ranks that import it, until they end.
        "PYMOR_CONFIG_DISABLE": "MPI",
    }
