"""Print how what iarg and deepca send grows with the number of ranks.

Run it as ``python tests/claims/graphs.py``: each rank has 400 samples, the
graph of deepca is random with edge probability 1/2. Published (Wang et al.
2023, AISTATS): transmissions to an accuracy are O(P) for IARG, O(P^2) for
DeEPCA. A transmission is an array of d k float64 sent from rank to rank.
"""
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402
from conftest import (  # noqa: E402
    BENCHMARK,
    get_field,
    load_dataset,
    metrics_per_round,
)

from benchmark_utils.fields.reference import load_reference  # noqa: E402

RANKS, D, K, TARGET = (4, 8, 16), 200, 5, 1e-6
METHODS = {"iarg": {}, "deepca": dict(topology="erdos_renyi")}


def main(folder):
    solvers = {solver.name: solver for solver in BENCHMARK.get_solvers()}
    dataset = load_dataset("simulated", folder)
    defaults = {key: values[0]
                for key, values in dataset.Dataset.parameters.items()}
    sent = {name: [] for name in METHODS}
    for n_ranks in RANKS:
        field = get_field(dataset, **defaults | dict(
            n_ranks=n_ranks, n_samples=400 * n_ranks, n_features=D,
            planted=K, rank_specific=1.0))
        load_reference(field)
        for name, parameters in METHODS.items():
            first = next(one for one in metrics_per_round(
                solvers[name], field, K, 60, **parameters)
                if one["subspace_error"] <= TARGET)
            sent[name].append(first["comm_bytes"] / (8 * D * K))
            print(f"{n_ranks:2d} ranks  {name:6s} {sent[name][-1]:7.0f} "
                  "transmissions", flush=True)
    for name, costs in sent.items():
        order = np.polyfit(np.log(RANKS), np.log(costs), 1)[0]
        print(f"{name}: O(P^{order:.2f})")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
