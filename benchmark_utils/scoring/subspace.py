"""Scoring an estimate on the ranks: parallel, neither timed nor counted."""
import h5py
import numpy as np

from benchmark_utils.methods.linalg import product

# A rank's data are scored in pieces of about this size, in float64: small
# beside the block, since two of them live at a time.
PIECE_BYTES = 2**22
# An estimate may be this far from orthonormal before it is an error.
ORTHONORMALITY = 1e-6


class SubspaceScore:
    """Compares each rank's basis with the exact leading subspace.

    Parameters
    ----------
    comm : mpi4py communicator
        Not counted.
    field : Field
    data : PartitionedMatrix
    n_components : int
    """

    def __init__(self, comm, field, data, n_components):
        self.comm, self.data = comm, data
        # The same on every rank: their shares of a projection are added.
        self.steps = field.steps_within(PIECE_BYTES * comm.size)
        rows = np.s_[:] if data.partition == "samples" \
            else field.columns(comm.rank)
        with h5py.File(field.reference_path, "r") as file:
            self.reference = file["basis"][:, :n_components][rows]
        self.variance = sum(
            np.vdot(X, X) for X in self._batches()) / data.n_samples
        self.captured_reference = self._captured(self.reference)

    def __call__(self, U):
        """Score this rank's basis, or its rows of the common one.

        Returns
        -------
        dict
            residual_gram : array (k, k); R'R of the part R of the estimate
            outside the exact subspace. consensus_error : sine of the largest
            angle to the subspace of another rank. captured,
            captured_reference, variance : share of the trace of X'X /
            n_samples on this rank's part of the data; of the worst rank's
            estimate, of the optimum, in all.

        Raises
        ------
        ValueError
            If the estimate has a wrong shape, is not finite or is not
            orthonormal.
        """
        gram = self._check(U)
        agree = self._agree(U)
        U = np.linalg.solve(np.linalg.cholesky(gram), U.T).T
        residual = self._residual(U, self.reference)
        worst = U if agree else self._worst(U, np.linalg.norm(residual, 2))
        return dict(residual_gram=self._sum(residual.T @ residual),
                    consensus_error=0.0 if agree else self._disagreement(U),
                    captured=self._captured(worst),
                    captured_reference=self.captured_reference,
                    variance=self.variance)

    def aligned(self, U):
        """The basis of the same subspace that is closest to the exact one.

        Orthogonal Procrustes problem: Schoenemann 1966, Psychometrika 31(1).
        """
        left, _, right = np.linalg.svd(self._sum(U.T @ self.reference))
        return U @ (left @ right)

    def _check(self, U):
        """Gram matrix of a valid estimate."""
        shape = np.shape(U)
        if shape != self.reference.shape:
            raise ValueError(f"the estimate has shape {shape}, not "
                             f"{self.reference.shape}.")
        if not np.isfinite(U).all():
            raise ValueError("the estimate has NaN or infinite entries.")
        gram = self._sum(U.T @ U)
        defect = abs(gram - np.eye(len(gram))).max()
        if defect > ORTHONORMALITY:
            raise ValueError(f"the estimate is not orthonormal: "
                             f"max |U'U - I| = {defect:.1e}.")
        return gram

    def _agree(self, U):
        """Whether all ranks hold the very same basis, or rows of one."""
        return self.data.partition == "features" or all(
            self.comm.allgather(np.array_equal(U, self.comm.bcast(U))))

    def _worst(self, U, error):
        """The basis of the rank with the largest error."""
        return self.comm.bcast(U, np.argmax(self.comm.allgather(error)))

    def _disagreement(self, U):
        """Sine of the largest angle between this basis and another rank's."""
        return max(
            np.linalg.norm(self._residual(U, self.comm.bcast(U, rank)), 2)
            for rank in range(self.comm.size))

    def _residual(self, U, basis):
        """Part of U outside the span of an orthonormal basis."""
        return U - basis @ self._sum(basis.T @ U)

    def _sum(self, value):
        """Sum over ranks of what a distributed basis contributes."""
        return value if self.data.partition == "samples" \
            else self.comm.allreduce(value)

    def _batches(self):
        for X in self.data.stored_batches(self.steps):
            yield X.astype(float)

    def _captured(self, U):
        """Variance of this rank's data that projection on U reproduces.

        ||X||^2 - ||X - Z U'||^2 with Z = X U, over n_samples; under
        ``features`` Z is common and U are the rank's rows.
        """
        captured = 0.0
        for X in self._batches():
            own = product(X, U)
            Z = self._sum(own)
            captured += 2 * np.vdot(Z, own) - np.vdot(Z.T @ Z, U.T @ U)
        return captured / self.data.n_samples
