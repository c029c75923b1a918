"""Every method on 64 MPI processes, against numpy: minutes on two cores.

    python tests/claims/many_ranks.py [n_ranks] [method ...]

All take turns on one world. One row per method and partition: the sine of the
largest angle between the basis that the ranks hold and the leading right
singular vectors of the whole matrix, after the rounds that are enough on a few
ranks. Gossip is on random graphs, where it gets up to MORE times as many: its
steps shrink with the heterogeneity, and on a ring of 64 even its means need
thousands of rounds. Ends with an error that names the methods whose angle is
larger than on a few ranks.
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

from benchmark_utils.runtime.errors import WorldError  # noqa: E402
from benchmark_utils.runtime.world import start_world  # noqa: E402

CELLS_PER_RANK, MORE = 2, 20


def error_of(world, name, field, X):
    """Rounds that were made, and the error of the basis."""
    solver, (n_rounds, limit) = SOLVERS[name], EXPECTED[name]
    parameters = {key: values[0] for key, values in solver.parameters.items()}
    gossip = parameters.get("topology") == "ring"
    if gossip:
        parameters["topology"] = "erdos_renyi"
    exact = np.linalg.svd(X, full_matrices=False)[2][:K].T
    world.load(solver.rounds, field, K, parameters, 0, solver.one_pass)
    done = world.call("advance", 1) - 1
    for _ in range(MORE if gossip else 1):
        done += world.call("advance", n_rounds)
        U = world.call("modes").basis
        error = np.linalg.norm(U - exact @ (exact.T @ U), 2)
        if error <= limit:
            break
    return done, error


def main(n_ranks=64, *methods):
    n_ranks, wrong, world = int(n_ranks), [], None
    array = spectrum_array(N_STEPS, CELLS_PER_RANK * n_ranks, D)
    print(f"{'method':22} {'partition':9} rounds error    seconds")
    with tempfile.TemporaryDirectory() as folder:
        for name, partition in EVERY:
            if methods and name not in methods:
                continue
            field = small_field(Path(folder), array, n_ranks=n_ranks,
                                partition=partition)
            world = world or start_world(n_ranks)
            begin = time.monotonic()
            try:
                done, error = error_of(world, name, field,
                                       global_matrix(array, partition))
            except WorldError as reason:
                world, done, error = world.close(), 0, 1.0
                print(reason)
            print(f"{name:22} {partition:9} {done:6} {error:.1e}"
                  f"{time.monotonic() - begin:8.1f}", flush=True)
            if error > EXPECTED[name][1]:
                wrong.append(f"{name} ({partition})")
        if world:
            world.close()
    if wrong:
        sys.exit(f"Larger than on a few ranks: {', '.join(wrong)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
