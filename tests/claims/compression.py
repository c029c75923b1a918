"""Print bits per value of compressors at equal field errors, on six fields.

Run it as ``python tests/claims/compression.py [--fields name ...] [--methods
name ...] [--folder folder]``. Each codec works on the four slabs of a field,
in batches of eight steps; bits are interpolated between settings. The script
ends with status 1 if a codec needs more than 1.1 times the bits of a prototype
that coded every batch by itself.
"""
import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conftest import SOLVERS, get_field, load_dataset  # noqa: E402

from benchmark_utils.fields.reference import load_reference  # noqa: E402
from benchmark_utils.results.rates import at_error  # noqa: E402

TARGETS, MOST = (3e-2, 1e-2, 2e-3), 1.1
KNOBS = 6e-2, 2e-2, 6e-3, 2e-3
FIELDS = {
    "two_stream": ("vlasov_poisson", dict(
        case="two_stream", n_x=256, n_v=256, n_snapshots=48)),
    "storm_track": ("vorticity_2d", dict(n=128, n_snapshots=48)),
    "gray_scott": ("gray_scott", dict(n=128, n_snapshots=48)),
    "drift_kinetic": ("drift_kinetic", dict(n=16, n_z=4, n_snapshots=40)),
    "vlasov_2d2v": ("vlasov_2d2v", dict(n_x=16, n_v=24, n_snapshots=16)),
    "ukmo": ("ukmo_scenarios", {}),
}
# Bits per value of prototypes at TARGETS, by method in the order of FIELDS.
PROTOTYPES = {
    "rounding": ((2.18, 2.96, 4.18), (4.55, 6.13, 8.50), (5.30, 6.88, 9.31),
                 (3.86, 5.23, 7.41), (1.73, 2.49, 3.87), (4.16, 5.82, 8.66)),
    "lorenzo": ((0.97, 1.38, 2.12), (2.26, 2.85, 4.42), (2.28, 2.60, 4.18),
                (3.69, 4.89, 6.97), (2.05, 2.92, 4.46), (2.70, 3.68, 6.21)),
    # The better one of two, over planes and over all axes of space.
    "wavelet": ((0.41, 0.72, 1.29), (1.46, 2.35, 4.16), (1.16, 2.11, 3.76),
                (2.45, 3.68, 5.83), (1.50, 2.43, 4.24), (3.07, 4.94, 7.83)),
    "dct": ((0.94, 1.64, 2.87), (1.14, 1.88, 3.33), (0.39, 0.92, 2.25),
            (2.12, 3.31, 5.40), (3.55, 5.13, 7.48), (2.61, 4.51, 7.49)),
    "tucker": ((0.75, 1.16, 1.89), (1.74, 2.59, 4.17), (0.94, 1.53, 3.09),
               (0.90, 1.35, 2.21), (0.99, 1.69, 3.08), (5.14, 8.39, 13.45)),
}


def measured(codec, field, error):
    """Bits per value and field error of one setting."""
    n_bytes, lost, total, n = 0, 0.0, 0.0, 0
    for rank in range(field.n_ranks):
        geometry = field.geometry(rank)
        encoder, decoder = (codec(geometry, error) for _ in range(2))
        for X in field.reader(rank).batches(field.batch):
            X = geometry.array(X)
            message = encoder.encode(X)
            n_bytes, n = n_bytes + len(message), n + X.size
            total += np.square(X, dtype=float).sum()
            lost += np.square(X.astype(float) - decoder.decode(message)).sum()
    return dict(bits_per_value=8 * n_bytes / n,
                field_error=np.sqrt(lost / total))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--fields", nargs="+", default=list(FIELDS))
    parser.add_argument("--methods", nargs="+", default=list(PROTOTYPES))
    parser.add_argument("--folder", type=Path, help="keeps the fields")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp())
    worst = 0.0
    for name in arguments.fields:
        module, parameters = FIELDS[name]
        field = get_field(load_dataset(module, folder), **parameters,
                          n_ranks=4, batch=8)
        load_reference(field)
        for method in arguments.methods:
            points = pd.DataFrame([
                measured(SOLVERS[method].Codec, field, knob)
                for knob in KNOBS])
            bits = np.array([at_error(points, target, "bits_per_value")
                             for target in TARGETS])
            before = np.full(3, np.nan) if method not in PROTOTYPES else \
                np.array(PROTOTYPES[method][list(FIELDS).index(name)])
            worst = np.nanmax([worst, *(bits / before)])
            print(f"{name:14s}{method:13s}" + "  ".join(
                f"{now:5.2f} ({then:.2f})" for now, then
                in zip(bits, before, strict=True)), flush=True)
    print(f"at {TARGETS}, prototypes in brackets; largest ratio {worst:.2f}")
    return int(worst > MOST)


if __name__ == "__main__":
    sys.exit(main())
