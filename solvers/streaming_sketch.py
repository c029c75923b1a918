import numpy as np

from benchmark_utils.methods.linalg import gram_product, product
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """Nystrom approximation of the covariance from one random sketch.

    <b>Round:</b> one batch. Samples: every <i>merge_every</i> batches, and at
    the end, an allreduce of d l floats, l = m k. Features, with batches of b
    rows: an allreduce of b l floats per batch; at every merge an allreduce of
    l l floats and an allgather of l l.
    <b>Memory:</b> d l and a batch per rank; sees each batch once.
    <b>Guarantee:</b> the expected nuclear-norm error of the covariance is at
    most 1 + k / (l - k - 1) times that of the best k modes.
    <b>Fails when:</b> the variance beyond k is large: l must then be much
    larger than k.
    <b>Reference:</b> Tropp, Yurtsever, Udell &amp; Cevher 2017, NeurIPS,
    Algorithm 3 (stable single-pass Nystrom with a shift).
    """

    name = "streaming-sketch"
    partitions = ("samples", "features")
    parameters = {"sketch_factor": [8], "merge_every": [5]}
    one_pass = True

    @staticmethod
    def rounds(comm, data, n_components, rng, sketch_factor, merge_every):
        size = min(sketch_factor * n_components, data.n_features)
        test = data.random_basis(size, rng)
        U = test[:, :n_components]
        yield U
        sketch = np.zeros_like(test)
        for batch, X in enumerate(data.batches(), start=1):
            sketch += covariance_product(comm, data, X, test)
            if batch % merge_every == 0 or batch == data.n_batches:
                U = nystrom(comm, data, test, sketch)[:, :n_components]
            yield U


def covariance_product(comm, data, X, test):
    """X'X test: this rank's share (samples) or its rows (features)."""
    if data.partition == "samples":
        return gram_product(X, test)
    return product(X.T, comm.sum(product(X, test)))


def nystrom(comm, data, test, sketch):
    """Orthonormal eigenvectors of Y (test'Y)^-1 Y', leading first."""
    Y = comm.sum(sketch) if data.partition == "samples" else sketch
    core = data.inner(comm, test, Y)
    # The shift of Y by a multiple of the test matrix hides rounding errors.
    shift = np.finfo(float).eps * np.sqrt(data.n_features) * np.trace(core)
    core = (core + core.T) / 2 + shift * np.eye(len(core))
    Q, R = data.qr(comm, Y + shift * test)
    factor = np.linalg.solve(np.linalg.cholesky(core), R.T).T
    return Q @ np.linalg.svd(factor)[0]
