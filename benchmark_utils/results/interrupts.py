"""Ctrl-C and SIGTERM end a run as its last solver would: with its results.

benchopt 1.10 writes results when all solvers have run, and loses them all if
it is interrupted before. Here the solver that runs is given up, and those that
have finished become a results file and a page: also in an allocation that
ends, where SIGKILL follows SIGTERM after some seconds.
"""
import signal
import sys
import threading
import time
from functools import wraps

from benchopt import runner

STOPPING = signal.SIGINT, signal.SIGTERM
# Ranks and jobs that end must not be disturbed by a signal that is repeated.
GRACE_SECONDS = 10.0


class Interrupt:
    """The signal that has stopped a run, if one has.

    Attributes
    ----------
    number : int or None
    is_running : bool
        Solvers run; otherwise results are saved and the page is drawn, which
        Ctrl-C ends and SIGTERM does not: SIGKILL will, in its time.
    """

    def __init__(self):
        self.number, self.since = None, -GRACE_SECONDS
        self.is_running = True

    def __call__(self, number, frame):
        if not self.is_running:
            self.number = number
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            return
        now = time.monotonic()
        if now - self.since > GRACE_SECONDS:
            self.number, self.since = number, now
            raise KeyboardInterrupt

    def __enter__(self):
        self.former = {number: signal.signal(number, self)
                       for number in STOPPING}
        return self

    def __exit__(self, *_):
        for number, handler in self.former.items():
            signal.signal(number, handler)


def until_interrupted(results, interrupt):
    """Yield results until the end, or until a signal comes."""
    try:
        for result in results:
            yield result
            if interrupt.number:  # where nobody could be told
                break
    except KeyboardInterrupt:
        if not interrupt.number:
            raise
    finally:
        interrupt.is_running = False
    if interrupt.number:
        print(f"\nStopped by {signal.Signals(interrupt.number).name}: what "
              "has finished is saved.", flush=True)


@wraps(runner._run_benchmark)
def run_benchmark(*args, **kwargs):
    """benchopt's, which a signal ends early and with its own exit code."""
    if threading.current_thread() is not threading.main_thread():
        return run(*args, **kwargs)  # Python gives signals to that one only
    with Interrupt() as interrupt:
        runner.parallel_run = lambda *args, **kwargs: until_interrupted(
            parallel_run(*args, **kwargs), interrupt)
        try:
            outcome = run(*args, **kwargs)
        finally:
            runner.parallel_run = parallel_run
    if interrupt.number:
        sys.exit(128 + interrupt.number)
    return outcome


if not hasattr(runner._run_benchmark, "__wrapped__"):  # imported again
    run, parallel_run = runner._run_benchmark, runner.parallel_run
    runner._run_benchmark = run_benchmark
