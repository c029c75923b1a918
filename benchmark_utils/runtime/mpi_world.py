"""Driver side of a set of MPI ranks: start, talk, watch, stop."""
import os
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import cloudpickle
import psutil

from benchmark_utils.runtime import leftovers
from benchmark_utils.runtime.control import ControlPort
from benchmark_utils.runtime.errors import WorldError
from benchmark_utils.runtime.launchers import (
    address,
    check_alone,
    environment,
    launcher,
    watchdog,
)
from benchmark_utils.runtime.output import SUPERVISE, Output, ended, reports

RANK = Path(__file__).with_name("rank.py")
START_TIMEOUT = 60.0
STOP_TIMEOUT = 5.0
# How often the launcher and what ranks print are looked at.
LOOK_SECONDS = 0.5


class MPIWorld:
    """A fresh set of MPI processes, see :class:`~.world.World`.

    Parameters
    ----------
    n_ranks : int
    """

    def __init__(self, n_ranks):
        self.n_ranks = n_ranks
        self.watchdog = watchdog()
        self.connection = self.process = None
        self.busy = False  # a command has no reply yet
        self.ranks, self.segments = {}, []
        self.token, self.begin = secrets.token_hex(8), time.time()
        self.output = Output()
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self):
        check_alone()
        command = launcher()
        key = secrets.token_bytes(32)
        with ControlPort(address(), key) as port:
            self.process = subprocess.Popen(
                [*command, "-n", str(self.n_ranks), "sh", "-c", SUPERVISE,
                 sys.executable, str(RANK)],
                env=environment(port.address, key, self.token),
                stdin=subprocess.DEVNULL, stdout=self.output.file,
                stderr=subprocess.STDOUT, start_new_session=True)
            deadline = time.monotonic() + START_TIMEOUT
            while not port.connection:
                if self.process.poll() is not None:
                    raise self._died(
                        "did not start", "If that does not say why, "
                        f"`{command[0]}` may belong to another MPI library "
                        "than mpi4py (see BENCHMARK_MPIEXEC).")
                if time.monotonic() > deadline:
                    raise WorldError(
                        f"`{' '.join(command)} -n {self.n_ranks}` did not "
                        f"connect within {START_TIMEOUT:.0f} s."
                        f"{self.output.tail()}")
                time.sleep(0.005)
        self.connection = port.connection
        hello = self._receive()
        self.ranks = _processes(hello["processes"])
        self.segments = hello["segments"]
        self.provenance = hello["provenance"] | _placement(hello["processes"])
        if len(hello["processes"]) != self.n_ranks:
            raise WorldError(
                f"{self.n_ranks} ranks were asked for, but each sees a world "
                f"of {len(hello['processes'])}: `{command[0]}` and mpi4py "
                f"({self.provenance['mpi_library']}) belong to different MPI "
                "libraries. Use the mpiexec of mpi4py's library (see "
                "BENCHMARK_MPIEXEC).")

    def waits(self):
        """Whether the ranks are there and wait for a command."""
        return not self.busy and not self._ended(0)

    def load(self, rounds, field, n_components, parameters, seed=0,
             one_pass=False, **options):
        self.call("load", _pack(dict(
            rounds=rounds, field=field, n_components=n_components,
            parameters=parameters, seed=seed, one_pass=one_pass, **options)))

    def call(self, command, argument=None):
        self.busy = True
        try:
            self.connection.send((command, argument))
        except OSError:
            raise self._died("stopped") from None
        reply = self._receive()
        self.busy = False
        return reply

    def _receive(self):
        """Next reply; any message is a sign of life, a print is not."""
        since = time.monotonic()
        while True:
            try:
                while not self.connection.poll(
                        min(LOOK_SECONDS, self.watchdog)):
                    if self._ended(0):
                        raise self._died("stopped")
                    self.output.bound()
                    if time.monotonic() - since > self.watchdog:
                        raise WorldError(
                            f"No sign of life from the ranks for "
                            f"{self.watchdog:g} s: a round hangs or is too "
                            "long, or the field takes longer to read and "
                            "score (BENCHMARK_WATCHDOG sets the limit in "
                            f"seconds).{self.output.tail()}")
                kind, value = self.connection.recv()
            except (EOFError, OSError):
                raise self._died("stopped") from None
            if kind != "alive":
                return value
            since = time.monotonic()

    def _died(self, what, hint=""):
        """Error that explains why the ranks are gone."""
        self._ended()
        text = self.output.read()
        failures = reports(text, self.token)
        if failures:
            return WorldError(failures)
        first = ended(text, self.token)
        if first:
            return WorldError(first + self.output.tail())
        code = self.process.poll()
        if code is not None and code < 0:
            return WorldError(f"The launcher `{self.process.args[0]}` was "
                              f"killed ({signal.Signals(-code).name})."
                              f"{self.output.tail()}")
        return WorldError(f"The ranks {what} (exit code {code}): "
                          f"{self.output.cause()}. {hint}"
                          f"{self.output.tail()}")

    def _ended(self, seconds=STOP_TIMEOUT):
        """Whether the launcher ends within some seconds, or never began."""
        try:
            return self.process is None or (
                self.process.wait(seconds) is not None)
        except subprocess.TimeoutExpired:
            return False

    def pass_on(self):
        """Print what the ranks have printed."""
        sys.stderr.write(self.output.printed())
        self.output.empty()

    def ask_to_stop(self):
        """Have ranks that are not busy begin to stop. Never raises."""
        if self.connection and not self.busy:
            try:
                self.connection.send(("stop", None))
            except OSError:
                pass

    def close(self):
        """Stop the ranks: ask the idle, end, then kill. Never raises."""
        self.ask_to_stop()
        if self.connection and not self.busy:
            self._ended()
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self._ended(0):
                _signal_group(self.process, number)
                self._ended(STOP_TIMEOUT / 5)
        # Ranks that ignored their launcher's end, and children of a method.
        for rank in self.ranks.values():
            try:
                rank.kill()
            except psutil.Error:
                pass
        leftovers.kill_world(self.token)
        # What ranks have not told of that ended while they started.
        leftovers.unlink(self.segments if self.ranks
                         else leftovers.orphans(self.begin))
        if self.connection:
            self.connection.close()
            self.connection = None
            if not self.busy:  # errors have theirs
                self.pass_on()
        self.output.close()


def _pack(task):
    """Pickle a method so that ranks need neither benchopt nor its file.

    Its own module travels by value. ``benchmark_utils``, which benchopt also
    registers by value, goes by name: the ranks import it from this folder,
    and compiled routines of BLAS cannot be pickled.
    """
    module = sys.modules[task["rounds"].__module__]
    cloudpickle.register_pickle_by_value(module)
    package = sys.modules["benchmark_utils"]
    registered = "benchmark_utils" in \
        cloudpickle.list_registry_pickle_by_value()
    if registered:
        cloudpickle.unregister_pickle_by_value(package)
    try:
        return cloudpickle.dumps(task)
    finally:
        if registered:
            cloudpickle.register_pickle_by_value(package)


def _processes(processes):
    """Ranks on this host by process id, safe against reused numbers."""
    handles = {}
    for host, pid in processes:
        if host == os.uname().nodename:
            try:
                handles[pid] = psutil.Process(pid)
            except psutil.NoSuchProcess:
                pass
    return handles


def _placement(processes):
    """Where the ranks run: hosts, and how many ranks each has."""
    counts = Counter(host for host, _ in processes)
    return dict(hosts=" ".join(sorted(counts)),
                ranks_per_host=max(counts.values()))


def _signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except OSError:  # gone, or not ours any more
        pass
