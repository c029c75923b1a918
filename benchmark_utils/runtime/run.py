"""One run of a method on one rank: its rounds, costs and score."""
import time
import zlib

import numpy as np
from mpi4py import MPI

from benchmark_utils.comm.counting import CountingComm, Ledger, install
from benchmark_utils.methods.certificate import Certified
from benchmark_utils.methods.matrix import PartitionedMatrix
from benchmark_utils.methods.seeds import generators
from benchmark_utils.runtime.memory import MemoryMeter
from benchmark_utils.scoring.estimates import ESTIMATES
from benchmark_utils.scoring.modes import gather_modes

# Rank 0 tells the driver that rounds go on, at most this often.
SIGN_OF_LIFE = 5.0
NOTHING = object()  # the estimate of a method that has yielded none


class Run:
    """A method on its data, on this rank.

    Parameters
    ----------
    control : mpi4py communicator
        Not counted.
    rounds, warm_up_rank : functions
        See :class:`benchmark_utils.solver.MPISolver`.
    field : Field
    n_components : int
    parameters : dict
        Of the method.
    seed : int
    one_pass : bool
        The block is not kept in memory.
    yields : str
        Key of ``ESTIMATES``.
    """

    meter = MemoryMeter

    def __init__(self, control, rounds, field, n_components, parameters,
                 seed=0, one_pass=False, yields="subspace",
                 warm_up_rank=None):
        if field.n_ranks != control.size:
            raise ValueError(
                f"the field has parts for {field.n_ranks} ranks, but there "
                f"are {control.size}: start as many; those of a world that "
                "is simulated need a field with ranks='simulated'.")
        shared, private = generators(seed, control.rank)
        self.control, self.field = control, field
        self.n_components, self.yields = n_components, yields
        self.data = PartitionedMatrix(
            field, control.rank, private, one_pass)
        # Beside a running simulation the exact answer is not known yet.
        self.score = None
        if field.reference_path.exists():
            self._prepare_score()
        self.memory = self.meter()
        if not one_pass:
            self.data.load()
        # A method may write to its block by force, and scoring reads it.
        self.checksum = None if one_pass else zlib.crc32(self.data.X)
        self._warm_up()
        if warm_up_rank:
            warm_up_rank(self.data.shape, field.dtype, n_components,
                         **parameters)
        self.memory.forget_peak()
        self.ledger = Ledger(cpu_clock=self._cpu_seconds)
        self.comm = self._communicator()
        self.generator = rounds(
            comm=self.comm, data=self.data,
            n_components=n_components, rng=shared, **parameters)
        self.estimate, self.bound = NOTHING, 1.0
        self.wall_seconds = self.peak_mb = 0.0
        self.n_results = 0

    def _communicator(self):
        """The method's, counting into the ledger."""
        comm = CountingComm(self.control.Dup(), self.ledger)
        install(comm)  # a library's MPI.COMM_WORLD is counted too
        return comm

    def _cpu_seconds(self):
        """Reading a file is no computation: in situ, data are in memory."""
        return time.process_time() - self.data.meter.cpu_seconds

    def _warm_up(self):
        """First-call costs of BLAS, LAPACK and MPI are not the method's."""
        matrix = np.ones((64, 64)) + np.eye(64)
        np.linalg.qr(matrix @ matrix)
        np.linalg.eigh(matrix)
        self.control.Allreduce(MPI.IN_PLACE, matrix)

    def _prepare_score(self):
        self.score = ESTIMATES[self.yields](
            self.control, self.field, self.data, self.n_components)

    def advance(self, n_rounds, sign_of_life):
        """Run up to n_rounds rounds; return how many the method had left."""
        done = 0
        self.ledger.resume()
        last_sign = wall = time.perf_counter()
        while done < n_rounds:
            try:
                estimate = next(self.generator)
            except StopIteration:
                break
            self.estimate, self.bound = estimate if isinstance(
                estimate, Certified) else (estimate, 1.0)
            done += 1
            now = time.perf_counter()
            if now - last_sign > SIGN_OF_LIFE:
                sign_of_life()
                last_sign = now
        self.wall_seconds += time.perf_counter() - wall
        self.ledger.pause()
        self.peak_mb = max(self.peak_mb, self.memory.peak_mb())
        return done

    def results(self):
        """The results of all ranks at rank 0, None elsewhere."""
        return self.control.gather(self.result())

    def result(self):
        """Scores, bounds, costs and messages of this rank."""
        if self.estimate is NOTHING:
            raise ValueError("rounds ended before its first yield: yield the "
                             "starting point first.")
        if self.score is None:
            self._prepare_score()
        self.n_results += 1
        if self.n_results & (self.n_results - 1) == 0:
            self._check_block()
        scores = self.score(self.estimate)
        if not 0 <= self.bound <= 1:
            raise ValueError(f"the certified error {self.bound} is not "
                             "between 0 and 1: yield Certified(U, bound).")
        self.memory.forget_peak()
        return dict(scores=scores, bounds=dict(certified_error=self.bound),
                    costs=self._costs(), messages=self.ledger.messages())

    def _check_block(self):
        """Raise ValueError if the method has changed its data.

        At results 1, 2, 4, 8, ... and with pictures, so also at the end. To
        check at every result would take as long as the score itself.
        """
        if (self.checksum is not None
                and zlib.crc32(self.data.X) != self.checksum):
            raise ValueError("the method wrote to its block of the field: "
                             "let it work on a copy of data.X.")

    def _costs(self):
        ledger, reading = self.ledger, self.data.meter
        return dict(
            sent_bytes=ledger.sent_bytes,
            received_bytes=ledger.received_bytes, calls=ledger.calls,
            hops=ledger.hops, comm_s=ledger.seconds,
            compute_s=ledger.compute_seconds,
            path_compute_s=ledger.path_seconds,
            wall_s=(self.wall_seconds - reading.seconds
                    - ledger.overhead_seconds),
            memory_mb=self.peak_mb,
            samples_seen=reading.passes)

    def pictures(self):
        """Pictures of the estimate at rank 0, None elsewhere."""
        self._check_block()
        pictures = self.score.pictures(self.estimate)
        self.memory.forget_peak()
        return pictures

    def stored(self, n_components):
        """Bytes and errors of what the estimate leaves behind."""
        stored = self.score.stored(self.estimate, n_components)
        return dict(**stored, sent_bytes=self.ledger.sent_bytes,
                    compute_s=self.ledger.compute_seconds)

    def free(self):
        """Free the method's communicator and its data; all ranks must call."""
        if self.comm:
            self.comm.Free()
        # ``MPI.COMM_WORLD`` counts for this run, and so keeps it.
        self.generator = self.estimate = self.data = self.score = None
        self.memory.forget_peak()

    def modes(self):
        """Modes of the estimate at rank 0, see ``scoring/modes.py``."""
        return gather_modes(self.control, self.field, self.data,
                            self.estimate)
