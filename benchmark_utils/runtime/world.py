"""Driver side of a set of MPI ranks: start, talk, watch, stop."""
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from multiprocessing import AuthenticationError
from multiprocessing.connection import Listener
from pathlib import Path

import cloudpickle
import psutil

RANK = Path(__file__).with_name("rank.py")
# A rank's own report of an exception, see rank.py.
REPORT = re.compile(r"<<rank (\d+)>>\n(.*?)<<end>>", re.DOTALL)
START_TIMEOUT = 60.0
STOP_TIMEOUT = 5.0
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                    "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
                    "VECLIB_MAXIMUM_THREADS")


class WorldError(RuntimeError):
    """The ranks could not start, died, failed or hung."""


def launcher():
    """Command prefix that starts MPI ranks, without ``-n``.

    ``BENCHMARK_MPIEXEC`` overrides the choice. Otherwise ``srun`` inside a
    Slurm allocation of several nodes, else the ``mpiexec`` of this Python's
    environment (it must be of the same make as mpi4py's MPI), else the one on
    PATH.

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
                f"{os.environ['BENCHMARK_MPIEXEC']!r}, which is no command.")
        return command
    if _n_nodes() > 1 and shutil.which("srun"):
        # A rank that dies must not leave the others waiting for it.
        return ["srun", "--mpi=pmi2", "--kill-on-bad-exit=1"]
    beside = shutil.which("mpiexec", path=str(Path(sys.executable).parent))
    command = beside or shutil.which("mpiexec")
    if command is None:
        raise WorldError(
            f"No mpiexec beside {sys.executable} nor on PATH: install one "
            "with `pip install mpich`, or load the cluster's MPI module.")
    return [command]


def _n_nodes():
    return int(os.environ.get("SLURM_JOB_NUM_NODES", 1))


def _address():
    """Where ranks find the driver; loopback unless nodes are several."""
    default = os.uname().nodename if _n_nodes() > 1 else "127.0.0.1"
    return os.environ.get("BENCHMARK_HOST", default)


def _environment(address, key):
    """Environment of the ranks."""
    threads = os.environ.get("BENCHMARK_THREADS", "1")
    return {
        **os.environ,
        **dict.fromkeys(THREAD_VARIABLES, threads),
        "BENCHMARK_ADDRESS": f"{address[0]}:{address[1]}",
        "BENCHMARK_KEY": key.hex(),
        "PYTHONUNBUFFERED": "1",
        # Open MPI: more ranks than cores, and root in containers.
        "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    }


class World:
    """A fresh set of MPI ranks that obey commands.

    Parameters
    ----------
    n_ranks : int

    Raises
    ------
    WorldError
        In every method: one sentence, with the failing rank's traceback or
        the end of the ranks' output. No process is left.
    """

    def __init__(self, n_ranks):
        self.n_ranks = n_ranks
        self.watchdog = float(os.environ.get("BENCHMARK_WATCHDOG", 600))
        self.connection = self.process = None
        self.busy = False  # a command has no reply yet
        self.ranks = []
        self.output = tempfile.TemporaryFile()
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self):
        command = launcher()
        key = secrets.token_bytes(32)
        with Listener((_address(), 0), authkey=key) as listener:
            self.process = subprocess.Popen(
                [*command, "-n", str(self.n_ranks), sys.executable,
                 str(RANK)],
                env=_environment(listener.address, key),
                stdin=subprocess.DEVNULL, stdout=self.output,
                stderr=subprocess.STDOUT, start_new_session=True)
            accepted = _accept_in_thread(listener)
            deadline = time.monotonic() + START_TIMEOUT
            while not accepted:
                if self.process.poll() is not None:
                    raise self._died(
                        "did not start", "If nothing below says why, "
                        f"`{command[0]}` may belong to another MPI library "
                        "than mpi4py (see BENCHMARK_MPIEXEC).")
                if time.monotonic() > deadline:
                    raise WorldError(
                        f"`{' '.join(command)} -n {self.n_ranks}` did not "
                        f"connect within {START_TIMEOUT:.0f} s.{self._tail()}")
                time.sleep(0.005)
        self.connection = accepted[0]
        hello = self._receive()
        self.mpi_name = hello["library"]
        self.ranks = _processes(hello["processes"])
        if len(hello["processes"]) != self.n_ranks:
            raise WorldError(
                f"{self.n_ranks} ranks were asked for, but each sees a world "
                f"of {len(hello['processes'])}: `{command[0]}` and mpi4py "
                f"({self.mpi_name}) belong to different MPI libraries. Use "
                "the mpiexec of mpi4py's library (see BENCHMARK_MPIEXEC).")

    def load(self, rounds, field, n_components, parameters, seed=0,
             one_pass=False):
        """Have the ranks take a method and read their data."""
        self.call("load", _pack({
            "rounds": rounds, "field": field, "n_components": n_components,
            "parameters": parameters, "seed": seed, "one_pass": one_pass}))

    def call(self, command, argument=None):
        """Have all ranks carry out a command; return rank 0's reply."""
        self.busy = True
        try:
            self.connection.send((command, argument))
        except OSError:
            raise self._died("stopped") from None
        reply = self._receive()
        self.busy = False
        return reply

    def _receive(self):
        """Next reply; any message is a sign of life."""
        while True:
            try:
                if not self.connection.poll(self.watchdog):
                    raise WorldError(
                        f"No sign of life from the ranks for "
                        f"{self.watchdog:g} s: a round hangs or is too long "
                        f"(BENCHMARK_WATCHDOG sets the limit in seconds)."
                        f"{self._tail()}")
                kind, value = self.connection.recv()
            except (EOFError, OSError):
                raise self._died("stopped") from None
            if kind != "alive":
                return value

    def _died(self, what, hint=""):
        """Error that explains why the ranks are gone."""
        self._ended()
        reports = {}  # the first rank with each message
        for rank, report in REPORT.findall(self._read_output()):
            message = report.strip().splitlines()[-1]
            reports.setdefault(message, f"rank {rank} failed: {message}\n"
                                        f"{report}")
        if reports:
            return WorldError("\n".join(reports.values()))
        return WorldError(f"The ranks {what} (exit code "
                          f"{self.process.poll()}). {hint}{self._tail()}")

    def _ended(self, seconds=STOP_TIMEOUT):
        """Whether the launcher ends within some seconds, or never began."""
        try:
            return self.process is None or (
                self.process.wait(seconds) is not None)
        except subprocess.TimeoutExpired:
            return False

    def _read_output(self):
        self.output.seek(0)
        return self.output.read().decode(errors="replace")

    def _tail(self):
        """The last lines that the ranks or the launcher printed."""
        lines = self._read_output().strip().splitlines()[-15:]
        return "\n".join(["", "Their last words:", *lines]) if lines else ""

    def close(self):
        """Stop the ranks: ask the idle, end, then kill. Never raises."""
        if self.connection and not self.busy:
            try:
                self.connection.send(("stop", None))
            except OSError:
                pass
            self._ended()
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self._ended(0):
                _signal_group(self.process, number)
                self._ended()
        # A rank that ignored its launcher's end.
        for rank in self.ranks:
            try:
                rank.kill()
            except psutil.Error:
                pass
        if self.connection:
            self.connection.close()
            self.connection = None
            if not self.busy:  # what a method printed; errors have theirs
                sys.stderr.write(self._read_output())
        self.output.close()


