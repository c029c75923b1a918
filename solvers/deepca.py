import numpy as np

from benchmark_utils.methods.gossip import CHOICES, Gossip
from benchmark_utils.methods.linalg import orthonormal, polar_factor
from benchmark_utils.solver import MPISolver


def aligned(S, reference, align):
    """Orthonormal basis of the columns of S in a frame common to all."""
    if align == "polar":
        return polar_factor(S)
    W = orthonormal(S)
    return W * np.where((W * reference).sum(axis=0) < 0, -1.0, 1.0)


class Solver(MPISolver):
    """DeEPCA: power iteration by gossip, with subspace tracking.

    <b>Round:</b> K mixings: K d k floats along every edge of the graph, both
    ways.
    <b>Guarantee:</b> exact for any partition with a fixed K of the order of
    log(L / gap) / sqrt(1 - lambda_2), L the largest variance of a rank; the
    tangent of the angle falls at least by 1 - gap / (2 lambda_k) per round,
    in practice by lambda_{k+1} / lambda_k.
    <b>Fails when:</b> K is below that; with <i>align</i> = sign the final
    rate is set by the gaps within the leading k.
    <b>Reference:</b> Ye &amp; Zhang 2021, JMLR 22(238), algorithm 1 (align =
    sign); the polar factor replaces its sign adjustment by default.
    """

    name = "deepca"
    replicated = False
    parameters = {"align": ["polar"], "topology": ["ring"],
                  "mixing": ["chebyshev"], "n_mixings": [5]}
    choices = {**CHOICES, "align": ("polar", "sign")}

    @staticmethod
    def rounds(comm, data, n_components, rng, align, topology, mixing,
               n_mixings):
        start = data.random_basis(n_components, rng)
        gossip = Gossip(comm, topology, mixing, rng)
        W = S = previous = start
        while True:
            yield W
            # Weighted so that the mean over ranks is that of all samples.
            product = comm.size * data.local_covariance(W)
            S = gossip.mix(S + product - previous, n_mixings)
            previous = product
            W = aligned(S, start, align)
