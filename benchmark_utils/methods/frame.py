"""Coordinates in which a basis, and the directions next to it, come first."""
import numpy as np

from benchmark_utils.methods.linalg import orthonormal


class Frame:
    """A basis, some guards, and the rest of the space.

    Guards are directions beside the basis that need care. Coordinates are
    those in an orthonormal basis of the whole space, which a reflection makes
    of the first unit vectors: it costs no more than a few products.

    Parameters
    ----------
    S : array of shape (N, k + b)
        Nearly orthonormal: the basis, then the guards.
    k : int

    Attributes
    ----------
    W : array of shape (N, k)
        The basis, orthonormal.
    guards : array of shape (N, b)
        Orthonormal, orthogonal to the basis.
    all : array of shape (N, k + b)
    """

    def __init__(self, S, k):
        self.all = Q = orthonormal(S)
        self.W, self.guards = np.split(Q, [k], axis=1)
        self.m = m = Q.shape[1]
        # Q = (I - Y (I + H)^-1 Y') E turn, with the first m unit vectors E
        # and the polar decomposition -turn H of the first m rows of Q.
        left, sines, right = np.linalg.svd(Q[:m])
        self.turn = -left @ right
        self.Y = Q.copy()
        self.Y[:m] -= self.turn
        self.inner = np.eye(m) + (right.T * sines) @ right

    def _reflected(self, X):
        return X - self.Y @ np.linalg.solve(self.inner, self.Y.T @ X)

    def coordinates(self, X):
        """Of the columns of X: k along the basis, b along the guards, rest.

        Parameters
        ----------
        X : array of shape (N, c)

        Returns
        -------
        array of shape (N, c)
        """
        X = self._reflected(X)
        X[:self.m] = self.turn.T @ X[:self.m]
        return X

    def vectors(self, x):
        """The columns that have the coordinates x (N x c)."""
        x = x.copy()
        x[:self.m] = self.turn @ x[:self.m]
        return self._reflected(x)
