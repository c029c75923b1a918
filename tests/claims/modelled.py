"""Print what methods take to reach an error of 1e-6: CPU and modelled time.

Run it as ``python tests/claims/modelled.py [--ranks 64] [--features d ...]
[--fields name ...] [--methods name ...] [--run 4] [--folder folder]``. It
runs our methods, and every published one that reaches the error, on four
ranks: on the fields of ``bytes.py``, or on two_stream with d features. Printed
are the error that is reached and, in ms, the compute time of the slowest rank,
as measured, and the communication time, as modelled for other numbers of ranks
and other networks. Then, for every field and network, whether the best one of
ours is below all published methods, and how often that is so.

With ``--run 64`` so many ranks run, simulated in one process (without compute
times): then nothing is scaled, and the same field is cut into more parts.
"""
import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from bytes import FIELDS, MOST_SECONDS, PUBLISHED, SOLVERS, rounds, stored

from benchmark_utils.comm.network import (
    NETWORKS,
    busiest_calls,
    communication_seconds,
)
from benchmark_utils.fields.reference import load_reference
from benchmark_utils.runtime.errors import WorldError
from benchmark_utils.runtime.world import start_world

SMALLER = dict(n_x=128, n_snapshots=32)  # fields of more features
OURS = {"coded-chord": {}, "reduced-chord": {},
        "reduced-chord, rounds": dict(favour="rounds")}
ON = "1 GbE", "wide area"
K, TARGET, MOST_ROUNDS = 10, 1e-6, 400
N_RANKS = 4  # processes; other numbers of ranks are simulated


def last_round(world, field, label, parameters=()):
    """Metrics and calls when the error is small enough, and the round.

    None where the method does not get there.
    """
    solver = SOLVERS[label.split(",")[0]]
    end = time.perf_counter() + MOST_SECONDS
    for number, (metrics, result) in enumerate(rounds(
            world, field, K, solver, dict(parameters)), 1):
        if metrics["subspace_error"] < TARGET:
            return metrics, busiest_calls(result["messages"]), number
        if number == MOST_ROUNDS or time.perf_counter() > end:
            break
    return None


def table(field, chosen, ranks):
    """Modelled seconds by method and network; prints the rows."""
    found, world = {}, start_world(field.n_ranks, field.ranks)
    for label, parameters in {**OURS, **chosen}.items():
        if field.partition not in SOLVERS[label.split(",")[0]].partitions:
            continue
        try:
            last = last_round(world, field, label, parameters)
        except WorldError as error:
            print(f"  {label}: {str(error).splitlines()[0]}")
            world.close()
            world = start_world(field.n_ranks, field.ranks)
            continue
        if last:
            metrics, calls, number = last
            seconds = [communication_seconds(
                calls, NETWORKS[name], field.n_ranks, ranks) for name in ON]
            print(f"  {label:21} {number:6} {metrics['subspace_error']:9.0e}"
                  f" {1e3 * metrics['compute_s']:9.1f}"
                  + "".join(f"{1e3 * each:12.1f}" for each in seconds),
                  flush=True)
            if np.isfinite(seconds).all():  # else there is no model of it
                found[label] = seconds
    world.close()
    return found


def main(fields, chosen, run, ranks, folder):
    won = dict.fromkeys(ON, 0)
    for number, (label, field) in enumerate(stored(
            fields, folder, partition="samples", n_ranks=run,
            ranks="processes" if run == N_RANKS else "simulated"), 1):
        load_reference(field, K)
        print(f"{label:21}   rounds     error   compute" + "".join(
            f"{name:>12}" for name in ON))
        found = table(field, chosen, ranks)
        for i, name in enumerate(ON):
            seconds = {method: each[i] for method, each in found.items()}
            ours = min(set(seconds) & set(OURS), key=seconds.get)
            best = min(set(seconds) - set(OURS), key=seconds.get)
            below = seconds[ours] < seconds[best]
            won[name] += below
            print(f"  {name}: {ours} {1e3 * seconds[ours]:.1f}, "
                  f"{'below' if below else 'NOT below'} {best} "
                  f"{1e3 * seconds[best]:.1f}; so on {won[name]} of {number}",
                  flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranks", type=int, default=64)
    parser.add_argument("--features", type=int, nargs="*", default=[])
    parser.add_argument("--fields", nargs="*")
    parser.add_argument("--methods", nargs="*", default=PUBLISHED)
    parser.add_argument("--run", type=int, default=N_RANKS)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    chosen = {f"{d} features": (
        "vlasov_poisson", dict(case="two_stream", n_v=d, **SMALLER))
        for d in arguments.features} or {
            label: FIELDS[label] for label in arguments.fields or FIELDS}
    with tempfile.TemporaryDirectory() as temporary:
        main(chosen, {name: PUBLISHED[name] for name in arguments.methods},
             arguments.run, arguments.ranks,
             arguments.folder or Path(temporary))
