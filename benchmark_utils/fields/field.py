"""A field and its partition among ranks: what a dataset gives.

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
from functools import lru_cache

import h5py
import numpy as np

from benchmark_utils.fields.geometry import Geometry, Structure
from benchmark_utils.fields.layout import Layout
from benchmark_utils.fields.mesh import Mesh
from benchmark_utils.fields.partition import (
    DECOMPOSITIONS,
    PARTITIONS,
    RANKS,
    check_whole,
    dealt,
    domain_owners,
    misfit,
    part_counts,
)
from benchmark_utils.fields.reading import Reader

PLAIN = Structure()  # nothing is declared


@lru_cache(maxsize=2)
def _owners(space, counts, weights, heterogeneity, seed):
    """Read-only; thousands of ranks in one process ask for the same."""
    owners = dealt(domain_owners(space, counts, weights), heterogeneity,
                   np.random.default_rng(seed))
    owners.flags.writeable = False
    return owners


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


class Field(Layout):
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
    ranks : {"processes", "simulated"}
        MPI processes, or ranks that are simulated in one process.
    structure : Structure
        What the dataset says of the axes.

    Raises
    ------
    ValueError
        If a parameter has no valid value.
    """

    def __init__(self, path, n_ranks=4, partition="samples",
                 heterogeneity=1.0, batch=1, weights=None, seed=0,
                 decomposition="slabs", ranks="processes", structure=PLAIN):
        if partition not in PARTITIONS:
            raise ValueError(f"partition is {partition!r}, not one of "
                             f"{' and '.join(PARTITIONS)}.")
        if decomposition not in DECOMPOSITIONS:
            raise ValueError(f"decomposition is {decomposition!r}, not one of "
                             f"{' and '.join(DECOMPOSITIONS)}.")
        if ranks not in RANKS:
            raise ValueError(f"ranks is {ranks!r}, not one of "
                             f"{' and '.join(RANKS)}.")
        if not 0 <= heterogeneity <= 1:
            raise ValueError(f"heterogeneity is {heterogeneity}, not a "
                             "probability between 0 and 1.")
        check_whole("n_ranks", n_ranks)
        check_whole("batch", batch)
        super().__init__(path)
        self.n_ranks = n_ranks
        self.partition = partition
        self.heterogeneity = heterogeneity
        self.batch = batch
        self.weights = None if weights is None else tuple(weights)
        self.seed = seed
        self.decomposition = decomposition
        self.ranks = ranks
        self.structure = structure

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
    def scale(self):
        """Root mean square of the whole field."""
        with h5py.File(self.reference_path, "r") as file:
            return float(np.sqrt(file["total_variance"][()]
                                 / self.n_features))

    def coordinates(self, name):
        """Coordinates along an axis."""
        with self.open() as file:
            return file[f"axes/{name}"][()]

    def mesh(self):
        """The :class:`~benchmark_utils.fields.mesh.Mesh` of the space axis,
        None on grids."""
        with self.open() as file:
            return Mesh.read(file)

    def skip_reason(self):
        """A sentence if the ranks cannot all own a part, else None."""
        return misfit(self.n_ranks, self.decomposition, self.axes[1:],
                      self.space)

    def owners(self):
        """Rank that owns each cell, shape (n_cells,)."""
        if self.skip_reason():
            raise ValueError(self.skip_reason())
        return _owners(
            self.space, part_counts(self.n_ranks, self.decomposition),
            self.weights, self.heterogeneity, self.seed)

    def heights(self):
        """Own samples of every rank, or own features under ``features``."""
        return np.bincount(self.owners()) * (
            self.n_steps if self.partition == "samples" else self.cell_size)

    def cells(self, rank):
        """Flat indices of the cells of a rank, in increasing order."""
        return np.flatnonzero(self.owners() == rank)

    def columns(self, rank):
        """Columns of X that a rank owns under the partition ``features``."""
        size = self.cell_size
        return (self.cells(rank)[:, None] * size + np.arange(size)).ravel()

    def reader(self, rank):
        """Open a rank's part; see
        :class:`~benchmark_utils.fields.reading.Reader`."""
        return Reader(self, rank)

    def geometry(self, rank):
        """Where the values of a rank lie; see
        :class:`~benchmark_utils.fields.geometry.Geometry`."""
        return Geometry(self, rank)
