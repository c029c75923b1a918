import numpy as np

from benchmark_utils.methods.streaming import merged_estimates, shrunk_factor
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """Frequent Directions: merged sketches with a worst-case bound.

    <b>Round:</b> one batch; every <i>merge_every</i> batches, and at the end,
    a gather of d l + 1 floats per rank and a broadcast of d k, l = m k.
    <b>Memory:</b> d l and a batch per rank; sees each batch once.
    <b>Guarantee:</b> X'X - BB' is between 0 and |X - X_j|^2 / (l - j) for all
    j below l, with X_j the best rank-j approximation in the Frobenius norm,
    for any order of the data on any ranks. The loss is known, so the error is
    certified at the end.
    <b>Fails when:</b> the spectrum decays slowly, or ranks differ: common
    directions then shrink on each rank. incremental-svd is more accurate.
    <b>Reference:</b> Liberty 2013, KDD; Ghashami, Liberty, Phillips &amp;
    Woodruff 2016, SIAM J. Comput. 45(5), section 3 (mergeable).
    """

    name = "frequent-directions"
    parameters = {"sketch_factor": [4], "merge_every": [5]}
    one_pass = True

    @staticmethod
    def rounds(comm, data, n_components, rng, sketch_factor, merge_every):
        U = data.unit_basis(n_components)
        yield U
        size = min(sketch_factor * n_components, data.n_features)
        # Shrinking the merged sketch would not turn its directions.
        yield from merged_estimates(
            comm, data, U, size, merge_every,
            lambda F, X: shrunk_factor(np.vstack([F.T, X]), size))
