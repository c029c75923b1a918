"""How close the products with a block are to what the machine can do.

    OMP_NUM_THREADS=1 python tests/speed/hot_path.py

Prints, for blocks of a few hundred megabytes, the seconds of X'(X U) as the
methods compute it, of the plain ``X.T @ (X @ U)`` in the data's own precision
and in float64, and of one read of the block from memory: the floor.
"""
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmark_utils.methods.linalg import (
    gram,
    gram_product,
    product,
)


def seconds(function, repeats=3):
    """Fastest of some calls, after one to warm up."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def main():
    rng = np.random.default_rng(0)
    print(f"{'block':>24} {'ours':>8} {'plain':>8} {'float64':>8} "
          f"{'one read':>8}   seconds, k = 20")
    for shape in ((200_000, 512), (20_000, 4096), (400, 200_000)):
        U = rng.standard_normal((shape[1], 20))
        for dtype in ("float32", "float64"):
            X = rng.standard_normal(shape, dtype=dtype)
            if shape[0] > shape[1]:
                def ours(X=X, U=U):
                    gram_product(X, U)
            else:
                def ours(X=X, U=U):
                    product(X.T, product(X, U))
            same = U.astype(dtype)
            times = [seconds(ours), seconds(lambda X=X, U=same: X.T @ (X @ U)),
                     seconds(lambda X=X, U=U:
                             X.astype(float).T @ (X.astype(float) @ U)),
                     seconds(lambda X=X: X.view("int32").max())]
            print(f"{shape!s:>16} {dtype}"
                  + "".join(f" {value:8.3f}" for value in times))
    X = rng.standard_normal((50_000, 512), dtype="float32")
    rate = 50_000 * 512 ** 2 / seconds(lambda: gram([X], 512)) / 1e9
    A = rng.standard_normal((2000, 2000))
    peak = 2 * 2000 ** 3 / seconds(lambda: A @ A) / 1e9
    print(f"gram of (50000, 512) float32: {rate:.0f} of {peak:.0f} GFLOP/s")


if __name__ == "__main__":
    main()
