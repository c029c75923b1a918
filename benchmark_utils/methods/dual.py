"""The side of X that every rank can hold, and the eigenproblem on it.

X'X and XX' have the same eigenvalues. One of them acts on vectors that are
replicated, so an eigensolver on that side is local computation but for its
products, and the other side follows from one product with X:

=============  ========================  ==================================
partition      operator, dimension N     basis U from eigenvectors Z
=============  ========================  ==================================
``samples``    X'X / n_samples, N = d    Z
``features``   XX' / n_samples, N = n    X'Z, made orthonormal
=============  ========================  ==================================
"""
import numpy as np

from benchmark_utils.methods.linalg import (
    adjoint_product,
    dual_gram_product,
    gram_product,
)

MOVING = 1e-6  # sine above which a direction of the last block has moved


def replicated_size(data):
    """N, the length of a replicated vector."""
    return data.n_features if data.partition == "samples" else data.n_samples


def replicated_covariance(comm, data, Z):
    """Product of the operator with Z (N x b), the same on every rank.

    Communication: one allreduce of N * b floats.
    """
    product = gram_product if data.partition == "samples" \
        else dual_gram_product
    local = product(data.X, Z)
    total = np.empty_like(local)
    comm.Allreduce(local, total)
    return total / data.n_samples


def basis_of(comm, data, Z):
    """The estimate U that belongs to orthonormal Z (N x k).

    Communication: none (samples), one allgather of k * k floats (features).
    The orthonormalisation does not rest on X'Z having orthogonal columns,
    which small eigenvalues lose.
    """
    if data.partition == "samples":
        return Z
    return data.orthonormalize(comm, adjoint_product(data.X, Z))


def next_ritz_value(W, Y, old, product, values):
    """Ritz value after those of W, from the present and the last block.

    Y = C W, product = C old, W'Y = diag(values). By Cauchy interlacing at
    most the eigenvalue of that index; 0 if the blocks agree.
    """
    overlap = W.T @ old
    moved, sines, V = np.linalg.svd(old - W @ overlap, full_matrices=False)
    moving = sines > MOVING
    moved = moved[:, moving]
    product = (product - Y @ overlap) @ V[moving].T / sines[moving]
    H = np.block([[np.diag(values), W.T @ product],
                  [product.T @ W, moved.T @ product]])
    ritz = np.r_[0, np.linalg.eigvalsh(H)][-1 - len(values)]
    return ritz if ritz > len(W) * np.finfo(float).eps * values[0] else 0.0
