"""Fixtures: the benchmark, small fields, methods run on ranks."""
import fcntl
import importlib.util
import os
import shutil
from contextlib import contextmanager
from functools import partial
from pathlib import Path

# Tests run side by side, one thread each; before numpy.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Before netCDF4: its filters take the HDF5 library that is loaded last.
import hdf5plugin  # noqa: F401
import numpy as np
import pytest
import yaml
from benchopt.benchmark import Benchmark
from benchopt.results import read_results
from benchopt.utils.run_context import RunContext
from command import benchopt

ROOT = Path(__file__).resolve().parents[1]
CONFIG = yaml.safe_load((ROOT / "config.yml").read_text())
# The problem of the results that the tests of the plots share.
DATASET = "simulated[n_ranks=2,n_samples=400,n_features=60]"
OBJECTIVE = "Distributed PCA[k=10]"
# Loads benchmark_utils the way benchopt does, before any test imports it.
BENCHMARK = Benchmark(ROOT)

# Methods yield a basis, compressors an archive.
SOLVERS = {solver.name: solver for solver in BENCHMARK.get_solvers()}
METHODS = {name: solver for name, solver in SOLVERS.items()
           if solver.yields == "subspace"}
COMPRESSORS = {name: solver for name, solver in SOLVERS.items()
               if name not in METHODS}
# Their table is in docs/libraries.rst, their curves have colours of no name.
LIBRARIES = {name: solver for name, solver in METHODS.items()
             if solver.requirements}

from benchmark_utils.fields.field import Field  # noqa: E402
from benchmark_utils.fields.reference import load_reference  # noqa: E402
from benchmark_utils.fields.store import store_field  # noqa: E402
from benchmark_utils.runtime.world import start_world  # noqa: E402
from benchmark_utils.scoring.estimates import evaluate  # noqa: E402


def pytest_xdist_auto_num_workers():
    """One more than there are cores: tests of limits and faults wait."""
    return os.cpu_count() + 1


@pytest.fixture(scope="session")
def benchmark():
    return BENCHMARK


@pytest.fixture(scope="session")
def solvers():
    """Solver classes by name."""
    return SOLVERS


def small_field(folder, array, n_space=1, dtype="float64", mesh=None,
                **split):
    """Store an array (time, space..., features...) and cut it for ranks."""
    array = np.asarray(array)

    def snapshots():
        yield array

    axes = [(name, "1", np.arange(n)) for name, n
            in zip("txyzuvw", array.shape, strict=False)]
    path = store_field(folder, {"name": str(abs(hash(
        array.tobytes())))}, axes, n_space, snapshots, "none", dtype,
        mesh=mesh)
    field = Field(path, **split)
    load_reference(field)
    return field


@pytest.fixture
def make_field(tmp_path, request):
    """small_field in a folder of the test; MPI processes if not marked."""
    marked = request.node.get_closest_marker("simulated_ranks")
    return partial(small_field, tmp_path,
                   ranks="simulated" if marked else "processes")


def copy_project(folder):
    """A copy of the project, so that its caches and outputs stay apart."""
    return shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(
        ".*", "__pycache__", "__cache__", "data", "outputs", "tests"))


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("copy") / "benchmark")


