"""Seconds of block-power on 1024 simulated ranks: 15 rounds, d = 256.

    python tests/speed/simulated_ranks.py [--ranks 1024] [--method block-power]

Prints wall clock and CPU time of the process that plays all ranks: to load,
and for the rounds. Ends with an error if these take more than 20 s of CPU
time; the process has one thread.
"""
import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conftest import METHODS, small_field, spectrum_array  # noqa: E402

from benchmark_utils.runtime.world import start_world  # noqa: E402

D, K, N_STEPS, CELLS, N_ROUNDS, MOST = 256, 10, 8, 2, 15, 20


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ranks", type=int, default=1024)
    parser.add_argument("--method", choices=METHODS, default="block-power")
    arguments = parser.parse_args()
    n_ranks, solver = arguments.ranks, METHODS[arguments.method]
    array = spectrum_array(N_STEPS, CELLS * n_ranks, D)
    with tempfile.TemporaryDirectory() as folder:
        field = small_field(Path(folder), array, n_ranks=n_ranks,
                            ranks="simulated")
        world = start_world(n_ranks, "simulated")
        process, = world.ranks.values()

        def now():
            return time.monotonic(), sum(process.cpu_times()[:2])

        try:
            times = [now()]
            world.load(solver.rounds, field, K,
                       {key: values[0]
                        for key, values in solver.parameters.items()},
                       0, solver.one_pass)
            times.append(now())
            world.call("advance", 1 + N_ROUNDS)
            times.append(now())
        finally:
            world.close()
    for what, begin, end in zip(("load", f"{N_ROUNDS} rounds"), times,
                                times[1:], strict=False):
        wall, cpu = (b - a for a, b in zip(begin, end, strict=True))
        print(f"{what:10} {wall:6.1f} s, CPU {cpu:6.1f} s")
    if cpu > MOST:
        sys.exit(f"More than {MOST} s for {N_ROUNDS} rounds")


if __name__ == "__main__":
    main()
