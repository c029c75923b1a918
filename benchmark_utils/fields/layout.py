"""A simulation field on disk and its partition among ranks.

One HDF5 file holds one field with the physical axes
``(time, space..., features...)``::

    /field          dataset; attributes: axes (names), n_space, background
    /axes/<name>    coordinates along an axis; attribute: unit
    /written        only in a field that a simulation still writes: number of
                    time steps so far; attribute: patience (seconds)
    attributes      settings (JSON: everything that determines the content)

A *cell* is one point of the space axes. Ranks own cells for the whole run;
what a cell contributes to the matrix X depends on the partition:

==========  ============================  =====================================
partition   a row of X (a sample)         a rank owns
==========  ============================  =====================================
samples     the features of one cell at   rows: its cells at every time step
            one time step
features    all cells at one time step    columns: its cells in every snapshot
==========  ============================  =====================================
"""
import json
import math
import time
from pathlib import Path

import h5py
import numpy as np

PARTITIONS = ("samples", "features")
DECOMPOSITIONS = ("slabs", "blocks")
# Scattered cells are picked from whole time steps, this many bytes (as
# float64) at a time: what was just read is then still in the cache.
READ_BYTES = 2**23
POLLING_SECONDS = 0.005


def slab_edges(n_points, n_ranks, weights=None):
    """Cut an axis into one slab per rank, sizes by weight, none empty.

    Returns
    -------
    edges : int array of shape (n_ranks + 1,)
        Rank r owns the points edges[r] to edges[r + 1].
    """
    weights = np.ones(n_ranks) if weights is None else np.asarray(weights)
    share = np.concatenate([[0], np.cumsum(weights) / weights.sum()])
    # One point for every rank, the rest by weight; 1e-9 guards the floor.
    return np.arange(n_ranks + 1) + np.floor(
        share * (n_points - n_ranks) + 1e-9).astype(int)


def open_field(path):
    """Open a stored field for reading, even while it is being written."""
    return h5py.File(path, "r", swmr=True)


class NoField:
    """What a dataset gives when its data are not here: it is skipped.

    Parameters
    ----------
    reason : str
        A sentence that says what to do.
    """

    def __init__(self, reason):
        self.reason = reason

    def skip_reason(self):
        """See :meth:`Field.skip_reason`."""
        return self.reason


def block_counts(n_ranks):
    """Blocks along two axes, as balanced as MPI_Dims_create makes them."""
    short = next(n for n in range(math.isqrt(n_ranks), 0, -1)
                 if n_ranks % n == 0)
    return n_ranks // short, short


