"""The variances of X along a basis U: U'X'XU, of a block or of a stream."""
import numpy as np

from benchmark_utils.methods.linalg import leading_factor, product


def block_variances(comm, data, U):
    """U'X'XU on every rank; one pass.

    Communication: an allreduce of k * k floats (samples), n_samples * k
    floats (features).
    """
    Z = data.product(U)
    if data.partition == "samples":
        return comm.sum(Z.T @ Z)
    Z = comm.sum(Z)
    return Z.T @ Z


class StreamVariances:
    """The same, nearly, when batches are gone and the basis still turns.

    Under ``samples`` a rank keeps a factor of rank 2 k of its own rows; what
    that truncates is missing. Under ``features`` all keep what the basis held
    of every batch, turned along with the basis.
    """

    def __init__(self, k, partition):
        self.k, self.own_rows = k, partition == "samples"
        self.factor = self.basis = None

    def add(self, comm, X, U):
        """Add a batch X that the basis U has seen.

        Communication: nothing (samples); two allreduces, of k * k floats and
        of rows of X * k floats (features).
        """
        if self.own_rows:
            rows, rank = X, 2 * self.k
        else:
            rows, rank = comm.sum(product(X, U)), self.k
        if self.factor is not None:
            past = self.factor if self.own_rows \
                else comm.sum(U.T @ self.basis) @ self.factor
            rows = np.vstack([past.T, rows])
        self.factor, self.basis = leading_factor(rows, rank), U

    def __call__(self, comm):
        """Communication: an allreduce of k * k floats (samples)."""
        if not self.own_rows:
            return self.factor @ self.factor.T
        Z = self.factor.T @ self.basis
        return comm.sum(Z.T @ Z)
