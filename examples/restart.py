"""Does a simulation go on as before from what a compressor has kept?

    python examples/restart.py [--figure restart.png]

Two streams of electrons (vlasov-poisson) are stored by codecs at several
errors; the simulation starts again from a decoded snapshot, after the
instability has saturated, and is compared with the undisturbed run: how far
f is off at the restart and at the end, and the energy of the electric field
on the way. Some minutes.
"""
import argparse
import math
import sys
from functools import partial
from pathlib import Path

import numpy as np
from benchopt.benchmark import Benchmark
from benchopt.utils.run_context import RunContext

ROOT = Path(__file__).resolve().parents[1]
BENCHMARK = Benchmark(ROOT)  # makes benchmark_utils importable

from benchmark_utils.compression.exact_moments import (  # noqa: E402
    KeepsMoments,
)
from benchmark_utils.fields.reference import load_reference  # noqa: E402

PLASMA = dict(case="two_stream", n_x=256, n_v=256, n_snapshots=48, batch=8,
              n_ranks=4)
CODECS = "rounding", "wavelet", "tucker", "dct", "sz3", "zfp", "lorenzo"
ERRORS = 1e-1, 1e-2, 1e-3
RESTART = 31  # the last snapshot of the fourth batch


def decoded(field, new, n_steps):
    """The last of the first steps as another object decodes it, and bits."""
    parts, n_bytes, n_values = [], 0, 0
    for rank in range(field.n_ranks):
        geometry = field.geometry(rank)
        encoder, decoder = new(geometry), new(geometry)
        for number, X in enumerate(field.reader(rank).batches(field.batch)):
            if number * field.batch >= n_steps:
                break
            message = encoder.encode(geometry.array(X))
            n_bytes, n_values = n_bytes + len(message), n_values + X.size
            last = decoder.decode(message)[-1]
        parts.append(np.asarray(last, float))
    return np.concatenate(parts), 8 * n_bytes / n_values


def codecs(errors):
    """(name, error, whether moments are kept, codec of a geometry)."""
    solvers = {solver.name: solver for solver in BENCHMARK.get_solvers()}
    for name in CODECS:
        solver = solvers[name]
        if not solver.is_installed():  # which says so
            continue
        for error in errors:
            new = partial(solver.Codec, error=error)
            yield name, error, False, new
            yield name, error, True, lambda geometry, new=new: KeepsMoments(
                geometry, partial(new, geometry))


def field_energy(module, case, f, dv):
    E = module.electric_field(f, case.length, dv)
    return np.square(E).mean() / 2


def compare(module, field, chosen, restart=RESTART):
    """Yield rows: codec, error, kept, bits, errors of f and of energy.

    The last three: field error of f at the restart and at the end, largest
    error of the electric energy over its mean. And the energies, of this
    run and of the undisturbed one.

    Parameters
    ----------
    module : module
        Of the dataset.
    field : Field
    chosen : iterable
        As of :func:`codecs`.
    restart : int
        Snapshot, the last of a batch.
    """
    case = module.CASES[PLASMA["case"]]
    f0 = module.background(case, *field.shape[1:])
    _, v = module.grid(case, *field.shape[1:])
    geometry = [field.geometry(rank) for rank in range(field.n_ranks)]
    true = np.concatenate([
        each.array(field.reader(rank).read(0, field.shape[0])).astype(float)
        for rank, each in enumerate(geometry)], axis=1)
    interval = module.DURATION / (len(true) - 1)
    every = math.ceil(interval / module.MAX_DT)
    energy = partial(field_energy, module, case, dv=v[1] - v[0])

    undisturbed = [energy(f + f0) for f in true[restart:]]
    for name, error, kept, new in chosen:
        f, bits = decoded(field, new, restart + 1)
        run = [f + f0, *module.continued(
            case, f + f0, every * (len(true) - 1 - restart),
            interval / every, every)]
        energies = [*map(energy, run)]
        off = [np.linalg.norm(ours - f0 - theirs) / np.linalg.norm(theirs)
               for ours, theirs in zip(
                   (run[0], run[-1]), true[[restart, -1]], strict=True)]
        yield (name, error, kept, bits, *off, abs(np.subtract(
            energies, undisturbed)).max() / np.mean(undisturbed)), (
                energies, undisturbed)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--figure", help="file of errors against bits")
    arguments = parser.parse_args()
    cls = next(each for each in BENCHMARK.get_datasets()
               if each.name == "vlasov-poisson")
    dataset, module = cls.get_instance(**PLASMA), sys.modules[cls.__module__]
    RunContext().set_run_context("objective", dataset, "solver",
                                 repetition=0, base_seed=0)
    field = dataset.field()
    load_reference(field)
    print("codec     error moments  bits   f at restart  f at end  energy")
    rows = []
    for row, _ in compare(module, field, codecs(ERRORS)):
        name, error, kept, bits, start, end, energy = row
        print(f"{name:9s} {error:5.0e} {'kept' if kept else '':7s} "
              f"{bits:5.2f}  {start:12.1e}  {end:8.1e}  {energy:.1e}")
        rows.append(row)
    if arguments.figure:
        draw(arguments.figure, rows)


def draw(path, rows):
    """Error of f at the end against bits, with and without kept moments."""
    import matplotlib.pyplot as plt
    figure, ax = plt.subplots()
    for name, colour in zip(CODECS, plt.cm.tab10.colors, strict=False):
        for kept, line, label in ((False, "o:", None), (True, "o-", name)):
            points = [(bits, end) for codec, _, moments, bits, _, end, _
                      in rows if codec == name and moments == kept]
            if points:
                ax.loglog(*zip(*points, strict=True), line, color=colour,
                          label=label)
    ax.set(xlabel="stored bits per value", ylabel="field error at the end",
           title="two streams, after the restart\n"
                 "solid: with the moments of the snapshot")
    ax.legend()
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
