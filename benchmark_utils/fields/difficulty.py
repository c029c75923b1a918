"""How hard a field is: measured once, stored beside its reference.

Blocks of different ranks share one axis: the features under the partition
``samples``, the time steps under ``features``. Along it rank r, whose m_r
rows (``samples``) or columns (``features``) of X make up the rows of A_r, has
the covariance C_r = A_r'A_r / m_r; C = sum_r m_r C_r / sum_r m_r is that of
the whole field. If all C_r are C, any rank alone finds the answer.

One process, float64, streamed from the file, no solver code. A shared axis of
more than 1024 points is reduced to 256 leading directions of the field, found
by a randomised range finder; the distances are then those of the projected
covariances.
"""
import sys
from collections import namedtuple
from copy import copy

import h5py
import numpy as np
from scipy.linalg import eigh

from benchmark_utils.fields import (
    model_error,
    partition,
    reading,
    reference,
)
from benchmark_utils.fields.cache import cached, stamp
from benchmark_utils.fields.reading import column_blocks, row_blocks
from benchmark_utils.fields.reference import load_reference

MAX_SHARED = 1024
N_DIRECTIONS = 256

Measure = namedtuple("Measure", "label unit meaning")

# key -> label, unit, meaning; lambda are the variances of the field. The
# covariance distance is the quantity, there the largest over the ranks, on
# which the bounds of local methods rest (Li et al. 2021, arXiv:2002.08014).
MEASURES = {
    "eigengap": Measure(
        "eigengap", "1",
        "(lambda_k - lambda_k+1) / lambda_k: how fast iterations converge, "
        "how well the subspace is defined"),
    "effective_rank": Measure(
        "effective rank", "1",
        "exponential of the entropy of lambda / sum of lambda"),
    "covariance_distance": Measure(
        "covariance distance", "1",
        "mean over ranks of ||C_r - C|| / ||C||, spectral norms"),
    "covariance_distance_floor": Measure(
        "covariance floor", "1",
        "covariance distance if all cells are reassigned at random"),
    "subspace_distance": Measure(
        "subspace distance", "1",
        "mean over ranks of the mean squared sine of the angles between the "
        "k leading directions of C_r and of C"),
    "subspace_distance_floor": Measure(
        "subspace floor", "1",
        "subspace distance if all cells are reassigned at random"),
    "energy_ratio": Measure(
        "energy ratio", "1", "largest over smallest trace of C_r"),
    "energy_ratio_floor": Measure(
        "energy floor", "1",
        "energy ratio if all cells are reassigned at random"),
    "drift": Measure(
        "drift", "1",
        "mean squared sine of the angles between the k leading principal "
        "directions of the first and of the last third of the time steps"),
    "model_error": Measure(
        "model error", "1",
        "||C - M|| / lambda_k, M the sum of the ranks' covariances, each cut "
        "to rank 4 k"),
    "contraction": Measure(
        "contraction", "1",
        "part of its error that a round of coded-chord leaves, uncoded: "
        "rho = nu / (1 + nu) of docs/theory.rst"),
}

# What tables show, with its floor in brackets.
COLUMNS = {key: measure.label for key, measure in MEASURES.items()
           if not key.endswith("_floor")}


def readable(values):
    """Texts for the COLUMNS of one field, from its values of MEASURES."""
    texts = {key: f"{values[key]:.3g}" for key in MEASURES}
    return {key: f"{texts[key]} ({texts[f'{key}_floor']})"
            if f"{key}_floor" in texts else texts[key] for key in COLUMNS}


def load_difficulty(field, n_components):
    """Measured difficulty of a field; computed at the first call.

    Stored in one small file per partition, split among ranks and
    n_components, beside the field.

    Parameters
    ----------
    field : Field
    n_components : int
        The k of the eigengap and of the subspaces.

    Returns
    -------
    dict of float, keys of MEASURES
        A rank without any variance makes the energy ratio infinite, and has
        the subspace distance 1.

    Raises
    ------
    ValueError
        If n_components is more than the rank of X, or the field is zero
        everywhere.
    """
    choices = {key: getattr(field, key) for key in (
        "partition", "n_ranks", "heterogeneity", "decomposition", "weights",
        "seed")}

    def write(file):
        file.attrs.update(_measure(field, n_components))

    path = cached(
        field.path.with_suffix(".{key}.h5"),
        dict(field=field.settings, **choices, n_components=n_components,
             **stamp(field.path)),
        (sys.modules[__name__], model_error, partition, reading, reference),
        write)
    with h5py.File(path, "r") as file:
        return {key: float(file.attrs[key]) for key in MEASURES}


def relative_eigengap(reference, k):
    """(lambda_k - lambda_k+1) / lambda_k.

    Parameters
    ----------
    reference : Reference
    k : int

    Raises
    ------
    ValueError
        If X has no k components, or the (k+1)-th eigenvalue is unknown.
    """
    eigenvalues, rank = reference.eigenvalues, reference.rank
    if k > rank:
        raise ValueError(f"n_components = {k} is more than the rank {rank} "
                         "of the field.")
    if k == rank:
        return 1.0
    if k >= len(eigenvalues):
        raise ValueError(
            f"The reference has {len(eigenvalues)} components and needs one "
            f"more than {k}: load it for n_components = {k}.")
    return 1 - eigenvalues[k] / eigenvalues[k - 1]


