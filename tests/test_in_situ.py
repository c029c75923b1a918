"""A field that is read while a simulation writes it: real file, real ranks."""
import re
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from conftest import ROOT, metrics_per_round, spectrum_array

from benchmark_utils.fields.field import Field
from benchmark_utils.fields.reference import load_reference
from benchmark_utils.runtime.errors import WorldError
from benchmark_utils.runtime.world import start_world
from benchmark_utils.scoring.estimates import evaluate

N_STEPS, N_CELLS, N_FEATURES = 12, 16, 8


@pytest.fixture
def array():
    return spectrum_array(N_STEPS, N_CELLS, N_FEATURES)


@pytest.fixture
def writer(tmp_path):
    """Write a live field in a process of its own; return path and process.

    The process dies before time step ``end``.
    """
    processes = []

    def start(array, pause=0.0, patience=20.0, end=None):
        path, source = tmp_path / "live.h5", tmp_path / "array.npy"
        np.save(source, array)
        script = f"""if True:
            import os, sys, time
            sys.path.insert(0, {str(ROOT)!r})
            import numpy as np
            from benchmark_utils.fields.live import write_live_field

            def snapshots():
                for step, f in enumerate(np.load({str(source)!r})):
                    if step == {end}:
                        os._exit(1)
                    time.sleep({pause})
                    yield f[None]

            write_live_field(
                {str(path)!r}, {{}}, [(name, "1", np.arange(n)) for name, n in
                                      zip("txv", {array.shape})],
                1, snapshots(), "none", {patience}, "float64")
            """
        processes.append(subprocess.Popen([sys.executable, "-c", script]))
        while not path.exists():
            assert processes[-1].poll() is None
            time.sleep(0.01)
        return path, processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.parametrize("partition", ["samples", "features"])
@pytest.mark.parametrize("heterogeneity", [1, 0.5])
def test_readers_wait_for_a_slow_writer(writer, array, partition,
                                        heterogeneity):
    """No time step is torn or zero, whatever a reader asks for."""
    path, _ = writer(array, pause=0.03)
    field = Field(path, 3, partition, heterogeneity, batch=5)
    for rank in range(field.n_ranks):
        start = time.monotonic()
        block = np.concatenate(list(field.reader(rank).batches()))
        if rank == 0:
            assert time.monotonic() - start > 0.03 * (N_STEPS - 3)
        own = array[:, field.cells(rank)]
        np.testing.assert_array_equal(block.reshape(own.shape), own)


@pytest.mark.parametrize("name", ["incremental-svd", "block-power"])
def test_methods_find_what_they_find_in_a_stored_field(
        name, writer, array, make_field, solvers):
    """One pass beside the writer; several passes begin when it ends."""
    path, _ = writer(array, pause=0.03)
    solver, field = solvers[name], Field(path, 2)
    expected = metrics_per_round(solver, make_field(array, n_ranks=2), 3,
                                 N_STEPS)[-1]
    parameters = {key: values[0] for key, values in solver.parameters.items()}
    world = start_world(2)
    try:
        world.load(solver.rounds, field, 3, parameters,
                   one_pass=solver.one_pass)
        assert world.call("advance", 1 + N_STEPS) == 1 + N_STEPS
        load_reference(field)
        score = evaluate(field, 3, **world.call("result"))
    finally:
        world.close()
    for key in ("subspace_error", "excess_error", "comm_bytes"):
        assert score[key] == expected[key]


def test_a_dead_writer_ends_the_ranks(writer, array, solvers):
    path, process = writer(array, patience=0.5, end=5)
    solver = solvers["oja"]
    world = start_world(2)
    try:
        world.load(solver.rounds, Field(path, 2), 3, {"variant": "oja"},
                   one_pass=True)
        with pytest.raises(WorldError, match="time step 6 of 12 has not "
                           "arrived for 0.5 s: the simulation .* has died or "
                           "hangs"):
            world.call("advance", 1 + N_STEPS)
    finally:
        world.close()
    assert process.wait() == 1
    # Without their shell, the system's first process reaps them, in a while.
    assert not any(rank.is_running() and rank.status() != "zombie"
                   for rank in world.ranks.values())


# The example

EXAMPLE = [sys.executable, ROOT / "examples" / "in_situ.py", "--n-ranks", "2",
           "--n-x", "32", "--n-v", "32", "--n-components", "3"]


def test_the_example_follows_the_simulation():
    done = subprocess.run(
        [*EXAMPLE, "--n-snapshots", "10", "--pause", "0.05"],
        check=True, capture_output=True, text=True)
    values = dict(re.findall(r"^(\w+) +([\d.e+-]+)", done.stdout,
                             re.MULTILINE))
    assert 0 < float(values["subspace_error"]) < 1
    assert float(values["excess_error"]) < 1e-3
    # incremental-svd, r = 6: two merges, each a gather, with one number
    # more, and a broadcast.
    assert float(values["comm_bytes"]) == pytest.approx(
        2 * 8 * (32 * (6 + 3) + 1), rel=1e-3)
    assert "snapshot 10 of 10 read, 0 more written" in done.stdout


def test_killed_simulation_of_the_example():
    example = subprocess.Popen(
        [*EXAMPLE, "--n-snapshots", "100", "--pause", "0.1",
         "--patience", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    simulation = psutil.Process(int(re.search(
        r"process (\d+)", example.stdout.readline())[1]))
    assert "snapshot 13 of 100" in example.stdout.readline()
    started = psutil.Process(example.pid).children(recursive=True)
    assert len(started) > 3  # simulation, launcher, ranks
    simulation.kill()
    _, errors = example.communicate(timeout=60)
    assert example.returncode == 1
    assert "has not arrived for 1 s: the simulation that writes" in errors
    assert "The simulation has ended, exit code -9." in errors
    _, alive = psutil.wait_procs(started, timeout=5)
    assert not alive


def test_the_example_refuses_methods_of_several_passes():
    done = subprocess.run([*EXAMPLE, "--method", "block-power"],
                          check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "needs several passes over the data: choose" in done.stderr


