"""Which part of coded-chord saves the bytes, and what short messages do.

Run with ``python tests/claims/ablation.py``: prints for four fields, four
simulated ranks, k = 10, in units of one float64 basis per rank, the bytes to
errors of 1e-3, 1e-6 and 1e-8 and the least error of all rounds; first with and
without the merged start, coded differences and the chord step, then for the
best published methods with messages of fewer and fewer bits. Floats of less
than 32 bits are not sent as such: they are rounded to so many significant
bits, and their bytes counted in proportion, with 9 for sign and exponent.
"""
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bytes import FIELDS, SOLVERS, TARGETS, history, unit  # noqa: E402
from conftest import get_field, load_dataset  # noqa: E402

from benchmark_utils.fields.reference import load_reference  # noqa: E402
from benchmark_utils.methods.certificate import Certified  # noqa: E402
from benchmark_utils.methods.linalg import orthonormal  # noqa: E402
from benchmark_utils.methods.messages import ShortMessages  # noqa: E402
from benchmark_utils.results.statistics import cost_of_run  # noqa: E402
from benchmark_utils.runtime.world import start_world  # noqa: E402

K, N_RANKS = 10, 4
LONG = dict(most_units=400, most_seconds=300)  # the power iteration is slow
CHOSEN = "two_stream", "inhomogeneous", "storm_track", "gray_scott"
PUBLISHED = "shift-invert", "block-krylov"
# Start, coding, chord: on or off. The chord needs the merged model.
PARTS = {
    "- - -": ("quantized-power", dict(coding="float64")),
    "start - -": ("quantized-power", dict(coding="float64", start="merged")),
    "- coding -": ("quantized-power", {}),
    "start coding -": ("quantized-power", dict(start="merged")),
    "start - chord": ("coded-chord", dict(coding="float64")),
    "start coding chord": ("coded-chord", {}),
}
FEWER = 16, 12, 8  # bits of a float, without sign and exponent


class Rounded(ShortMessages):
    """Floats of so many significant bits, in float64."""

    def __init__(self, comm, bits):
        self.comm, self.bits = comm, bits

    def short(self, x):
        mantissa, exponent = np.frexp(np.ascontiguousarray(x, float))
        return np.ldexp(
            np.rint(mantissa * 2.0 ** self.bits) / 2.0 ** self.bits, exponent)


def rounded(name, bits):
    """A method whose floats are rounded, as ``messages`` does it."""
    solver = SOLVERS[name]

    class Short(solver):
        @staticmethod
        def rounds(comm, **arguments):
            for one in solver.rounds(comm=Rounded(comm, bits), **arguments):
                yield orthonormal(
                    one.estimate if isinstance(one, Certified) else one)
    return Short


def variants():
    """Labels, methods, parameters, bytes relative to those counted, limits."""
    for label, (name, parameters) in PARTS.items():
        yield label, SOLVERS[name], parameters, 1.0, LONG
    for name in PUBLISHED:
        for messages in ("float64", "float32"):
            yield (f"{name}, {messages}", SOLVERS[name],
                   dict(messages=messages), 1.0, {})
        for bits in FEWER:
            yield (f"{name}, {bits} bits", rounded(name, bits), {},
                   (bits + 9) / 64, {})


def main():
    world = start_world(N_RANKS, "simulated")
    try:
        with tempfile.TemporaryDirectory() as folder:
            for chosen in CHOSEN:
                module, parameters = FIELDS[chosen]
                field = get_field(load_dataset(module, Path(folder)),
                                  n_ranks=N_RANKS, ranks="simulated",
                                  **parameters)
                load_reference(field, K)
                one = unit(field, K)
                print(f"{chosen}: bytes / {one} to {TARGETS[1:]}, least error")
                for label, solver, arguments, part, limits in variants():
                    rows = history(world, field, K, solver, arguments,
                                   **limits)
                    print(f"  {label:24}" + "".join(
                        f"{part * cost_of_run(target, *columns) / one:8.2f}"
                        for columns in [list(zip(*rows, strict=True))]
                        for target in TARGETS[1:])
                        + f"  {min(row[2] for row in rows):.1e}", flush=True)
    finally:
        world.close()


if __name__ == "__main__":
    main()
