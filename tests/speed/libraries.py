"""Methods and libraries on the same two matrices, time against error.

    OMP_NUM_THREADS=2 mpiexec -n 2 python -m mpi4py tests/speed/libraries.py

A is 20000 x 2000 with singular values j^-1.5 and noise of 1e-3, split by
samples; B is 400 x 100000, split by features; float64, 20 components. Methods
run on two ranks with a thread each. Libraries run on one rank with the threads
of OMP_NUM_THREADS, but for scikit-learn's IncrementalPCA, which runs on both
with one. All take turns; the medians of three are printed: the wall clock and
the CPU seconds of both ranks, without the exchange of data before and the
check after it. On a busy machine only the latter count, and threads that wait
for a core spend them: OMP_NUM_THREADS=1. Streams have 50 batches, and their
factors 40 columns. SLEPc takes part where it is installed, on both ranks;
docs/libraries.rst says how. Words that follow the name of this file choose the
tables with these words in their titles.
"""
import sys
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from mpi4py import MPI
from threadpoolctl import threadpool_info, threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmark_utils.comm.counting import CountingComm  # noqa: E402
from benchmark_utils.fields.arrays import SplitArray  # noqa: E402
from benchmark_utils.methods.linalg import (  # noqa: E402
    leading_eigenpairs,
    orthonormal,
)
from benchmark_utils.methods.matrix import PartitionedMatrix  # noqa: E402
from benchmark_utils.methods.method import load_method  # noqa: E402
from benchmark_utils.methods.seeds import generators  # noqa: E402

K, REPEATS, BATCHES = 20, 3, 50
world = MPI.COMM_WORLD


def matrix(n, d, noise=1e-3, modes=200):
    """Ordered like a simulation: smooth in time, modes of random shape."""
    rng = np.random.default_rng(0)
    phases = np.pi * (np.arange(n)[:, None] + 0.5) / n
    C = np.sqrt(2 / n) * np.cos(phases * np.arange(1, modes + 1))
    M = orthonormal(rng.standard_normal((d, modes)))
    X = C * np.arange(1, modes + 1) ** -1.5 @ M.T
    return X + noise / (np.sqrt(n) + np.sqrt(d)) * rng.standard_normal((n, d))


def sine(exact, U):
    U = orthonormal(U)
    return np.linalg.norm(U - exact @ (exact.T @ U), 2)


