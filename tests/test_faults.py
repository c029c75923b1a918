"""What methods, files and strangers do to a run, and what is left of it."""
import io
import os
import socket
import time
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path

import numpy as np
import pytest
from conftest import spectrum_array

from benchmark_utils.fields.layout import ChangedField
from benchmark_utils.runtime.control import ControlPort
from benchmark_utils.runtime.errors import WorldError
from benchmark_utils.runtime.leftovers import WORLD, segments
from benchmark_utils.runtime.output import MOST_CHARACTERS, bounded
from benchmark_utils.runtime.world import start_world

linux = pytest.mark.skipif(not Path("/proc/self/maps").exists(),
                           reason="the processes of a world need /proc")


@pytest.fixture
def field(make_field):
    return make_field(spectrum_array(2, 9, 8), n_ranks=3)


def processes(token):
    """Processes of a world that are alive."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{WORLD}={token}".encode() in (
                    folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def run(rounds, field, n_rounds=3):
    """Error of a method, or None, and the seconds until the world ended."""
    world, error = start_world(field.n_ranks), None
    begin = time.monotonic()
    try:
        world.load(rounds, field, 3, {})
        world.call("advance", n_rounds)
        world.call("result")
    except WorldError as raised:
        error = str(raised)
    finally:
        world.close()
    assert not processes(world.token)
    assert not [path for path in world.segments if os.path.exists(path)]
    return error, time.monotonic() - begin


@linux
def test_launcher_killed(field):
    def rounds(comm, data, n_components, rng):
        import os
        import signal
        import time
        from pathlib import Path
        yield data.random_basis(n_components, rng)
        pid = os.getpid()
        while comm.rank == 0:
            stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)
            pid = int(stat[1].split()[1])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"mpiexec" in command or b"prterun" in command:
                os.kill(pid, signal.SIGKILL)
                break
        time.sleep(60)

    error, seconds = run(rounds, field)
    assert error.startswith("The launcher ")
    assert "was killed (SIGKILL)" in error
    assert seconds < 10


@linux
def test_children_of_a_method_end_with_their_world(field):
    def rounds(comm, data, n_components, rng):
        import os
        import time
        U = data.random_basis(n_components, rng)
        yield U
        if comm.rank == 1 and os.fork() == 0:
            os.setsid()
            time.sleep(600)
        yield U

    error, seconds = run(rounds, field, 2)
    assert error is None
    assert seconds < 10


@pytest.mark.parametrize("compiled", [False, True])
def test_much_output_is_not_kept(compiled, field, capfd):
    """Neither of Python nor of compiled code, which passes ``sys.stdout``."""
    def rounds(comm, data, n_components, rng):
        U = data.random_basis(n_components, rng)
        yield U
        for _ in range(150 if comm.rank == 1 else 0):
            if compiled:
                os.write(1, b"x" * 999_999 + b"\n")
            else:
                print("x" * 999_999)
        yield U

    error, _ = run(rounds, field, 2)
    assert error is None
    assert len(capfd.readouterr().err) < 2**20


def test_output_is_bounded_at_its_source():
    raw = io.BytesIO()
    text = io.TextIOWrapper(raw, encoding="utf-8")
    stream = bounded(text)
    print("first", file=stream)
    for _ in range(30):
        print("x" * (MOST_CHARACTERS // 10), file=stream)
    stream.flush()
    assert raw.getvalue().startswith(b"first\nxxx")
    assert MOST_CHARACTERS / 2 < len(raw.getvalue()) <= MOST_CHARACTERS


def test_stack_of_mpi_is_cut(field):
    def rounds(comm, data, n_components, rng):
        yield data.random_basis(n_components, rng)
        raise_mpi(comm)

    def raise_mpi(comm):
        comm.Send(np.zeros(1), dest=77)

    error, _ = run(rounds, field)
    first = error.splitlines()[0]
    assert "failed: mpi4py.MPI.Exception:" in first
    assert "stack" not in first


@linux
def test_no_name_in_shared_memory_while_ranks_run(field):
    """So that nothing is left however they end (MPICH)."""
    others = segments()
    world = start_world(3)
    try:
        assert not [path for path in world.segments if "mpich" in path]
    finally:
        world.close()
    assert set(segments()) <= set(others)


def test_forced_writes_to_the_block_are_noticed(field):
    def rounds(comm, data, n_components, rng):
        import ctypes
        yield data.random_basis(n_components, rng)
        if comm.rank == 1:
            ctypes.memset(data.X.ctypes.data + 8, 1, 8)
        yield data.random_basis(n_components, rng)

    error, _ = run(rounds, field, 2)
    assert error.startswith("rank 1 failed: ValueError: the method wrote to "
                            "its block")


@pytest.mark.parametrize("change, what", [
    (lambda path: os.truncate(path, os.path.getsize(path) // 2), "changed"),
    (lambda path: os.utime(path, (0, 0)), "changed"),
    (os.remove, "was removed")], ids=["truncated", "replaced", "removed"])
def test_field_that_changes_after_the_set_up(field, change, what):
    def rounds(comm, data, n_components, rng):
        yield data.random_basis(n_components, rng)

    change(field.path)
    with pytest.raises(ChangedField, match=what):
        field.reader(0)
    error, seconds = run(rounds, field, 1)
    assert "ChangedField" in error.splitlines()[0]
    assert what in error.splitlines()[0]
    assert seconds < 10


def test_strangers_do_not_delay_the_ranks():
    """Idle, garbage, a huge header, a wrong key; then the right one."""
    key = b"k" * 32
    with ControlPort("127.0.0.1", key) as port:
        strangers = [socket.create_connection(port.address)
                     for _ in range(300)]
        strangers[0].sendall(b"GET / HTTP/1.1\r\n\r\n")
        strangers[1].sendall(b"\x7f\xff\xff\xff" + b"x" * 1000)
        with pytest.raises((AuthenticationError, EOFError, OSError)):
            Client(port.address, authkey=b"wrong")
        assert port.connection is None
        with Client(port.address, authkey=key) as client:
            deadline = time.monotonic() + 5
            while not port.connection and time.monotonic() < deadline:
                time.sleep(0.01)
            client.send("hello")
            assert port.connection.recv() == "hello"
    port.connection.close()
    for stranger in strangers:
        stranger.settimeout(5)
        with stranger:
            try:
                while stranger.recv(1000):  # until it is turned away
                    pass
            except ConnectionError:
                pass
