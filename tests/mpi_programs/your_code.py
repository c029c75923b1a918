"""A program of its own runs methods on its arrays; prints what it gets.

Arguments: partition. Nothing of benchopt may be imported.
"""
import json
import sys

import numpy as np
from mpi4py import MPI

from benchmark_utils.methods.method import load_method, method_names
from benchmark_utils.program import DistributedPCA

comm, partition = MPI.COMM_WORLD, sys.argv[1]
k, N_BATCHES = 3, 4


def data():
    """X with three strong directions, and this rank's part of it."""
    rng = np.random.default_rng(0)
    # Rows of one rank differ from those of another, 20 or more each.
    heights = 20 + 4 * np.arange(comm.size)
    n, d = heights.sum(), 12 * comm.size
    scales = np.append([9, 6, 4], np.full(d - 3, 0.1))
    X = rng.standard_normal((n, d)) * scales @ np.linalg.qr(
        rng.standard_normal((d, d)))[0]
    if partition == "features":
        return X, np.ascontiguousarray(
            np.split(X, comm.size, axis=1)[comm.rank])
    first = heights[:comm.rank].sum()
    return X, X[first:first + heights[comm.rank]]


def angle(U, V):
    return np.linalg.norm(U - V @ (V.T @ U), 2)


def whole(U):
    return U if partition == "samples" else np.concatenate(comm.allgather(U))


def measure(name, X, own):
    """Errors of basis and eigenvalues, and the bytes."""
    one_pass = load_method(name).one_pass
    _, values, exact = np.linalg.svd(X, full_matrices=False)
    before = own.copy()
    # Eigenvalues under features are those that the basis held in time.
    options = {"merge_every": 1} if name == "streaming-sketch" else {}
    with DistributedPCA(comm, name, k, partition,
                        N_BATCHES if one_pass else 1, **options) as pca:
        if one_pass:
            for batch in np.array_split(own, N_BATCHES):
                pca.partial_fit(batch)
        else:
            pca.fit(own, 60)
            assert np.shares_memory(pca.data.X, own)
        U, variances, bound, sent_bytes = pca.result()
    assert own.flags.writeable and np.array_equal(own, before)
    U = whole(U)
    assert abs(U.T @ U - np.eye(k)).max() < 1e-6
    return dict(error=angle(U, exact[:k].T), sent_bytes=sent_bytes,
                bound=bound, eigenvalues=max(abs(
                    variances * len(X) / values[:k] ** 2 - 1)))


results = {}
for name in method_names():
    if partition in load_method(name).partitions:
        results[name] = measure(name, *data())
assert not {"benchopt", "benchmark_utils.solver"} & set(sys.modules)
if comm.rank == 0:
    print(json.dumps(results))
