"""The archive that a basis stands for: rounded coefficients and basis."""
from functools import partial

import numpy as np

from benchmark_utils.compression.archive import Archive
from benchmark_utils.methods.coding import Coder

# Of what k components leave out: the rounding of their coefficients, and of
# the basis.
ROUNDING = 0.08, 0.02
# Of the total variance; below it the components are taken for exact.
SMALLEST_LEFT_OUT = 1e-12


def archive_of_basis(comm, data, U, n_steps, k):
    """Store a rank's part of the projection to a basis.

    Rounding adds a tenth to the squared error of the projection. Under
    ``samples`` the basis is stored once, and a rank's coefficients step by
    step; under ``features`` the coefficients, and each rank's rows.

    Parameters
    ----------
    comm : mpi4py communicator
        Not counted.
    data : PartitionedMatrix
    U : array of shape (n_features, k or more)
        Orthonormal, the same on all ranks; or this rank's rows of it.
    n_steps : int
        Time steps that are read at once.
    k : int
        How many of the leading components to store.

    Returns
    -------
    Archive
    """
    samples = data.partition == "samples"
    coefficients, total = [], 0.0
    for X in data.stored_batches(n_steps):
        X = X.astype(float)
        total += np.vdot(X, X)
        Z = X @ U
        coefficients.append(Z if samples else comm.allreduce(Z))
    gram = sum(Z.T @ Z for Z in coefficients)
    total, gram = comm.allreduce(total), (
        comm.allreduce(gram) if samples else gram)
    variances, rotation = np.linalg.eigh(gram)
    variances, rotation = variances[-k:], rotation[:, -k:]
    left_out = max(total - variances.sum(), SMALLEST_LEFT_OUT * total,
                   np.finfo(float).tiny)
    of_coefficients, of_basis = ROUNDING
    z_steps = np.full(k, np.sqrt(
        12 * of_coefficients * left_out / (data.n_samples * k)))
    u_steps = np.sqrt(12 * of_basis * left_out / (
        data.n_features * k * np.maximum(variances, left_out / k)))
    U, coefficients = U @ rotation, [Z @ rotation for Z in coefficients]
    coder = Coder()
    if samples:
        shared, n_rows = pack(Coder(), U, u_steps), data.n_features
        messages = [pack(coder, Z, z_steps) for Z in coefficients]
    else:
        shared, n_rows = pack(Coder(), np.concatenate(coefficients),
                              z_steps), data.n_samples
        messages = [pack(coder, U, u_steps)]
    return Archive(partial(
        BasisDecoder, geometry=data.geometry, partition=data.partition, k=k,
        steps=[len(Z) // data.geometry.rows_per_step for Z in coefficients],
        n_rows=n_rows), shared, messages)


def pack(coder, A, steps):
    """Columns of A, rounded to multiples of their steps."""
    return steps.tobytes() + coder.encode(np.rint(A / steps)).tobytes()


class BasisDecoder:
    """Reads what :func:`archive_of_basis` has written."""

    def __init__(self, shared, geometry, partition, k, steps, n_rows):
        self.geometry, self.partition, self.k = geometry, partition, k
        self.steps, self.coder = iter(steps), Coder()
        self.common = self._matrix(Coder(), shared, n_rows)

    def _matrix(self, coder, message, n_rows):
        head = 8 * self.k
        return coder.decode(
            np.frombuffer(message[head:], np.uint8), (n_rows, self.k)
        ) * np.frombuffer(message[:head])

    def decode(self, message):
        geometry = self.geometry
        if self.partition == "samples":
            Z = self._matrix(self.coder, message,
                             next(self.steps) * geometry.rows_per_step)
            return geometry.array(Z @ self.common.T)
        U = self._matrix(self.coder, message, int(np.prod(geometry.shape)))
        return geometry.array(self.common @ U.T)
