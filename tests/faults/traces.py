"""What a fault may leave on this host: processes, files, segments, ports."""
import os
import tempfile
import time
from pathlib import Path

import psutil

from benchmark_utils.runtime.leftovers import SEGMENTS, TOPOLOGY

# In the environment of all processes that a row starts.
MARK = "FAULT_ROW"
SHARED = {"/dev/shm": SEGMENTS, "/tmp": (TOPOLOGY, "ompi.")}
SETTLE_SECONDS = 2.0


def processes(row):
    """Processes that a row has started, and that live."""
    mark, found = f"{MARK}={row}".encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(f"process {folder.name}")
        except OSError:
            continue
    return found


def _used():
    """Files that a process has mapped or opened; folders of a launcher."""
    used = set()
    for process in psutil.process_iter():
        used.add(f"ompi.{process.pid}")
        folder = Path(f"/proc/{process.pid}")
        try:
            used |= {Path(line.split(maxsplit=5)[-1]).name for line in
                     (folder / "maps").read_text().splitlines()
                     if "/dev/shm/" in line}
            used |= {Path(os.readlink(each)).name
                     for each in (folder / "fd").iterdir()}
        except OSError:
            continue
    return used


def names():
    """MPI's names, and all temporary files of this process's folder."""
    found = {path for folder, starts in SHARED.items()
             for path in Path(folder).iterdir()
             if path.name.startswith(starts)}
    return found | set(Path(tempfile.gettempdir()).iterdir())


def new_names(former):
    """Those since then that no process uses, and that stay.

    Those of other programs' worlds go away once their ranks have opened them.
    """
    new = names() - former
    if not new:
        return []
    time.sleep(SETTLE_SECONDS)
    used = _used()
    return [str(path) for path in new & names() if path.name not in used]


def ports():
    """At which this process listens, and its descriptors."""
    me = psutil.Process()
    return [f"port {each.laddr.port}" for each in me.net_connections("inet")
            if each.status == psutil.CONN_LISTEN]
