"""One run of a method on ranks that are simulated in this process."""
import time

import h5py
from mpi4py import MPI

from benchmark_utils.comm.scheduler import ControlComm, Group, Scheduler
from benchmark_utils.comm.simulated import SimulatedComm
from benchmark_utils.runtime import sharing
from benchmark_utils.runtime.run import SIGN_OF_LIFE, Run

# What one process that plays all ranks cannot measure.
UNKNOWN = "comm_s", "compute_s", "wall_s", "memory_mb"


class NoMeter:
    """Memory of one rank among many in a process is not known."""

    def forget_peak(self):
        pass

    def peak_mb(self):
        return 0.0


class SharedFile(h5py.File):
    """A file that all ranks read; it stays open when one of them is done."""

    def close(self):
        pass


class NoWorld:
    """In the place of ``MPI.COMM_WORLD``, which has one rank here."""

    def __getattr__(self, name):
        raise NotImplementedError(
            "Simulated ranks are not those of MPI.COMM_WORLD: use the "
            "communicator that rounds gets, or MPI processes.")


class SimulatedRun(Run):
    """The run on one of the ranks.

    Parameters
    ----------
    control : ControlComm
    group : Group
        Of the method's communicator.
    saved : list
        CPU seconds of each rank that others computed for it.
    """

    meter = NoMeter

    def __init__(self, control, group, saved, **task):
        self.group, self.saved = group, saved
        super().__init__(control, **task)

    def _communicator(self):
        return SimulatedComm(self.group, self.control.rank, self.ledger)

    def _cpu_seconds(self):
        return super()._cpu_seconds() + self.saved[self.control.rank]

    def _warm_up(self):
        pass

    def _costs(self):
        return super()._costs() | dict.fromkeys(UNKNOWN, float("nan"))


class SimulatedRanks:
    """All of them; has the functions of a :class:`Run`.

    Parameters
    ----------
    world : MPI communicator
        Of one process.
    task
        What :class:`Run` takes.
    """

    def __init__(self, world, field, **task):
        size = field.n_ranks
        self.scheduler = Scheduler(size)
        saved = [0.0] * size

        def charge(seconds):
            saved[self.scheduler.running] += seconds

        sharing.share(charge)
        MPI.COMM_WORLD = NoWorld()
        control, group = Group(self.scheduler), Group(self.scheduler)
        file = SharedFile(field.open().id)
        field.open = lambda: file  # to open it thousands of times is slow
        self.runs = [None] * size
        self.runs = self.scheduler.run(lambda rank: SimulatedRun(
            ControlComm(control, rank), group, saved, field=field, **task))

    def _all(self, command):
        return self.scheduler.run(lambda rank: command(self.runs[rank]))

    def advance(self, n_rounds, sign_of_life):
        last = time.monotonic()

        def sign():  # every rank gives one
            nonlocal last
            if time.monotonic() - last > SIGN_OF_LIFE:
                sign_of_life()
                last = time.monotonic()

        done = self._all(lambda run: run.advance(n_rounds, sign))
        if len(set(done)) > 1:
            raise RuntimeError(
                f"the ranks made different numbers of rounds: {done}.")
        return done[0]

    def results(self):
        return self._all(Run.result)

    def pictures(self):
        return self._all(Run.pictures)[0]

    def free(self):
        """Nothing to do: their communicators are plain objects."""

    def modes(self):
        return self._all(Run.modes)[0]