def _pack(method):
    """Pickle a method so that ranks need neither benchopt nor its file.

    Its own module travels by value. ``benchmark_utils``, which benchopt also
    registers by value, goes by name: the ranks import it from this folder,
    and compiled routines of BLAS cannot be pickled.
    """
    module = sys.modules[method["rounds"].__module__]
    cloudpickle.register_pickle_by_value(module)
    package = sys.modules["benchmark_utils"]
    registered = "benchmark_utils" in \
        cloudpickle.list_registry_pickle_by_value()
    if registered:
        cloudpickle.unregister_pickle_by_value(package)
    try:
        return cloudpickle.dumps(method)
    finally:
        if registered:
            cloudpickle.register_pickle_by_value(package)


def _accept_in_thread(listener):
    """List that receives the first authenticated connection.

    ``accept`` has no time limit, and the launcher must be watched meanwhile;
    the thread ends when the listener is closed.
    """
    accepted = []

    def accept():
        while not accepted:
            try:
                accepted.append(listener.accept())
            except (AuthenticationError, EOFError):
                continue
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    return accepted


def _processes(processes):
    """Handles of the ranks on this host, safe against reused numbers."""
    handles = []
    for host, pid in processes:
        if host == os.uname().nodename:
            try:
                handles.append(psutil.Process(pid))
            except psutil.NoSuchProcess:
                pass
    return handles


def _signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except OSError:  # gone, or not ours any more
        pass
