from benchmark_utils.methods.merging import broadcast_basis, merge_factors
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """One-shot merge of variance-weighted factors of rank r = m k.

    <b>Round:</b> one, a gather of d r floats per rank (star) or log2(P)
    levels of d r floats (tree), and a broadcast of d k floats.
    <b>Guarantee:</b> sine of the angle below T / (gap - T), with T the mean
    variance that the ranks truncate; exact if every rank has rank r or less.
    <b>Fails when:</b> m = 1 and directions of single ranks outrank the common
    ones; a tree truncates at every level.
    <b>Reference:</b> Iwen &amp; Ong 2016, SIAM J. Matrix Anal. Appl. 37(4);
    Himpe, Leibner &amp; Rave 2018, SIAM J. Sci. Comput. 40(5).
    """

    name = "low-rank-merge"
    parameters = {"rank_factor": [2], "topology": ["star"]}

    @staticmethod
    def rounds(comm, data, n_components, rng, rank_factor, topology):
        comm.declare(send=topology)
        yield data.random_basis(n_components, rng)
        rank = min(rank_factor * n_components, data.n_features)
        F = merge_factors(comm, data.leading_factor(rank), rank, topology)
        yield broadcast_basis(comm, F, n_components, data.n_features)