class Field:
    """A field on disk, cut into one part per rank.

    Only the description travels to the ranks; each reads its own part.

    Parameters
    ----------
    path : path
        File written by :func:`benchmark_utils.fields.store.store_field`.
    n_ranks : int
        Number of ranks that share the field.
    partition : {"samples", "features"}
        What a rank owns: rows of X or columns of X.
    heterogeneity : float in [0, 1]
        Probability that a cell is not dealt. The others are dealt at
        random, with the number of cells of every rank kept: 1 is the domain
        partition, 0 makes the ranks statistically alike.
    batch : int
        Time steps per batch of the stream.
    weights : sequence of n_ranks floats, optional
        Relative sizes of the parts; equal by default.
    decomposition : {"slabs", "blocks"}
        Slabs of the first space axis, or blocks: slabs of the first axis,
        each cut along the second, as many pieces as MPI_Dims_create says.
        Ranks are numbered along the second axis first.
    seed : int
        Seed of the dealing.

    Raises
    ------
    ValueError
        If the partition, the heterogeneity, the batch or the decomposition is
        not valid.
    """

    def __init__(self, path, n_ranks=4, partition="samples",
                 heterogeneity=1.0, batch=1, weights=None, seed=0,
                 decomposition="slabs"):
        if partition not in PARTITIONS:
            raise ValueError(f"partition is {partition!r}, not one of "
                             f"{' and '.join(PARTITIONS)}.")
        if decomposition not in DECOMPOSITIONS:
            raise ValueError(f"decomposition is {decomposition!r}, not one of "
                             f"{' and '.join(DECOMPOSITIONS)}.")
        if not 0 <= heterogeneity <= 1:
            raise ValueError(f"heterogeneity is {heterogeneity}, not a "
                             "probability between 0 and 1.")
        if batch < 1:
            raise ValueError(f"batch is {batch}; a batch holds at least one "
                             "time step.")
        self.path = Path(path)
        self.n_ranks = n_ranks
        self.partition = partition
        self.heterogeneity = heterogeneity
        self.batch = batch
        self.weights = None if weights is None else tuple(weights)
        self.seed = seed
        self.decomposition = decomposition
        with open_field(self.path) as file:
            field = file["field"]
            n_space = int(field.attrs["n_space"])
            self.axes = tuple(field.attrs["axes"])
            self.shape = field.shape
            self.dtype = field.dtype
            self.settings = json.loads(file.attrs["settings"])
        self.n_steps = self.shape[0]
        self.space = self.shape[1:1 + n_space]
        self.n_cells = int(np.prod(self.space))
        self.cell_size = int(np.prod(self.shape[1 + n_space:]))

    @property
    def n_samples(self):
        """Rows of the global matrix X."""
        return self.n_steps * (
            self.n_cells if self.partition == "samples" else 1)

    @property
    def n_features(self):
        """Columns of the global matrix X."""
        return self.cell_size * (
            self.n_cells if self.partition == "features" else 1)

    @property
    def reference_path(self):
        """File of the exact leading subspace of this partition."""
        return self.path.with_suffix(f".{self.partition}.h5")

    @property
    def counts(self):
        """Parts along the first and the second space axis."""
        return (block_counts(self.n_ranks) if self.decomposition == "blocks"
                else (self.n_ranks, 1))

    def steps_within(self, n_bytes):
        """Time steps, at least one, that fit into memory as float64."""
        return max(1, n_bytes // (8 * self.n_cells * self.cell_size))

    def skip_reason(self):
        """A sentence if the ranks cannot all own a part, else None."""
        if self.decomposition == "blocks" and len(self.space) < 2:
            return (f"The field has one space axis, {self.axes[1]!r}: choose "
                    "decomposition=slabs.")
        fits = all(count <= points for count, points
                   in zip(self.counts, self.space, strict=False))
        if fits:
            return None
        if self.decomposition == "blocks":
            return ("{} x {} blocks do not fit on {} x {} points: choose "
                    "fewer ranks.".format(*self.counts, *self.space[:2]))
        return (f"{self.n_ranks} ranks cannot share the {self.space[0]} "
                f"points of axis {self.axes[1]!r}: choose n_ranks <= "
                f"{self.space[0]}.")

    def owners(self):
        """Rank that owns each cell, shape (n_cells,)."""
        if self.skip_reason():
            raise ValueError(self.skip_reason())
        weights = np.reshape(self.weights or np.ones(self.n_ranks),
                             self.counts)
        # The first two axes; the others are never cut.
        owners = np.empty((*self.space, 1)[:2], int)
        rows = slab_edges(len(owners), len(weights), weights.sum(axis=1))
        for i, row_weights in enumerate(weights):
            columns = slab_edges(owners.shape[1], len(row_weights),
                                 row_weights)
            for j in range(len(row_weights)):
                owners[rows[i]:rows[i + 1], columns[j]:columns[j + 1]] = (
                    i * len(row_weights) + j)
        owners = np.repeat(owners, self.n_cells // owners.size)
        if self.heterogeneity < 1:
            rng = np.random.default_rng(self.seed)
            dealt = np.flatnonzero(
                rng.random(self.n_cells) >= self.heterogeneity)
            owners[dealt] = owners[rng.permutation(dealt)]
        return owners

    def cells(self, rank):
        """Flat indices of the cells of a rank, in increasing order."""
        return np.flatnonzero(self.owners() == rank)

    def columns(self, rank):
        """Columns of X that a rank owns under the partition ``features``."""
        size = self.cell_size
        return (self.cells(rank)[:, None] * size + np.arange(size)).ravel()

    def reader(self, rank):
        """Open this rank's part for reading; see :class:`Reader`."""
        return Reader(self, rank)


class Reader:
    """Reads one rank's part of a field, any range of time steps."""

    def __init__(self, field, rank):
        self.field = field
        self.cells = field.cells(rank)
        places = np.array(np.unravel_index(self.cells, field.space))
        self.corner = places.min(axis=1)
        self.box = tuple(places.max(axis=1) + 1 - self.corner)
        self.file = open_field(field.path)
        self.data = self.file["field"]
        self.written = self.file.get("written")

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
                    f"come for {patience:g} s: the simulation that writes "
                    f"{self.field.path} has died or hangs, start it again "
                    "(or let it allow its readers more patience).")
            time.sleep(POLLING_SECONDS)
        self.data.refresh()

    def batches(self, n_steps=None):
        """Yield this rank's rows of X, ``field.batch`` or n_steps at once."""
        n_steps = n_steps or self.field.batch
        for start in range(0, self.field.n_steps, n_steps):
            yield self.read(start, min(start + n_steps, self.field.n_steps))
