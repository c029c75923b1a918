"""The chord iteration: corrections by a fixed model of the operator.

Rank 0 holds a model M = F F' of the operator C (see :mod:`.dual` for the side
of X on which C acts) and improves a basis by the inverse of theta - M, with
the eigenvalues theta of the present basis: Newton's method with a derivative
that stays that of the start, or "chord".
"""
import numpy as np

from benchmark_utils.methods.davidson import shifted_inverse
from benchmark_utils.methods.linalg import (
    adjoint_product,
    gram,
    gram_product,
    leading_eigenpairs,
    orthonormal,
    procrustes,
)

# The model's eigenvalues outside the basis stay below this part of theta_k:
# the inverse exists, whatever the rounding of the model.
BELOW = 0.97
SMALL = 1e-9  # ratio of variances below which a Gram matrix is too inexact


class LocalOperator:
    """This rank's share of C: products and leading factors.

    Attributes
    ----------
    size : int
        N: C is N x N, and its vectors are the same on every rank.
    """

    def __init__(self, data):
        self.data, self.n_samples = data, data.n_samples
        rows = self._rows()
        self.size = rows.shape[1]
        self.C = None
        if len(rows) >= self.size:
            self.C = gram([rows], self.size) / self.n_samples
            self.C += np.triu(self.C, 1).T

    def _rows(self):
        X = self.data.X
        return X if self.data.partition == "samples" else X.T

    def __call__(self, Z):
        """C_i Z for Z (N x k); one pass over the data."""
        rows = self._rows()
        if self.C is not None:
            return self.C @ Z
        return gram_product(rows, Z) / self.n_samples

    def factor(self, r):
        """F (N x r, or less) with F F' the best approximation of C_i."""
        if self.C is not None:
            values, V = leading_eigenpairs(self.C, min(r, self.size))
            return V * np.sqrt(values.clip(0))
        rows = self._rows().astype(float)
        r = min(r, len(rows))
        if r == 0:
            return np.zeros((self.size, 0))
        return rows.T @ leading_eigenpairs(
            rows @ rows.T, r)[1] / np.sqrt(self.n_samples)


def basis_of(comm, data, Z):
    """The estimate that belongs to orthonormal Z (N x k).

    Communication: none (samples), an allreduce of k (k+1) / 2 floats
    (features), and an allgather of k * k floats where columns are nearly
    dependent.
    """
    if data.partition == "samples":
        return Z
    U = adjoint_product(data.X, Z)
    k = U.shape[1]
    upper = np.triu_indices(k)
    G = np.zeros((k, k))
    G[upper] = comm.sum((U.T @ U)[upper])
    G += np.triu(G, 1).T
    scale = np.sqrt(np.diag(G))
    if scale.min() > 0:
        values = np.linalg.eigvalsh(G / np.outer(scale, scale))
        if values[0] > SMALL * values[-1]:
            return np.linalg.solve(np.linalg.cholesky(G), U.T).T
    return data.orthonormalize(comm, U)


class Chord:
    """Corrections of a basis at rank 0.

    Parameters
    ----------
    F : array of shape (N, q)
        Factor of the model.
    k : int

    Attributes
    ----------
    start : array of shape (N, k)
        Leading eigenvectors of the model.
    gain : array of shape (k,)
        Norm of the correction of each column, per unit of white noise in the
        product.
    rate : float
        Estimate of rho, the contraction of a step without momentum.
    """

    def __init__(self, F, k, momentum):
        N = len(F)
        values, S = np.linalg.eigh(F.T @ F)
        keep = values > 1e-14 * values[-1]
        values, S = values[keep][::-1], S[:, keep][:, ::-1]
        V = F @ (S / np.sqrt(values))
        self.k, self.momentum = k, momentum
        self.F = V * np.sqrt(values)
        self.start = V[:, :k]
        if V.shape[1] < k:
            self.start = orthonormal(np.hstack([V, np.eye(N, k)]))[:, :k]
        theta = np.append(values, np.zeros(k))[:k].clip(1e-12 * values[0])
        tail = np.append(values[k:], np.zeros(N))[:N - k].clip(
            max=BELOW * theta[-1])
        self.gain = np.sqrt(
            (1 / (theta[:, None] - tail) ** 2).mean(axis=1))
        self.rate = 0.0
        self.previous = None

    def step(self, W, Y):
        """A better basis, from W (N x k) and Y, about C W.

        Returns
        -------
        better : array of shape (N, k)
            Orthonormal, turned like W.
        error : float
            Largest norm of a column's correction: the error of W.
        """
        Q, R = np.linalg.qr(W)
        Y = np.linalg.solve(R.T, Y.T).T
        H = Q.T @ Y
        theta, S = np.linalg.eigh((H + H.T) / 2)
        theta, S = theta[::-1], S[:, ::-1]
        U = Q @ S
        residual = Y @ S - U * theta
        residual -= U @ (U.T @ residual)
        top = np.linalg.norm(self.F - U @ (U.T @ self.F), 2) ** 2
        T = shifted_inverse(
            self.F, np.append(theta, min(top, BELOW * theta[-1])), U,
            residual)
        self._estimate_rate(U, theta, top, W, Y @ R)
        step, memory = self._coefficients()
        better = U + step * T
        turn = procrustes(U, W)
        better = better @ turn
        if self.previous is not None and memory:
            better = better + memory * (W - self.previous[0])
        better = orthonormal(better)
        better = better @ procrustes(better, W)
        self.previous = W, Y @ R
        return better, np.linalg.norm(T, axis=0).max()

    def _coefficients(self):
        """Of the correction and of the last move (heavy ball)."""
        if not self.momentum or self.previous is None:
            return 1.0, 0.0
        root = np.sqrt(1 - self.rate)
        return 4 / (1 + root) ** 2, ((1 - root) / (1 + root)) ** 2

    def _estimate_rate(self, U, theta, top, W, Y):
        """rho from the last move D: what the model misses of C D."""
        if self.previous is None:
            return
        D = W - self.previous[0]
        inside = U.T @ D
        product = Y - self.previous[1] - (U * theta) @ inside
        left, sizes, right = np.linalg.svd(D - U @ inside,
                                           full_matrices=False)
        good = sizes > 1e-3 * sizes[0]
        Q = left[:, good]
        MQ = self.F @ (self.F.T @ Q)
        missed = Q.T @ (product @ right[good].T / sizes[good] - MQ)
        shift = theta[-1] + max(0.0, top - BELOW * theta[-1])
        L = np.linalg.cholesky(shift * np.eye(Q.shape[1]) - Q.T @ MQ)
        half = np.linalg.solve(L, np.linalg.solve(L, missed).T)
        value = np.linalg.eigvalsh((half + half.T) / 2)[-1:]
        self.rate = min(max(self.rate, value.max(initial=0)), 0.9999)
