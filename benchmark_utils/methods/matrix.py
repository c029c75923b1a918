"""The distributed matrix X as a method sees it."""
from functools import cached_property

import numpy as np

from benchmark_utils.methods.block import Block
from benchmark_utils.methods.linalg import orthonormal, positive_qr
from benchmark_utils.methods.meter import ReadingMeter
from benchmark_utils.methods.tsqr import row_qr

ROWS_AT_ONCE = 4096


class PartitionedMatrix(Block):
    """This rank's part of X (n_samples x n_features) and products with X.

    A basis (n_features x k) is replicated under the partition ``samples``;
    under ``features`` a rank holds the rows of it that match its columns.
    The operations that take a communicator are those of the whole X; those
    of :class:`~benchmark_utils.methods.block.Block` are local.

    Attributes
    ----------
    n_samples, n_features : int
        Shape of the global X.
    partition : {"samples", "features"}
    n_steps, n_batches : int
        Length of the stream, in time steps and in batches.
    local_rng : numpy.random.Generator
        Private to this rank.
    meter : ReadingMeter
        Passes over this rank's data so far.
    """

    def __init__(self, field, rank, local_rng, one_pass=False):
        super().__init__(None, ReadingMeter())
        self.n_samples = field.n_samples
        self.n_features = field.n_features
        self.partition = field.partition
        self.n_steps = field.n_steps
        self.n_batches = -(-field.n_steps // field.batch)
        self.local_rng = local_rng
        self.one_pass = one_pass
        self._field, self._rank = field, rank
        self._heights = field.heights()
        self._reader = field.reader(rank)

    def load(self):
        """Keep the whole block in memory, for methods of several passes."""
        self._X = self._reader.read(0, self._field.n_steps)
        self._X.flags.writeable = False  # it also serves the scoring

    @property
    def shape(self):
        """Shape of this rank's whole block."""
        return self._reader.shape

    @property
    def X(self):
        """This rank's whole block, a read-only array in C order.

        Its own samples with all features (partition ``samples``), or all
        samples with its own features (``features``); of the field's own
        type, float32 by default. To look at it costs nothing; code that
        reads it itself declares each reading by ``data.count_pass()``.
        """
        if self.one_pass:
            raise RuntimeError(
                "This method declares one_pass = True: it sees the data "
                "through data.batches(), once, and never holds data.X.")
        return self._X

    def batches(self):
        """Yield this rank's rows of X, one batch of time steps at a time."""
        if self.one_pass and self.meter.passes:
            raise RuntimeError("A one-pass method reads the stream once.")
        batches = self.stored_batches(self._field.batch)
        while True:
            with self.meter.fetching():
                batch = next(batches, None)
            if batch is None:
                return
            self.meter.passes += 1 / self.n_batches
            yield batch

    def stored_batches(self, n_steps):
        """Yield so many time steps at once; nothing is charged."""
        if self._X is None:
            yield from self._reader.batches(n_steps)
            return
        rows = n_steps * len(self._X) // self._field.n_steps
        for start in range(0, len(self._X), rows):
            yield self._X[start:start + rows]

    def stored(self, start, stop):
        """The rows of time steps start to stop; nothing is charged."""
        if self._X is None:
            return self._reader.read(start, stop)
        per_step = len(self._X) // self._field.n_steps
        return self._X[start * per_step:stop * per_step]

    @cached_property
    def geometry(self):
        """Where this rank's values lie, for compressors."""
        return self.geometry_of(self._rank)

    def geometry_of(self, rank):
        """Where another rank's values lie, which every rank knows."""
        return self._field.geometry(rank)

    def covariance(self, comm, U):
        """X'X U / n_samples for a basis U; one allreduce.

        Communication: n_features * k floats (samples), n_samples * k floats
        (features).
        """
        if self.partition == "samples":
            return comm.sum(self.local_covariance(U))
        return self.T.product(comm.sum(self.product(U))) / self.n_samples

    def local_covariance(self, U):
        """This rank's term of :meth:`covariance` under ``samples``.

        With its own X in place of the global one; nothing is communicated.
        """
        return self.gram_product(U) / self.n_samples

    def inner(self, comm, U, V):
        """U'V of two bases; features: one allreduce of k * l floats."""
        G = U.T @ V
        return G if self.partition == "samples" else comm.sum(G)

    def orthonormalize(self, comm, U):
        """Orthonormal basis of the columns of U, of any rank."""
        return self.qr(comm, U)[0]

    def qr(self, comm, U):
        """Q with orthonormal columns and R, on every rank, with U = Q R.

        U has the shape of a basis: :func:`~.linalg.positive_qr` (samples) or
        :meth:`row_qr` (features).
        """
        if self.partition == "samples":
            return positive_qr(U)
        return self.row_qr(comm, U)

    def row_qr(self, comm, Y):
        """The same for a matrix whose rows are spread over ranks as X is.

        Rows of Y belong to this rank's samples, or to its features. See
        :func:`~benchmark_utils.methods.tsqr.row_qr`.

        Communication: one allgather of k * k floats.
        """
        return row_qr(comm, Y, self._heights)

    def unit_basis(self, k):
        """The first k unit vectors: costs nothing, for methods without start.
        """
        own = np.arange(self.n_features)
        if self.partition == "features":
            own = own[self._field.columns(self._rank)]
        return np.equal.outer(own, np.arange(k)).astype(float)

    def random_basis(self, k, rng):
        """An orthonormal basis with uniformly distributed span.

        Every rank draws the same numbers, so nothing is communicated and the
        basis does not depend on the number of ranks.

        Parameters
        ----------
        k : int
            At most n_features.
        rng : numpy.random.Generator
            The same stream on every rank.
        """
        if self.partition == "samples":
            return orthonormal(rng.standard_normal((self.n_features, k)))
        own = np.zeros(self.n_features, bool)
        own[self._field.columns(self._rank)] = True
        rows, gram = [], 0
        for start in range(0, self.n_features, ROWS_AT_ONCE):
            mine = own[start:start + ROWS_AT_ONCE]
            piece = rng.standard_normal((len(mine), k))
            gram = gram + piece.T @ piece
            rows.append(piece[mine])
        # Cholesky QR: a Gaussian matrix is well conditioned.
        R = np.linalg.cholesky(gram).T
        return np.concatenate(rows) @ np.linalg.inv(R)
