import numpy as np

from benchmark_utils.methods.merging import broadcast_basis
from benchmark_utils.methods.tsqr import TreeQR
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """SVD of the R factor of a tall-skinny QR (TSQR) on a binary tree.

    <b>Round:</b> one: log2(P) levels of d(d+1)/2 floats to rank 0 and a
    broadcast of d k floats (samples); log2(P) levels of n(n+1)/2 floats up
    and of n k floats down the tree (features).
    <b>Memory:</b> d x d per rank (samples); n x n and the block in float64
    (features).
    <b>Guarantee:</b> exact for any partition and backward stable: modes down
    to a relative size of 1e-15 / error, where Gram matrices stop at 1e-8.
    <b>Fails when:</b> d (samples) or n (features) is large; under features
    also if the rank of X is below k.
    <b>Reference:</b> Demmel, Grigori, Hoemmen &amp; Langou 2012, SIAM J. Sci.
    Comput. 34(1); Benson, Gleich &amp; Demmel 2013, arXiv 1301.1071 (SVD).
    """

    name = "tsqr-svd"
    partitions = ("samples", "features")

    @staticmethod
    def rounds(comm, data, n_components, rng):
        yield data.unit_basis(n_components)
        comm.declare(send="tree")
        k, d = n_components, data.n_features
        if data.partition == "samples":
            R = TreeQR(comm, data.pieces(), d, keep_reflectors=False).R
            V = np.linalg.svd(R)[2].T if comm.rank == 0 else None
            yield broadcast_basis(comm, V, k, d)
        else:
            tall = TreeQR(comm, data.T.pieces(), data.n_samples)
            left = np.linalg.svd(tall.R)[0][:, :k] if comm.rank == 0 else None
            yield tall.multiply(left, k)
