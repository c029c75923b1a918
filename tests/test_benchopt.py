"""The benchmark as a user runs it: whole `benchopt run`s in a copy."""
import os
import re
import shlex
import shutil

import iris_sample_data
import numpy as np
import pandas as pd
from benchopt.results import read_results
from conftest import ROOT, benchopt

from benchmark_utils.scoring.metrics import METRICS

DATA = "simulated[n_ranks=2,n_samples=400,n_features=60]"


def run(folder, *arguments, **environment):
    """Run methods on the small dataset; output and results."""
    done = benchopt(folder, "run", ".", "-d", DATA, "--no-plot",
                    "--output", "test", *arguments, **environment)
    files = sorted(folder.glob("outputs/test*.parquet"))
    results = read_results(files[-1]) if files else None
    for file in files:
        file.unlink()
    return done.stdout + done.stderr, results


def chosen(names):
    return [word for name in names for word in ("-s", name)]


def test_results_have_every_metric_and_repeat(copy):
    """Of methods of each kind; of all of them in test_conformance.py."""
    random = "oja", "quantized-power", "randomized-svd", "shift-invert"
    kinds = "coded-chord", "deepca", "incremental-svd", "sklearn-truncated-svd"
    output, first = run(copy, *chosen(random + kinds), "-n", "12",
                        "--no-cache")
    _, second = run(copy, *chosen(random), "-n", "12", "--no-cache")
    columns = [f"objective_{key}" for key in METRICS]
    assert first is not None, output
    assert set(first["solver_name"]) == {*random, *kinds}
    assert np.isfinite(first[columns].to_numpy(float)).all()
    again = first[first["solver_name"].isin(random)]
    for key in ("subspace_error", "excess_error", "comm_bytes",
                "comm_hops"):
        np.testing.assert_array_equal(again[f"objective_{key}"],
                                      second[f"objective_{key}"])


def test_clocks_agree(copy):
    """benchopt's time is the ranks' own, plus the cost of control."""
    _, results = run(copy, "-s", "block-power", "-n", "30", "--no-cache")
    overhead = results["time"] - results["objective_wall_s"]
    assert (overhead > -1e-3).all()
    # Per evaluation; 0.2 ms on a quiet machine, 100 ms for one on a busy one.
    assert np.median(np.diff(overhead)) < 0.01


def test_a_failing_method_leaves_the_others_running(copy, tmp_path):
    failing = tmp_path / "failing.py"
    failing.write_text('''\
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    name = "failing"

    @staticmethod
    def rounds(comm, data, n_components, rng):
        yield data.random_basis(n_components, rng)
        raise RuntimeError("this method always fails")
''')
    output, results = run(copy, "-s", str(failing), "-s", "gram-eigh")
    assert "rank 0 failed: RuntimeError: this method always fails" in output \
        or "rank 1 failed: RuntimeError: this method always fails" in output
    assert set(results["solver_name"]) == {"gram-eigh"}


def test_missing_mpiexec_is_one_sentence(copy):
    output, _ = run(copy, "-s", "gram-eigh", "--no-cache",
                    BENCHMARK_MPIEXEC="no-such-mpiexec")
    assert "BENCHMARK_MPIEXEC is 'no-such-mpiexec'" in output


def test_more_ranks_than_points_are_skipped(copy):
    done = benchopt(copy, "run", ".", "-d", "simulated[n_ranks=200]",
                    "-s", "gram-eigh", "--no-plot")
    assert "choose n_ranks <=" in done.stdout + done.stderr


def test_results_are_merged_and_drawn_again(copy):
    for name, solver in ("one", "gram-eigh"), ("two", "low-rank-merge"):
        benchopt(copy, "run", ".", "-d", DATA, "-s", solver, "-s",
                 "block-power", "-n", "3", "--no-plot", "--output", name)
    files = [f"outputs/{name}.parquet" for name in ("one", "two")]
    one, two = (pd.read_parquet(copy / file) for file in files)
    merged = benchopt(copy, "merge", ".", "-f", files[0], "-f", files[1],
                      "--output", "both")
    assert merged.returncode == 0, merged.stderr
    both = pd.read_parquet(copy / "outputs" / "both.parquet")
    assert set(both) == set(one) | set(two)
    # What both files have is there once.
    assert len(both) == len(one) + (two["solver_name"] != "block-power").sum()
    drawn = benchopt(copy, "plot", ".", "-f", "outputs/both.parquet",
                     "--no-display")
    assert drawn.returncode == 0, drawn.stderr
    page = next(copy.glob("outputs/*_both.html")).read_text()
    assert all(f'"{solver}"' in page
               for solver in both["solver_name"].unique())


