"""Recursive nearest agglomeration: neighbours in a graph that are alike."""
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

# Neighbours are nearly equal within this, over the RMS of all values.
EQUAL = 1e-3


def grid_edges(shape, axes):
    """Pairs of neighbours of a grid, along some of its axes.

    Returns
    -------
    array of shape (edges, 2)
        Indices into the flat array.
    """
    nodes = np.arange(np.prod(shape)).reshape(shape)
    pairs = [np.stack([
        nodes.take(range(shape[axis] - 1), axis).ravel(),
        nodes.take(range(1, shape[axis]), axis).ravel()], axis=1)
        for axis in axes]
    return np.concatenate([np.empty((0, 2), int), *pairs])


def components(edges, n):
    """Numbers of the connected components of n nodes, and how many."""
    count, labels = connected_components(coo_array(
        (np.ones(len(edges), bool), edges.T), (n, n)), directed=False)
    return labels, count


def cluster_means(values, labels, count):
    """Means of the rows of each label, and how many rows it has."""
    sizes = np.bincount(labels, minlength=count)
    sums = coo_array((np.ones(len(labels)), (labels, np.arange(len(labels)))),
                     (count, len(labels))).tocsr() @ values
    return sums / sizes[:, None], sizes


def nearest_agglomeration(values, edges, k):
    """Merge every cluster with its nearest neighbour until k are left.

    Hoyos-Idrobo et al. 2019, IEEE Trans. Pattern Anal. Mach. Intell. 41(3),
    algorithm 1, with means weighted by size. Every round at least halves the
    number of clusters that have neighbours. Before the first round neighbours
    that are nearly equal become one: where a field is flat, halving would
    spend the clusters that are needed elsewhere.

    Parameters
    ----------
    values : array of shape (nodes, steps)
    edges : array of shape (edges, 2)
    k : int
        At least the number of components of the graph.

    Returns
    -------
    array of shape (nodes,)
        Numbers of clusters, each connected.
    """
    labels, n = np.arange(len(values)), len(values)
    near = _distances(values, edges) <= EQUAL ** 2 * np.square(
        values).sum(axis=1).mean()
    flat, count = components(edges[near], n)
    if count >= k:
        labels, n, edges = flat, count, _contracted(edges, flat)
    while n > k and len(edges):
        distances = _distances(cluster_means(values, labels, n)[0], edges)
        # Of edges that are equally long the first: no cycle of neighbours.
        far_to_near = np.argsort(distances, kind="stable")[::-1]
        shortest = np.full(n, -1)
        shortest[edges[far_to_near].ravel()] = np.repeat(far_to_near, 2)
        chosen = np.unique(shortest[shortest >= 0])
        chosen = chosen[np.argsort(distances[chosen], kind="stable")][:n - k]
        merged, n = components(edges[chosen], n)
        labels, edges = merged[labels], _contracted(edges, merged)
    return labels


def _distances(means, edges):
    return np.square(means[edges[:, 0]] - means[edges[:, 1]]).sum(axis=1)


def _contracted(edges, labels):
    edges = np.sort(labels[edges], axis=1)
    return np.unique(edges[edges[:, 0] < edges[:, 1]], axis=0)
