"""Run the fault matrix: ``python tests/faults/matrix.py [name ...]``.

One row per fault, for the MPI library of this Python: the seconds until the
world has ended, what is left of it, and the first sentence of its error.
"""
import os
import re
import sys
import tempfile
import textwrap
import time
import types
from contextlib import redirect_stderr
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
os.environ.setdefault("BENCHMARK_WATCHDOG", "4")

from programs import PROGRAMS  # noqa: E402

from benchmark_utils.fields.field import Field  # noqa: E402
from benchmark_utils.fields.reference import load_reference  # noqa: E402
from benchmark_utils.fields.store import store_field  # noqa: E402
from benchmark_utils.runtime.errors import WorldError  # noqa: E402
from benchmark_utils.runtime.leftovers import WORLD  # noqa: E402
from benchmark_utils.runtime.world import start_world  # noqa: E402

LIMIT = 10 + float(os.environ["BENCHMARK_WATCHDOG"])


def small_field(folder):
    array = np.random.default_rng(0).standard_normal((2, 9, 8))
    axes = [(name, "1", np.arange(n)) for name, n
            in zip("txv", array.shape, strict=True)]
    field = Field(store_field(folder, {"name": "faults"}, axes, 1,
                              lambda: [array], "none", "float64"), n_ranks=3)
    load_reference(field)
    return field


def method(body):
    """The generator of a program, in a module of its own."""
    module = types.ModuleType("fault")
    sys.modules["fault"] = module
    exec("import os, sys, time\nimport numpy as np\n"
         "def rounds(comm, data, n_components, rng):\n"
         "    from mpi4py import MPI\n"
         "    U = data.random_basis(n_components, rng)\n    yield U\n"
         + textwrap.indent(body, "    "), vars(module))
    return module.rounds


def leftovers(world):
    """Processes and names in shared memory that a world left."""
    found = [path for path in world.segments if os.path.exists(path)]
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{WORLD}={world.token}".encode() in (
                    folder / "environ").read_bytes().split(b"\0"):
                found.append(folder.name)
        except OSError:
            continue
    return found


def run(body, field):
    """First sentence of the error ("" if none), seconds, leftovers."""
    error, world = "", start_world(field.n_ranks)
    begin = time.monotonic()
    try:
        world.load(method(body), field, 3, {})
        world.call("advance", 2)
        world.call("result")
    except WorldError as raised:
        error = str(raised).splitlines()[0]
    finally:
        with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
            world.close()
    return error, time.monotonic() - begin, leftovers(world)


def main(names):
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        field = small_field(folder)
        for name in names or PROGRAMS:
            body, expected = PROGRAMS[name]
            error, seconds, left = run(body, field)
            as_told = (re.search(expected, error) if expected
                       else not error)
            good = bool(as_told) and not left and seconds < LIMIT
            wrong += not good
            print(f"{'ok' if good else 'WRONG':6}{name:20}{seconds:6.1f} s  "
                  f"left {len(left)}  {error[:90]}", flush=True)
    print(f"{wrong} rows are wrong")
    return wrong


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
