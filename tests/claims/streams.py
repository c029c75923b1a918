"""What streams cost that are merged at every batch: all of it, or changes.

Run with ``python tests/claims/streams.py``. Prints, for incremental-svd on
four ranks, bytes in units of one float64 basis per rank and the mean error
over the stream; exits with 1 if changes do not save a factor of 8, or if the
mean error differs by more than 2 %.
"""
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conftest import (  # noqa: E402
    BENCHMARK,
    get_field,
    load_dataset,
    metrics_per_round,
)

from benchmark_utils.fields.reference import load_reference  # noqa: E402

K, N_RANKS = 10, 4
FIELDS = [
    ("vorticity_2d", "storm_track"), ("vlasov_poisson", "two_stream"),
    ("vlasov_poisson", "inhomogeneous"), ("gray_scott", "spirals"),
]


def stream(field, coding):
    """Bytes over one basis per rank, mean error after each batch."""
    solver = next(solver for solver in BENCHMARK.get_solvers()
                  if solver.name == "incremental-svd")
    metrics = metrics_per_round(
        solver, field, K, -(-field.n_steps // field.batch), merge_every=1,
        coding=coding)[1:]
    return (metrics[-1]["comm_floor_ratio"],
            np.mean([one["subspace_error"] for one in metrics]))


def main():
    holds = True
    print(f"{'field':30} {'float64':>8} {'changes':>8} {'factor':>7}  "
          "mean error of both")
    with tempfile.TemporaryDirectory() as folder:
        for name, case in FIELDS:
            field = get_field(load_dataset(name, Path(folder)), case=case,
                              n_ranks=N_RANKS)
            load_reference(field, K)
            (plain, error), (coded, other) = (
                stream(field, coding) for coding in ("float64", "changes"))
            holds &= plain > 8 * coded and other < 1.02 * error
            print(f"{name + ', ' + case:30} {plain:8.1f} {coded:8.2f} "
                  f"{plain / coded:7.1f}  {error:.3e} {other:.3e}",
                  flush=True)
    sys.exit(not holds)


if __name__ == "__main__":
    main()
