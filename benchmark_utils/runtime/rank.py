"""Entry point of one rank; started by ``mpi_world.py`` under mpiexec.

Rank 0 talks to the driver and passes its commands on. A thread of rank 0
reads the connection: when the driver is gone, the process ends at once, even
in the middle of a collective, and the launcher then ends the other ranks.
"""
import gc
import os
import queue
import socket
import sys
import threading
import time
import traceback
from multiprocessing.connection import Client
from pathlib import Path

# Started by path: import the package, not the modules beside this file.
sys.path[0] = str(Path(__file__).resolve().parents[2])

ADDRESS = os.environ["BENCHMARK_ADDRESS"].rsplit(":", 1)
# Without a driver ranks end here: imports take seconds on a busy machine.
socket.create_connection(ADDRESS).close()

import cloudpickle  # noqa: E402
import numpy as np  # noqa: E402
from mpi4py import MPI  # noqa: E402

from benchmark_utils.runtime import (  # noqa: E402
    lean_scipy,  # noqa: F401  before all that import SciPy
    leftovers,
)
from benchmark_utils.runtime.output import bounded  # noqa: E402
from benchmark_utils.runtime.provenance import of_rank  # noqa: E402
from benchmark_utils.runtime.run import Run  # noqa: E402
from benchmark_utils.runtime.simulated_run import (  # noqa: E402
    SimulatedRanks,
)

# Ranks that wait for a command leave the cores to others: they look again
# after so much of the time that they have waited, at the latest after NAP.
SHARE, NAP = 0.05, 0.1
# A message may hold an array, or all that a program has printed.
LONGEST_SENTENCE, LONGEST_REPORT = 500, 20_000
TOKEN = os.environ.get(leftovers.WORLD, "")


class Driver:
    """Connection of rank 0 with the driver."""

    def __init__(self):
        host, port = ADDRESS
        key = bytes.fromhex(os.environ.pop("BENCHMARK_KEY"))
        self.connection = Client((host, int(port)), authkey=key)
        self.commands = queue.SimpleQueue()
        self.segments, self.process = [], os.getpid()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            try:
                self.commands.put(self.connection.recv())
            except (EOFError, OSError):
                leftovers.unlink(self.segments)
                # MPICH's launcher was seen not to notice that a rank ends.
                leftovers.kill_world(TOKEN)
                os._exit(1)

    def receive(self):
        return self.commands.get()

    def send(self, kind, value=None):
        if os.getpid() == self.process:  # not in a child that a method forked
            self.connection.send((kind, value))


def wait_for_all(control):
    """A barrier; MPI's own would keep a core busy however long it takes."""
    begin, barrier = time.monotonic(), control.Ibarrier()
    while not barrier.Test():
        time.sleep(min(NAP, SHARE * (time.monotonic() - begin)))


def serve(control, driver):
    """Obey the driver's commands until it says stop."""
    run = None
    while True:
        order = driver.receive() if driver else None
        wait_for_all(control)
        command, argument = control.bcast(order)
        reply = None
        if command == "stop":
            return
        if command in ("load", "free") and run:
            run.free()
            run = None
            gc.collect()  # the next one must not find its memory
        if command == "load":
            task = cloudpickle.loads(argument)
            simulated = task["field"].ranks == "simulated"
            run = (SimulatedRanks if simulated else Run)(control, **task)
            control.Barrier()
        elif command == "advance":
            done = run.advance(
                argument,
                lambda: driver.send("alive") if driver else None)
            counts = control.allgather(done)
            if len(set(counts)) > 1:
                raise RuntimeError(
                    f"the ranks made different numbers of rounds: {counts}.")
            reply = done
        elif command == "result":
            reply = collect(run.results())
        elif command == "pictures":
            reply = run.pictures()
        elif command == "stored":
            reply = collect(control.gather(dict(
                messages=None, stored=run.stored(argument))))
        elif command == "modes":
            reply = run.modes()
        if driver:
            driver.send("reply", reply)


def collect(results):
    """The results of all ranks: numbers become arrays, a rank an entry."""
    if results is None:  # not rank 0
        return None
    return dict(
        messages=[result["messages"] for result in results],
        **{part: {key: np.array([result[part][key] for result in results])
                  for key in results[0][part]}
           for part in results[0] if part != "messages"})


def sentence(error):
    """An exception in a line, of MPI's without its stack of inner calls."""
    lines = "".join(traceback.format_exception_only(error)).splitlines()
    line = lines[-1] if isinstance(error, SyntaxError) else lines[0]
    return line.removesuffix(", error stack:")[:LONGEST_SENTENCE]


def main():
    sys.stdout, sys.stderr = bounded(sys.stdout), bounded(sys.stderr)
    control = MPI.COMM_WORLD.Dup()
    try:
        control.Barrier()  # then names can go, before anything else fails
        segments = control.gather(leftovers.unlink_attached())
        driver = Driver() if control.rank == 0 else None
        processes = control.gather((socket.gethostname(), os.getpid()))
        if driver:
            driver.segments = sorted({path for each in segments
                                      for path in each})
            driver.send("hello", dict(
                processes=processes, segments=driver.segments,
                provenance=of_rank(MPI.Get_library_version())))
        gc.freeze()  # modules stay: no collection looks at them again
        serve(control, driver)
    except BaseException as error:  # a library may call sys.exit
        # One message per rank, found by the driver in the output; the abort
        # frees the ranks that wait in a collective.
        rank = getattr(error, "rank", control.rank)  # a simulated one's
        sys.__stderr__.write(f"<<{TOKEN} rank {rank}>>\n"
                             f"{sentence(error)}\n"
                             f"{traceback.format_exc()[-LONGEST_REPORT:]}"
                             "<<end>>\n")
        sys.__stderr__.flush()
        time.sleep(0.2)
        MPI.COMM_WORLD.Abort(1)


if __name__ == "__main__":
    main()
