"""Many worlds in a row: ``python tests/faults/soak.py [number]``, or 200.

Three of four end well, the others by an error, a killed rank or a child that
lives on. Prints what this process and the host hold after every tenth part,
and ends with an error if anything has grown since the first one.
"""
import os
import sys
import tempfile
import threading
from pathlib import Path

import psutil
from matrix import row
from one_world import small_field

from benchmark_utils.runtime.leftovers import orphans

WORLDS = ["ok", "ok", "ok", "raise r1", "ok", "ok", "ok", "sigkill r1",
          "ok", "ok", "ok", "daemon child"]
GROWTH_MB = 5.0


def held(folder):
    """Descriptors, threads, children, files, segments, megabytes."""
    me = psutil.Process()
    return dict(
        descriptors=me.num_fds(), threads=threading.active_count(),
        children=len(me.children(recursive=True)),
        files=sum(1 for _ in Path(folder).rglob("*")),
        segments=len(orphans()),
        megabytes=round(me.memory_info().rss / 1e6, 1))


def main(number=200):
    records, wrong = [], 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        field = small_field(folder)
        for done in range(1, number + 1):
            name = WORLDS[done % len(WORLDS)]
            expected, error, _, left = row(name, field)
            wrong += bool(left) or bool(error) != bool(expected)
            if done % max(1, number // 10) == 0:
                records.append(held(folder))
                print(f"{done:4}", *(f"{key} {value:g}" for key, value
                                     in records[-1].items()),
                      f"wrong {wrong}", sep="  ", flush=True)
    first, last = records[0], records[-1]
    grown = [key for key in first if last[key] > first[key] + (
        GROWTH_MB if key == "megabytes" else 0)]
    if grown or wrong:
        sys.exit(f"{wrong} worlds went wrong; grown: {', '.join(grown)}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
