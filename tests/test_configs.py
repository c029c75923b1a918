"""The run configs: what they name exists, and each gives its results."""
import re

import pandas as pd
import pytest
import yaml
from conftest import BENCHMARK, LIBRARIES, METHODS, ROOT, benchopt

from benchmark_utils.scoring.metrics import METRICS

CONFIGS = sorted((ROOT / "configs").glob("*.yml"))
VIEWS = yaml.safe_load((ROOT / "config.yml").read_text())["plot_configs"]


def test_there_is_one_per_question():
    assert {path.stem for path in CONFIGS} == {
        "quick", "error_vs_communication", "heterogeneity", "libraries",
        "own_methods", "rate_distortion", "slurm", "streaming",
        "strong_scaling", "thousand_ranks", "weak_scaling"}


def test_all_methods_for_samples_are_compared():
    """As the README's table of configs says."""
    config = yaml.safe_load(
        (ROOT / "configs" / "error_vs_communication.yml").read_text())
    assert {each.split("[")[0] for each in config["solver"]} == {
        name for name, solver in METHODS.items()
        if "samples" in solver.partitions and name not in LIBRARIES
        and not name.startswith("template")}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_first_comment(path):
    """A question, how long the answer takes, and where it is."""
    lines = path.read_text().splitlines()
    comment = " ".join(line.lstrip("# ") for line in lines[
        :next(i for i, line in enumerate(lines) if line[0] != "#")])
    assert "?" in comment and "minutes" in comment and "2 cores" in comment
    assert any(f'"{view}"' in comment for view in VIEWS)


def tiny(config):
    """The config's first problem and k, as small as in benchopt's own tests.

    On simulated ranks, which start at once: under MPI, each method and
    dataset runs in benchopt's own tests.
    """
    datasets = BENCHMARK.check_dataset_patterns(config["dataset"])
    dataset, parameters = datasets[0]
    first = {key: value[:1] if isinstance(value, list) else value
             for key, value in parameters.items()}
    objective = [re.sub(r"=\[(\d+).*\]\]", r"=\1]", each)
                 for each in config["objective"]]
    return {**config, "max-runs": 1, "n-repetitions": 1, "timeout": 60,
            "objective": objective,
            "dataset": [{dataset.name: first | dataset.test_config
                         | {"ranks": "simulated"}}]}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_all_methods_give_results(copy, path):
    config = yaml.safe_load(path.read_text())
    small = copy / "tiny.yml"
    small.write_text(yaml.safe_dump(tiny(config)))
    done = benchopt(copy, "run", ".", "--config", small.name, "--no-plot",
                    "--output", path.stem)
    assert done.returncode == 0, done.stdout + done.stderr
    results = pd.read_parquet(copy / "outputs" / f"{path.stem}.parquet")
    assert {f"objective_{key}" for key in METRICS} <= set(results)
    solvers = BENCHMARK.check_solver_patterns(config["solver"])
    assert {name.split("[")[0] for name in results["solver_name"]} \
        == {solver.name for solver, _ in solvers
            if solver.is_installed(quiet=True) and not re.search(
                rf"(?<!-){solver.name} (supports the partition|needs a field)",
                done.stdout)}, done.stdout
