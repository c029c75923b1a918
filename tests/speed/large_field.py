"""A field larger than the memory of any process, from end to end.

    python tests/speed/large_field.py [--field-mb 6000] [--limit-mb 2000]

Every process, ranks included, may have so much private memory (RLIMIT_DATA,
Linux). The field is written, its exact subspaces are computed for both
partitions, and four ranks run a one-pass and a multi-pass method, which are
scored. Prints seconds, the peak of resident memory (sampled) and the scores;
needs the disk space of the field, in --folder, and frees it.
"""
import argparse
import importlib.util
import os
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmark_utils.fields.field import Field  # noqa: E402
from benchmark_utils.fields.reference import load_reference  # noqa: E402
from benchmark_utils.fields.store import store_field  # noqa: E402
from benchmark_utils.runtime.world import start_world  # noqa: E402
from benchmark_utils.scoring.estimates import evaluate  # noqa: E402

N_RANKS, N_COMPONENTS, N_MODES, BATCH = 4, 10, 48, 16
METHODS = {"incremental_svd": 10**9, "block_power": 15}  # at most, rounds
SAMPLING_SECONDS = 0.02


class Peak:
    """Largest resident memory of some processes while a block runs, in MB."""

    def __init__(self, processes):
        self.processes, self.mb = processes, 0.0

    def _watch(self):
        while not self.over.wait(SAMPLING_SECONDS):
            for process in self.processes:
                try:
                    self.mb = max(self.mb, process.memory_info().rss / 1e6)
                except psutil.NoSuchProcess:
                    return

    def __enter__(self):
        self.over, self.start = threading.Event(), time.perf_counter()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.seconds = time.perf_counter() - self.start
        self.over.set()
        self.thread.join()


def snapshots(n_steps, n_x, n_v, rng):
    """Products of profiles in x and v with random amplitudes, and noise."""
    in_x = rng.standard_normal((n_x, N_MODES), dtype="float32")
    in_v = rng.standard_normal((N_MODES, n_v), dtype="float32")
    scales = 0.7 ** np.arange(N_MODES, dtype="float32")
    for _ in range(n_steps):
        amplitudes = scales * rng.standard_normal(N_MODES, dtype="float32")
        noise = rng.standard_normal((n_x, n_v), dtype="float32")
        yield ((in_x * amplitudes) @ in_v + 1e-3 * noise)[None]


def generate(folder, n_steps, n_x, n_v):
    """Path of the field."""
    rng = np.random.default_rng(0)
    axes = [("time", "s", np.arange(n_steps)), ("x", "m", np.arange(n_x)),
            ("v", "m/s", np.arange(n_v))]
    return store_field(folder, dict(shape=[n_steps, n_x, n_v]), axes, 1,
                       lambda: snapshots(n_steps, n_x, n_v, rng), "none")


def solver(name):
    """Solver class of a file; brings benchopt into this process."""
    spec = importlib.util.spec_from_file_location(
        name, ROOT / "solvers" / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Solver


def run(field, method, n_rounds):
    """Peak of the ranks and metrics at the end."""
    parameters = {key: values[0] for key, values in method.parameters.items()}
    world = start_world(field.n_ranks)
    try:
        with Peak(world.ranks.values()) as peak:
            world.load(method.rounds, field, N_COMPONENTS, parameters,
                       one_pass=method.one_pass)
            world.call("advance", n_rounds)
            result = world.call("result")
    finally:
        world.close()
    return peak, evaluate(field, N_COMPONENTS, **result)


def main():
    parser = argparse.ArgumentParser(
        description="A field larger than memory.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--field-mb", type=int, default=6000)
    parser.add_argument("--limit-mb", type=int, default=2000)
    parser.add_argument("--n-x", type=int, default=1024)
    parser.add_argument("--n-v", type=int, default=512)
    parser.add_argument("--partitions", nargs="+",
                        default=["samples", "features"])
    parser.add_argument("--folder", help="where the field is written")
    arguments = parser.parse_args()
    limit = arguments.limit_mb * 10**6
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    n_steps = arguments.field_mb * 10**6 // (4 * arguments.n_x * arguments.n_v)
    this = [psutil.Process(os.getpid())]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        with Peak(this) as peak:
            path = generate(folder, n_steps, arguments.n_x, arguments.n_v)
        print(f"field of {path.stat().st_size / 1e6:.0f} MB, "
              f"{arguments.limit_mb} MB per process\n"
              f"{'':34}{'s':>7}{'peak MB':>9}{'error':>10}{'sent MB':>9}\n"
              f"{'generation':34}{peak.seconds:7.1f}{peak.mb:9.0f}")
        fields = {}
        for partition in arguments.partitions:
            with Peak(this) as peak:
                field = fields[partition] = Field(path, N_RANKS, partition,
                                                  batch=BATCH)
                load_reference(field)
            print(f"{'reference, ' + partition:34}{peak.seconds:7.1f}"
                  f"{peak.mb:9.0f}", flush=True)
        for partition, field in fields.items():
            for name, n_rounds in METHODS.items():
                peak, score = run(field, solver(name), n_rounds)
                print(f"{name + ', ' + partition:34}{peak.seconds:7.1f}"
                      f"{peak.mb:9.0f}{score['subspace_error']:10.1e}"
                      f"{score['comm_bytes'] / 1e6:9.1f}", flush=True)


if __name__ == "__main__":
    main()
