"""Distributed PCA inside an MPI program, on the arrays that it has.

    mpiexec -n 4 python examples/in_your_code.py

A simulation of your own: a tracer that a shear flow stirs, cut into slabs
along x, one per rank. Every time step is a batch of samples, the profiles
along y at the own points x; nothing is stored. Then the last state, which
stays where it is, is the block of a method that makes several passes.
"""
import sys
from pathlib import Path

import numpy as np
from mpi4py import MPI

# Where this project lies; or put it on PYTHONPATH.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmark_utils.program import DistributedPCA  # noqa: E402

N_X, N_Y, N_STEPS, DIFFUSION = 64, 48, 40, 0.15


def simulate(comm):
    """Yield the own slab of the tracer c(x, y), in place, step by step."""
    x = (comm.rank * N_X + np.arange(N_X)) / (N_X * comm.size)
    y = np.arange(N_Y) / N_Y
    phases = 2 * np.pi * np.add.outer(x, [[1], [-2], [3]] * y)
    c = np.exp(np.cos(phases)).prod(axis=1)
    c -= comm.allreduce(c.mean()) / comm.size  # the mean at the start
    speed = np.sin(2 * np.pi * y)
    left, right = (comm.rank - 1) % comm.size, (comm.rank + 1) % comm.size
    for _ in range(N_STEPS):
        before, after = np.empty(N_Y), np.empty(N_Y)
        comm.Sendrecv(c[-1], right, recvbuf=before, source=left)
        comm.Sendrecv(c[0], left, recvbuf=after, source=right)
        padded = np.vstack([before, c, after])
        c += DIFFUSION * (np.roll(c, 1, 1) + np.roll(c, -1, 1)
                          + padded[2:] + padded[:-2] - 4 * c)
        c -= speed * (padded[2:] - padded[:-2]) / 4
        yield c


def main():
    comm = MPI.COMM_WORLD

    with DistributedPCA(comm, "incremental-svd", n_components=5,
                        n_batches=N_STEPS) as pca:
        for c in simulate(comm):
            pca.partial_fit(c)
        report(comm, "incremental-svd, batch by batch", pca.result())

    with DistributedPCA(comm, "coded-chord", n_components=5,
                        target=1e-6) as pca:
        report(comm, "coded-chord, last state", pca.fit(c).result())


def report(comm, title, result):
    if comm.rank == 0:
        print(f"{title}: basis {result.basis.shape}, eigenvalues",
              *(f"{value:.3g}" for value in result.eigenvalues),
              f"\n    error below {result.bound:.1e}, "
              f"{result.sent_bytes} bytes sent", flush=True)


if __name__ == "__main__":
    main()
