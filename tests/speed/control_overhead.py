"""What one evaluated round costs beyond the method's own work.

    python tests/speed/control_overhead.py [n_ranks]

Drives empty rounds, one message each, and prints the time per round of the
driver's clock next to the ranks' own clock. Their difference is the overhead
of control, which must stay below 1 ms.
"""
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from benchmark_utils.fields.field import Field
from benchmark_utils.fields.reference import load_reference
from benchmark_utils.fields.store import store_field
from benchmark_utils.runtime.world import start_world

N_ROUNDS = 500


def rounds(comm, data, n_components, rng):
    U = data.random_basis(n_components, rng)
    while True:
        yield U


def main(n_ranks):
    axes = [("time", "s", np.arange(4)), ("x", "m", np.arange(64)),
            ("feature", "1", np.arange(500))]
    values = np.random.default_rng(0).standard_normal((4, 64, 500))
    with tempfile.TemporaryDirectory() as folder:
        field = Field(store_field(folder, {}, axes, 1, lambda: [values],
                                  "none"), n_ranks=n_ranks)
        load_reference(field)
        start = time.perf_counter()
        world = start_world(n_ranks)
        world.load(rounds, field, 10, {})
        print(f"start of {n_ranks} ranks: {time.perf_counter() - start:.2f} s")
        seconds = []
        for _ in range(N_ROUNDS):
            start = time.perf_counter()
            world.call("advance", 1)
            seconds.append(time.perf_counter() - start)
        ranks = world.call("result")["costs"]["wall_s"].max()
        start = time.perf_counter()
        world.call("result")
        score = time.perf_counter() - start
        world.close()
    driver = np.sum(seconds)
    print(f"per round: driver {driver / N_ROUNDS * 1e3:.3f} ms (median "
          f"{np.median(seconds) * 1e3:.3f} ms), ranks "
          f"{ranks / N_ROUNDS * 1e3:.3f} ms, overhead "
          f"{(driver - ranks) / N_ROUNDS * 1e3:.3f} ms")
    print(f"score, not timed: {score * 1e3:.2f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4)
