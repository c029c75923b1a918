"""Commands of benchopt in processes that need not import it first.

A server imports it once and forks for every command, which saves seconds of
each. The console script itself is run by ``.ci/run``.
"""
import atexit
import multiprocessing
import os
import sys
import tempfile
from subprocess import CompletedProcess, TimeoutExpired

TIMEOUT = 300
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload([
    "benchopt.cli", "benchopt.plotting", "h5py", "matplotlib.pyplot",
    "pyarrow.parquet", "scipy.linalg"])


def _command(folder, arguments, environment, outputs):
    """Of the process that was forked: what the console script does."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, file in enumerate(outputs, start=1):
        os.dup2(os.open(file, os.O_WRONLY), number)
    sys.argv = ["benchopt", *arguments]
    from benchopt.cli import benchopt
    try:
        benchopt()
    finally:
        atexit._run_exitfuncs()  # forked processes do not


def benchopt(folder, *arguments, **environment):
    """Run the command in a folder; its exit code and what it printed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200",
                   **environment}
    with tempfile.NamedTemporaryFile("r") as out, \
            tempfile.NamedTemporaryFile("r") as err:
        process = SERVER.Process(target=_command, args=(
            folder, arguments, environment, (out.name, err.name)))
        process.start()
        process.join(TIMEOUT)
        if process.is_alive():
            process.terminate()
            raise TimeoutExpired(arguments, TIMEOUT)
        return CompletedProcess(arguments, process.exitcode, out.read(),
                                err.read())