def load_module(path):
    """Module of a file that is in no package, afresh."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_dataset(name, folder):
    """Module of a dataset, afresh, that stores its fields in a folder."""
    module = load_module(ROOT / "datasets" / f"{name}.py")
    module.Dataset.folder = staticmethod(
        lambda: folder / module.Dataset.name)
    return module


def get_instance(module, base_seed=0, **parameters):
    """Dataset with parameters, ready to give its data."""
    dataset = module.Dataset.get_instance(**parameters)
    RunContext().set_run_context("objective", dataset, "solver",
                                 repetition=0, base_seed=base_seed)
    return dataset


def get_field(module, base_seed=0, **parameters):
    """Field of a dataset; raises what benchopt gets as a reason to skip."""
    return get_instance(module, base_seed, **parameters).field()


@pytest.fixture(scope="session")
def two_streams(tmp_path_factory):
    """The slabs of a kinetic plasma that compressors are measured on."""
    field = get_field(
        load_dataset("vlasov_poisson", tmp_path_factory.mktemp("plasma")),
        n_x=256, n_v=256, n_snapshots=48, batch=8, case="two_stream",
        n_ranks=4)
    load_reference(field)
    return field


@pytest.fixture
def read(tmp_path):
    """The matrix of anomalies that ranks read, from paths below tmp_path."""
    from test_field import assemble
    module = load_dataset("hdf5_file", tmp_path / "stored")

    def read(path, variable="a", axes="auto", **chosen):
        paths = path if isinstance(path, list) else [path]
        return assemble(get_field(
            module, path=[str(tmp_path / each) for each in paths], axes=axes,
            variable=variable, n_ranks=2, **chosen))
    read.module = module
    return read


@pytest.fixture
def refused(read):
    """The sentence with which a file is refused."""
    def refused(*arguments, **parameters):
        with pytest.raises(ValueError) as refusal:
            read(*arguments, **parameters)
        return str(refusal.value)
    return refused


def spectrum_array(n_steps, n_cells, d, seed=0, decay=0.6):
    """Random field whose principal variances decay geometrically."""
    rng = np.random.default_rng(seed)
    scales = decay ** np.arange(d)
    mixing = np.linalg.qr(rng.standard_normal((d, d)))[0]
    # Cells differ: the ranks' covariances are not alike.
    local = 1 + rng.random((n_cells, d))
    return (rng.standard_normal((n_steps, n_cells, d)) * local
            * scales) @ mixing


def global_matrix(array, partition):
    """The matrix X of a field with one space axis."""
    return array.reshape(-1, array.shape[-1]) if partition == "samples" \
        else array.reshape(len(array), -1)


def skip_if_missing(solver):
    """A library that is not installed; a class of a test always is."""
    try:
        getattr(solver, "is_installed", dict)(raise_on_not_installed=True)
    except ImportError as missing:
        pytest.skip(str(missing))


def run_rounds(world, solver, field, n_components, n_rounds, seed=0, then=0,
               **parameters):
    """Run a method on ranks that wait; metrics after every round.

    And, where `then` more rounds are made at once, after the last of them.
    """
    skip_if_missing(solver)
    defaults = {key: values[0] for key, values in solver.parameters.items()}
    metrics = []
    world.load(solver.rounds, field, n_components,
               {**defaults, **parameters}, seed, solver.one_pass,
               warm_up_rank=getattr(solver, "warm_up_rank", None),
               yields=getattr(solver, "yields", "subspace"))
    while len(metrics) <= n_rounds and world.call("advance", 1):
        metrics.append(evaluate(field, n_components, **world.call("result")))
    if then and world.call("advance", then):
        metrics.append(evaluate(field, n_components, **world.call("result")))
    return metrics


@contextmanager
def waiting_worlds():
    """run_rounds on ranks that are started once, and anew after a failure."""
    worlds = {}

    def run(solver, field, *arguments, **parameters):
        # One process plays as many simulated ranks as a field asks for.
        ranks = (1 if field.ranks == "simulated" else field.n_ranks,
                 field.ranks)
        world = worlds.pop(ranks, None) or start_world(*ranks)
        try:
            metrics = run_rounds(world, solver, field, *arguments,
                                 **parameters)
        except BaseException:
            world.close()
            raise
        worlds[ranks] = world
        return metrics

    try:
        yield run
    finally:
        for world in worlds.values():
            world.close()


@pytest.fixture(scope="session")
def run():
    """For many short runs; metrics_per_round gives one a fresh process."""
    with waiting_worlds() as run:
        yield run


def metrics_per_round(solver, field, n_components, n_rounds, seed=0, then=0,
                      **parameters):
    """Run a method on fresh ranks; metrics after every round, start first."""
    world = start_world(field.n_ranks, field.ranks)
    try:
        return run_rounds(world, solver, field, n_components, n_rounds, seed,
                          then, **parameters)
    finally:
        world.close()


@pytest.fixture(scope="session")
def outputs(tmp_path_factory):
    """Results file and page of a run in a copy of the project.

    Of the process that needs them first; the others wait for it.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    made = folder / "plots"
    with open(folder / "plots.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            copy = copy_project(tmp_path_factory.mktemp("plots") / "benchmark")
            done = benchopt(
                copy, "run", ".", "-d", DATASET, "-s", "block-power",
                "-s", "gather-all", "-s", "gram-eigh", "-s", "incremental-svd",
                "-s", "low-rank-merge[rank_factor=[1,2]]", "-n", "6", "-r",
                "3", "--output", "test", "--no-display")
            assert done.returncode == 0, done.stdout + done.stderr
            copy.rename(made)
    return made / "outputs"


@pytest.fixture(scope="session")
def results(outputs):
    return read_results(outputs / "test.parquet")


def ending(results, ended):
    """The same results, whose runs all ended for one reason."""
    return results.assign(final_results=[
        last | dict(ended=ended) if isinstance(last, dict) else last
        for last in results["final_results"]])


@pytest.fixture(scope="session")
def plots():
    return {plot.name: plot for plot in BENCHMARK.get_plots()
            if plot.name in CONFIG["plots"]}


def first_options(plot, df):
    """Arguments of a plot: the first choice of every list."""
    choices = dict(dataset=[DATASET], objective=[OBJECTIVE],
                   solver=["block-power"])
    return {key: (values(df) if callable(values)
                  else choices[key] if values is ... else values)[0]
            for key, values in plot.options.items()}
