"""Coordinates in which a basis, and the directions next to it, come first."""
import numpy as np

from benchmark_utils.methods.linalg import orthonormal


def alike(numbers):
    """Sizes of groups of increasing numbers, all below twice their first."""
    sizes, first = [], 0.0
    for number in numbers:
        if number >= 2 * first:
            sizes.append(0)
            first = number
        sizes[-1] += 1
    return sizes


class Frame:
    """A basis, groups of guards, and the rest of the space.

    Guards are directions beside the basis that need care. Coordinates are
    those in an orthonormal basis of the whole space, which a reflection makes
    of the first unit vectors: it costs no more than a few products.

    Parameters
    ----------
    S : array of shape (N, m)
        Nearly orthonormal: the basis, then the guards.
    sizes : sequence of ints
        Of the basis, k, and of the groups; their sum is m.

    Attributes
    ----------
    W : array of shape (N, k)
        The basis, orthonormal.
    all : array of shape (N, m)
        And the guards.
    splits : array of ints
        Where the groups and the rest begin, in coordinates.
    """

    def __init__(self, S, sizes):
        self.all = Q = orthonormal(S)
        self.W, self.splits = Q[:, :sizes[0]], np.cumsum(sizes)
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

    def parts(self, X):
        """Coordinates along the basis, along each group, and the rest."""
        return np.split(self.coordinates(X), self.splits)

    def vectors(self, x):
        """The columns that have the coordinates x (N x c)."""
        x = x.copy()
        x[:self.m] = self.turn @ x[:self.m]
        return self._reflected(x)