def test_editing_the_utilities_invalidates_results(copy):
    arguments = ("-s", "gram-eigh", "-n", "1")
    run(copy, *arguments)
    output, _ = run(copy, *arguments)
    assert "(cached)" in output
    path = copy / "benchmark_utils" / "methods" / "linalg.py"
    path.write_text(path.read_text() + "\n# edited\n")
    output, _ = run(copy, *arguments)
    assert "(cached)" not in output


def test_results_know_on_what_they_were_measured(copy):
    """And are not reused for another number of threads."""
    arguments = ("-s", "gram-eigh", "-n", "1")
    for threads, cached in ("1", None), ("1", True), ("2", False):
        output, results = run(copy, *arguments, BENCHMARK_THREADS=threads)
        if cached is not None:
            assert ("(cached)" in output) == cached
        assert set(results["objective_world_threads"]) == {threads}
    row = results.iloc[-1]
    assert row["objective_world_ranks_per_host"] == 2
    assert row["objective_world_hosts"] == os.uname().nodename
    for key in "mpi_library", "mpi4py", "numpy", "scipy", "blas", "python":
        assert re.search(r"\d", row[f"objective_world_{key}"]), key


def test_why_a_run_ended(copy, tmp_path):
    slow = tmp_path / "slow.py"
    slow.write_text('''\
import time

from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    name = "slow"

    @staticmethod
    def rounds(comm, data, n_components, rng):
        U = data.random_basis(n_components, rng)
        while True:
            yield U
            time.sleep(4)
''')
    _, results = run(
        copy, "-s", str(slow), "-s", "gram-eigh", "-s", "iarg", "-s",
        "low-rank-merge[rank_factor=1]", "-n", "5", "--timeout", "8")
    final = results.dropna(subset="final_results").set_index("solver_name")
    assert {solver: value["ended"]
            for solver, value in final["final_results"].items()} == {
        "slow": "time limit", "gram-eigh": "converged",
        "iarg": "round limit",
        "low-rank-merge[rank_factor=1]": "method done"}


def code_block(document, after):
    """The first block of Python after a line of a document."""
    text = (ROOT / document).read_text().split(f"\n{after}\n")[1]
    lines = []
    for line in text.split(".. code-block:: python\n\n")[1].splitlines():
        if line and not line.startswith("    "):
            break
        lines.append(line[4:])
    return "\n".join(lines)


def test_readme_method_runs_from_outside(copy, tmp_path):
    """The plugin of the README, at most 30 lines, as it stands."""
    method = code_block("README.rst", "Add your own method")
    assert method.count("\n") < 30
    plugin = tmp_path / "my_method.py"
    plugin.write_text(method)
    output, results = run(copy, "-s", str(plugin), "-s", "block-power",
                          "-n", "60")
    assert results is not None, output
    mine = results[results["solver_name"] == "my-method"]
    assert len(mine) and mine["objective_subspace_error"].min() < 1e-6


def test_template_solver_runs(copy):
    output, results = run(copy, "-s", "solvers/template_solver.py",
                          "-n", "60")
    assert results is not None, output
    assert results["objective_subspace_error"].min() < 1e-6


def test_commands_of_the_documents_run(copy, tmp_path):
    """Those of benchopt that CI does not run already."""
    shutil.copy(copy / "solvers" / "template_solver.py",
                copy / "my_method.py")
    (copy / "my_wave.py").write_text(
        code_block("docs/own_data.rst", "A dataset of your own"))
    commands = re.findall(
        r"^    (benchopt run .*)$", "\n".join(
            (ROOT / name).read_text()
            for name in ("README.rst", "docs/own_data.rst")), re.MULTILINE)
    assert len(commands) >= 4
    for command in commands:
        if re.search("/data/run7|my_run.yml|tokamak.h5", command):
            continue  # a user's file: test_hdf5_file.py, test_unstructured.py
        arguments = shlex.split(command.replace(
            "$DATA", iris_sample_data.path))[1:]
        done = benchopt(copy, *arguments, "-n", "2", "--no-plot",
                        "--output", "documents")
        assert done.returncode == 0, command + done.stdout + done.stderr
        assert "error" not in done.stdout
