"""The exact leading subspace of a field, by an independent path.

One process, float64, streamed from the file, no solver code.
"""
import sys
from typing import NamedTuple

import h5py
import numpy as np
from scipy.linalg import eigh
from scipy.sparse.linalg import LinearOperator, eigsh

from benchmark_utils.fields import reading
from benchmark_utils.fields.cache import cached, stamp
from benchmark_utils.fields.reading import column_blocks, row_blocks

# Eigenpairs that are kept: at least this many, and for k components k + 10.
N_REFERENCE = 40
N_BEYOND = 10
# Above this order the Gram matrix is not formed, ARPACK streams the field.
MAX_GRAM = 8192
START_SEED = 0
# Of the largest eigenvalue; rounding leaves 1e-15 where X has no variance.
ZERO = 100 * np.finfo(float).eps


class Reference(NamedTuple):
    """Exact leading eigenvalues of C = X'X / n, and how exact they are.

    Attributes
    ----------
    eigenvalues : array of shape (m,)
        In decreasing order, without those that are zero to rounding.
    total_variance : float
        Trace of C.
    residual : array of shape (m + 1, m)
        Column j describes C u_j - lambda_j u_j: its components along the m
        eigenvectors, and the norm of what is left.
    rank : int
        Rank of X to rounding if it is m, otherwise the upper bound
        min(n_samples, n_features): X has further components if and only if
        m < rank.
    """

    eigenvalues: np.ndarray
    total_variance: float
    residual: np.ndarray
    rank: int

    def subspace_error(self, k):
        """Bound of the sine between the stored and the exact subspace.

        Davis and Kahan's argument vector by vector, to first order: the part
        of u_j outside the exact subspace is at most the part of its residual
        outside, over lambda_j - lambda_k+1. So rounding of the size of
        lambda_1 does not count where lambda_k is small.
        """
        following = self.eigenvalues[k] if k < len(self.eigenvalues) else 0.0
        gaps = self.eigenvalues[:k] - following
        with np.errstate(divide="ignore"):
            return np.linalg.norm(self.residual[k:, :k] / gaps)


def load_reference(field, n_components=N_REFERENCE - N_BEYOND):
    """Exact leading eigenpairs of X'X / n; computed at the first call.

    And again if more of them are asked for than are stored. The basis stays
    in ``field.reference_path`` for the ranks.

    Parameters
    ----------
    field : Field
    n_components : int
        k; at least k + 10 pairs are computed, and never fewer than 40, as far
        as there are so many.

    Returns
    -------
    Reference

    Raises
    ------
    ValueError
        If the field is zero everywhere.
    """
    smaller = min(field.n_samples, field.n_features)
    m = min(max(N_REFERENCE, n_components + N_BEYOND), smaller)

    def write(file):
        basis, reference = _leading_eigenpairs(field, m)
        file["basis"] = basis
        for key, value in reference._asdict().items():
            file[key] = value

    def suffices(file):
        return len(file["eigenvalues"]) >= min(m, file["rank"][()])

    path = cached(
        field.reference_path,
        dict(field=field.settings, partition=field.partition,
             **stamp(field.path)),
        (sys.modules[__name__], reading), write, suffices)
    with h5py.File(path, "r") as file:
        return Reference(*(file[key][()] for key in Reference._fields))


def _leading_eigenpairs(field, m):
    """At most m leading eigenvectors of X'X / n and their Reference."""
    n, d = field.n_samples, field.n_features
    total = sum(np.vdot(X, X) for X in row_blocks(field)) / n
    if total == 0:
        raise ValueError("The field is zero everywhere: there is no "
                         "principal subspace.")

    def covariance(V):
        return _sum(X.T @ (X @ V) for X in row_blocks(field)) / n

    if d <= min(n, MAX_GRAM):
        basis = _leading_vectors(
            _sum(X.T @ X for X in row_blocks(field)), m)
    elif n <= MAX_GRAM:
        V = _leading_vectors(
            _sum(X @ X.T for X in column_blocks(field)), m)
        rows = np.cumsum([0] + [len(X) for X in row_blocks(field)])
        basis = _sum(X.T @ V[start:start + len(X)] for start, X
                     in zip(rows, row_blocks(field), strict=False))
    else:
        operator = LinearOperator((d, d), covariance, matmat=covariance,
                                  dtype=float)
        # Anomalies may be orthogonal to a regular start such as ones.
        start = np.random.default_rng(START_SEED).standard_normal(d)
        basis = eigsh(operator, k=m, v0=start)[1][:, ::-1]
    return _refined(field, np.linalg.qr(basis)[0], total, covariance)


def _refined(field, basis, total, covariance):
    """Eigenvectors to the accuracy of a singular value decomposition of X.

    Those of X'X are known to rounding of lambda_1 only, those of X to that of
    sigma_1. One step of subspace iteration, then Rayleigh-Ritz by singular
    values: X U = Q R, so that those of R are those of X in the subspace.
    """
    n, m = field.n_samples, basis.shape[1]
    basis = np.linalg.qr(covariance(basis))[0]
    R = np.empty((0, m))
    for X in row_blocks(field):
        R = np.linalg.qr(np.vstack([R, X @ basis]), mode="r")
    _, sigma, rotation = np.linalg.svd(R)
    eigenvalues = sigma ** 2 / n
    # Directions without variance are arbitrary: not part of the answer.
    keep = eigenvalues > ZERO * eigenvalues[0]
    eigenvalues, basis = eigenvalues[keep], basis @ rotation[keep].T
    residual = covariance(basis) - basis * eigenvalues
    inside = basis.T @ residual
    outside = np.linalg.norm(residual - basis @ inside, axis=0)
    rank = (len(eigenvalues) if len(eigenvalues) < m
            else min(n, field.n_features))
    return basis, Reference(eigenvalues, total,
                            np.vstack([inside, outside]), rank)


def _sum(arrays):
    """Sum of an iterator of arrays, two of which are in memory at once."""
    total = next(arrays)
    for array in arrays:
        total += array
        del array
    return total


def _leading_vectors(gram, m):
    """Eigenvectors of the m largest eigenvalues, in decreasing order.

    The argument is lost.

    LAPACK works in place on columns; those of a symmetric matrix are its
    rows.
    """
    n = len(gram)
    return eigh(gram.T, overwrite_a=True,
                subset_by_index=[n - m, n - 1])[1][:, ::-1]
