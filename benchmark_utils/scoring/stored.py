"""Reading an archive back: from its bytes alone, with a decoder of its own."""
import time

import numpy as np

from benchmark_utils.scoring.field_errors import FieldErrors

# A rank's data are read in pieces of about this size, in float64: small beside
# the block, since two of them live at a time.
PIECE_BYTES = 2**22
# They are compared in smaller ones: large arrays that come and go cost more
# in pages that the system has to clear than in arithmetic.
COMPARED_BYTES = 2**17


class Reading:
    """A growing archive, decoded message by message and compared.

    Parameters
    ----------
    comm : mpi4py communicator
        Not counted.
    field : Field
    data : PartitionedMatrix
    true : Sums, optional
        See :class:`.field_errors.FieldErrors`.
    """

    def __init__(self, comm, field, data, true=None):
        self.comm, self.field, self.data = comm, field, data
        self.errors = FieldErrors(data.geometry, true)
        self.steps_at_once = field.steps_within(
            COMPARED_BYTES * comm.size)
        self.decoder, self.n_read, self.n_steps = None, 0, 0
        self.seconds, self.stored_bytes = 0.0, 0

    def new(self, archive):
        """Yield arrays (steps, *shape) of the messages that have come."""
        if self.decoder is None and self.comm.allreduce(
                len(archive.messages)):
            # One copy is stored, and that copy is read.
            shared = self.comm.bcast(archive.shared)
            self.stored_bytes = len(shared) if self.comm.rank == 0 else 0
            begin = time.process_time()
            self.decoder = archive.new_decoder(*[shared] if shared else [])
            self.seconds += time.process_time() - begin
        for message in archive.messages[self.n_read:]:
            begin = time.process_time()
            decoded = self.decoder.decode(message)
            self.seconds += time.process_time() - begin
            self.stored_bytes += len(message)
            self.n_read += 1
            self._compare(decoded)
            yield decoded

    def _compare(self, decoded):
        for first in range(0, len(decoded), self.steps_at_once):
            piece = np.asarray(decoded[first:first + self.steps_at_once],
                               float)
            stop = self.n_steps + len(piece)
            self.errors.add(self.data.geometry.array(self.data.stored(
                self.n_steps, stop)).astype(float), piece)
            self.n_steps = stop

    def scores(self):
        """Bytes and errors; steps not yet stored count as the background, 0.

        The end of the reading.
        """
        shape = self.data.geometry.shape
        while self.n_steps < self.field.n_steps:
            self._compare(np.zeros((min(
                self.steps_at_once, self.field.n_steps - self.n_steps),
                *shape)))
        return dict(
            **self.errors.sums(), stored_bytes=self.stored_bytes,
            decode_s=self.seconds, raw_bytes=self.field.n_steps * np.prod(
                shape) * self.field.dtype.itemsize)
