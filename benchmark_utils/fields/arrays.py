"""A matrix whose parts are arrays of the ranks, in the place of a field."""
import numpy as np
from greenlet import getcurrent


def is_finite(X):
    """Whether all values are; a sum needs no memory, but may overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(X.sum(dtype=float)) or np.isfinite(X).all())


class SplitArray:
    """What the class PartitionedMatrix of ``methods`` asks of a field.

    It also reads it: on a rank there is its own array and no other one.

    Parameters
    ----------
    comm : communicator
        Not counted.
    X : array of shape (own rows, d) or (n, own columns)
        The whole block, or the first batch of a stream.
    partition : {"samples", "features"}
    n_batches : int
        Of the stream, each of about the shape of X.

    Raises
    ------
    ValueError
        X is no matrix of finite floating point numbers, or does not fit to
        those of the other ranks; on all ranks.
    """

    batch = 1

    def __init__(self, comm, X, partition, n_batches):
        self.comm, self.partition, self.n_steps = comm, partition, n_batches
        sizes = self._checked(X)
        first, own = sizes[:comm.rank].sum(), sizes[comm.rank]
        self._columns = np.arange(first, first + own)
        rows, columns = np.shape(X)
        self._heights = sizes
        if partition == "samples":
            self._heights = sizes * n_batches
            self.n_samples, self.n_features = sizes.sum() * n_batches, columns
        else:
            self.n_samples, self.n_features = rows * n_batches, sizes.sum()
        self.shape = rows * n_batches, columns
        self._next = X

    def heights(self):
        return self._heights

    def columns(self, rank):
        """Under ``features`` of the own rank only, in the order of ranks."""
        return self._columns

    def reader(self, rank):
        return self

    def read(self, start, stop):
        return self._next.view()

    def hand_over(self, X):
        """X is the next batch, on all ranks; ValueError as above."""
        self._checked(X)
        self._next = X

    def _checked(self, X):
        """Rows of every rank's part, or columns under ``features``."""
        kind = getattr(X, "dtype", np.dtype(object))
        parts = self.comm.allgather((
            np.shape(X), str(kind), kind.kind != "f" or is_finite(X)))
        shapes = [part[:2] for part in parts]
        along = 0 if self.partition == "samples" else 1
        if any(len(shape) != 2 or not dtype.startswith("float")
               for shape, dtype in shapes):
            raise ValueError("X must be a matrix of floating point numbers on "
                             f"every rank, not {shapes}.")
        if len({shape[1 - along] for shape, _ in shapes}) > 1:
            raise ValueError(
                "All ranks must have the same number of "
                f"{'columns' if along == 0 else 'rows'} of X under the "
                f"partition {self.partition}, not {shapes}.")
        wrong = [rank for rank, part in enumerate(parts) if not part[2]]
        if wrong:
            raise ValueError("X has NaN or infinite values on the ranks "
                             f"{', '.join(map(str, wrong))}.")
        return np.array([shape[along] for shape, _ in shapes])

    def batches(self, n_steps):
        """Yield what is handed over; the greenlet that reads waits for it."""
        for _ in range(self.n_steps):
            self._next = None
            getcurrent().parent.switch()
            yield self._next
