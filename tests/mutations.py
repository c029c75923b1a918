"""Plants errors in a copy of the project, one at a time; tests must notice.

    python tests/mutations.py [part of a file's name]

Each mutation names the tests that are meant to kill it. Ends with status 1 if
one survives, if a text is not found exactly once, or if the tests fail without
any. Some minutes on two cores.
"""
import argparse
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from planted_errors import MUTATIONS, ROOT

AT_ONCE = 2
TIMEOUT = 300  # seconds for the tests of one mutation
FAILED = 1  # pytest's status if a test failed, and nothing else went wrong


def copy_project(folder):
    """The project with its tests, without what runs leave behind."""
    return shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(
        ".git", "__pycache__", "__cache__", "data", "outputs"))


def run_tests(folder, tests, timeout=None):
    """Finished pytest process; no bytecode, which may outlive a change."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-n0", "-q", "-x",
         "-p", "no:cacheprovider", *tests],
        cwd=folder, capture_output=True, text=True, timeout=timeout,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})


def verdict(mutation, folders):
    """What became of a mutation; "killed" is what it should be."""
    folder, started = folders.get(), time.perf_counter()
    try:
        before = mutation.apply(folder)
        try:
            status = run_tests(folder, mutation.tests, TIMEOUT).returncode
        finally:
            (folder / mutation.file).write_text(before)
        result = {0: "SURVIVED", FAILED: "killed"}.get(
            status, f"ERROR: pytest ends with status {status}")
    except (ValueError, OSError, subprocess.TimeoutExpired) as error:
        result = f"ERROR: {error}"
    finally:
        folders.put(folder)
    print(f"{result:9s} {time.perf_counter() - started:5.1f} s  "
          f"{mutation.file}: {' '.join(mutation.old.split())[:60]}",
          flush=True)
    return result


def main(chosen):
    with tempfile.TemporaryDirectory() as temporary:
        folders = queue.Queue()
        for number in range(AT_ONCE):
            folders.put(copy_project(Path(temporary, str(number), "copy")))
        tests = sorted({test for mutation in chosen
                        for test in mutation.tests})
        folder = folders.get()
        unchanged = run_tests(folder, tests)
        folders.put(folder)
        if unchanged.returncode:
            print(unchanged.stdout[-3000:] + unchanged.stderr[-1000:])
            return "The tests fail without any mutation."
        print(f"{len(tests)} tests pass without any mutation", flush=True)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            results = list(pool.map(
                lambda mutation: verdict(mutation, folders), chosen))
    killed = results.count("killed")
    print(f"{killed} of {len(results)} mutations killed")
    return int(killed < len(results))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("part", nargs="?", default="",
                        help="of the names of the files")
    part = parser.parse_args().part
    chosen = [mutation for mutation in MUTATIONS if part in mutation.file]
    if not chosen:
        parser.error(f"no error is planted in a file named like {part!r}")
    sys.exit(main(chosen))
