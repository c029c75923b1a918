"""Gossip: averaging over a graph whose nodes are the ranks.

A node talks to its neighbours only. One mixing replaces every node's array by
a weighted mean of its own and its neighbours'; many mixings approach the mean
over all nodes. The mean over nodes never changes.
"""
import math

import numpy as np
from scipy.linalg import solve_triangular
from scipy.sparse.csgraph import connected_components

from benchmark_utils.methods.linalg import orthonormal

# Of the methods on graphs.
CHOICES = {"topology": ("ring", "grid", "erdos_renyi", "complete"),
           "mixing": ("chebyshev", "plain")}
EDGE_PROBABILITY = 0.5  # of the graph erdos_renyi
# Above the rounding of a Gram matrix of unit columns.
SHIFT = 100 * np.finfo(float).eps


def adjacency(topology, n_nodes, rng):
    """Adjacency matrix of an undirected connected graph, without loops.

    Parameters
    ----------
    topology : {"ring", "grid", "erdos_renyi", "complete"}
        ``grid``: the most square one with this number of nodes; a prime
        number makes it a path. ``erdos_renyi``: each edge with probability
        1/2, drawn anew until the graph is connected.
    n_nodes : int
    rng : numpy.random.Generator
        Of the random graph; the same stream on every rank.

    Returns
    -------
    bool array of shape (n_nodes, n_nodes)
    """
    nodes = np.arange(n_nodes)
    across = abs(nodes[:, None] - nodes)
    if topology == "complete":
        return across > 0
    if topology == "ring":
        return (across == 1) | (across == n_nodes - 1) & (across > 0)
    if topology == "grid":
        width = next(w for w in range(math.isqrt(n_nodes), 0, -1)
                     if n_nodes % w == 0)
        row, column = divmod(nodes, width)
        return (abs(row[:, None] - row) + abs(column[:, None] - column)) == 1
    while True:
        upper = np.triu(rng.random(across.shape) < EDGE_PROBABILITY, 1)
        if connected_components(upper, directed=False)[0] == 1:
            return upper | upper.T


def metropolis_weights(edges):
    """Weights of the mean that a node takes of itself and its neighbours.

    An edge weighs 1 / (1 + the larger degree of its ends), a node gives the
    rest to itself: symmetric and doubly stochastic, and each node can tell
    its row from its neighbours' degrees (Xiao, Boyd & Lall 2005, Proc. IPSN,
    A scheme for robust distributed sensor fusion based on average consensus).

    Parameters
    ----------
    edges : bool array of shape (n_nodes, n_nodes)
    """
    degrees = edges.sum(axis=0)
    weights = edges / (1 + np.maximum.outer(degrees, degrees))
    return weights + np.diag(1 - weights.sum(axis=1))


