"""Reading a field: one rank's part of it, or all of it in blocks."""
import math
import time

import numpy as np

# Bytes of the whole field that are in memory at once, as float64.
BLOCK_BYTES = 2**27
# Scattered cells are picked from whole time steps, this many bytes (as
# float64) at a time: what was just read is then still in the cache.
READ_BYTES = 2**23
POLLING_SECONDS = 0.005


class Reader:
    """Reads one rank's part of a field, any range of time steps."""

    def __init__(self, field, rank):
        self.field = field
        self.cells = field.cells(rank)
        places = np.array(np.unravel_index(self.cells, field.space))
        self.corner = places.min(axis=1)
        self.box = tuple(places.max(axis=1) + 1 - self.corner)
        self.file = field.open()
        self.data = self.file["field"]
        self.written = self.file.get("written")

    @property
    def shape(self):
        """Shape of this rank's whole part of X."""
        n_steps, size = self.field.n_steps, self.field.cell_size
        return ((n_steps * len(self.cells), size)
                if self.field.partition == "samples"
                else (n_steps, len(self.cells) * size))

    def read(self, start, stop):
        """This rank's rows of X for time steps start to stop.

        Waits for them if the field is still being written.

        Returns
        -------
        block : array of shape (steps * cells, n_features) for the partition
            ``samples``, (steps, own features) for ``features``.

        Raises
        ------
        TimeoutError
            If the simulation that writes the field has stopped.
        """
        if self.written is not None:
            self._wait(stop)
        field, cells = self.field, self.cells
        steps = stop - start
        part = np.empty((steps, len(cells), field.cell_size), field.dtype)
        if len(cells) == math.prod(self.box):  # one hyperslab
            box = tuple(slice(first, first + n) for first, n
                        in zip(self.corner, self.box, strict=True))
            self.data.read_direct(
                part.reshape(steps, *self.box,
                             *field.shape[1 + len(self.box):]),
                (slice(start, stop), *box))
        else:
            stride = field.steps_within(READ_BYTES)
            for i in range(start, stop, stride):
                j = min(i + stride, stop)
                whole = self.data[i:j].reshape(j - i, field.n_cells, -1)
                np.take(whole, cells, axis=1, out=part[i - start:j - start],
                        mode="clip")  # the default mode copies
        return part.reshape(
            (-1, field.cell_size) if field.partition == "samples"
            else (steps, -1))

    def _wait(self, stop):
        """Return when the time steps before ``stop`` are in the file.

        The writer counts a time step after its values are in the file, so
        the count is read first, then the index of the values is refreshed.
        """
        patience = self.written.attrs["patience"]
        written, since = -1, time.monotonic()
        while written < stop:
            self.written.refresh()
            if self.written[0] > written:
                written, since = self.written[0], time.monotonic()
                continue
            if time.monotonic() - since > patience:
                raise TimeoutError(
                    f"time step {written + 1} of {self.field.n_steps} has not "
                    f"arrived for {patience:g} s: the simulation that writes "
                    f"{self.field.path} has died or hangs. Start it again, or "
                    "let it give its readers more patience.")
            time.sleep(POLLING_SECONDS)
        self.data.refresh()

    def batches(self, n_steps=None):
        """Yield this rank's rows of X, ``field.batch`` or n_steps at once."""
        n_steps = n_steps or self.field.batch
        for start in range(0, self.field.n_steps, n_steps):
            yield self.read(start, min(start + n_steps, self.field.n_steps))


def row_blocks(field, steps=None):
    """Yield X, or its rows of a range of time steps, in blocks, in float64."""
    steps = range(field.n_steps) if steps is None else steps
    stride = field.steps_within(BLOCK_BYTES)
    with field.open() as file:
        for start in steps[::stride]:
            yield file["field"][start:min(start + stride, steps.stop)].reshape(
                -1, field.n_features).astype(float)


def column_blocks(field):
    """Yield X in blocks of columns, in float64.

    In their order for the partition ``features``, in any for ``samples``.
    """
    axis = 1 if field.partition == "features" else 1 + len(field.space)
    length = field.shape[axis]
    stride = max(1, BLOCK_BYTES * length // (8 * math.prod(field.shape)))
    with field.open() as file:
        for first in range(0, length, stride):
            columns = (slice(None),) * axis + (slice(first, first + stride),)
            yield file["field"][columns].reshape(
                field.n_samples, -1).astype(float)
