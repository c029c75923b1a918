import numpy as np

from benchmark_utils.methods.gossip import CHOICES, Gossip, orthonormalize
from benchmark_utils.solver import MPISolver

ROUNDING = 100 * np.finfo(float).eps


class Solver(MPISolver):
    """F-DOT: orthogonal iteration by gossip for distributed features.

    <b>Round:</b> K_t n k + 3 K k^2 floats along every edge of the graph, both
    ways; K_t = n_mixings + growth t in round t = 0, 1, ..., until K mixings
    make the mean exact to machine precision.
    <b>Guarantee:</b> with growth, exact at the rate lambda_{k+1} / lambda_k
    of the power iteration; without growth, down to a floor of the order of
    the mixing error.
    <b>Fails when:</b> there are many samples n: a message has n k numbers.
    <b>Reference:</b> Gang, Xiang &amp; Bajwa 2021, IEEE Trans. Signal Inf.
    Process. Netw. 7, algorithm 2; its distributed QR is a Cholesky QR here
    (Fukaya et al. 2020, SIAM J. Sci. Comput. 42(1)).
    """

    name = "fdot"
    partitions = ("features",)
    parameters = {"topology": ["ring"], "mixing": ["chebyshev"],
                  "n_mixings": [1], "growth": [1]}
    choices = {**CHOICES, "growth": 0}

    @staticmethod
    def rounds(comm, data, n_components, rng, topology, mixing, n_mixings,
               growth):
        Q = data.random_basis(n_components, rng)
        gossip = Gossip(comm, topology, mixing, rng)
        while True:
            yield Q
            Z = gossip.mix(data.product(Q), n_mixings)
            # A shift of the covariance by its rounding error: eigenvectors
            # stay, and data of rank below k still give k directions.
            shift = ROUNDING * comm.size * np.square(Z).sum()
            Q = orthonormalize(gossip, data.T.product(Z) + shift * Q)
            n_mixings = min(n_mixings + growth, gossip.enough)
