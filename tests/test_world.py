"""Every failure ends in one clear error, within seconds, nothing is left."""
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time

import numpy as np
import psutil
import pytest
from conftest import ROOT, spectrum_array

from benchmark_utils.runtime import leftovers
from benchmark_utils.runtime.errors import WorldError
from benchmark_utils.runtime.launchers import launcher
from benchmark_utils.runtime.world import start_world


def start(rounds, field, n_components=3):
    world = start_world(field.n_ranks)
    world.load(rounds, field, n_components, {})
    return world


def fail_with(rounds, field):
    """The error of a method, and the seconds until it came."""
    world = start(rounds, field)
    ranks, begin = list(world.ranks.values()), time.monotonic()
    assert len(ranks) == field.n_ranks
    try:
        with pytest.raises(WorldError) as error:
            world.call("advance", 3)
            world.call("result")
    finally:
        world.close()
    seconds = time.monotonic() - begin
    assert_gone(ranks)
    assert world.process.poll() is not None
    return str(error.value), seconds


def assert_gone(processes, seconds=5):
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    assert not [process for process in alive
                if process.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def field(make_field):
    return make_field(spectrum_array(2, 9, 8), n_ranks=3)


def test_exception_on_one_rank(field):
    def rounds(comm, data, n_components, rng):
        U = data.random_basis(n_components, rng)
        yield U
        if comm.rank == 1:
            raise ZeroDivisionError("a bug on rank one")
        yield data.covariance(comm, U)

    message, seconds = fail_with(rounds, field)
    assert message.startswith(
        "rank 1 failed: ZeroDivisionError: a bug on rank one")
    assert "in rounds" in message  # the traceback
    assert seconds < 10


def test_exit_on_one_rank(field):
    def rounds(comm, data, n_components, rng):
        yield data.random_basis(n_components, rng)
        if comm.rank == 1:
            raise SystemExit("a library gave up")
        comm.Barrier()

    message, seconds = fail_with(rounds, field)
    assert message.startswith("rank 1 failed: SystemExit: a library gave up")
    assert seconds < 10


def test_rank_killed(field):
    def rounds(comm, data, n_components, rng):
        import os
        import signal
        yield data.random_basis(n_components, rng)
        if comm.rank == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        comm.Barrier()
        yield None

    message, seconds = fail_with(rounds, field)
    assert re.match(
        r"(rank 2|a rank) was killed \(SIGKILL\): out of memory\?", message)
    assert seconds < 10


def test_hang(field, monkeypatch):
    monkeypatch.setenv("BENCHMARK_WATCHDOG", "1")

    def rounds(comm, data, n_components, rng):
        import time
        yield data.random_basis(n_components, rng)
        if comm.rank == 0:
            time.sleep(3600)
        comm.Barrier()

    message, seconds = fail_with(rounds, field)
    assert message.startswith("No sign of life from the ranks for 1 s")
    assert "BENCHMARK_WATCHDOG" in message
    assert seconds < 10


def test_long_runs_of_rounds_are_not_hangs(field, monkeypatch):
    """The watchdog counts from the last round, not from the command."""
    monkeypatch.setenv("BENCHMARK_WATCHDOG", "7")

    def rounds(comm, data, n_components, rng):
        import time
        U = data.random_basis(n_components, rng)
        while True:
            yield U
            time.sleep(0.5)

    world = start(rounds, field)
    try:
        assert world.call("advance", 17) == 17
    finally:
        world.close()


@pytest.mark.parametrize("estimate, defect", [
    ("np.full((8, 3), np.nan)", "NaN"),
    ("np.eye(8)", "shape (8, 8), not (8, 3)"),
    ("2 * np.eye(8)[:, :3]", "not orthonormal"),
    ("None", "object, not real"),
    ("np.eye(8)[:, :3] + 0j", "complex128, not real floating point"),
    ("np.eye(8, 3, dtype=int)", "int64, not real floating point"),
])
def test_invalid_estimate(field, estimate, defect):
    def rounds(comm, data, n_components, rng):
        yield data.random_basis(n_components, rng)
        yield np.eye(8)[:, :3] if comm.rank != 1 else eval(estimate)

    message, _ = fail_with(rounds, field)
    assert message.startswith("rank 1 failed: ValueError: the estimate")
    assert defect in message


def test_ranks_that_disagree_about_the_end(field):
    def rounds(comm, data, n_components, rng):
        yield data.random_basis(n_components, rng)
        if comm.rank == 0:
            yield data.random_basis(n_components, rng)

    message, _ = fail_with(rounds, field)
    assert "different numbers of rounds" in message


def test_no_mpiexec(monkeypatch, tmp_path):
    monkeypatch.delenv("BENCHMARK_MPIEXEC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(WorldError, match="pip install mpich"):
        start_world(2)


def test_wrong_command(monkeypatch):
    monkeypatch.setenv("BENCHMARK_MPIEXEC", "no-such-mpiexec --here")
    with pytest.raises(WorldError, match="BENCHMARK_MPIEXEC"):
        start_world(2)


def test_mpiexec_of_another_library(monkeypatch, tmp_path):
    """A launcher that mpi4py's MPI does not understand: worlds of one."""
    other = tmp_path / "mpiexec"
    other.write_text(textwrap.dedent("""\
        #!/bin/sh
        shift 2
        "$@" & "$@" & wait
        """))
    other.chmod(0o755)
    monkeypatch.setenv("BENCHMARK_MPIEXEC", str(other))
    with pytest.raises(WorldError, match="different MPI libraries"):
        start_world(2)


def test_ranks_that_fail_to_start(monkeypatch):
    monkeypatch.setenv("BENCHMARK_MPIEXEC", "false")
    with pytest.raises(WorldError, match="did not start"):
        start_world(2)


def test_launcher_prefers_the_environment(monkeypatch):
    monkeypatch.delenv("BENCHMARK_MPIEXEC", raising=False)
    assert launcher()[0].startswith(os.path.dirname(sys.executable))
    monkeypatch.setenv("BENCHMARK_MPIEXEC", f"{sys.executable} -m launch")
    assert launcher() == [sys.executable, "-m", "launch"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM,
                                    signal.SIGINT])
def test_driver_killed_in_a_round(number, field, tmp_path):
    """Ranks that wait in a collective end with their driver."""
    script = tmp_path / "driver.py"
    script.write_text(textwrap.dedent("""\
        import pickle, signal, sys
        # A shell that starts tests in the background has it ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.path.insert(0, sys.argv[1])
        from benchmark_utils.runtime.world import start_world

        def rounds(comm, data, n_components, rng):
            import time
            yield data.random_basis(n_components, rng)
            if comm.rank == 0:
                time.sleep(3600)
            comm.Barrier()

        world = start_world(3)
        world.load(rounds, pickle.load(open(sys.argv[2], "rb")), 3, {})
        print(*world.ranks, world.process.pid,
              flush=True)
        try:
            world.call("advance", 3)
        finally:
            world.close()
        """))
    pickled = tmp_path / "field.pickle"
    pickled.write_bytes(pickle.dumps(field))
    driver = subprocess.Popen(
        [sys.executable, script, ROOT, pickled], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True)
    children = [psutil.Process(int(pid))
                for pid in driver.stdout.readline().split()]
    assert len(children) == 4
    time.sleep(0.5)
    driver.send_signal(number)
    try:
        driver.wait(10)
    finally:
        driver.kill()
    assert_gone(children)


def test_nothing_left_in_the_temporary_folder(field, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "empty"))
    (tmp_path / "empty").mkdir()

    def rounds(comm, data, n_components, rng):
        yield data.random_basis(n_components, rng)

    world = start(rounds, field)
    world.call("advance", 1)
    world.close()
    assert not list((tmp_path / "empty").iterdir())


