"""A rank's block of X, and the operations through which methods read it.

Every operation here is local: nothing is communicated.
"""
import numpy as np

from benchmark_utils.methods import linalg
from benchmark_utils.methods.krylov import leading_space

ACCURATE = 1e-6  # residuals of a basis, relative to the gap


class Block:
    """A block X (n x d) in memory; what reads it counts a pass.

    Parameters
    ----------
    X : array of shape (n, d)
        Must not change.
    meter : ReadingMeter
    """

    def __init__(self, X, meter):
        self._X, self.meter = X, meter
        self._transposed = self._gram = None
        self._flops = 0  # spent on products with X'X so far

    @property
    def X(self):
        """The array itself. To look at it costs nothing.

        Code that reads its numbers says so by :meth:`count_pass`.
        """
        return self._X

    @property
    def T(self):
        """The transposed block: ``data.T.product(Z)`` is X'Z."""
        if self._transposed is None:
            self._transposed = Block(self.X.T, self.meter)
            self._transposed._transposed = self
        return self._transposed

    def count_pass(self):
        """Declare one reading of the whole block."""
        self.meter.passes += 1

    def _read(self):
        X = self.X
        self.count_pass()
        return X

    def pieces(self):
        """Yield the rows in float64, in pieces that stay in cache; one pass.

        A piece is valid until the next one is asked for.
        """
        yield from linalg.row_pieces(self._read())

    def squared_norm(self):
        """The sum of all squares, the trace of X'X; one pass."""
        return sum(np.vdot(piece, piece) for piece in self.pieces())

    def product(self, U):
        """X U for U (d x k); one pass."""
        return linalg.product(self._read(), U)

    def gram(self):
        """X'X (d x d), read-only; one pass, and it is kept in memory."""
        if self._gram is None:
            X = self._read()
            self._gram = linalg.gram([X], X.shape[1])
            self._gram += np.triu(self._gram, 1).T
            self._gram.flags.writeable = False
        return self._gram

    def gram_product(self, U):
        """X'X U for U (d x k); one pass, or none with the stored X'X.

        A product with X'X is cheaper than two with a tall X, but X'X must be
        formed first. It is, as soon as products have cost as many operations
        as that takes: about twice the best that can be had for any number of
        products to come, at most (ski rental). Counted operations decide, not
        clocks, so results are the same on every machine. A wide X never
        forms it.
        """
        n, d = self.X.shape
        if self._gram is None and (n < d or self._flops < n * d ** 2):
            self._flops += 4 * n * d * U.shape[1]
            return linalg.gram_product(self._read(), U)
        return self.gram() @ U

    def leading_factor(self, r):
        """F (d x r) with F F' the best rank-r approximation of X'X.

        One pass; the rank is at most min(n, d).
        """
        n, d = self.X.shape
        if n >= d:
            return linalg.factor_of_gram(self.gram(), min(r, d))
        return linalg.leading_factor(self._read(), r)

    def truncated_factor(self, r):
        """The leading factor, and the largest eigenvalue of X'X - F F'."""
        F = self.leading_factor(r + 1)
        return F[:, :r], np.square(F[:, r:]).sum()

    def nystrom_factor(self, r, rng):
        """Nearly that, for few of many columns much cheaper.

        From a Krylov space of the smaller side of X, without its Gram matrix:
        one pass per block, one for the trace, and one more for a wide X.

        Parameters
        ----------
        r : int
        rng : numpy.random.Generator

        Returns
        -------
        F : array of shape (d, r)
            X'X - F F' is positive.
        missed : float
            Bound of its norm (``docs/theory.rst``).
        """
        side, space = self._leading_space(r, rng)
        if space is None:
            return self.truncated_factor(r)
        missed = space.beside(r, side.squared_norm())
        if side is self:
            return space.nystrom_factor(r), missed
        return side.product(space.ritz_vectors(r)), missed

    def leading_basis(self, k, rng):
        """Leading right singular vectors of X (d x k), cheap as above.

        To an angle of about 1e-6; at most min(n, d) of them.
        """
        side, space = self._leading_space(k, rng, ACCURATE)
        if space is None:
            return linalg.orthonormal(self.leading_factor(k))
        Z = space.ritz_vectors(k)
        return Z if side is self else linalg.orthonormal(side.product(Z))

    def _leading_space(self, r, rng, accurate=None):
        """The smaller side of X, and a Krylov space if that saves work."""
        n, d = self.X.shape
        side = self if n >= d else self.T
        return side, None if side._gram is not None else leading_space(
            side.gram_product, min(n, d), r, rng, accurate)
