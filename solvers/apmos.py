from benchmark_utils.methods.merging import broadcast_basis, merge_factors
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """Approximate partitioned method of snapshots: merge temporal factors.

    <b>Round:</b> one: a gather of n r floats per rank, r = m k, a broadcast of
    n k floats and an allgather of k k floats.
    <b>Guarantee:</b> the sine of the angle of the temporal modes is below
    T / (gap - T), with T the sum of the variances that the ranks truncate;
    exact if every rank's data have rank r or less.
    <b>Fails when:</b> n is large, or m = 1 and patterns of single ranks
    outweigh common ones. With r above n / 2 a sum of n x n Gram matrices is
    cheaper and exact.
    <b>Reference:</b> Wang, McBee &amp; Iliescu 2016, J. Comput. Appl. Math.
    307; the parallel SVD of PyParSVD.
    """

    name = "apmos"
    partitions = ("features",)
    parameters = {"rank_factor": [2]}

    @staticmethod
    def rounds(comm, data, n_components, rng, rank_factor):
        yield data.unit_basis(n_components)
        n = data.n_samples
        rank = min(rank_factor * n_components, n)
        W, _ = merge_factors(comm, data.T.leading_factor(rank), rank, "star")
        Z = broadcast_basis(comm, W, n_components, n)
        # The paper divides by singular values; this is orthonormal as well.
        yield data.orthonormalize(comm, data.T.product(Z))
