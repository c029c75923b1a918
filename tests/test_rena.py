"""Recursive nearest agglomeration against its definition and nilearn."""
import numpy as np
import pytest
from conftest import SOLVERS

from benchmark_utils.compression.clusters import (
    cluster_means,
    components,
    grid_edges,
    nearest_agglomeration,
)

# Root mean square error of nilearn 0.14.1, recursive_neighbor_agglomeration,
# on rank 0 of the field below: (batch, clusters) -> error.
NILEARN = {(2, 300): 0.2403, (2, 1600): 0.2136, (5, 300): 0.2599,
           (5, 1600): 0.1972}


def test_edges_of_a_grid():
    edges = grid_edges((2, 3), [0, 1]).tolist()
    assert sorted(edges) == [
        [0, 1], [0, 3], [1, 2], [1, 4], [2, 5], [3, 4], [4, 5]]
    assert grid_edges((2, 3), [1]).tolist() == [
        [0, 1], [1, 2], [3, 4], [4, 5]]
    assert grid_edges((5,), []).shape == (0, 2)


def test_two_rounds_by_hand():
    """Each joins its nearest; the last round keeps the shortest merges."""
    values = np.array([0, 1, 10, 12, 30, 33, 60.])[:, None]
    edges = grid_edges((7,), [0])
    for k, expected in ((6, [0, 0, 1, 2, 3, 4, 5]), (4, [0, 0, 1, 1, 2, 2, 3]),
                        (3, [0, 0, 1, 1, 2, 2, 2]), (2, [0, 0, 0, 0, 1, 1, 1]),
                        (1, [0] * 7)):
        assert nearest_agglomeration(values, edges, k).tolist() == expected


@pytest.mark.parametrize("k", [1, 7, 60, 143])
def test_clusters_are_connected(k):
    """Exactly k, whatever the values: noise, equal ones, ties."""
    edges = grid_edges((12, 12), [0, 1])
    rng = np.random.default_rng(k)
    for values in (rng.standard_normal((144, 3)), np.zeros((144, 2)),
                   rng.integers(0, 2, (144, 1)).astype(float)):
        labels = nearest_agglomeration(values, edges, k)
        inside = edges[labels[edges[:, 0]] == labels[edges[:, 1]]]
        assert components(inside, 144)[1] == len(np.unique(labels)) == k
        means, sizes = cluster_means(values, labels, k)
        for label in range(k):
            np.testing.assert_allclose(
                means[label], values[labels == label].mean(axis=0),
                atol=1e-12)
            assert sizes[label] == (labels == label).sum()


def test_not_worse_than_nilearn(two_streams):
    """On a slab of two streams; and what is decoded is means of clusters."""
    geometry = two_streams.geometry(0)
    batches = [geometry.array(X) for X in two_streams.reader(0).batches(8)]
    for (number, k), theirs in NILEARN.items():
        batch = batches[number].astype(float)
        encoder, decoder = (SOLVERS["rena"].Codec(
            geometry, k / (64 * 256)) for _ in range(2))
        message = encoder.encode(batch)
        decoded = decoder.decode(message)
        assert np.linalg.norm(decoded - batch) <= theirs * np.linalg.norm(
            batch)
        assert len(np.unique(decoded.reshape(8, -1), axis=1).T) <= k
        assert 8 * len(message) < 0.8 * batch.size
