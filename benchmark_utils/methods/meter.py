"""What a rank spends on reading its data."""
import time
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class ReadingMeter:
    """Readings of a rank's data.

    Attributes
    ----------
    passes : float
        Readings of the whole block, or the part of the stream seen so far.
    seconds, cpu_seconds : float
        Spent on fetching batches from the file. In situ the simulation hands
        them over in memory, so this time is not charged to the method.
    """

    passes: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @contextmanager
    def fetching(self):
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.seconds += time.perf_counter() - wall
        self.cpu_seconds += time.process_time() - cpu
