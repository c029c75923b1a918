"""What the ranks' leading directions miss of the covariance, together.

Every rank's share C_r of C = sum_r C_r is cut to rank 4 k, as ``coded-chord``
does by default; the sum of these is the model M, and E = C - M is positive.
``docs/theory.rst`` has the rates that follow.
"""
import numpy as np
from scipy.linalg import eigh

RANK_FACTOR = 4  # directions of a rank per component


def model_error(shares, k):
    """Size of E, and how much of an error the chord iteration leaves.

    Parameters
    ----------
    shares : array of shape (P, N, N)
        C_r, or all of them times a number.
    k : int
        Components, at most N.

    Returns
    -------
    model_error : float
        ||E|| / lambda_k, spectral norm.
    contraction : float
        rho = nu / (1 + nu), nu the largest eigenvalue of the pencil
        (E, lambda_k - C) outside the leading k-dimensional subspace; 1
        without an eigengap, 0 if nothing is outside.
    """
    values, V = eigh(shares.sum(axis=0))
    E = sum(_rest(share, RANK_FACTOR * k) for share in shares)
    size = max(eigh(E, eigvals_only=True)[-1], 0) / values[-k]
    outside, gaps = V[:, :-k], values[-k] - values[:-k]
    if not gaps.size:
        return size, 0.0
    if gaps.min() <= 0:
        return size, 1.0
    A = outside / np.sqrt(gaps)
    nu = max(eigh(A.T @ E @ A, eigvals_only=True)[-1], 0)
    return size, nu / (1 + nu)


def _rest(C, r):
    """A positive C without its r leading eigenvectors."""
    values, V = eigh(C)
    V = V[:, :-r] * np.sqrt(values[:-r].clip(0))
    return V @ V.T