def test_only_what_is_ours_is_removed(tmp_path, monkeypatch):
    """Shared memory of another user, or that is gone by then."""
    monkeypatch.setattr(leftovers, "SHARED_MEMORY", tmp_path)
    path = tmp_path / "mpich_shm_test"
    path.touch()
    (tmp_path / "mpich_shm_gone").symlink_to(tmp_path / "gone")
    assert leftovers.orphans() == [path]
    monkeypatch.setattr(os, "getuid", lambda: path.stat().st_uid + 1)
    assert leftovers.orphans() == []

    def forbidden(self):
        raise PermissionError
    monkeypatch.setattr(type(path), "unlink", forbidden)
    leftovers.unlink([path])


@pytest.mark.parametrize("name, value", [
    ("THREADS", "many"), ("THREADS", "0"), ("WATCHDOG", "10min"),
    ("WATCHDOG", "nan")])
def test_wrong_settings_are_named(name, value, monkeypatch):
    monkeypatch.setenv(f"BENCHMARK_{name}", value)
    with pytest.raises(WorldError, match=f"BENCHMARK_{name} is '{value}'"):
        start_world(1)


def test_threads_and_imports_of_a_rank(field, monkeypatch):
    monkeypatch.setenv("BENCHMARK_THREADS", "3")

    def rounds(comm, data, n_components, rng):
        import os
        import sys
        assert os.environ["OMP_NUM_THREADS"] == "3"
        # Each is a tenth of a rank's start.
        assert not {"benchopt", "numpy.f2py", "scipy.fft", "scipy.sparse"
                    } & set(sys.modules)
        yield data.random_basis(n_components, rng)

    world = start(rounds, field)
    try:
        assert world.call("advance", 1) == 1
    finally:
        world.close()


