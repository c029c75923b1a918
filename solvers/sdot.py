from benchmark_utils.methods.gossip import CHOICES, Gossip
from benchmark_utils.methods.linalg import orthonormal
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """S-DOT and SA-DOT: orthogonal iteration with consensus by gossip.

    <b>Round:</b> K_t mixings: K_t d k floats along every edge of the graph,
    both ways; K_t = n_mixings + growth t in round t = 0, 1, ... (SA-DOT; S-DOT
    with growth = 0), until the mean is exact to machine precision.
    <b>Guarantee:</b> with growth, exact for any partition, at the rate
    lambda_{k+1} / lambda_k of the power iteration; without growth, down to a
    floor of the order of the mixing error.
    <b>Fails when:</b> bytes matter: each round mixes the ranks' products from
    scratch, where deepca mixes only the changes.
    <b>Reference:</b> Gang, Xiang &amp; Bajwa 2021, IEEE Trans. Signal Inf.
    Process. Netw. 7, algorithm 1.
    """

    name = "sdot"
    replicated = False
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
            product = data.local_covariance(Q)
            Q = orthonormal(gossip.mix(product, n_mixings))
            n_mixings = min(n_mixings + growth, gossip.enough)
