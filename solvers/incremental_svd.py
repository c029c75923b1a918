import numpy as np

from benchmark_utils.methods.certificate import Certified, truncated_bound
from benchmark_utils.methods.changes import MergedChanges
from benchmark_utils.methods.streaming import (
    merged_estimates,
    update_svd,
    updated_factor,
)
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """Streaming: an SVD updated by every batch, merged on a schedule.

    <b>Round:</b> one batch. Samples: every <i>merge_every</i> batches, and at
    the end, a gather of d r + 1 floats per rank and a broadcast of d k, r =
    m k; coding = <i>changes</i> (ours): only the changes since the last merge,
    as entropy-coded integers; rounding moves the basis by about the
    tolerance. Features, with batches of b rows: two allreduces of r b floats
    and an allgather of b b. Samples (ours): of a batch of few directions and
    white noise only these directions join the factor.
    <b>Memory:</b> up to 4 d r and a batch per rank; sees each batch once.
    <b>Guarantee:</b> T, at most 1.1 times the sum of the largest truncated
    variances, is known; the sine of the angle is below T / (2 (gap - T)),
    certified at the end.
    <b>Fails when:</b> m = 1: a weak but persistent direction is truncated
    before it has accumulated its variance.
    <b>Reference:</b> Levy &amp; Lindenbaum 2000, IEEE Trans. Image Process.
    9(8), also for <i>forget</i>; Brand 2006, Linear Algebra Appl. 415(1);
    bound: Fareed &amp; Singler 2020, J. Comput. Appl. Math. 368.
    """

    name = "incremental-svd"
    partitions = ("samples", "features")
    parameters = {"rank_factor": [2], "merge_every": [5], "forget": [1.0],
                  "coding": ["float64"], "tolerance": [0.01]}
    choices = {"coding": ("float64", "changes")}
    one_pass = True

    @staticmethod
    def rounds(comm, data, n_components, rng, rank_factor, merge_every,
               forget, coding, tolerance):
        rank = min(rank_factor * n_components, data.n_features)
        if coding == "changes" and data.partition == "features":
            raise ValueError("coding = changes needs partition = samples: "
                             "under features nothing is merged.")
        if data.partition == "samples":
            U = data.unit_basis(n_components)
            yield U
            yield from merged_estimates(
                comm, data, U, rank, merge_every,
                lambda F, X: updated_factor(
                    forget * F, X, rank, data.local_rng), forget == 1,
                None if coding == "float64" else MergedChanges(
                    comm, data.n_features, rank, n_components, tolerance))
            return
        U, singular_values = data.random_basis(rank, rng), np.zeros(rank)
        k, missed = n_components, 0.0
        yield U[:, :k]
        for batch, X in enumerate(data.batches(), start=1):
            U, singular_values, left = update_svd(
                comm, data, U, forget * singular_values, X)
            missed += left
            known = batch == data.n_batches and forget == 1
            yield Certified(U[:, :k], truncated_bound(
                singular_values ** 2, k, missed) if known else 1.0)
