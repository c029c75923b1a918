"""Print what methods cost on spiked data of 16 ranks.

Run it as ``python tests/claims/spiked.py [method ...]``; all methods take some
minutes on two cores. Cost is what a rank sends until its error is below 1e-2
/ 1e-4 / 1e-8, in messages of d k float64, and in brackets the rounds; what it
receives is not counted. docs/measurements.rst sets the figures beside earlier
ones.
"""
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conftest import (  # noqa: E402
    BENCHMARK,
    get_field,
    load_dataset,
    metrics_per_round,
)

from benchmark_utils.fields.reference import load_reference  # noqa: E402
from benchmark_utils.methods.quantization import n_words  # noqa: E402

P, D, K = 16, 200, 5
ERRORS = 1e-2, 1e-4, 1e-8
# Variances of the ranks' own directions; at the last lambda_6 / lambda_5 is
# 0.80, as in the earlier figures for 3.
OWN = 0.0, 1.0, 2.6


def coded(bits):
    """A rank's part of the alltoall and of the scales, per round."""
    words = (P - 1) * n_words(-(-D * K // P), bits)
    return lambda t: t * (words + K / 2) / (D * K)


def gossip(n_mixings):
    """Arrays along the 48 directed edges of a 4 x 4 grid, per rank."""
    return lambda t: t * n_mixings * 3


# Method, parameters, most rounds (the last field, the others), cost of t
# rounds.
RUNS = [
    ("low-rank-merge", dict(rank_factor=1), (1, 1), lambda t: 1),
    ("low-rank-merge", dict(), (1, 1), lambda t: 2),
    ("low-rank-merge", dict(topology="tree"), (1, 1), lambda t: 2),
    ("block-power", dict(oversampling=0), (100, 20), lambda t: t),
    ("block-krylov", dict(), (30, 20), lambda t: t),
    ("shift-invert", dict(), (10, 8), lambda t: 2 + t - 1),
    ("shift-invert", dict(rank_factor=1), (12, 10), lambda t: 1 + t - 1),
    ("shift-invert", dict(preconditioner="first"), (25, 14), lambda t: t - 1),
    ("shift-invert", dict(preconditioner="average"), (25, 14),
     lambda t: 2 * (t - 1)),
    ("quantized-power", dict(), (110, 22), coded(4)),
    ("quantized-power", dict(coding="naive", bits=8), (40, 20), coded(8)),
    ("local-power", dict(), (110, 30), lambda t: t + min(t, 2)),
    ("local-power", dict(schedule="constant"), (15, 15), lambda t: 2 * t),
    ("iarg", dict(step=2.0), (70, 30), lambda t: t * (2 * D + K) / D),
    ("iarg", dict(), (110, 30), lambda t: t * (2 * D + K) / D),
    ("deepca", dict(topology="grid"), (100, 30), gossip(5)),
    ("deepca", dict(topology="grid", align="sign"), (130, 110), gossip(5)),
]


def main(methods, folder):
    solvers = {solver.name: solver for solver in BENCHMARK.get_solvers()}
    dataset = load_dataset("simulated", folder)
    defaults = {key: values[0]
                for key, values in dataset.Dataset.parameters.items()}
    for own in OWN:
        field = get_field(dataset, **defaults | dict(
            n_ranks=P, n_samples=400 * P, n_features=D, planted=K,
            eigengap=None, rank_specific=own))
        eigenvalues = load_reference(field).eigenvalues
        print(f"h = {own:g}: lambda_6 / lambda_5 = "
              f"{eigenvalues[K] / eigenvalues[K - 1]:.2f}", flush=True)
        for name, parameters, most, cost in RUNS:
            if methods and name not in methods:
                continue
            error = [one["subspace_error"] for one in metrics_per_round(
                solvers[name], field, K, most[own < OWN[-1]], **parameters)]
            reached = [next((t for t, e in enumerate(error) if e < goal),
                            None) for goal in ERRORS]
            print(f"  {name} {parameters or ''}: " + " / ".join(
                f"{cost(t):.3g} ({t})" for t in reached if t)
                + (f" / stands at {min(error[-5:]):.1e}"
                   if None in reached else ""), flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(sys.argv[1:], Path(folder))
