"""Print what every exact method costs to reach a subspace error of 1e-6.

Run it as ``python tests/claims/exact.py [method ...]``: four ranks, k = 10,
default parameters, the fields on which a method must not depend on how alike
the ranks are. A method that does not get there ends the script with status 1.
"""
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conftest import BENCHMARK, get_field, load_dataset  # noqa: E402

from benchmark_utils.fields.reference import load_reference  # noqa: E402
from benchmark_utils.runtime.world import start_world  # noqa: E402
from benchmark_utils.scoring.estimates import evaluate  # noqa: E402

K, TARGET, MOST_ROUNDS = 10, 1e-6, 100_000
FIELDS = [("simulated", dict(rank_specific=own)) for own in (0.0, 1.0, 3.0)]
FIELDS += [("vlasov_poisson", dict(case="two_stream"))]
EXACT = ("gather-all", "gram-eigh", "method-of-snapshots", "tsqr-svd",
         "block-krylov", "chebyshev-power", "block-power", "shift-invert",
         "quantized-power", "local-power", "iarg", "deepca", "sdot", "fdot",
         "drgta", "fast-pca")


def until_exact(solver, field):
    """Rounds, metrics of the last one, seconds; scored ever more rarely."""
    parameters = {key: values[0] for key, values in solver.parameters.items()}
    started, world, rounds = time.perf_counter(), start_world(field.n_ranks), 0
    try:
        world.load(solver.rounds, field, K, parameters, 0, solver.one_pass)
        world.call("advance", 1)
        while True:
            wanted = 1 + rounds // 20
            done = world.call("advance", wanted)
            rounds += done
            metrics = evaluate(field, K, **world.call("result"))
            if (metrics["subspace_error"] <= TARGET or done < wanted
                    or rounds >= MOST_ROUNDS):
                return rounds, metrics, time.perf_counter() - started
    finally:
        world.close()


def main(methods, folder):
    solvers = {solver.name: solver for solver in BENCHMARK.get_solvers()}
    in_all, failed = 0.0, []
    for module, parameters in FIELDS:
        dataset = load_dataset(module, folder)
        defaults = {key: values[0]
                    for key, values in dataset.Dataset.parameters.items()}
        for partition in ("samples", "features"):
            field = get_field(dataset, **defaults | parameters
                              | dict(partition=partition))
            load_reference(field)
            for name in methods or EXACT:
                if partition != solvers[name].partitions[0]:
                    continue
                rounds, metrics, seconds = until_exact(solvers[name], field)
                in_all += seconds
                if metrics["subspace_error"] > TARGET:
                    failed.append((name, module, parameters))
                print(f"{module} {parameters}  {name:20s} "
                      f"{metrics['subspace_error']:.1e}  {rounds:5d} rounds  "
                      f"{metrics['comm_bytes'] / 1e6:8.2f} MB  "
                      f"{metrics['compute_s']:6.2f} s CPU  {seconds:6.1f} s",
                      flush=True)
    print(f"{in_all:.0f} s in all; above {TARGET}: {failed or 'none'}")
    return bool(failed)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(main(sys.argv[1:], Path(folder)))
