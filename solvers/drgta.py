import numpy as np

from benchmark_utils.methods.gossip import CHOICES, Gossip, largest_variance
from benchmark_utils.methods.linalg import polar_factor
from benchmark_utils.solver import MPISolver


def tangent(x, direction):
    """Projection onto the tangent space of the Stiefel manifold at x."""
    inner = x.T @ direction
    return direction - x @ ((inner + inner.T) / 2)


class Solver(MPISolver):
    """DRGTA: Riemannian gradient descent by gossip, with gradient tracking.

    <b>Round:</b> K mixings: 2 K d k floats along every edge of the graph, both
    ways; the first round adds P - 1 floats along every edge.
    <b>Guarantee:</b> converges to a stationary point for any partition, with
    the step 0.4 (1 - r)^2 / L, L the largest variance of a rank, r the share
    of a deviation that remains after K mixings: four fifths of the limit
    (1 - r)^2 / (2 L) of gradient tracking. In the end the error falls by
    the factor 1 - step gap per round.
    <b>Fails when:</b> lambda_1 / gap is large: the rounds needed grow with it.
    <b>Reference:</b> Chen, Garcia, Hong &amp; Shahrampour 2021, ICML,
    algorithm 2 (alpha = 1, polar retraction); arXiv 2102.07091.
    """

    name = "drgta"
    replicated = False
    parameters = {"topology": ["ring"], "mixing": ["chebyshev"],
                  "n_mixings": [2]}
    choices = CHOICES

    @staticmethod
    def rounds(comm, data, n_components, rng, topology, mixing, n_mixings):
        def covariance(x):  # of all samples in the mean over ranks
            return comm.size * data.local_covariance(x)

        def gradient(x):
            return tangent(x, -covariance(x))

        x = data.random_basis(n_components, rng)
        gossip = Gossip(comm, topology, mixing, rng)
        yield x
        step = 0.4 * (1 - gossip.deviation(n_mixings)) ** 2 \
            / largest_variance(gossip, covariance, x)
        tracked = old = gradient(x)
        while True:
            mean, mean_tracked = gossip.mix(np.stack([x, tracked]), n_mixings)
            x = polar_factor(x + tangent(x, mean) - step * tangent(x, tracked))
            new = gradient(x)
            tracked, old = mean_tracked + new - old, new
            yield x
