"""A block Krylov space with Rayleigh-Ritz and thick restart.

Wu & Simon 2000, SIAM J. Matrix Anal. Appl. 22(2).
"""
import numpy as np

from benchmark_utils.methods.certificate import rounding
from benchmark_utils.methods.linalg import (
    leading_factor,
    orthonormal,
    orthonormal_against,
)

# Residuals that a model may leave, relative to the eigenvalue that it cuts.
CONVERGED = 0.1
# Random vectors that look for what the space has not seen, as a block of b
# columns sees b of equal eigenvalues: with a probability below 2e-9 they miss
# one that is 100 times the cut.
PROBES, HIDDEN = 8, 10
# Columns of a space whose products cost half as much as X'X, over N.
AFFORDABLE = 1 / 8


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
        if len(self.values) <= k:
            return 1.0
        gap = self.values[k - 1] - self.beside(k, trace)
        residual = np.linalg.norm(self.residual(k), 2) + self.noise
        if gap <= residual:
            return 1.0
        sine = residual / gap
        return min(1.0, sine / np.sqrt(1 - sine ** 2))

    @property
    def noise(self):
        """Of the rounding of float64, in units of C."""
        return rounding(len(self.V)) * self.values[0]

    def residual(self, k):
        """Of the leading k Ritz pairs (N x k)."""
        b = self.remainder.shape[1]
        return self.remainder @ self.vectors[-b:, :k]

    def beside(self, k, trace):
        """Bound of the norm of C in the complement of k Ritz vectors."""
        outside = max(trace - self.values.sum(), 0.0)
        return self.values[k] + outside + self.noise

    def sees_all(self, r, product, rng):
        """Whether nothing strong beside eigenvalue r + 1 is outside V."""
        Z = rng.standard_normal((len(self.V), PROBES))
        Z = product(Z - self.V @ (self.V.T @ Z))
        Z -= self.V @ (self.V.T @ Z)
        return np.linalg.norm(Z, axis=0).max() \
            <= HIDDEN * self.values[r] + self.noise * PROBES

    def nystrom_factor(self, r):
        """F (N x r) with F F' <= C, exact on the leading r Ritz vectors.

        Columns are orthogonal and decrease.
        """
        tiny = np.finfo(float).tiny
        root = np.sqrt(self.values[:r].clip(max(self.noise, tiny)))
        F = self.ritz_vectors(r) * (self.values[:r] / root) \
            + self.residual(r) / root
        return leading_factor(F.T, r)

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


def is_affordable(N, r):
    """Whether a space of three blocks, which most need, is."""
    return r + 3 * -(-r // 2) <= int(AFFORDABLE * N)


def leading_space(product, N, r, rng, accurate=None):
    """A Krylov space that resolves r leading eigenvectors of C, if cheap.

    Residuals of the pairs are small beside the eigenvalue that follows, which
    is what a model of rank r misses anyway. No gap is needed for that
    (Musco & Musco 2015, NeurIPS 28). Eigenvectors themselves are as accurate
    as residuals are small beside the gap.

    Parameters
    ----------
    product : function
        Z (N x b) to C Z.
    N, r : int
    rng : numpy.random.Generator
        Of the start.
    accurate : float, optional
        Ratio of the residuals to the gap, instead.

    Returns
    -------
    KrylovSpace, or None if it takes too many products or misses something.
    """
    affordable, b = int(AFFORDABLE * N), -(-r // 2)
    if not is_affordable(N, r):
        return None
    space = KrylovSpace(N, N)
    block = orthonormal(rng.standard_normal((N, b)))
    while space.V.shape[1] + b <= affordable:
        space.add(block, product(block))
        if len(space.values) > r:
            last, following = space.values[r - 1:r + 1]
            most = CONVERGED * following if accurate is None \
                else accurate * (last - following)
            if np.linalg.norm(space.residual(r), 2) <= most + space.noise:
                return space if space.sees_all(r, product, rng) else None
        block = space.next_block()
    return None