class Gossip:
    """Mixing on a graph of ranks.

    Parameters
    ----------
    comm : MPI communicator
    topology : str
        See :func:`adjacency`.
    mixing : {"chebyshev", "plain"}
        ``plain``: K mixings are W^K, W the weights. ``chebyshev``: the
        polynomial of degree K that is 1 at 1 and smallest on the interval of
        the other eigenvalues of W (Scaman et al. 2017, ICML, algorithm 2).
        FastMix (Liu & Morse 2011, Annu. Rev. Control 35) is its limit for
        large K on an interval symmetric to 0.
    rng : numpy.random.Generator
        The same stream on every rank.

    Attributes
    ----------
    spectral_gap : float
        1 - the largest modulus of the eigenvalues of W but for the first.
    rate : float
        K mixings reduce the deviation from the mean by rate^K, up to a
        factor 2 for ``chebyshev``; see :meth:`deviation`.
    enough : int
        Mixings after which the mean is as exact as a float is.
    """

    def __init__(self, comm, topology, mixing, rng):
        edges = adjacency(topology, comm.size, rng)
        weights = metropolis_weights(edges)
        neighbours = np.flatnonzero(edges[comm.rank])
        self.graph = comm.Create_dist_graph_adjacent(neighbours, neighbours)
        self.own = weights[comm.rank, comm.rank]
        self.theirs = weights[comm.rank, neighbours]
        # Every rank knows the graph, hence its spectrum; a single node has
        # reached the mean.
        others = np.linalg.eigvalsh(weights)[:-1] if comm.size > 1 else [0.0]
        self.spectral_gap = 1 - max(abs(others[0]), abs(others[-1]))
        if mixing == "plain":
            self.centre, self.ratio = 0.0, 0.0
            self.rate = 1 - self.spectral_gap
        else:
            self.centre = (others[0] + others[-1]) / 2
            self.ratio = (others[-1] - others[0]) / 2 / (1 - self.centre)
            self.rate = self.ratio / (1 + math.sqrt(1 - self.ratio ** 2))
        epsilon = np.finfo(float).eps
        self.enough = 1 if self.rate < epsilon else math.ceil(
            math.log(epsilon / 2) / math.log(self.rate))

    def deviation(self, n_mixings):
        """Largest share of a deviation from the mean that mixings leave."""
        share = self.rate ** n_mixings
        return share if self.ratio == 0 else 2 * share / (1 + share ** 2)

    def mix(self, X, n_mixings):
        """Nearly the mean of the ranks' arrays X, by K = n_mixings mixings.

        Communication: K times the array along every edge, both ways.
        """
        if self.graph.size == 1:
            return X
        weight, previous = 2.0, X
        X = self._step(X)
        for _ in range(n_mixings - 1):
            # Golub & Varga 1961, Numer. Math. 3: Chebyshev by three terms.
            weight = 1 / (1 - self.ratio ** 2 * weight / 4)
            X, previous = (
                weight * self._step(X) + (1 - weight) * previous, X)
        return X

    def _step(self, X):
        """One mixing with (W - centre) / (1 - centre)."""
        X = np.ascontiguousarray(X)
        received = np.empty((len(self.theirs), *X.shape))
        self.graph.Neighbor_allgather(X, received)
        mixed = (self.own - self.centre) * X + np.tensordot(
            self.theirs, received, axes=1)
        return mixed / (1 - self.centre)

    def maximum(self, value):
        """The largest of the ranks' numbers, exactly.

        Communication: P - 1 times one float along every edge, both ways.
        """
        received = np.empty(len(self.theirs))
        for _ in range(self.graph.size - 1):
            self.graph.Neighbor_allgather(np.array([value]), received)
            value = max(value, *received)
        return value


def largest_variance(gossip, covariance, U):
    """Largest eigenvalue of any rank's covariance, the same on every rank.

    A few block power iterations from the basis U find the rank's own; the
    maximum over ranks is exact.

    Parameters
    ----------
    covariance : function of U
        A product with the rank's own.

    Communication: see :meth:`Gossip.maximum`.
    """
    for _ in range(5):
        U = orthonormal(covariance(U))
    return gossip.maximum(np.linalg.norm(covariance(U), 2))


def orthonormalize(gossip, V):
    """Orthonormal basis of the columns of V; a rank holds rows of both.

    Cholesky QR, three times, with the Gram matrix mixed until it is exact.
    The first time its columns are scaled and its diagonal is shifted, so that
    it has a factor even if it is singular to rounding; that leaves a matrix
    which is conditioned well enough for the two others (Fukaya et al. 2020,
    SIAM J. Sci. Comput. 42(1)).

    Communication: 3 ``gossip.enough`` times k * k floats along every edge,
    both ways.

    Parameters
    ----------
    V : array of shape (rows of this rank, k)
        Columns that are independent to about 1e-13.
    """
    for shift in (SHIFT, 0, 0):
        gram = gossip.graph.size * gossip.mix(V.T @ V, gossip.enough)
        scale = 1 / np.sqrt(np.diag(gram))
        L = np.linalg.cholesky(scale[:, None] * gram * scale
                               + shift * np.eye(len(gram)))
        V = solve_triangular(L, (V * scale).T, lower=True).T
    return V
