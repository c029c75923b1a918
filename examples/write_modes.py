"""Run a method until it has converged; write its modes to a NetCDF file.

    python examples/write_modes.py modes.nc -d "hdf5-file" -s block-krylov

The file has the modes as maps, in the units of the simulation, eigenvalues,
coefficients, mean and coordinates, with CF attributes: open it with
``xarray.open_dataset``. Dataset and method are written as for benchopt.
"""
import argparse
import sys
from pathlib import Path

from benchopt.benchmark import Benchmark
from benchopt.utils.parametrized_name_mixin import product_param
from benchopt.utils.run_context import RunContext

ROOT = Path(__file__).resolve().parents[1]
BENCHMARK = Benchmark(ROOT)  # makes benchmark_utils importable

from benchmark_utils.fields.reference import load_reference  # noqa: E402
from benchmark_utils.results.netcdf import write_modes  # noqa: E402
from benchmark_utils.runtime.errors import WorldError  # noqa: E402
from benchmark_utils.runtime.world import start_world  # noqa: E402
from benchmark_utils.scoring.estimates import evaluate  # noqa: E402


def only(classes, kind):
    """The one instance of the classes and parameters of a command line."""
    chosen = [each.get_instance(**parameters) for each, choices in classes
              for parameters in product_param(choices)]
    if len(chosen) != 1:
        sys.exit(f"Choose one {kind}, not {len(chosen)}: write a list of "
                 "variables or files as [[a,b]].")
    return chosen[0]


def converged_modes(field, solver, n_components, target, n_rounds):
    """Run a method on its ranks; its modes and its error at the end."""
    world = start_world(field.n_ranks)
    try:
        world.load(solver.rounds, field, n_components, solver._parameters,
                   one_pass=solver.one_pass,
                   warm_up_rank=solver.warm_up_rank)
        error = 1.0
        for _ in range(n_rounds):
            if error <= target or not world.call("advance", 1):
                break
            error = evaluate(field, n_components,
                             **world.call("result"))["subspace_error"]
        return world.call("modes"), error
    finally:
        world.close()


def main():
    parser = argparse.ArgumentParser(
        description="Write the converged modes of a run to a NetCDF file.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("-d", "--dataset", default="hdf5-file")
    parser.add_argument("-s", "--solver", default="block-krylov")
    parser.add_argument("-k", "--n-components", type=int, default=10)
    parser.add_argument("--target", type=float, default=1e-8,
                        help="subspace error of converged modes")
    parser.add_argument("--max-rounds", type=int, default=1000)
    arguments = parser.parse_args()
    dataset = only(BENCHMARK.check_dataset_patterns([arguments.dataset]),
                   "dataset")
    solver = only(BENCHMARK.check_solver_patterns([arguments.solver]),
                  "method")
    RunContext().set_run_context("objective", dataset, "solver",
                                 repetition=0, base_seed=0)
    k = arguments.n_components
    try:
        field = dataset.get_data()["field"]
        reason = field.skip_reason() or solver.skip(field, k)[1]
        if reason:
            sys.exit(reason)
        reference = load_reference(field, k)
        if k > reference.rank:
            sys.exit(f"-k {k} is more than the rank {reference.rank} of the "
                     "field.")
        modes, error = converged_modes(field, solver, k, arguments.target,
                                       arguments.max_rounds)
    except (ValueError, WorldError) as error:
        sys.exit(str(error))
    if error > arguments.target:
        sys.exit(f"{solver} ended with a subspace error of {error:.1e}, above "
                 f"the target {arguments.target:g}: nothing is written. "
                 "Choose another method, or a larger --target.")
    write_modes(arguments.output, field, modes, reference.total_variance,
                source=f"{dataset} by {solver}", subspace_error=error,
                background=str(dataset.background))
    print(f"{arguments.output}: {k} modes of {dataset} by {solver}, subspace "
          f"error {error:.1e}")


if __name__ == "__main__":
    main()
