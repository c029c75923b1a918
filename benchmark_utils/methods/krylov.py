"""A block Krylov space with Rayleigh-Ritz and thick restart.

Wu & Simon 2000, SIAM J. Matrix Anal. Appl. 22(2).
"""
import numpy as np

from benchmark_utils.methods.certificate import rounding
from benchmark_utils.methods.linalg import orthonormal_against


class KrylovSpace:
    """Orthonormal basis V (N x m) and the projected operator V'CV.

    Parameters
    ----------
    N : int
        Length of a vector.
    longest : int
        Most columns of V; N or more means no restart.
    """

    def __init__(self, N, longest):
        self.longest = longest
        self.V, self.H = np.empty((N, 0)), np.empty((0, 0))

    @property
    def is_everything(self):
        """Whether V is the whole space, hence its Ritz vectors exact."""
        N, m = self.V.shape
        return m == N

    def add(self, block, product):
        """Add an orthonormal block, orthogonal to V, and its product with C.

        Parameters
        ----------
        block, product : arrays of shape (N, b)
        """
        m = len(self.H)
        self.V = np.hstack([self.V, block])
        # The old part of H is known, the product gives the new rows.
        overlap = self.V.T @ product
        old, new = overlap[:m], overlap[m:]
        H = np.block([[self.H, old], [old.T, new]])
        self.H = (H + H.T) / 2
        self.remainder = product - self.V @ overlap
        values, vectors = np.linalg.eigh(self.H)
        self.values, self.vectors = values[::-1], vectors[:, ::-1]

    def ritz_vectors(self, k):
        """The leading k of them (N x k), fewer while V has fewer columns."""
        return self.V @ self.vectors[:, :k]

    def bound(self, k, trace):
        """Of the error of the leading k Ritz vectors: its tangent.

        No eigenvalue of C beside them is above the next Ritz value and all
        variance outside V together (``docs/theory.rst``).

        Parameters
        ----------
        k : int
        trace : float
            Of C.
        """
        values, noise = self.values, rounding(len(self.V)) * self.values[0]
        if len(values) <= k:
            return 1.0
        outside = max(trace - values.sum(), 0.0)
        gap = values[k - 1] - values[k] - outside - noise
        b = self.remainder.shape[1]
        residual = np.linalg.norm(
            self.remainder @ self.vectors[-b:, :k], 2) + noise
        if gap <= residual:
            return 1.0
        sine = residual / gap
        return min(1.0, sine / np.sqrt(1 - sine ** 2))

    def next_block(self):
        """The next block of the Krylov sequence: new directions, at most b.

        Where V has no room for it, V keeps the leading half of its Ritz
        vectors; the sequence goes on as if nothing had happened (thick
        restart).
        """
        N, m = self.V.shape
        block = orthonormal_against(self.V, self.remainder[:, :N - m])
        if m + block.shape[1] > self.longest < N:
            kept = self.longest // 2
            self.V = self.ritz_vectors(kept)
            self.H = np.diag(self.values[:kept])
        return block
