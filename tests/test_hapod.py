"""HAPOD against its theorems and against pyMOR."""
from math import ceil, log2, sqrt

import numpy as np
import pytest
from conftest import global_matrix, spectrum_array
from threads import on_threads

from benchmark_utils.methods.block import Block
from benchmark_utils.methods.hapod import Modes, hapod, truncate
from benchmark_utils.methods.linalg import leading_factor, orthonormal
from benchmark_utils.methods.meter import ReadingMeter

pytestmark = pytest.mark.simulated_ranks

K = 3
N_STEPS, N_CELLS, D = 6, 11, 24


def array():
    return spectrum_array(N_STEPS, N_CELLS, D)


TOPOLOGIES = ["star", "chain", "tree"]


def uneven_blocks(n_ranks, d=30, seed=0):
    """Blocks of unequal size and variance with a decaying spectrum."""
    rng = np.random.default_rng(seed)
    scales = 0.7 ** np.arange(d)
    return [rng.standard_normal((20 + 9 * rank, d)) * scales
            @ np.linalg.qr(np.eye(d) + 0.3 * rng.standard_normal((d, d)))[0]
            for rank in range(n_ranks)]


def within(X):
    """All modes of a rank, then the fewest."""
    return lambda error: truncate(leading_factor(X, X.shape[1]), error)


def root_modes(blocks, topology, error, omega):
    return on_threads(
        lambda comm, rank: hapod(comm, within(blocks[rank]),
                                 len(blocks[rank]), topology, error, omega),
        len(blocks))[0][0]


def n_modes(X, error):
    """Modes that POD needs for a mean projection error."""
    variance = np.linalg.svd(X, compute_uv=False) ** 2 / len(X)
    tails = np.append(np.cumsum(variance[::-1])[::-1], 0)
    return int(np.argmax(tails <= error ** 2))


@pytest.mark.parametrize("omega", [0.1, 0.5, 0.75, 0.9])
@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("n_ranks", [1, 2, 5, 8])
def test_hapod_theorems(topology, omega, n_ranks):
    """Mean error at most eps, modes at most those of POD(omega eps)."""
    blocks = uneven_blocks(n_ranks)
    X = np.concatenate(blocks)
    for error in (1e-3, 0.03, 0.3):
        modes = orthonormal(root_modes(blocks, topology, error, omega))
        missed = np.linalg.norm(X - X @ modes @ modes.T) / sqrt(len(X))
        assert missed <= error * (1 + 1e-12)
        assert n_modes(X, error) <= modes.shape[1] \
            <= n_modes(X, omega * error)


def pymor_modes(blocks, topology, error, omega):
    """The same tree in pyMOR; modes times singular values."""
    from pymor.algorithms.hapod import (
        Node,
        dist_hapod,
        hapod,
        inc_hapod,
        std_local_eps,
    )
    from pymor.vectorarrays.numpy import NumpyVectorSpace

    arrays = [NumpyVectorSpace.from_numpy(block.T) for block in blocks]
    if topology == "star":
        modes, values, _ = dist_hapod(
            len(blocks), lambda node: arrays[node.tag].copy(), error, omega)
    elif topology == "chain":
        modes, values, _ = inc_hapod(
            len(blocks), [a.copy() for a in arrays[::-1]], error, omega)
    else:
        def grow(parent, first, last):
            """Ranks first to last - 1: a leaf, or a pair of subtrees."""
            if last - first == 1:
                return Node(tag=first, parent=parent)
            node = Node(parent=parent)
            middle = first + 2 ** (ceil(log2(last - first)) - 1)
            grow(node, first, middle)
            grow(node, middle, last)
            return node

        tree = grow(None, 0, len(blocks))
        modes, values, _ = hapod(
            tree, lambda node: arrays[node.tag].copy(),
            std_local_eps(tree, error, omega))
    return modes.to_numpy() * values


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("n_ranks", [2, 4, 5])
def test_hapod_is_that_of_pymor(topology, n_ranks):
    blocks = uneven_blocks(n_ranks)
    for error, omega in ((0.03, 0.5), (0.3, 0.9)):
        ours = root_modes(blocks, topology, error, omega)
        theirs = pymor_modes(blocks, topology, error, omega)
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours @ ours.T, theirs @ theirs.T,
                                   atol=1e-10 * np.square(ours).sum())


def test_pymor_notices_a_wrong_tolerance():
    """Tolerances that count received vectors instead of samples."""
    blocks = uneven_blocks(4)
    wrong = on_threads(
        lambda comm, rank: hapod(comm, within(blocks[rank]), 20, "star", 0.1,
                                 0.5), 4)[0][0]
    theirs = pymor_modes(blocks, "star", 0.1, 0.5)
    assert wrong.shape != theirs.shape or abs(
        wrong @ wrong.T - theirs @ theirs.T).max() > 1e-6


@pytest.mark.parametrize("n_ranks", [2, 4])
def test_hapod_sends_what_the_tolerance_needs(n_ranks, solvers, run,
                                              make_field):
    field = make_field(array(), n_ranks=n_ranks)
    cells = np.array_split(np.arange(N_CELLS), n_ranks)
    factors = [leading_factor(array()[:, own].reshape(-1, D), D)
               for own in cells]
    n = N_STEPS * N_CELLS
    missed = sum(np.square(F[:, K:]).sum() for F in factors)
    local = 0.5 * sqrt(missed / n) * sqrt(1 - 0.5 ** 2)
    modes = [truncate(F, local * sqrt(N_STEPS * len(own)))[0].shape[1]
             for F, own in zip(factors, cells, strict=True)]
    assert min(modes) > K
    sent = [m["comm_bytes"] for m in run(
        solvers["hapod"], field, K, 2)]
    assert sent == [
        0, (n_ranks - 1) * 8 * (2 + 3 + D * K) + 8 * D * sum(modes[1:])]


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_hapod_converges_with_its_tolerance(topology, solvers, run,
                                            make_field):
    """Sine at most T / (gap - T), T = (1 - omega^2) error^2."""
    field = make_field(array(), n_ranks=4)
    last = [run(solvers["hapod"], field, K, 1,
                topology=topology, tolerance=tolerance)[-1]
            for tolerance in (0.5, 0.05)]
    X = global_matrix(array(), "samples")
    variance = np.linalg.svd(X, compute_uv=False) ** 2 / len(X)
    gap = variance[K - 1] - variance[K]
    T = 0.75 * 0.05 ** 2 * variance[K:].sum()
    assert last[1]["subspace_error"] <= T / (gap - T)
    assert last[1]["subspace_error"] < last[0]["subspace_error"]


@pytest.mark.parametrize("needed", [0, 5, 16, 300, 500])
def test_modes_as_many_as_an_error_needs(needed):
    """No more than a dense factor has, without it where they are few."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((900, 500)) @ np.diag(np.arange(1., 501) ** -2)
    values = np.linalg.svd(X, compute_uv=False) ** 2
    error = sqrt(1.01 * values[needed:].sum())
    block = Block(X, ReadingMeter())
    modes = Modes(block, 8, np.random.default_rng(1))
    assert modes.neglected(4) == pytest.approx(values[4:].sum(), rel=1e-3)
    F, missed = modes.within(error)
    assert F.shape[1] == needed
    assert (block._gram is None) == (needed <= 16)
    rest = X.T @ X - F @ F.T
    assert np.trace(rest) <= error ** 2 + 1e-12 * values.sum()
    left = np.linalg.eigvalsh(rest)
    assert left[0] >= -1e-12 * values[0]
    assert left[-1] <= missed + 1e-12 * values[0]
