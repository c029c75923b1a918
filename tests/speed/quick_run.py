"""Where the time of a run goes, phase by phase.

    python tests/speed/quick_run.py [--config configs/quick.yml]

Runs a config without cache in this process, results and page in a temporary
folder, and prints wall and CPU seconds of every phase. The CPU time is that of
this process: ranks have their own.
"""
import argparse
import functools
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from benchopt import plotting
from benchopt.benchmark import Benchmark
from benchopt.cli.main import run

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmark_utils.dataset import FieldDataset
from benchmark_utils.runtime.mpi_world import MPIWorld

ROOT = Path(__file__).resolve().parents[2]
PHASES = {  # owner and name of what is timed
    "generate or check fields": (FieldDataset, "get_data"),
    "start worlds": (MPIWorld, "__init__"),
    "ranks": (MPIWorld, "call"),  # by what they are asked for
    "close worlds": (MPIWorld, "close"),
    "draw the page": (plotting, "plot_benchmark"),
}
spent = defaultdict(lambda: [0, 0.0, 0.0])


def now():
    return time.perf_counter(), time.process_time()


def timed(phase, owner, name):
    """Have every call of a function counted to a phase."""
    function = getattr(owner, name)

    @functools.wraps(function)
    def measured(*args, **kwargs):
        label = f"{phase}: {args[1]}" if name == "call" else phase
        start = now()
        try:
            return function(*args, **kwargs)
        finally:
            entry = spent[label]
            entry[0] += 1
            for i, (before, after) in enumerate(
                    zip(start, now(), strict=True), start=1):
                entry[i] += after - before

    setattr(owner, name, measured)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default=str(ROOT / "configs/quick.yml"))
    config = parser.parse_args().config
    for phase, (owner, name) in PHASES.items():
        timed(phase, owner, name)
    with tempfile.TemporaryDirectory() as outputs:
        Benchmark.get_output_folder = lambda self: Path(outputs)
        start = now()
        run(["--config", config, "--no-display", "--no-cache", str(ROOT)],
            standalone_mode=False)
        wall, cpu = (after - before for before, after
                     in zip(start, now(), strict=True))
        pages = [path.stat().st_size for path in Path(outputs).rglob("*.html")]
    rest = [wall - sum(entry[1] for entry in spent.values()),
            cpu - sum(entry[2] for entry in spent.values())]
    print(f"\n{'phase':32} calls  wall s   CPU s")
    for phase, (calls, *seconds) in [*spent.items(), ("the rest", (1, *rest)),
                                     ("all", (1, wall, cpu))]:
        print(f"{phase:32} {calls:5d} {seconds[0]:7.1f} {seconds[1]:7.1f}")
    print(f"page: {max(pages) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
