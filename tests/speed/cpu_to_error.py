"""CPU time of coded-chord to an error of 1e-6, beside that of shift-invert.

    python tests/speed/cpu_to_error.py [--runs 9] [--field two_stream]

Runs both methods in turns on four real ranks, k = 10, samples, and prints the
CPU seconds of the slowest rank for every run, the medians and their ratio. A
field is one of ``tests/claims/bytes.py``.
"""
import argparse
import os
import sys
import tempfile
from pathlib import Path
from statistics import median

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder)
                for folder in ("", "claims")]

from bytes import FIELDS  # noqa: E402
from conftest import get_field, load_dataset  # noqa: E402
from modelled import N_RANKS, K, last_round  # noqa: E402

from benchmark_utils.fields.reference import load_reference  # noqa: E402
from benchmark_utils.runtime.world import start_world  # noqa: E402

METHODS = "coded-chord", "shift-invert"


def main(label, runs, folder):
    module, parameters = FIELDS[label]
    field = get_field(load_dataset(module, folder), **parameters,
                      partition="samples", n_ranks=N_RANKS)
    load_reference(field, K)
    seconds = {name: [] for name in METHODS}
    world = start_world(N_RANKS)
    try:
        for run in range(runs + 1):
            for name in METHODS:
                metrics, _, _ = last_round(world, field, name)
                if run:  # the first one warms up
                    seconds[name].append(metrics["compute_s"])
    finally:
        world.close()
    for name, values in seconds.items():
        print(f"{name:14} median {median(values):.4f} s of",
              *(f"{value:.4f}" for value in values))
    ours, theirs = map(median, seconds.values())
    print(f"{label}: {ours / theirs:.2f} times the CPU time, load "
          f"{os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--field", choices=FIELDS, default="two_stream")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        main(arguments.field, arguments.runs, Path(temporary))
