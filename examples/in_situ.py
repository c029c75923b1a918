"""PCA of a simulation while it runs.

    python examples/in_situ.py [--method oja] [--n-ranks 2] [--help]

One process runs the Vlasov code of ``datasets/vlasov_poisson.py`` and appends
snapshot after snapshot to an HDF5 file (SWMR). MPI ranks run a one-pass
method of the benchmark against that file while it grows and wait for what is
not there yet. When the simulation has ended, the exact subspace is computed
from the finished file and the estimate that the ranks hold is scored.

Ranks that simulate themselves need no file: see ``in_your_code.py``.
"""
import argparse
import importlib.util
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmark_utils.fields.field import Field  # noqa: E402
from benchmark_utils.fields.layout import open_field  # noqa: E402
from benchmark_utils.fields.live import write_live_field  # noqa: E402
from benchmark_utils.fields.reference import load_reference  # noqa: E402
from benchmark_utils.methods.method import load_method  # noqa: E402
from benchmark_utils.runtime.errors import WorldError  # noqa: E402
from benchmark_utils.runtime.world import start_world  # noqa: E402
from benchmark_utils.scoring.estimates import evaluate  # noqa: E402

START_SECONDS = 60.0


def plugin(folder, name):
    """Module of a plugin, which is loaded by its path."""
    spec = importlib.util.spec_from_file_location(
        name, ROOT / folder / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def simulate(path, n_x, n_v, n_snapshots, pause, patience):
    """Run two counter-streaming beams; write f minus its background."""
    vlasov = plugin("datasets", "vlasov_poisson")
    case = vlasov.CASES["two_stream"]
    x, v = vlasov.grid(case, n_x, n_v)
    t = np.linspace(0, vlasov.DURATION, n_snapshots)
    every = int(np.ceil(t[1] / vlasov.MAX_DT))
    background = vlasov.background(case, n_x, n_v)

    def anomalies():
        for f in vlasov.simulate(
                case, n_x, n_v, every * (n_snapshots - 1), t[1] / every,
                every, np.random.default_rng(0)):
            time.sleep(pause)
            yield (f - background)[None]

    write_live_field(
        path, dict(n_x=n_x, n_v=n_v, n_snapshots=n_snapshots),
        [("time", "1/omega_p", t), ("x", "lambda_D", x), ("v", "v_th", v)],
        1, anomalies(), "unperturbed distribution at t = 0", patience)


def follow(world, path, solver, n_components):
    """Have ranks read the growing file to its end; print how far they lag.

    Returns
    -------
    metrics : dict
        Those of the benchmark, for the estimate at the end of the stream.
    """
    parameters = {key: values[0] for key, values in solver.parameters.items()}
    field = Field(path, world.n_ranks, "samples")
    world.load(solver.rounds, field, n_components, parameters, one_pass=True)
    world.call("advance", 1)  # the starting point
    lags = []
    with open_field(path) as file:
        for step in range(1, field.n_steps + 1):
            world.call("advance", 1)
            file["written"].refresh()
            lags.append(int(file["written"][0]) - step)
            if step % -(-field.n_steps // 8) == 0:
                print(f"snapshot {step} of {field.n_steps} read, {lags[-1]} "
                      "more written", flush=True)
    print(f"lag behind the simulation: {np.median(lags):g} snapshots "
          f"(median), {max(lags)} (largest)")
    load_reference(field, n_components)
    return evaluate(field, n_components, **world.call("result"))


def main():
    parser = argparse.ArgumentParser(
        description="PCA of a simulation while it runs.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--method", default="incremental-svd",
                        help="a one-pass method of the benchmark")
    parser.add_argument("--n-ranks", type=int, default=4)
    parser.add_argument("--n-components", type=int, default=10)
    parser.add_argument("--n-x", type=int, default=512)
    parser.add_argument("--n-v", type=int, default=512)
    parser.add_argument("--n-snapshots", type=int, default=64)
    parser.add_argument("--pause", type=float, default=0.0,
                        help="seconds by which every snapshot is delayed")
    parser.add_argument("--patience", type=float, default=30.0,
                        help="seconds that ranks wait for a snapshot")
    arguments = parser.parse_args()
    try:
        solver = load_method(arguments.method)
    except ValueError as error:
        sys.exit(str(error))
    if not solver.one_pass:
        sys.exit(f"{solver.name} needs several passes over the data: choose a "
                 "one-pass method, see the table of README.rst.")
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder) / "plasma.h5", solver, arguments)


def run(path, solver, arguments):
    """Run ranks and simulation side by side; print the method's score."""
    world = start_world(arguments.n_ranks)
    # A process of its own, which shares nothing with this one.
    simulation = multiprocessing.get_context("spawn").Process(
        target=simulate, args=(
            path, arguments.n_x, arguments.n_v, arguments.n_snapshots,
            arguments.pause, arguments.patience))
    try:
        simulation.start()
        print(f"The simulation is process {simulation.pid}.", flush=True)
        wait_for(path, simulation)
        score = follow(world, path, solver, arguments.n_components)
    except WorldError as error:
        sys.exit(f"{error}\nThe simulation " + (
            "still runs." if simulation.is_alive() else
            f"has ended, exit code {simulation.exitcode}."))
    finally:
        world.close()
        simulation.terminate()
        simulation.join()
    print(f"{solver.name} on {arguments.n_ranks} ranks:")
    for key, unit in [("subspace_error", ""), ("excess_error", ""),
                      ("comm_bytes", "B"), ("memory_mb", "MB"),
                      ("wall_s", "s")]:
        print(f"{key:15} {score[key]:.3g} {unit}".rstrip())


def wait_for(path, simulation):
    """Return when the simulation's file is there."""
    start = time.monotonic()
    while not path.exists():
        if not simulation.is_alive():
            sys.exit("The simulation ended before its first snapshot, exit "
                     f"code {simulation.exitcode}.")
        if time.monotonic() - start > START_SECONDS:
            sys.exit("The simulation did not open its file within "
                     f"{START_SECONDS:g} s.")
        time.sleep(0.01)


if __name__ == "__main__":
    main()
