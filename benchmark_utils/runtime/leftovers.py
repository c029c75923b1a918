"""What a world may leave behind on a host: processes, shared memory.

Linux only: elsewhere there is no /proc, and nothing is found.
"""
import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil

# Set for all processes of a world, which their children inherit.
WORLD = "BENCHMARK_WORLD"
SEGMENTS = "mpich_shm_", "sm_segment.", "vader_segment.", "cma_shm"
SHARED_MEMORY = Path("/dev/shm")
UNLINKABLE = "mpich_shm_"
TOPOLOGY = "hydra_hwloc_xmlfile_"


def segments():
    """Files in shared memory that MPI has mapped into this process."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return []
    paths = {line.split(maxsplit=5)[-1] for line in lines
             if "/dev/shm/" in line}
    return [path for path in sorted(paths)
            if Path(path).name.startswith(SEGMENTS)]


def unlink(paths):
    """Remove files and folders, those that are still there, and ours."""
    for path in map(Path, paths):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()


def unlink_attached():
    """Remove the names of files that all ranks of a host have opened.

    The files live until the last rank ends, however it ends. Ranks of MPICH
    attach in MPI_Init; those of Open MPI later, so the others are returned,
    and the folder of its launcher's session.
    """
    mine = segments()
    unlink(path for path in mine if Path(path).name.startswith(UNLINKABLE))
    unlink(topology_files())
    session = os.environ.get("PMIX_SERVER_TMPDIR", "")
    return [path for path in mine
            if not Path(path).name.startswith(UNLINKABLE)] + (
        [session] if Path(session).name.startswith("ompi.") else [])


def topology_files():
    """Files by which MPICH's launcher tells its ranks of the cores.

    It holds them open, and removes them unless it is killed.
    """
    try:  # of the parent of a shell
        return [file.path for launcher in psutil.Process().parents()[1:2]
                for file in launcher.open_files()
                if Path(file.path).name.startswith(TOPOLOGY)]
    except psutil.Error:  # not ours
        return []


def orphans(since=0.0):
    """Segments of this user that no process has mapped, made since some time.

    Those of a world whose ranks ended before they could tell their names.
    """
    found = {}
    for path in SHARED_MEMORY.glob("*"):
        with suppress(OSError):  # gone
            status = path.stat()
            if (path.name.startswith(SEGMENTS) and status.st_ctime >= since
                    and status.st_uid == os.getuid()):
                found[path.name] = path
    for maps in Path("/proc").glob("[0-9]*/maps") if found else ():
        try:
            text = maps.read_text()
        except OSError:  # gone, or not ours
            continue
        found = {name: path for name, path in found.items()
                 if name not in text}
    return list(found.values())


def kill_world(token, seconds=1.0):
    """Kill all other processes of a world, children of a method too.

    Returns when they are gone, or after some seconds.
    """
    deadline = time.monotonic() + seconds
    while _kill(token) and time.monotonic() < deadline:
        time.sleep(0.01)


def _kill(token):
    """Number of processes of a world that were still there."""
    n_killed = 0
    mark = f"{WORLD}={token}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (int(folder.name) != os.getpid() and mark in
                    (folder / "environ").read_bytes().split(b"\0")):
                os.kill(int(folder.name), signal.SIGKILL)
                n_killed += 1
        except OSError:  # gone, or not ours
            continue
    return n_killed
