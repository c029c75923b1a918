import numpy as np

from benchmark_utils.methods.gossip import CHOICES, Gossip, largest_variance
from benchmark_utils.methods.linalg import orthonormal
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """FAST-PCA: Sanger's rule by gossip, with gradient tracking.

    <b>Round:</b> K mixings: 2 K d k floats along every edge of the graph, both
    ways; the first round adds P - 1 floats along every edge.
    <b>Guarantee:</b> converges linearly to the eigenvectors, not only to their
    span, for any partition, with the step 0.1 (3 - r)^2 / L, L the largest
    variance of a rank, r the share of a deviation that remains after K
    mixings: four fifths of the limit (3 - r)^2 / (8 L) of gradient tracking
    with lazy mixing.
    <b>Fails when:</b> lambda_1 / gap is large, also for the gaps within the
    leading k: the number of rounds grows with it.
    <b>Reference:</b> Gang &amp; Bajwa 2022, IEEE Trans. Signal Process. 70,
    algorithm 1 (K = 1); arXiv 2108.12373.
    """

    name = "fast-pca"
    replicated = False
    parameters = {"topology": ["ring"], "mixing": ["chebyshev"],
                  "n_mixings": [1]}
    choices = CHOICES

    @staticmethod
    def rounds(comm, data, n_components, rng, topology, mixing, n_mixings):
        def covariance(X):  # of all samples in the mean over ranks
            return comm.size * data.local_covariance(X)

        def direction(X):
            product = covariance(X)
            inner = (X / (X * X).sum(axis=0)).T @ product
            return product - X @ np.triu(inner)

        X = data.random_basis(n_components, rng)
        gossip = Gossip(comm, topology, mixing, rng)
        yield X
        step = 0.1 * (3 - gossip.deviation(n_mixings)) ** 2 \
            / largest_variance(gossip, covariance, X)
        tracked = old = direction(X)
        while True:
            mean, mean_tracked = gossip.mix(np.stack([X, tracked]), n_mixings)
            X = (X + mean) / 2 + step * tracked
            new = direction(X)
            tracked, old = (tracked + mean_tracked) / 2 + new - old, new
            yield orthonormal(X)
