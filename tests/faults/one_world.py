"""One world with one fault: ``python tests/faults/one_world.py program file``.

As a script it stands for a driver around which something is wrong: it prints
its error ("" if none) and the seconds until the world had ended, as JSON.
"""
import json
import os
import signal
import socket
import sys
import textwrap
import threading
import time
import types
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing.connection import Client
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
os.environ.setdefault("BENCHMARK_WATCHDOG", "4")

from programs import PROGRAMS, RIGHT  # noqa: E402

from benchmark_utils.fields.field import Field  # noqa: E402
from benchmark_utils.fields.live import write_live_field  # noqa: E402
from benchmark_utils.fields.reference import load_reference  # noqa: E402
from benchmark_utils.fields.store import store_field  # noqa: E402
from benchmark_utils.runtime.errors import WorldError  # noqa: E402
from benchmark_utils.runtime.world import start_world  # noqa: E402

N_RANKS = 3


def small_field(folder, n_cells=9, write=store_field):
    array = np.random.default_rng(0).standard_normal((2, n_cells, 8))
    axes = [(name, "1", np.arange(n)) for name, n
            in zip("txv", array.shape, strict=True)]
    with redirect_stdout(sys.stderr):  # where a bar shows the progress
        path = write(folder, {"name": "faults"}, axes, 1, lambda: [array],
                     "none", "float64")
    field = Field(path, n_ranks=N_RANKS)
    load_reference(field)
    return field


def method(body):
    """The generator of a program, in a module of its own."""
    module = types.ModuleType("fault")
    sys.modules["fault"] = module
    if "def rounds" not in body:
        body = ("def rounds(comm, data, n_components, rng):\n"
                "    from mpi4py import MPI\n"
                "    U = data.random_basis(n_components, rng)\n    yield U\n"
                + textwrap.indent(body, "    "))
    exec("import os, signal, sys, time\nimport numpy as np\n" + body,
         vars(module))
    return module.rounds


def is_exact(scores):
    """Whether the sines of the angles to the exact subspace are small."""
    return np.abs(scores["residual_gram"]).max() < 1e-12


def run(body, field):
    """First line of the error ("" if none), and seconds once ranks are up."""
    error, world, begin = "", None, time.monotonic()
    try:
        world = start_world(field.n_ranks)
        begin = time.monotonic()
        world.load(method(body), field, 3, {})
        world.call("advance", 2)
        scores = world.call("result")["scores"]
        if body == RIGHT and not is_exact(scores):
            error = "the subspace is wrong"
    except (WorldError, KeyboardInterrupt) as raised:
        error = (str(raised) or "KeyboardInterrupt").splitlines()[0]
    finally:
        if world:
            with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
                world.close()
    return error, time.monotonic() - begin


def store(path):
    """Store a field of 6 MB, and its reference."""
    small_field(path, n_cells=50_000)


def store_live(path):
    small_field(Path(path) / "live.h5", n_cells=50_000,
                write=lambda path, settings, axes, n_space, snapshots,
                background, dtype: write_live_field(
                    path, settings, axes, n_space, snapshots(), background,
                    dtype=dtype) or path)


def strangers(what):
    """What others do to the open port of this process while ranks start."""
    held = []
    while True:
        for each in psutil.Process().net_connections("tcp4"):
            if each.status != psutil.CONN_LISTEN:
                continue
            try:
                if what == b"wrong key":
                    Client(tuple(each.laddr), authkey=what)
                for _ in range(0 if what == b"wrong key" else 50):
                    held.append(socket.create_connection(each.laddr))
                    if what == b"scan":
                        held.pop().close()
                    elif what != b"idle":
                        held[-1].sendall(what)
            except Exception:  # turned away
                pass
        time.sleep(0.1)


def signal_itself(number):
    """As soon as this process has started the ranks' launcher."""
    while not psutil.Process().children():
        time.sleep(0.001)
    Path(os.environ["FAULT_WHEN"]).write_text(str(time.time()))
    os.kill(os.getpid(), number)


def main(program, path):
    os.environ["FAULT_DRIVER"] = str(os.getpid())
    # Programs in the background of a shell ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for function, argument in [
            (strangers, os.environb.get(b"FAULT_STRANGER")),
            (signal_itself, int(os.environ.get("FAULT_SIGNAL", 0)))]:
        if argument:
            threading.Thread(target=function, args=(argument,),
                             daemon=True).start()
    begin = time.monotonic()
    try:
        if program in ("store", "store_live"):
            globals()[program](path)
            outcome = "", 0.0
        else:
            outcome = run(PROGRAMS[program][0],
                          Field(path, n_ranks=N_RANKS))
    except Exception as error:
        outcome = str(error).splitlines()[0], time.monotonic() - begin
    print(json.dumps(outcome))


if __name__ == "__main__":
    main(*sys.argv[1:])