def ours(method, own, exact, partition, target, **parameters):
    """Wall and CPU seconds until the error is below the target."""
    solver = load_method(method)
    n_batches = BATCHES if partition == "samples" else 1
    array = SplitArray(world, own[:len(own) // n_batches], partition,
                       n_batches)
    array.hand_over(own)
    shared, private = generators(0, world.rank)
    data = PartitionedMatrix(array, world.rank, private)
    data.load()
    comm = CountingComm(world.Dup())
    rounds = solver.rounds(
        comm=comm, data=data, n_components=K, rng=shared,
        **{name: values[0] for name, values in solver.parameters.items()}
        | parameters)
    wall = cpu = 0.0
    with threadpool_limits(1):
        while True:
            world.Barrier()
            start = time.perf_counter(), time.process_time()
            estimate = next(rounds, None)
            wall += time.perf_counter() - start[0]
            cpu += time.process_time() - start[1]
            if estimate is None:
                break
            U = getattr(estimate, "estimate", estimate)
            if partition == "features":
                U = np.concatenate(world.allgather(U))
            error = sine(exact, U)
            if error <= target:
                break
    comm.Free()
    return world.allreduce(wall, MPI.MAX), world.allreduce(cpu), error


def theirs(function, exact):
    """The same for a library on rank 0; the other one sleeps."""
    result = None
    if world.rank == 0:
        function()  # threads start, pages are mapped
        start = time.perf_counter(), time.process_time()
        U = function()
        result = (time.perf_counter() - start[0],
                  time.process_time() - start[1], sine(exact, U))
    waiting = world.Ibarrier()
    while not waiting.Test():
        time.sleep(0.01)
    return world.bcast(result)


def gram_eigh(X):
    if len(X) < X.shape[1]:
        values, Z = np.linalg.eigh(X @ X.T)
        return X.T @ (Z[:, :-K - 1:-1] / np.sqrt(values[:-K - 1:-1]))
    return np.linalg.eigh(X.T @ X)[1][:, :-K - 1:-1]


def svds(X):
    from scipy.sparse.linalg import svds
    return svds(X, K)[2].T


def dask_svd(X, passes):
    import dask.array as da
    V = da.linalg.svd_compressed(
        da.from_array(X, (2500, -1)), K, iterator="QR", n_power_iter=passes)
    workers = threadpool_info()[0]["num_threads"]
    with threadpool_limits(1):
        return V[2].T.compute(scheduler="threads", num_workers=workers)


def incremental_pca(own, exact):
    """On every rank, without a merge: as fast as it can be."""
    from sklearn.decomposition import IncrementalPCA
    model = IncrementalPCA(2 * K)
    with threadpool_limits(1):
        world.Barrier()
        start = time.perf_counter(), time.process_time()
        for batch in np.array_split(own, BATCHES):
            model.partial_fit(batch)
        wall = time.perf_counter() - start[0]
        cpu = time.process_time() - start[1]
    # It subtracts the mean of its own rows, which is part of X.
    factors = world.allgather(np.column_stack([
        model.components_.T * model.singular_values_,
        np.sqrt(model.n_samples_seen_) * model.mean_]))
    U = np.linalg.svd(np.hstack(factors), full_matrices=False)[0][:, :K]
    return (world.allreduce(wall, MPI.MAX), world.allreduce(cpu),
            sine(exact, U))


def slepc(own, exact, kind):
    """On both ranks, in its own communication; each holds its rows."""
    from petsc4py import PETSc
    from slepc4py import SLEPc
    A = PETSc.Mat().createDense(
        [(len(own), None), (None, own.shape[1])], array=np.asfortranarray(own))
    svd = SLEPc.SVD().create()
    svd.setOperator(A)
    svd.setType(kind)
    svd.setDimensions(K)
    svd.setTolerances(1e-6)
    world.Barrier()
    start = time.perf_counter(), time.process_time()
    svd.solve()
    wall = time.perf_counter() - start[0]
    cpu = time.process_time() - start[1]
    left, right = A.createVecLeft(), A.createVecRight()
    U = np.empty_like(exact)
    for j in range(K):
        svd.getSingularTriplet(j, left, right)
        U[:, j] = np.concatenate(world.allgather(right.getArray()))
    return (world.allreduce(wall, MPI.MAX), world.allreduce(cpu),
            sine(exact, U))


def table(title, runs):
    """Alternating; a line for each. Only what was asked for."""
    if " ".join(sys.argv[1:]) not in title:
        return
    rows = {name: [] for name in runs}
    for _ in range(REPEATS):
        for name, run in runs.items():
            rows[name].append(run())
    if world.rank == 0:
        rule = f"{'=' * 42} {'=' * 8} {'=' * 8} {'=' * 8}"
        print(f"\n{title}\n\n{rule}\n{'':42} {'wall s':>8} {'CPU s':>8} "
              f"{'error':>8}\n{rule}")
        for name, results in rows.items():
            wall, cpu, error = np.median(results, axis=0)
            print(f"{name:42} {wall:8.2f} {cpu:8.2f} {error:8.0e}")
        print(rule, flush=True)


def main():
    rank, size = world.rank, world.size
    A = matrix(20000, 2000)
    own = np.array_split(A, size)[rank].copy()
    exact = leading_eigenpairs(A.T @ A, K)[1]

    def method(name, target=0.0, **parameters):
        return lambda: ours(name, own, exact, "samples", target, **parameters)

    table("A, an error of 1e-6", {
        "block-krylov": method("block-krylov", 1e-6),
        "shift-invert": method("shift-invert", 1e-6),
        "gram-eigh": method("gram-eigh", 1e-6),
        "numpy, Gram matrix and eigh": lambda: theirs(
            lambda: gram_eigh(A), exact),
        "SciPy, svds": lambda: theirs(lambda: svds(A), exact)}
        | {f"SLEPc, {kind}": partial(slepc, own, exact, kind)
           for kind in ("cross", "trlanczos") if find_spec("slepc4py")})
    # No worse than dask's after three passes, about 4e-3.
    table("A, an error of 4e-3", {
        "low-rank-merge": method("low-rank-merge", 4e-3),
        "block-krylov": method("block-krylov", 4e-3),
        "randomized-svd": method("randomized-svd"),
        "dask, svd_compressed, QR, 3 passes": lambda: theirs(
            lambda: dask_svd(A, 3), exact)})
    table("A, a stream", {
        "incremental-svd": method("incremental-svd"),
        "streaming-sketch": method("streaming-sketch"),
        "scikit-learn, IncrementalPCA": lambda: incremental_pca(own, exact)})
    B = matrix(400, 100000)
    columns = np.array_split(B, size, axis=1)[rank].copy()
    exact = gram_eigh(B)
    table("B", {
        "method-of-snapshots": lambda: ours(
            "method-of-snapshots", columns, exact, "features", 1e-6),
        "numpy, Gram matrix and eigh": lambda: theirs(
            lambda: gram_eigh(B), exact)})


if __name__ == "__main__":
    main()
