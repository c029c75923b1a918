"""Fields on which methods divide by nothing: no abort, no NaN, orthonormal.

Weak modes, data of rank k and below, few rows in a batch or on a rank, one
component, one rank. The ranks check every estimate: a wrong shape, a NaN or a
basis that is not orthonormal ends the run with an error. Methods run on
simulated ranks, libraries and compressors on MPI processes.
"""
from functools import cache, partial

import h5py
import numpy as np
import pytest
from conftest import (
    COMPRESSORS,
    LIBRARIES,
    METHODS,
    SOLVERS,
    small_field,
)
from test_simulated_ranks import TIMES

from benchmark_utils.runtime.errors import WorldError

EVERY = [(name, partition) for name, solver in sorted(SOLVERS.items())
         for partition in solver.partitions
         # These fields have no moments and no mesh.
         if name not in ("exact-moments", "mesh-wavelet")]
# Choices that change what a method divides by.
CHOICES = {
    "oja": [{"variant": "adaoja"}],
    "hapod": [{"topology": "tree"}, {"topology": "chain"}],
    "low-rank-merge": [{"topology": "tree"}],
    "projector-average": [{"align": "procrustes"}],
    "quantized-power": [{"coding": "naive"}],
    "local-power": [{"schedule": "constant"}],
    "shift-invert": [{"preconditioner": "first"},
                     {"preconditioner": "average"}],
    "deepca": [{"align": "sign"}],
    "block-krylov": [{"block_size": 1}],
    "incremental-svd": [{"rank_factor": 1}],
    "reduced-chord": [{"favour": "rounds"}],
}
N_ROUNDS = 8  # merges of streams are after the fifth batch


def matrix(n, d, singular_values, seed=0):
    """An n x d matrix with these singular values."""
    rng = np.random.default_rng(seed)
    r = len(singular_values)
    left = np.linalg.qr(rng.standard_normal((n, r)))[0]
    right = np.linalg.qr(rng.standard_normal((d, r)))[0]
    return left * singular_values @ right.T


def cells(X, n_steps, partition):
    """X as time, cells and (samples) features."""
    return X.reshape(n_steps, -1, X.shape[1]) if partition == "samples" \
        else X


WEAK = np.r_[np.geomspace(1, 1e-6, 6), np.full(5, 1e-7)]
# Singular values, n, d, time steps (samples; n under features), k, ranks.
FIELDS = {
    "weak modes": (WEAK, 120, 40, 6, 6, 2),
    "weak modes, one rank": (WEAK, 120, 40, 6, 6, 1),
    "rank k": ([1, 0.8, 0.7, 0.5], 60, 30, 6, 4, 2),
    "rank below k": ([1, 0.5], 60, 30, 6, 4, 2),
    "batches of fewer rows than k": (
        0.7 ** np.arange(30), 160, 30, 40, 10, 2),
    "ranks of fewer rows than k": (0.7 ** np.arange(12), 12, 20, 3, 5, 4),
    "k = 1": (0.7 ** np.arange(12), 60, 20, 6, 1, 2),
    "k of everything": (0.7 ** np.arange(6), 24, 6, 6, 6, 2),
}


@pytest.fixture(scope="module")
def hard_field(tmp_path_factory):
    """Field of a case and k; each is stored once."""
    folder = tmp_path_factory.mktemp("fields")
    return cache(partial(store_hard_field, folder))


def store_hard_field(folder, case, partition, ranks):
    singular_values, n, d, n_steps, k, n_ranks = FIELDS[case]
    if partition == "features":  # few columns instead of few rows
        n, d = d, n
    X = matrix(n, d, singular_values)
    field = small_field(folder, cells(X, n_steps, partition),
                        n_ranks=n_ranks, partition=partition, ranks=ranks)
    if len(singular_values) < k:  # score against any k directions
        with h5py.File(field.reference_path, "r+") as file:
            del file["basis"]
            file["basis"] = np.linalg.svd(X, full_matrices=False)[2][:k].T
    return field, k


# Codecs know nothing of k. The autoencoder has its own hard fields, see
# test_autoencoder.py: here it would be trained for seconds on each.
# Libraries are tested on what goes wrong most easily, a stream on everything.
FEW = "weak modes", "rank below k", "ranks of fewer rows than k"
ENOUGH = dict.fromkeys(COMPRESSORS, FEW) | {"autoencoder": ()} \
    | dict.fromkeys(LIBRARIES, (*FEW, "k = 1")) \
    | {"sklearn-incremental-pca": FIELDS}
# As its docstring says; the objective skips a field of rank below k.
FAILS = "tsqr-svd", "features", "rank below k"


@pytest.mark.parametrize(("name", "partition", "case"), [
    (*each, case) for each in EVERY for case in FIELDS
    if case in ENOUGH.get(each[0], FIELDS) and (*each, case) != FAILS])
def test_survives(name, partition, case, run, hard_field):
    ranks = "simulated" if name in METHODS.keys() - LIBRARIES else "processes"
    field, k = hard_field(case, partition, ranks)
    for parameters in [{}, *CHOICES.get(name, [])]:
        for one in run(SOLVERS[name], field, k, N_ROUNDS, **parameters):
            assert all(np.isfinite(value).all() for key, value in one.items()
                       if ranks == "processes" or key not in TIMES)
            # The sine that is measured is exact to about 1e-8 on some.
            assert one["certified_error"] > one["subspace_error"] - 1e-7 \
                or len(FIELDS[case][0]) <= k


def test_a_documented_failure_is_refused(run, hard_field):
    name, partition, case = FAILS
    field, k = hard_field(case, partition, "simulated")
    with pytest.raises(WorldError, match="not orthonormal"):
        run(SOLVERS[name], field, k, N_ROUNDS)


def test_a_method_that_divides_by_nothing_is_noticed(run, hard_field):
    """Normalised columns of X'X U instead of a QR."""
    class Divides(SOLVERS["block-power"]):
        @staticmethod
        def rounds(comm, data, n_components, rng, oversampling):
            U = data.random_basis(n_components, rng)
            while True:
                yield U
                Y = data.covariance(comm, U)
                U = Y / (Y * Y).sum(axis=0) ** 0.5

    field, k = hard_field("rank below k", "samples", "simulated")
    with pytest.raises(WorldError, match="not orthonormal"):
        run(Divides, field, k, N_ROUNDS)