def test_warm_up_is_not_charged(field):
    def warm_up_rank(shape, dtype, n_components, pause):
        import time
        assert shape == (6, 8) and dtype == "float64" and n_components == 3
        time.sleep(pause)

    def rounds(comm, data, n_components, rng, pause):
        yield data.random_basis(n_components, rng)

    world = start_world(field.n_ranks)
    try:
        begin = time.monotonic()
        world.load(rounds, field, 3, {"pause": 0.5},
                   warm_up_rank=warm_up_rank)
        assert time.monotonic() - begin > 0.5
        world.call("advance", 1)
        assert world.call("result")["costs"]["wall_s"].max() < 0.4
    finally:
        world.close()


def test_prints_of_a_method_are_shown(field, capfd):
    def rounds(comm, data, n_components, rng):
        # One write: pieces of the ranks' lines may be interleaved.
        print(f"hello from rank {comm.rank}\n", end="")
        yield data.random_basis(n_components, rng)

    world = start(rounds, field)
    world.call("advance", 1)
    world.close()
    assert "hello from rank 2" in capfd.readouterr().err


def test_the_world_communicator_is_counted(field):
    """Libraries that know nothing of `comm` do not escape the ledger."""
    def rounds(comm, data, n_components, rng):
        from mpi4py import MPI
        yield data.random_basis(n_components, rng)
        MPI.COMM_WORLD.Bcast(np.zeros(100))
        yield data.random_basis(n_components, rng)

    world = start(rounds, field)
    try:
        world.call("advance", 2)
        assert world.call("result")["costs"]["sent_bytes"].sum() == 2 * 800
    finally:
        world.close()


def test_driver_gone_before_the_ranks_connect():
    """Nobody listens any more: no rank waits for the others."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    started = subprocess.run(
        [*launcher(), "-n", "3", sys.executable,
         ROOT / "benchmark_utils" / "runtime" / "rank.py"],
        timeout=60, check=False,
        stdin=subprocess.DEVNULL, capture_output=True,
        env={**os.environ, "BENCHMARK_ADDRESS": address,
             "BENCHMARK_KEY": "00",
             # For Open MPI, see world.py.
             "OMPI_ALLOW_RUN_AS_ROOT": "1",
             "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
             "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"})
    assert started.returncode != 0
    assert b"ConnectionRefusedError" in started.stdout + started.stderr
