"""Score of a subspace: its angles to the exact one, the variance it captures.

See ``estimates.py`` for the contract.
"""
import warnings
from hashlib import sha256

import h5py
import numpy as np

from benchmark_utils.compression.basis import archive_of_basis
from benchmark_utils.methods.linalg import product, row_pieces
from benchmark_utils.scoring.pictures import gather_pictures
from benchmark_utils.scoring.stored import PIECE_BYTES, Reading

# An estimate may be this far from orthonormal before it is an error.
ORTHONORMALITY = 1e-6
# No subspace captures more than the leading one, but for rounding.
ROUNDING = 1e-10


class DataSums:
    """Sums over a rank's data, which do not depend on the method.

    Attributes
    ----------
    last : DataSums or None
        Of the last run in this process: repetitions share them.
    key
        Equal for the same data.
    variance, captured_exact : float
        In all, and what the exact subspace captures.
    true : Sums or None
        See :class:`.field_errors.FieldErrors`; once they are known.
    """

    last = None

    def __init__(self, key):
        self.key, self.variance, self.true = key, 0.0, None


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
        self.comm, self.field, self.data = comm, field, data
        # The same on every rank: their shares of a projection are added.
        self.steps = field.steps_within(PIECE_BYTES * comm.size)
        self.reference = self._exact(n_components)
        self.sums = self._sums_of_data()

    def _exact(self, k):
        """The exact basis, or this rank's rows of it."""
        is_map, basis = self.data.partition == "features", None
        if is_map or self.comm.rank == 0:
            with h5py.File(self.field.reference_path, "r") as file:
                basis = file["basis"][:, :k]
        return basis[self.field.columns(self.comm.rank)] if is_map \
            else self.comm.bcast(basis)

    def __call__(self, U):
        """Score this rank's basis, or its rows of the common one.

        Returns
        -------
        dict
            residual_gram : array (k, k); R'R of the part R of the estimate
            outside the exact subspace. consensus_error : sine of the largest
            angle to the subspace of another rank. variance, captured_exact,
            captured_own, captured_worst : share of the trace of X'X /
            n_samples on this rank's part of the data; in all, and what is
            captured by the exact subspace, by this rank's estimate, by that
            of the rank with the largest error.

        Raises
        ------
        ValueError
            If the estimate has a wrong shape or type, is not finite or is not
            orthonormal.
        """
        gram = self._check(U)
        holders = self._holders(U)
        agree = len(holders) == 1
        U = np.linalg.solve(np.linalg.cholesky(gram), U.T).T
        residual = self._residual(U, self.reference)
        own = self._captured(U)
        return dict(
            residual_gram=self._sum(residual.T @ residual),
            consensus_error=0.0 if agree
            else self._disagreement(U, holders),
            variance=self.sums.variance,
            captured_exact=self.sums.captured_exact,
            captured_own=own,
            captured_worst=own if agree else self._captured(
                self._worst(U, np.linalg.norm(residual, 2))))

    @staticmethod
    def metrics(residual_gram, consensus_error, variance, captured_exact,
                captured_own, captured_worst):
        """Metrics from the scores of all ranks, an entry per rank."""
        sines = np.sqrt(np.linalg.eigvalsh(residual_gram).clip(0, 1))
        total = variance.sum()
        excess = (captured_exact - captured_worst).sum() / total
        if excess < -ROUNDING:
            warnings.warn(
                f"An estimate captures {-excess:.1e} more of the variance "
                "than the exact subspace: the stored reference is wrong, "
                "delete it.", stacklevel=2)
        # Of every rank on its own data; negative where an estimate suits a
        # rank better than the optimum of all.
        domain_errors = (captured_exact - captured_own) / np.where(
            variance, variance, 1)
        return dict(
            subspace_error=sines.max(),
            chordal_error=np.sqrt((sines ** 2).mean(axis=1)).max(),
            # Rounding may leave -1e-16, which a logarithmic axis cannot show.
            excess_error=max(0.0, excess),
            reconstruction_error=1 - captured_worst.sum() / total,
            worst_domain_error=max(0.0, domain_errors.max()),
            consensus_error=consensus_error.max(),
            domain_errors=domain_errors)

    @staticmethod
    def perfect(n_ranks, n_components):
        """Scores of the exact subspace."""
        ones = np.ones(n_ranks)
        return dict(
            residual_gram=np.zeros((n_ranks, n_components, n_components)),
            consensus_error=0 * ones, variance=ones, captured_exact=ones,
            captured_own=ones, captured_worst=ones)

    def pictures(self, U):
        """Pictures of the leading modes at rank 0, None elsewhere."""
        return gather_pictures(self.comm, self.field, self._aligned(U))

    def stored(self, U, n_components):
        """Bytes and errors of the archive of its leading components.

        Where ranks disagree, the basis of the one with the largest error.
        """
        if len(self._holders(U)) > 1:
            U = self._worst(U, np.linalg.norm(
                self._residual(U, self.reference), 2))
        reading = Reading(self.comm, self.field, self.data, self.sums.true)
        for _ in reading.new(archive_of_basis(
                self.comm, self.data, U, self.steps, n_components)):
            pass
        scores, self.sums.true = reading.scores(), reading.errors.true
        return scores

    def _check(self, U):
        """Gram matrix of a valid estimate."""
        kind, shape = np.asarray(U).dtype, np.shape(U)
        if kind.kind != "f":
            raise ValueError(
                f"the estimate holds {kind}, not real floating point numbers: "
                "yield a float64 array; of a complex basis, its real form.")
        if not isinstance(U, np.ndarray):
            raise ValueError(f"the estimate is a {type(U).__name__}, not a "
                             "NumPy array.")
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

    def _aligned(self, U):
        """The basis of the same subspace that is closest to the exact one.

        Orthogonal Procrustes problem: Schoenemann 1966, Psychometrika 31(1).
        """
        left, _, right = np.linalg.svd(self._sum(U.T @ self.reference))
        return U @ (left @ right)

    def _holders(self, U):
        """One rank for every different basis; rows are of a common one."""
        if self.data.partition == "features":
            return [0]
        U = U + 0.0  # makes -0 a 0
        digests = self.comm.allgather(sha256(U.tobytes()).digest())
        return sorted(map(digests.index, set(digests)))

    def _worst(self, U, error):
        """The basis of the rank with the largest error."""
        return self.comm.bcast(U, np.argmax(self.comm.allgather(error)))

    def _disagreement(self, U, holders):
        """Sine of the largest angle between this basis and another one."""
        return max(
            np.linalg.norm(self._residual(U, self.comm.bcast(U, rank)), 2)
            for rank in holders)

    def _residual(self, U, basis):
        """Part of U outside the span of an orthonormal basis."""
        return U - basis @ self._sum(basis.T @ U)

    def _sum(self, value):
        """Sum over ranks of what a distributed basis contributes."""
        return value if self.data.partition == "samples" \
            else self.comm.allreduce(value)

    def _sums_of_data(self):
        """Those of the last run in this process, if it had the same data."""
        key = vars(self.field), self.comm.rank, self.reference.tobytes()
        sums, grows = DataSums.last, self.field.identity is None
        if grows or sums is None or sums.key != key:
            sums = DataSums(key)
            sums.captured_exact = self._captured(
                self.reference, self._adding_variance(sums))
            DataSums.last = sums
        return sums

    def _adding_variance(self, sums):
        """Batches of this rank's data, whose variance is added on the way."""
        for X in self.data.stored_batches(self.steps):
            sums.variance += sum(
                np.vdot(piece, piece) for piece in row_pieces(X)
            ) / self.data.n_samples
            yield X

    def _captured(self, U, batches=None):
        """Variance of this rank's data that projection on U reproduces.

        ||X||^2 - ||X - Z U'||^2 with Z = X U, over n_samples; under
        ``features`` Z is common and U are the rank's rows.
        """
        captured = 0.0
        for X in batches or self.data.stored_batches(self.steps):
            own = product(X, U)
            Z = self._sum(own)
            captured += 2 * np.vdot(Z, own) - np.vdot(Z.T @ Z, U.T @ U)
        return captured / self.data.n_samples
