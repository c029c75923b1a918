"""Under a real Slurm of two nodes: every way to start, to its results."""
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pandas as pd
import pytest
import slurm_cluster
import yaml
from conftest import ROOT, benchopt, copy_project

from benchmark_utils.runtime import launchers
from benchmark_utils.runtime.errors import WorldError

SMALL = ("-d", "simulated[n_ranks=3,n_samples=400,n_features=40,planted=3,"
         "n_steps=4]", "-n", "3", "-r", "1")
PYTHON = str(Path(sys.executable).parent)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """Environment that reaches the cluster."""
    if slurm_cluster.missing():
        pytest.skip(slurm_cluster.missing())
    with slurm_cluster.cluster(tmp_path_factory.mktemp("slurm")) as reach:
        yield {**reach, "PATH": f"{PYTHON}:{reach['PATH']}"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("shared") / "benchmark")


def in_job(slurm, folder, *command):
    """What a command prints in an allocation of two nodes, a task each."""
    done = subprocess.run(
        ["salloc", "--quiet", "--nodes=2", "--ntasks-per-node=1", *command],
        cwd=folder, env=slurm, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# What launchers.py makes of an allocation, on ranks that tell their node.
WHERE = textwrap.dedent("""\
    import json, subprocess, sys
    sys.path.insert(0, sys.argv[1])
    from benchmark_utils.runtime.launchers import environment, launcher
    rank = ("import os; from mpi4py import MPI; print(MPI.COMM_WORLD.size,"
            "os.environ['SLURMD_NODENAME'], flush=True)")
    print(json.dumps(subprocess.run(
        [*launcher(), "-n", "4", sys.executable, "-c", rank],
        env=environment(("localhost", 1), b"key", "token"), check=True,
        stdout=subprocess.PIPE, text=True, timeout=30).stdout.split("\\n")))
    """)


@pytest.mark.parametrize("step", [(), ("srun", "-n", "1", "-N", "1")],
                         ids=["allocation", "step"])
def test_more_ranks_than_tasks_on_all_nodes(slurm, folder, step):
    """Also from a step, for which a step of its own does not wait."""
    lines = in_job(slurm, folder, *step, sys.executable, "-c", WHERE,
                   str(ROOT))
    assert sorted(json.loads(lines)) == ["", "4 n1", "4 n1", "4 n2", "4 n2"]


def test_batch_script(slurm, folder):
    submitted = subprocess.run(
        ["sbatch", "--parsable", "--nodes=2", "--ntasks-per-node=1",
         "--output=job.txt", "examples/slurm.sh", *SMALL, "-s",
         "block-power"],
        cwd=folder, env=slurm, capture_output=True, text=True, check=True)
    job = submitted.stdout.strip()
    slurm_cluster.wait(lambda: job not in subprocess.run(
        ["squeue", "--noheader", "--format=%A"], env=slurm,
        capture_output=True, text=True, check=True).stdout.split(),
        folder, seconds=100)
    outputs = folder / "outputs"
    printed = (folder / "job.txt").read_text()
    assert (outputs / f"slurm_{job}.parquet").exists(), printed
    assert list(outputs.glob(f"*slurm_{job}.html")), printed
    results = pd.read_parquet(outputs / f"slurm_{job}.parquet")
    assert results["objective_world_hosts"].iloc[-1] == os.uname().nodename


def test_submitit(slurm, folder):
    pytest.importorskip("submitit", reason="pip install submitit")
    config = yaml.safe_load((ROOT / "examples/submitit.yml").read_text())
    config["slurm_additional_parameters"]["ntasks_per_node"] = 1
    (folder / "submitit.yml").write_text(yaml.safe_dump(config))
    done = benchopt(
        folder, "run", ".", *SMALL, "-s", "gram-eigh", "--no-plot",
        "--parallel-config", "submitit.yml", "--output", "submitit", **slurm)
    assert done.returncode == 0, done.stdout + done.stderr
    results = pd.read_parquet(folder / "outputs" / "submitit.parquet")
    assert results["objective_subspace_error"].iloc[-1] < 1e-6


def test_one_benchopt_per_job(monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    with pytest.raises(WorldError, match="run it once, by `srun -n 1"):
        launchers.check_alone()
