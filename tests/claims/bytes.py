"""Print how many bytes each method needs to an error, and by what factor
``coded-chord`` needs fewer than the best published one.

Run it as ``python tests/claims/bytes.py [--ranks 4] [--k 10] [--partition
samples] [--fields name ...] [--methods name ...] [--folder folder]``: default
parameters, every method that reaches one of the errors, in units of one
float64 basis per rank. The script ends with status 1 if ``coded-chord`` needs
more than 1.2 times the best published method anywhere.
"""
import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchopt.config import get_data_path  # noqa: E402
from conftest import BENCHMARK, get_instance, load_dataset  # noqa: E402

from benchmark_utils.fields.reference import load_reference  # noqa: E402
from benchmark_utils.results.statistics import cost_of_run  # noqa: E402
from benchmark_utils.runtime.errors import WorldError  # noqa: E402
from benchmark_utils.runtime.world import start_world  # noqa: E402
from benchmark_utils.scoring.estimates import evaluate  # noqa: E402
from benchmark_utils.scoring.metrics import basis_bytes  # noqa: E402

OURS, MOST = "coded-chord", 1.2
TARGETS = (1e-2, 1e-3, 1e-6, 1e-8)
MOST_ROUNDS, MOST_UNITS, MOST_SECONDS = 400, 40, 30
FIELDS = {
    "two_stream": ("vlasov_poisson", dict(case="two_stream")),
    "inhomogeneous": ("vlasov_poisson", dict(case="inhomogeneous")),
    "storm_track": ("vorticity_2d", {}), "gray_scott": ("gray_scott", {}),
    "drift_kinetic": ("drift_kinetic", {}), "vlasov_2d2v": ("vlasov_2d2v", {}),
    "simulated 0": ("simulated", dict(rank_specific=0.0)),
    "simulated 1": ("simulated", dict(rank_specific=1.0)),
    "simulated 3": ("simulated", dict(rank_specific=3.0)),
    "ukmo": ("ukmo_scenarios", {}), "ncep-air": ("ncep_air", {}),
    "burgers": ("burgers", {}),
}
# Gossip never stops; those of streams see a sample once.
PUBLISHED = {
    "apmos": {}, "block-krylov": {}, "block-power": {}, "chebyshev-power": {},
    "gather-all": {}, "gram-eigh": {}, "hapod": {}, "local-power": {},
    "low-rank-merge": {}, "low-rank-merge, m = 1": dict(rank_factor=1),
    "low-rank-merge, m = 4": dict(rank_factor=4), "method-of-snapshots": {},
    "projector-average": {}, "quantized-power": {}, "randomized-svd": {},
    "shift-invert": {}, "tsqr-svd": {}, "frequent-directions": {},
}
SOLVERS = {solver.name: solver for solver in BENCHMARK.get_solvers()}


def stored(fields, folder, **cut):
    """Label and field, stored in the folder, of all that can be had and cut.

    Parameters
    ----------
    fields : dict
        Labels, and the module of a dataset with its parameters.
    folder : Path
    cut : n_ranks, partition
    """
    for label, (module, parameters) in fields.items():
        dataset = load_dataset(module, folder)
        if module == "ncep_air":  # where benchopt prepare put the file
            path = get_data_path("ncep-air") / dataset.data_file().name
            dataset.data_file = lambda path=path: path
        if cut["partition"] not in dataset.Dataset.partitions:
            continue
        field = get_instance(dataset, **parameters, **cut).get_data()["field"]
        if reason := field.skip_reason():
            print(f"{label}: {reason}")
        else:
            yield label, field


def unit(field, k):
    """Also under ``features``; on one rank that of two."""
    return basis_bytes(max(field.n_ranks, 2), field.n_features, k, "samples")


def rounds(world, field, k, solver, parameters):
    """Metrics, and what the ranks returned, of every round of a run.

    Defaults hold where parameters say nothing.
    """
    defaults = {key: values[0] for key, values in solver.parameters.items()}
    world.load(solver.rounds, field, k, {**defaults, **parameters}, 0,
               solver.one_pass)
    world.call("advance", 1)
    while world.call("advance", 1):
        result = world.call("result")
        yield evaluate(field, k, **result), result


def history(world, field, k, solver, parameters, most_units=MOST_UNITS,
            most_seconds=MOST_SECONDS):
    """Rounds, bytes and error of every round of a run."""
    rows, end = [], time.perf_counter() + most_seconds
    for one, _ in rounds(world, field, k, solver, parameters):
        rows.append((len(rows) + 1, one["comm_bytes"], one["subspace_error"]))
        if (rows[-1][2] < TARGETS[-1] / 3 or len(rows) > MOST_ROUNDS
                or rows[-1][1] > most_units * unit(field, k)
                or time.perf_counter() > end):
            break
    return rows


def costs(world, field, k, name, parameters):
    """Bytes to every target; infinite where it is not reached."""
    rows = history(world, field, k, SOLVERS[name], parameters)
    return [cost_of_run(target, *zip(*rows, strict=True))
            for target in TARGETS]


def table(field, k, chosen):
    """Costs by method; those that fail or reach no target are left out."""
    found, world = {}, start_world(field.n_ranks)
    try:
        for label, parameters in chosen.items():
            name = label.split(",")[0]
            if field.partition not in SOLVERS[name].partitions:
                continue
            try:
                row = costs(world, field, k, name, parameters)
            except WorldError as error:
                print(f"  {label}: {str(error).splitlines()[0]}")
                world.close()
                world = start_world(field.n_ranks)
                continue
            if min(row) < float("inf"):
                found[label] = row
    finally:
        world.close()
    return found


def main(arguments, folder):
    worst = 0.0
    ours = {OURS: {}, f"{OURS}, rounds": dict(favour="rounds"),
            "reduced-chord": {}}
    chosen = {**ours, **{label: PUBLISHED[label]
                         for label in arguments.methods or PUBLISHED}}
    fields = {label: FIELDS[label] for label in arguments.fields or FIELDS}
    for label, field in stored(fields, folder, partition=arguments.partition,
                               n_ranks=arguments.ranks):
        load_reference(field, arguments.k)
        one_basis = unit(field, arguments.k)
        found = table(field, arguments.k, chosen)
        print(f"{label}, {field.n_ranks} ranks, k = {arguments.k}, "
              f"{arguments.partition}: bytes / {one_basis} to {TARGETS}")
        for name, row in sorted(found.items(), key=lambda item: item[1][2:]):
            print(f"  {name:24}" + "".join(
                f"{cost / one_basis:9.3f}" for cost in row), flush=True)
        published = [row for name, row in found.items() if name not in ours]
        best = [min(costs) for costs in zip(*published, strict=True)]
        factors = [other / own if own else 1.0 for other, own
                   in zip(best, found.get(OURS, [float("inf")] * 4),
                          strict=True)]
        worst = max([worst, *(1 / factor if factor else float("inf")
                              for factor in factors)])
        print("  fewer by a factor of    " + "".join(
            f"{factor:9.2f}" for factor in factors), flush=True)
    print(f"at most {worst:.2f} times the best published method")
    return worst > MOST


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranks", type=int, default=4)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--partition", default="samples")
    parser.add_argument("--fields", nargs="*")
    parser.add_argument("--methods", nargs="*")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(main(arguments, arguments.folder or Path(temporary)))
