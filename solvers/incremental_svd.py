import numpy as np

from benchmark_utils.methods.linalg import leading_factor
from benchmark_utils.methods.streaming import merged_estimates, update_svd
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """Streaming: an SVD updated by every batch, merged on a schedule.

    <b>Round:</b> one batch. Samples: every <i>merge_every</i> batches, and at
    the end, a gather of d r floats per rank and a broadcast of d k floats,
    r = m k. Features, with batches of b rows: two allreduces of r b floats
    and an allgather of b b.
    <b>Memory:</b> d r and a batch per rank; sees each batch once.
    <b>Guarantee:</b> the neglected variance T = |X|^2 - |factor|^2 is known;
    sine of the angle below T / (gap - T).
    <b>Fails when:</b> m = 1: a weak but persistent direction is cut before it
    has gathered its variance.
    <b>Reference:</b> Levy &amp; Lindenbaum 2000, IEEE Trans. Image Process.
    9(8), also for <i>forget</i>; Brand 2006, Linear Algebra Appl. 415(1);
    bound: Fareed &amp; Singler 2018, arXiv 1803.06313.
    """

    name = "incremental-svd"
    partitions = ("samples", "features")
    parameters = {"rank_factor": [2], "merge_every": [5], "forget": [1.0]}
    one_pass = True

    @staticmethod
    def rounds(comm, data, n_components, rng, rank_factor, merge_every,
               forget):
        rank = min(rank_factor * n_components, data.n_features)
        if data.partition == "samples":
            U = data.random_basis(n_components, rng)
            yield U
            yield from merged_estimates(
                comm, data, U, rank, merge_every, lambda F, X: leading_factor(
                    np.vstack([forget * F.T, X]), rank))
            return
        U, singular_values = data.random_basis(rank, rng), np.zeros(rank)
        yield U[:, :n_components]
        for X in data.batches():
            U, singular_values = update_svd(
                comm, data, U, forget * singular_values, X)
            yield U[:, :n_components]
