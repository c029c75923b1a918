"""The distributed matrix X as a method sees it."""
import time
from functools import partial

import numpy as np
from mpi4py import MPI

from benchmark_utils.methods.linalg import (
    adjoint_product,
    gram,
    gram_product,
    orthonormal,
    positive_qr,
    product,
)

ROWS_AT_ONCE = 4096


class PartitionedMatrix:
    """This rank's part of X (n_samples x n_features) and products with X.

    A basis (n_features x k) is replicated under the partition ``samples``;
    under ``features`` a rank holds the rows of it that match its columns.

    Attributes
    ----------
    n_samples, n_features : int
        Shape of the global X.
    partition : {"samples", "features"}
    n_batches : int
        Length of the stream.
    local_rng : numpy.random.Generator
        Private to this rank.
    samples_seen : float
        Passes over this rank's data so far.
    """

    def __init__(self, field, rank, local_rng, one_pass=False):
        self.n_samples = field.n_samples
        self.n_features = field.n_features
        self.partition = field.partition
        self.n_batches = -(-field.n_steps // field.batch)
        self.local_rng = local_rng
        self.one_pass = one_pass
        self.samples_seen = 0.0
        self.reading_seconds = self.reading_cpu_seconds = 0.0
        self._field, self._rank = field, rank
        # Under ``features``, on each rank.
        self._rows_of_basis = field.cell_size * np.bincount(field.owners())
        self._reader = field.reader(rank)
        self._block = None

    def load(self):
        """Keep the whole block in memory, for methods of several passes."""
        self._block = self._reader.read(0, self._field.n_steps)
        self._block.flags.writeable = False  # it also serves the scoring

    @property
    def shape(self):
        """Shape of this rank's whole block."""
        n_cells = self._reader.cells.size
        return ((self._field.n_steps * n_cells, self._field.cell_size)
                if self.partition == "samples"
                else (self._field.n_steps, n_cells * self._field.cell_size))

    @property
    def X(self):
        """This rank's whole block; each access counts as one pass."""
        self.samples_seen += 1
        return self._whole_block()

    def _whole_block(self):
        if self.one_pass:
            raise RuntimeError(
                "This method declares one_pass = True: it sees the data "
                "through data.batches(), once, and never holds data.X.")
        return self._block

    def batches(self):
        """Yield this rank's rows of X, one batch of time steps at a time.

        In situ the simulation hands a batch over in memory, so the time of
        reading it from the file is not charged to the method.
        """
        if self.one_pass and self.samples_seen:
            raise RuntimeError("A one-pass method reads the stream once.")
        batches = self.stored_batches(self._field.batch)
        while True:
            wall, cpu = time.perf_counter(), time.process_time()
            batch = next(batches, None)
            self.reading_seconds += time.perf_counter() - wall
            self.reading_cpu_seconds += time.process_time() - cpu
            if batch is None:
                return
            self.samples_seen += 1 / self.n_batches
            yield batch

    def stored_batches(self, n_steps):
        """Yield so many time steps at once; nothing is charged."""
        if self._block is None:
            yield from self._reader.batches(n_steps)
            return
        rows = n_steps * len(self._block) // self._field.n_steps
        for start in range(0, len(self._block), rows):
            yield self._block[start:start + rows]

    def covariance(self, comm, U):
        """X'X U / n_samples for a basis U; one allreduce.

        Communication: n_features * k floats (samples), n_samples * k floats
        (features).
        """
        if self.partition == "samples":
            Y = gram_product(self.X, U)
            comm.Allreduce(MPI.IN_PLACE, Y)
            return Y / self.n_samples
        Z = product(self.X, U)
        comm.Allreduce(MPI.IN_PLACE, Z)
        return adjoint_product(self.X, Z) / self.n_samples

    def local_covariance(self):
        """X'X U / n_samples of this rank's own X, as a function of U (d x k).

        For methods of many rounds, partition ``samples``: applies the d x d
        matrix where a product with that is cheaper than two with the block.
        Each product counts as one pass, whichever it reads.
        """
        X, d = self._whole_block(), self.n_features
        apply = partial(gram_product, X)
        if len(X) >= d:
            C = gram([X], d)
            C += np.triu(C, 1).T
            apply = C.__matmul__

        def product(U):
            self.samples_seen += 1
            return apply(U) / self.n_samples
        return product

    def inner(self, comm, U, V):
        """U'V of two bases; features: one allreduce of k * l floats."""
        G = U.T @ V
        if self.partition == "features":
            comm.Allreduce(MPI.IN_PLACE, G)
        return G

    def orthonormalize(self, comm, U):
        """Orthonormal basis of the columns of U, of any rank."""
        return self.qr(comm, U)[0]

    def qr(self, comm, U):
        """Q with orthonormal columns and R, on every rank, with U = Q R.

        Under ``features`` a TSQR: one allgather of k * k floats; stable for
        every condition number (Demmel et al. 2012, SIAM J. Sci. Comput. 34).
        The diagonal of R is not negative.
        """
        if self.partition == "samples":
            return positive_qr(U)
        k = U.shape[1]
        Q, R = np.linalg.qr(U)
        stacked = np.empty((comm.size, k, k))
        own = np.zeros((k, k))
        own[:len(R)] = R
        comm.Allgather(own, stacked)
        # Ranks of few cells have fewer than k rows; no padding in the QR.
        heights = np.minimum(self._rows_of_basis, k)
        mixing, combined = positive_qr(
            stacked[np.arange(k) < heights[:, None]])
        first = heights[:comm.rank].sum()
        return Q @ mixing[first:first + len(R)], combined

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
        return np.linalg.solve(R.T, np.concatenate(rows).T).T

