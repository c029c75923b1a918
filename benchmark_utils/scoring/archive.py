"""Score of an archive: the subspace of what is read back from it.

See ``estimates.py`` for the contract.
"""
import numpy as np

from benchmark_utils.scoring.stored import Reading
from benchmark_utils.scoring.subspace import SubspaceScore


class ArchiveScore:
    """The leading subspace of the decoded data, compared as any other.

    Every message is decoded once. Under ``features`` the decoded data are
    kept, as the principal axes are combinations of them.

    The parameters are those of :class:`SubspaceScore`.
    """

    metrics = staticmethod(SubspaceScore.metrics)
    perfect = staticmethod(SubspaceScore.perfect)

    def __init__(self, comm, field, data, n_components):
        self.comm, self.data, self.k = comm, data, n_components
        self.subspace = SubspaceScore(comm, field, data, n_components)
        self.reading = Reading(comm, field, data)
        self.gram, self.rows = 0.0, []

    def __call__(self, archive):
        return self.subspace(self.basis(archive))

    def pictures(self, archive):
        return self.subspace.pictures(self.basis(archive))

    def stored(self, archive, n_components):
        self._read(archive)
        return self.reading.scores()

    def basis(self, archive):
        """Principal axes of the decoded data, or this rank's rows of them."""
        self._read(archive)
        if self.data.partition == "samples":
            gram = self.comm.allreduce(
                self.gram + np.zeros(2 * (self.data.n_features,)))
            return np.linalg.eigh(gram)[1][:, :-self.k - 1:-1]
        width = self.data.shape[1]
        Y = np.concatenate([np.empty((0, width)), *self.rows])
        axes = np.linalg.eigh(self.comm.allreduce(Y @ Y.T))[1]
        U = Y.T @ axes[:, :-self.k - 1:-1]
        U = np.pad(U, [(0, 0), (0, self.k - U.shape[1])])
        return self.data.orthonormalize(self.comm, U)

    def _read(self, archive):
        for decoded in self.reading.new(archive):
            Y = self.data.geometry.rows(decoded).astype(float)
            if self.data.partition == "samples":
                self.gram = self.gram + Y.T @ Y
            else:
                self.rows.append(Y)
