"""Ritz pairs of an operator, and the inverse of a model beside them."""
import numpy as np


class RitzPairs:
    """What a basis W and the product C W say of the operator C.

    Parameters
    ----------
    W : array of shape (N, k)
        Nearly orthonormal.
    Y : array of shape (N, k)
        C W, or nearly.

    Attributes
    ----------
    U : array of shape (N, k)
        Orthonormal Ritz vectors, strong ones first; W mixing.
    theta : array of shape (k,)
        Ritz values.
    residual : array of shape (N, k)
        The part of C U outside the span of U.
    mixing : array of shape (k, k)
    """

    def __init__(self, W, Y):
        Q, R = np.linalg.qr(W)
        CQ = np.linalg.solve(R.T, Y.T).T
        H = Q.T @ CQ
        theta, S = np.linalg.eigh((H + H.T) / 2)
        self.theta, S = theta[::-1], S[:, ::-1]
        self.U, self.mixing = Q @ S, np.linalg.solve(R, S)
        self.residual = CQ @ S - self.U * self.theta
        self.residual -= self.U @ (self.U.T @ self.residual)


def graph(U, W):
    """Coordinates of the space of W over an orthonormal U: that of U + graph.
    """
    inside = U.T @ W
    return np.linalg.solve(inside.T, (W - U @ inside).T).T


class ModelBeside:
    """A model F F' of C, restricted to the complement of U.

    Attributes
    ----------
    top : float
        Its largest eigenvalue.
    """

    def __init__(self, F, U):
        self.F = F - U @ (U.T @ F)
        self.values, self.vectors = np.linalg.eigh(self.F.T @ self.F)
        self.top = self.values[-1]

    def __matmul__(self, T):
        return self.F @ (self.F.T @ T)

    def solve(self, shifts, R):
        """T, orthogonal to U as R is: shift_j t_j - F F' t_j = r_j.

        Every shift must be above ``top``.
        """
        # Woodbury: the inverse of a multiple of the identity minus F F'.
        inner = self.vectors.T @ (self.F.T @ R)
        inner /= shifts - self.values[:, None]
        return (R + self.F @ (self.vectors @ inner)) / shifts
