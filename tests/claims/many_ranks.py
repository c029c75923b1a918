"""Every method on 64 MPI processes, against numpy: minutes on two cores.

    python tests/claims/many_ranks.py [n_ranks] [method ...]

One row per method and partition: the sine of the largest angle between the
basis that the ranks hold and the leading right singular vectors of the whole
matrix. Ends with an error that names those that are larger than on a few
ranks: gossip needs more rounds on the graphs of many.
"""
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conftest import global_matrix, small_field, spectrum_array  # noqa: E402
from test_conformance import (  # noqa: E402
    EVERY,
    EXPECTED,
    N_STEPS,
    SOLVERS,
    D,
    K,
)

from benchmark_utils.runtime.world import start_world  # noqa: E402

CELLS_PER_RANK = 2


def error_of(world, name, field, X):
    """Rounds that were made, and the error of the basis."""
    solver, (n_rounds, _) = SOLVERS[name], EXPECTED[name]
    parameters = {key: values[0] for key, values in solver.parameters.items()}
    world.load(solver.rounds, field, K, parameters, 0, solver.one_pass)
    done = world.call("advance", 1 + n_rounds) - 1
    U = world.call("modes").basis
    exact = np.linalg.svd(X, full_matrices=False)[2][:K].T
    return done, np.linalg.norm(U - exact @ (exact.T @ U), 2)


def main(n_ranks=64, *methods):
    n_ranks, wrong = int(n_ranks), []
    array = spectrum_array(N_STEPS, CELLS_PER_RANK * n_ranks, D)
    print(f"{'method':20} {'partition':9} rounds error    seconds")
    with tempfile.TemporaryDirectory() as folder:
        for name, partition in EVERY:
            if methods and name not in methods:
                continue
            field = small_field(Path(folder), array, n_ranks=n_ranks,
                                partition=partition)
            begin, world = time.monotonic(), start_world(n_ranks)
            try:
                done, error = error_of(world, name, field,
                                       global_matrix(array, partition))
            finally:
                world.close()
            print(f"{name:20} {partition:9} {done:6} {error:.1e}"
                  f"{time.monotonic() - begin:8.0f}", flush=True)
            if error > EXPECTED[name][1]:
                wrong.append(f"{name} ({partition})")
    if wrong:
        sys.exit(f"Larger than on a few ranks: {', '.join(wrong)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
