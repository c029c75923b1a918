"""FieldDataset: what all datasets share."""
import traceback
from abc import abstractmethod
from functools import partial
from pathlib import Path

import numpy as np
from benchopt import BaseDataset
from benchopt.config import get_data_path

from benchmark_utils.fields.cache import FULL, MAKE_ROOM
from benchmark_utils.fields.field import Field, NoField
from benchmark_utils.fields.geometry import Structure
from benchmark_utils.fields.partition import check_whole
from benchmark_utils.fields.store import store_field
from benchmark_utils.results.names import ShortName

# How a field is cut and read, not what it holds.
SPLIT = ("n_ranks", "ranks", "partition", "decomposition", "heterogeneity",
         "batch")


class FieldDataset(ShortName, BaseDataset):
    """Base class of all datasets.

    A dataset states the axes of its field and computes it::

        class Dataset(FieldDataset):
            name = "my-simulation"
            parameters = {"n_x": [64]}
            background = "equilibrium"

            def coordinates(self):
                return [("time", "s", t), ("x", "m", x), ("v", "m/s", v)]

            def snapshots(self, rng):
                for ...:
                    yield f[None]  # shape (steps, space..., features...)

    The parameters of every dataset are added to its own: ``n_ranks``,
    ``ranks``, ``partition``, ``decomposition`` if there are several space
    axes, ``heterogeneity``, ``batch``, and ``realisation`` if it is random.
    See :class:`~benchmark_utils.fields.field.Field` for what they mean.

    Attributes
    ----------
    partitions : tuple
        Partitions of the field that make sense, the default first.
    n_space : int
        Number of space axes, which follow the time.
    background : str
        What is subtracted from the simulation's field.
    dtype : numpy dtype
        Type on disk.
    is_random : bool
        The snapshots draw from ``rng``.
    sources : tuple of modules or functions
        What determines the values besides the dataset's own file; if any of
        them is edited, the field is computed again.
    rank_weights : sequence of n_ranks floats, optional
        Relative sizes of the ranks' parts.
    """

    partitions = ("samples", "features")
    n_space = 1
    dtype = "float32"
    is_random = True
    sources = ()
    rank_weights = None

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for key in cls.parameters:
            if hasattr(cls, key):  # benchopt would not set it
                raise TypeError(f"{cls.name}: rename the parameter {key!r}, "
                                "since datasets have an attribute of this "
                                "name.")
        n_space = cls.n_space  # a property if it depends on parameters
        shared = {"n_ranks": [4], "ranks": ["processes"],
                  "partition": [cls.partitions[0]]}
        if not isinstance(n_space, int) or n_space > 1:
            shared["decomposition"] = ["slabs"]
        shared |= {"heterogeneity": [1.0], "batch": [1]}
        if cls.is_random:
            shared["realisation"] = [0]
        cls.parameters = {**cls.parameters, **shared, **cls.parameters}
        if "test_parameters" not in vars(cls):
            cls.test_parameters = {"partition": list(cls.partitions)}

    @abstractmethod
    def coordinates(self):
        """Axes of the field.

        Returns
        -------
        list of (name, unit, coordinates)
            Time first, then the space axes, then the feature axes.
            Coordinates are 1-D arrays.

        Raises
        ------
        ValueError
            If parameters do not fit together.
        """

    @abstractmethod
    def snapshots(self, rng):
        """Yield the field in time order; called if it is not on disk yet.

        Parameters
        ----------
        rng : numpy Generator
            The only source of randomness.

        Yields
        ------
        array of shape (steps, space..., features...)
            The background is subtracted: nothing is centred later.
        """

    def settings(self):
        """Everything that determines the values, apart from the seed."""
        return {key: value for key, value in self._parameters.items()
                if key not in SPLIT}

    def structure(self):
        """What compressors may know of the axes; see
        :class:`~benchmark_utils.fields.geometry.Structure`."""
        return Structure()

    def mesh(self):
        """Where the points of the space axis are, see
        :class:`~benchmark_utils.fields.mesh.Mesh`; None on grids."""

    def missing(self):
        """A sentence that says how to get the data if they are missing."""

    @classmethod
    def folder(cls):
        """Where fields of this dataset are stored."""
        return get_data_path(cls.name)

    def get_data(self):
        """The field, or why there is none; the rest of the run continues."""
        try:
            field = self.field()
        except ValueError as error:
            field = NoField(str(error))
        except OSError as error:
            field = NoField(self._file_system(error))
        except Exception as error:  # of the dataset's own code
            traceback.print_exc()
            field = NoField(f"{self.name} failed with "
                            f"{type(error).__name__}: {error}")
        return dict(field=field)

    def _file_system(self, error):
        """The sentence for an error of the file system."""
        folder, path = Path(self.folder()), Path(error.filename or "")
        if error.filename and not (path == folder or path in folder.parents
                                   or folder in path.parents):
            return (f"{self.name} cannot read {error.filename} "
                    f"({error.strerror}): correct the path or "
                    "its permissions.")
        cure = (
            "there are no locks, export HDF5_USE_FILE_LOCKING=FALSE"
            if "lock" in str(error) else
            MAKE_ROOM if error.errno in FULL else
            MAKE_ROOM.replace("make room", "allow it"))
        return (f"{self.name} cannot store its field in {self.folder()} "
                f"({error}): {cure}.")

    def field(self):
        """Store the field unless it is there already, cut it for ranks.

        Raises
        ------
        ValueError, OSError
            With a sentence, if parameters or data do not allow it.
        """
        reason = self.missing()
        if reason:
            raise ValueError(reason)
        if self.partition not in self.partitions:
            raise ValueError(f"{self.name} has no partition "
                             f"{self.partition!r}: choose "
                             f"{' or '.join(self.partitions)}.")
        seed, settings = self.get_seed(), self.settings()
        rng = None
        if self.is_random:
            check_whole("realisation", self.realisation, least=0)
            settings["seed"] = seed
            # numpy pads with zeros: realisation 0 is that of the seed alone.
            rng = np.random.default_rng([seed, self.realisation])
        path = store_field(
            self.folder(), settings, self.coordinates(), self.n_space,
            partial(self.snapshots, rng), self.background, self.dtype,
            self.sources, self.mesh())
        return Field(
            path, self.n_ranks, self.partition, self.heterogeneity,
            self.batch, self.rank_weights, seed,
            getattr(self, "decomposition", "slabs"), self.ranks,
            self.structure())
