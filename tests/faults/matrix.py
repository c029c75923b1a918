"""Run the fault matrix: ``python tests/faults/matrix.py [name ...]``.

One row per fault, for the MPI library of this Python, as a table of
reStructuredText: the seconds until the world had ended, what is left of it,
whether others got the right answer, a world that ran at the same time and one
that started afterwards, and the first sentence of the error. Rows that mount
need root. Docs: docs/faults.rst.
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from one_world import N_RANKS, is_exact, method, run, small_field
from programs import PROGRAMS, RIGHT
from surroundings import DRIVERS, FIELDS
from traces import MARK, names, new_names, ports, processes

from benchmark_utils.runtime.errors import WorldError
from benchmark_utils.runtime.launchers import mpi_library
from benchmark_utils.runtime.world import start_world

LIMIT, HANG_LIMIT = 10.0, 5.0 + float(os.environ["BENCHMARK_WATCHDOG"])
NEED_A_DRIVER = {program for _, _, program, _ in DRIVERS.values()} - {
    "ok", "right"}
ROWS = [name for name in PROGRAMS if name not in NEED_A_DRIVER] + [
    *FIELDS, *DRIVERS]
COLUMNS = 26, 7, 4, 6, 90


class Neighbour:
    """A healthy world, which makes rounds as long as it is not asked."""

    def __init__(self, field):
        self.world = start_world(N_RANKS)
        self.asked = threading.Event()
        self.error = None
        self.world.load(method(RIGHT), field, 3, {})
        self.world.call("advance", 2)
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self):
        try:
            while not self.asked.is_set():
                self.world.call("advance", 1)
        except WorldError as error:
            self.error = error

    def is_right(self):
        self.asked.set()
        self.thread.join()
        try:
            return not self.error and is_exact(
                self.world.call("result")["scores"])
        except WorldError:
            return False
        finally:
            self.world.close()


def drive(words, variables, program, field, folder):
    """Error and seconds of a driver that is a process of its own."""
    when = folder / "when"
    os.environ.update(FAULT_FOLDER=str(folder), FAULT_WHEN=str(when))
    variables = {key: os.path.expandvars(value)
                 for key, value in variables.items()}
    path = folder if program.startswith("store") else field.path
    script = Path(__file__).with_name("one_world.py")
    seconds = 0.0
    done = subprocess.run(
        [*words, sys.executable, str(script), program, str(path)],
        env={**os.environ, **variables}, capture_output=True, text=True,
        start_new_session=True, timeout=120)
    if done.returncode < 0:
        error = f"driver: {signal.Signals(-done.returncode).name}"
    elif not done.stdout:
        error = done.stderr[-200:]
    else:
        error, seconds = json.loads(done.stdout.splitlines()[-1])
    if when.exists():
        while processes(os.environ[MARK]) and (
                time.time() - float(when.read_text()) < 3 * LIMIT):
            time.sleep(0.02)
        seconds = time.time() - float(when.read_text())
    return error, seconds


def row(name, field):
    """What is expected, the error, seconds and leftovers of a fault."""
    with tempfile.TemporaryDirectory() as folder:
        former = names()
        os.environ[MARK] = mark = f"{os.getpid()} {name}"
        try:
            if name in PROGRAMS:
                body, expected = PROGRAMS[name]
                outcome = run(body, field)
            elif name in FIELDS:
                change, expected = FIELDS[name]
                changed = small_field(folder)
                change(changed.path)
                outcome = run("yield U", changed)
            else:
                *how, expected = DRIVERS[name]
                outcome = drive(*how, field, Path(folder))
        finally:
            del os.environ[MARK]
        return expected, *outcome, (
            processes(mark) + new_names(former) + ports())


def table_row(*cells):
    print(*(f"{cell:{width}}" for cell, width
            in zip(cells, COLUMNS, strict=True)), flush=True)


def main(chosen):
    print(f"{mpi_library()}, {N_RANKS} ranks, watchdog "
          f"{os.environ['BENCHMARK_WATCHDOG']} s\n")
    rule = ["=" * width for width in COLUMNS]
    table_row(*rule)
    table_row("fault", "seconds", "left", "others", "first sentence")
    table_row(*rule)
    wrong, worst = [], {}
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        field = small_field(Path(folder) / "field")
        neighbour = Neighbour(field)
        for name in chosen or ROWS:
            expected, error, seconds, left = row(name, field)
            beside, neighbour = neighbour.is_right(), Neighbour(field)
            hangs = "No sign of life" in error
            worst[hangs] = max(worst.get(hangs, 0.0), seconds)
            if (left or not beside
                    or seconds > (HANG_LIMIT if hangs else LIMIT)
                    or not (re.search(expected, error) if expected
                            else not error)):
                wrong.append(name)
            table_row(name, f"{seconds:7.1f}", f"{len(left):4}",
                      "right" if beside else "WRONG",
                      error.replace(f"{folder}/", "")[:90])
            if left:
                print("..", *left, file=sys.stderr, flush=True)
        table_row(*rule)
        last = neighbour.is_right()
    print(f"\n{len(chosen or ROWS)} rows; slowest {worst.get(False, 0):.1f} "
          f"s, {worst.get(True, 0):.1f} s where the watchdog ends it; "
          f"wrong: {', '.join(wrong) or 'none'}")
    return bool(wrong) or not last


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
