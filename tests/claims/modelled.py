"""Print what methods take to an error of 1e-6: CPU time, modelled time.

Run it as ``python tests/claims/modelled.py [--ranks 64] [--features d ...]
[--folder folder]``: measured on four ranks, on the fields of ``bytes.py``, or
on two_stream with d features; compute time, the slowest rank's, and
communication modelled on other ranks and networks, in ms.
"""
import argparse
import tempfile
from pathlib import Path

from bytes import FIELDS, SOLVERS
from conftest import get_field, load_dataset

from benchmark_utils.comm.network import (
    NETWORKS,
    busiest_calls,
    communication_seconds,
)
from benchmark_utils.fields.reference import load_reference
from benchmark_utils.runtime.world import start_world
from benchmark_utils.scoring.estimates import evaluate

SMALLER = dict(n_x=128, n_snapshots=32)  # fields of more features
METHODS = ("coded-chord", "reduced-chord", "shift-invert", "block-krylov",
           "gram-eigh", "tsqr-svd")
N_RANKS, K, TARGET, MOST_ROUNDS = 4, 10, 1e-6, 100


def last_round(world, field, name):
    """Metrics and calls when the error is small enough, and the round."""
    solver = SOLVERS[name]
    parameters = {key: values[0] for key, values in solver.parameters.items()}
    world.load(solver.rounds, field, K, parameters, 0, solver.one_pass)
    world.call("advance", 1)
    for number in range(1, MOST_ROUNDS):
        world.call("advance", 1)
        result = world.call("result")
        metrics = evaluate(field, K, **result)
        if metrics["subspace_error"] < TARGET:
            return metrics, busiest_calls(result["messages"]), number
    raise RuntimeError(f"{name} does not reach {TARGET}.")


def main(ranks, features, folder):
    fields = {f"{d} features": (
        "vlasov_poisson", dict(case="two_stream", n_v=d, **SMALLER))
        for d in features} or FIELDS
    networks = "1 GbE", "wide area"
    print(f"{'field':14} {'method':14} rounds  compute  " + "  ".join(
        f"{name}, {ranks}" for name in networks))
    world = start_world(N_RANKS)
    try:
        for label, (module, parameters) in fields.items():
            dataset = load_dataset(module, folder)
            if "samples" not in dataset.Dataset.partitions:
                continue
            field = get_field(dataset, **parameters, partition="samples",
                              n_ranks=N_RANKS)
            load_reference(field, K)
            for name in METHODS:
                metrics, calls, number = last_round(world, field, name)
                seconds = [communication_seconds(
                    calls, NETWORKS[network], N_RANKS, ranks)
                    for network in networks]
                print(f"{label:14} {name:14} {number:6} "
                      f"{1e3 * metrics['compute_s']:8.1f} " + " ".join(
                          f"{1e3 * each:10.1f}" for each in seconds),
                      flush=True)
    finally:
        world.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranks", type=int, default=64)
    parser.add_argument("--features", type=int, nargs="*", default=[])
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        main(arguments.ranks, arguments.features,
             arguments.folder or Path(temporary))
