from benchmark_utils.methods.gossip import Gossip, orthonormalize
from benchmark_utils.methods.linalg import adjoint_product, product
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """F-DOT: orthogonal iteration by gossip for distributed features.

    <b>Round:</b> K_t n k + 2 K k^2 floats along every edge of the graph, both
    ways; K_t = n_mixings + growth t in round t = 0, 1, ..., until the mean is
    as exact as a float is, which takes K mixings.
    <b>Guarantee:</b> with growth, exact at the rate lambda_{k+1} / lambda_k
    of the power iteration; without, down to a floor of the order of the
    mixing error.
    <b>Fails when:</b> there are many samples n: their projections travel.
    <b>Reference:</b> Gang, Xiang &amp; Bajwa 2021, IEEE Trans. Signal Inf.
    Process. Netw. 7, algorithm 2; its distributed QR is a Cholesky QR here.
    """

    name = "fdot"
    partitions = ("features",)
    parameters = {"topology": ["ring"], "mixing": ["chebyshev"],
                  "n_mixings": [1], "growth": [1]}

    @staticmethod
    def rounds(comm, data, n_components, rng, topology, mixing, n_mixings,
               growth):
        Q = data.random_basis(n_components, rng)
        gossip = Gossip(comm, topology, mixing, rng)
        while True:
            yield Q
            Z = gossip.mix(product(data.X, Q), n_mixings)
            Q = orthonormalize(gossip, adjoint_product(data.X, Z))
            n_mixings = min(n_mixings + growth, gossip.enough)
