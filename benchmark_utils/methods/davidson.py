"""Block Davidson: a search space that grows by preconditioned residuals.

Rank 0 decides, like the server of the published methods; the other ranks
hold the space to multiply its newest block by their data.
"""
import numpy as np

from benchmark_utils.methods.linalg import orthonormal, orthonormal_against
from benchmark_utils.methods.ritz import ModelBeside


class SearchSpace:
    """Orthonormal columns V on every rank, and C V at rank 0.

    Parameters
    ----------
    comm : MPI communicator
    block : array of shape (d, k)
        The first columns, orthonormal and the same on every rank.
    limit : int
        Where the columns are this many, keep the 2 k best directions.

    Attributes
    ----------
    block : array of shape (d, k), or less where V is nearly everything
        Newest columns, to be multiplied by C.
    """

    def __init__(self, comm, block, limit):
        self.comm, self.limit = comm, limit
        self.root = comm.rank == 0
        self.V = self.block = block
        self.k = block.shape[1]
        self.CV = np.empty((len(block), 0))

    def rayleigh_ritz(self, local):
        """Add the product of C and the newest block; leading eigenpairs.

        Communication: a reduce of d * k floats, and where m columns reach the
        limit a broadcast of 2 m k floats.

        Parameters
        ----------
        local : array like the block
            This rank's share of the product.

        Returns
        -------
        (values, U, residual) at rank 0, None elsewhere
            values : array of shape (k + 1,)
                Ritz values, decreasing. Above the last one are the wanted
                ones; it is half the one before while the space has k columns.
            U : array of shape (d, k)
                Ritz vectors.
            residual : array of shape (d, k)
                C U - U * values.
        """
        product = np.empty_like(local) if self.root else None
        self.comm.Reduce(local, product)
        if self.root:
            self._extend(product)
        if self.limit <= self.V.shape[1] < len(self.V):
            self._restart()
        return self._leading() if self.root else None

    def _extend(self, product):
        """Complete C V; eigenvalues and eigenvectors of V'C V, decreasing."""
        self.CV = np.hstack([self.CV, product])
        H = self.V.T @ self.CV
        values, vectors = np.linalg.eigh((H + H.T) / 2)
        self.values, self.vectors = values[::-1], vectors[:, ::-1]

    def _restart(self):
        """Make the 2 k leading Ritz vectors the space, on every rank."""
        kept = np.empty((self.V.shape[1], 2 * self.k))
        if self.root:
            kept[:] = self.vectors[:, :2 * self.k]
        self.comm.Bcast(kept)
        self.V = self.V @ kept
        if self.root:
            self.CV = self.CV @ kept
            self.vectors = np.eye(2 * self.k)

    def _leading(self):
        """Ritz values, Ritz vectors and their residuals."""
        k, values = self.k, self.values
        following = values[k] if len(values) > k else values[k - 1] / 2
        leading = self.vectors[:, :k]
        U = self.V @ leading
        return (np.append(values[:k], following), U,
                self.CV @ leading - U * values[:k])

    def share(self, ritz):
        """What rank 0 has from :meth:`rayleigh_ritz`, on every rank.

        Communication: a broadcast of (2 d + 1) k + 1 floats.
        """
        d, k = len(self.V), self.k
        packed = np.empty(2 * d * k + k + 1)
        if self.root:
            values, U, residual = ritz
            packed[:] = np.concatenate(
                [U.ravel(), residual.ravel(), values])
        self.comm.Bcast(packed)
        U, residual, values = np.split(packed, [d * k, 2 * d * k])
        return values, U.reshape(d, k), residual.reshape(d, k)

    def expand(self, T):
        """Add the directions of rank 0's corrections T (d x k) of U.

        Communication: a broadcast of (d + m) k floats for a new size m.

        Returns
        -------
        array of shape (d, k)
            Orthonormal basis of U + T, as far as the space holds it.
        """
        (d, m), k = self.V.shape, self.k
        width = min(k, d - m)
        message = np.empty(d * width + (m + width) * k)
        if self.root:
            block = orthonormal_against(self.V, T[:, :width])
            better = np.vstack(
                [self.vectors[:, :k] + self.V.T @ T, block.T @ T])
            message[:] = np.concatenate(
                [block.ravel(), orthonormal(better).ravel()])
        self.comm.Bcast(message)
        block, better = np.split(message, [d * width])
        self.block = block.reshape(d, width)
        self.V = np.hstack([self.V, self.block])
        return self.V @ better.reshape(m + width, k)


def shifted_inverse(F, values, U, residual):
    """Solve (values_j + mu - C~) t_j = residual_j orthogonally to U.

    C~ is the model F F', restricted to the complement of U. There, C has no
    eigenvalue above values[k]; mu is the least shift after which that holds
    for the model as well, so that the operator is positive definite. With
    C~ <= C it vanishes as the values converge.

    Parameters
    ----------
    F : array of shape (d, q)
    values, U, residual
        See :meth:`SearchSpace.rayleigh_ritz`.
    """
    return shifted_solve(ModelBeside(F, U), values, residual)


def shifted_solve(model, values, residual):
    """The same, with the :class:`~.ritz.ModelBeside` U."""
    shifts = values[:-1] + max(0.0, model.top - values[-1])
    return model.solve(shifts, residual)
