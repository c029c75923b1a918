"""A sentence, before a run, where benchopt may not write what it must.

benchopt 1.10 writes results, pages and its cache into the project's folder.
Where it may not, it ends in a traceback, or loses the results of a run.
"""
import os
import sys
from pathlib import Path

from benchopt.benchmark import Benchmark

CURE = "allow it, or copy the project to a folder of your own"
output_folder = Benchmark.get_output_folder
cache_location = Benchmark.get_cache_location


def check_writable(folder, cure):
    """End the program with a sentence if nothing may be written there."""
    place = folder = Path(folder).absolute()
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK):
        sys.exit(f"benchopt may not write to {folder}: {cure}.")


def get_output_folder(self):
    check_writable(self.benchmark_dir / "outputs", CURE)
    return output_folder(self)


def get_cache_location(self):
    folder = cache_location(self)
    if folder:  # none with --no-cache
        check_writable(folder, f"{CURE}, or export BENCHOPT_CACHE=FOLDER")
    return folder


Benchmark.get_output_folder = get_output_folder
Benchmark.get_cache_location = get_cache_location