def _measure(field, k):
    """The values of MEASURES."""
    directions = _shared_directions(field)
    grams, energies = _local_grams(field, directions)
    gram = grams.sum(axis=0)
    without_domains = copy(field)
    without_domains.heterogeneity = 0.0
    floor = _differences(
        without_domains, *_local_grams(without_domains, directions), k)
    first, last = _thirds(field, gram, directions)
    eigengap = relative_eigengap(load_reference(field, k), k)
    missed, contraction = model_error.model_error(grams, k)
    return {
        "eigengap": eigengap,
        "effective_rank": _effective_rank(gram, energies.sum()),
        "drift": _subspace_distance(_leading(first, k), _leading(last, k)),
        "model_error": missed, "contraction": contraction,
        **_differences(field, grams, energies, k),
        **{f"{key}_floor": value for key, value in floor.items()},
    }


def _units(field):
    """Yield blocks of rows along the shared axis, and who owns each row."""
    owners = field.owners()
    if field.partition == "samples":
        for X in row_blocks(field):
            yield X, np.resize(owners, len(X))  # repeats every time step
        return
    owners, start = np.repeat(owners, field.cell_size), 0
    for X in column_blocks(field):
        yield X.T, owners[start:start + X.shape[1]]
        start += X.shape[1]


def _shared_directions(field):
    """Basis to which a long shared axis is reduced, None for a short one.

    Range finder with one power iteration (Halko, Martinsson & Tropp 2011).
    """
    length = field.n_features if field.partition == "samples" \
        else field.n_steps
    if length <= MAX_SHARED:
        return None
    Q = np.random.default_rng(field.seed).standard_normal(
        (length, N_DIRECTIONS))
    for _ in range(2):
        Q = np.linalg.qr(sum(A.T @ (A @ Q) for A, _ in _units(field)))[0]
    return Q


def _local_grams(field, directions):
    """A_r'A_r of every rank, reduced to the directions, and their traces."""
    grams, energies = 0.0, np.zeros(field.n_ranks)
    for A, owners in _units(field):
        energy = np.einsum("ij,ij->i", A, A)
        energies += np.bincount(owners, energy, field.n_ranks)
        A = A if directions is None else A @ directions
        # Sorted by owner: thousands of ranks would each search all rows.
        order = np.argsort(owners, kind="stable")
        ends = np.searchsorted(owners, range(1, field.n_ranks), sorter=order)
        grams = grams + np.array([
            own.T @ own for own in np.split(A[order], ends)])
    return grams, energies


def _differences(field, grams, energies, k):
    """Covariance distance, subspace distance and energy ratio of the ranks."""
    sizes = np.bincount(field.owners())
    C = grams.sum(axis=0) / sizes.sum()
    covariances = grams / sizes[:, None, None]
    distance = np.mean([_norm(each - C) for each in covariances]) / _norm(C)
    U = _leading(C, k)
    angles = np.mean([_subspace_distance(U, _leading(each, k))
                      for each in covariances])
    means = energies / sizes
    with np.errstate(divide="ignore"):
        ratio = means.max() / means.min()
    return {"covariance_distance": distance, "subspace_distance": angles,
            "energy_ratio": ratio}


def _norm(C):
    """Spectral norm of a symmetric matrix."""
    return np.abs(eigh(C, eigvals_only=True)[[0, -1]]).max()


def _leading(C, k):
    """Orthonormal basis of the k leading directions, less if the rank is."""
    n = len(C)
    values, vectors = eigh(C, subset_by_index=[max(0, n - k), n - 1])
    return vectors[:, values > values[-1] * n * np.finfo(float).eps]


def _subspace_distance(U, V):
    """Mean squared sine of the angles; there are as many as the smaller has.

    Where one has no direction at all, nothing is known of the other: 1.
    """
    n_angles = max(1, min(U.shape[1], V.shape[1]))
    return max(0.0, 1 - np.linalg.norm(U.T @ V) ** 2 / n_angles)


def _effective_rank(gram, total):
    """Exponential of the entropy of the shares of the variance.

    Variance outside the directions of the Gram matrix is counted as if it
    had the smallest of its eigenvalues, as few as possible: a lower bound.
    """
    shares = eigh(gram, eigvals_only=True) / total
    shares = shares[shares > len(shares) * np.finfo(float).eps]
    tail = 1 - shares.sum()
    return np.exp(-shares @ np.log(shares) - tail * np.log(shares[0]))


def _thirds(field, gram, directions):
    """Gram matrices along the features of the first and the last time steps.

    Under ``features`` those of the rows of a square root of X X', which is X
    but for a rotation.
    """
    third = max(1, field.n_steps // 3)
    first, last = range(third), range(field.n_steps - third, field.n_steps)
    if field.partition == "samples":
        for steps in first, last:
            blocks = row_blocks(field, steps)
            if directions is not None:
                blocks = (X @ directions for X in blocks)
            yield sum(X.T @ X for X in blocks)
        return
    values, vectors = eigh(gram)
    root = vectors * np.sqrt(values.clip(0))
    if directions is not None:
        root = directions @ root
    for steps in first, last:
        rows = root[steps.start:steps.stop]
        yield rows.T @ rows
