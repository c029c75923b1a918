"""Entry point of one rank; started by ``world.py`` under mpiexec.

Rank 0 talks to the driver and passes its commands on. A thread of rank 0
reads the connection: when the driver is gone, the process ends at once, even
in the middle of a collective, and the launcher then ends the other ranks.
"""
import os
import queue
import socket
import sys
import threading
import time
import traceback
from functools import partial
from multiprocessing.connection import Client
from pathlib import Path

# Started by path: import the package, not the modules beside this file.
sys.path[0] = str(Path(__file__).resolve().parents[2])

import cloudpickle  # noqa: E402
import numpy as np  # noqa: E402
from mpi4py import MPI  # noqa: E402

from benchmark_utils.comm.counting import (  # noqa: E402
    CountingComm,
    install,
)
from benchmark_utils.methods.matrix import PartitionedMatrix  # noqa: E402
from benchmark_utils.runtime.memory import MemoryMeter  # noqa: E402
from benchmark_utils.scoring.pictures import gather_pictures  # noqa: E402
from benchmark_utils.scoring.subspace import SubspaceScore  # noqa: E402

# Rank 0 tells the driver that rounds go on, at most this often.
SIGN_OF_LIFE = 5.0


class Driver:
    """Connection of rank 0 with the driver."""

    def __init__(self):
        host, port = os.environ["BENCHMARK_ADDRESS"].rsplit(":", 1)
        key = bytes.fromhex(os.environ.pop("BENCHMARK_KEY"))
        self.connection = Client((host, int(port)), authkey=key)
        self.commands = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            try:
                self.commands.put(self.connection.recv())
            except (EOFError, OSError):
                os._exit(1)

    def receive(self):
        return self.commands.get()

    def send(self, kind, value=None):
        self.connection.send((kind, value))


class Method:
    """One method on its data: runs rounds, keeps the costs, scores."""

    def __init__(self, control, rounds, field, n_components, parameters,
                 seed, one_pass):
        shared, *private = np.random.SeedSequence(seed).spawn(
            1 + control.size)
        _warm_up(control)
        self.control, self.field = control, field
        self.data = PartitionedMatrix(
            field, control.rank,
            np.random.default_rng(private[control.rank]), one_pass)
        self.new_score = partial(SubspaceScore, control, field, self.data,
                                 n_components)
        # Beside a running simulation the exact subspace is not known yet.
        self.score = (self.new_score() if field.reference_path.exists()
                      else None)
        self.memory = MemoryMeter()
        if not one_pass:
            self.data.load()
            self.memory.forget_peak()
        self.comm = CountingComm(control.Dup())
        install(self.comm)  # a library's MPI.COMM_WORLD is counted too
        self.generator = rounds(
            comm=self.comm, data=self.data, n_components=n_components,
            rng=np.random.default_rng(shared), **parameters)
        self.estimate = None
        self.wall_seconds = self.cpu_seconds = self.peak_mb = 0.0

    def advance(self, n_rounds, sign_of_life):
        """Run up to n_rounds rounds; return how many the method had left."""
        done = 0
        cpu, wall = time.process_time(), time.perf_counter()
        last_sign = wall
        while done < n_rounds:
            try:
                self.estimate = next(self.generator)
            except StopIteration:
                break
            done += 1
            now = time.perf_counter()
            if now - last_sign > SIGN_OF_LIFE:
                sign_of_life()
                last_sign = now
        self.wall_seconds += time.perf_counter() - wall
        self.cpu_seconds += time.process_time() - cpu
        self.peak_mb = max(self.peak_mb, self.memory.peak_mb())
        return done

    def result(self):
        """Scores and costs of this rank, plain numbers and small arrays."""
        ledger, reading = self.comm.ledger, self.data.meter
        self.score = self.score or self.new_score()
        scores = self.score(self.estimate)
        self.memory.forget_peak()
        return dict(
            **scores, sent_bytes=ledger.sent_bytes, calls=ledger.calls,
            hops=ledger.hops, comm_s=ledger.seconds,
            compute_s=(self.cpu_seconds - ledger.cpu_seconds
                       - reading.cpu_seconds),
            wall_s=self.wall_seconds - reading.seconds,
            memory_mb=self.peak_mb,
            samples_seen=reading.passes,
            messages=ledger.messages())

    def modes(self):
        """Pictures of the leading modes at rank 0, None elsewhere."""
        pictures = gather_pictures(self.control, self.field,
                                   self.score.aligned(self.estimate))
        self.memory.forget_peak()
        return pictures


def _warm_up(comm):
    """First-call costs of BLAS, LAPACK and MPI are not the method's."""
    matrix = np.ones((64, 64)) + np.eye(64)
    np.linalg.qr(matrix @ matrix)
    np.linalg.eigh(matrix)
    comm.Allreduce(MPI.IN_PLACE, matrix)


def serve(control, driver):
    """Obey the driver's commands until it says stop."""
    method = None
    while True:
        command, argument = control.bcast(
            driver.receive() if driver else None)
        reply = None
        if command == "stop":
            return
        if command == "load":
            method = Method(control, **cloudpickle.loads(argument))
            control.Barrier()
        elif command == "advance":
            done = method.advance(
                argument,
                lambda: driver.send("alive") if driver else None)
            counts = control.allgather(done)
            if len(set(counts)) > 1:
                raise RuntimeError(
                    f"the ranks made different numbers of rounds: {counts}.")
            reply = done
        elif command == "result":
            results = control.gather(method.result())
            reply = results and {
                key: np.array([result[key] for result in results])
                for key in results[0]}
        elif command == "modes":
            reply = method.modes()
        if driver:
            driver.send("reply", reply)


def main():
    control = MPI.COMM_WORLD.Dup()
    try:
        driver = Driver() if control.rank == 0 else None
        processes = control.gather((socket.gethostname(), os.getpid()))
        if driver:
            driver.send("hello", dict(
                processes=processes,
                library=MPI.Get_library_version().split("\n")[0]))
        serve(control, driver)
    except BaseException:  # a library may call sys.exit
        # One message per rank, found by the driver in the output; the abort
        # frees the ranks that wait in a collective.
        sys.stderr.write(f"<<rank {control.rank}>>\n"
                         f"{traceback.format_exc()}<<end>>\n")
        sys.stderr.flush()
        time.sleep(0.2)
        MPI.COMM_WORLD.Abort(1)


if __name__ == "__main__":
    main()
