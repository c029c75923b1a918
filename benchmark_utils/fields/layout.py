"""A simulation field on disk: what its file holds.

One HDF5 file holds one field with the physical axes
``(time, space..., features...)``::

    /field          dataset; attributes: axes (names), n_space, background
    /axes/<name>    coordinates along an axis; attribute: unit
    /written        only in a field that a simulation still writes: number of
                    time steps so far; attribute: patience (seconds)
    /mesh/...       points, edges and areas, if the space is a mesh
    attributes      settings (JSON: everything that determines the content)
"""
import json
import math
from pathlib import Path

import h5py


def open_field(path):
    """Open a stored field for reading, even while it is being written."""
    try:
        return h5py.File(path, "r")
    except FileNotFoundError:
        raise
    except OSError:
        # The mode for growing files does not notice that one is truncated.
        file = h5py.File(path, "r", swmr=True)
        if "written" in file:
            return file
        file.close()
        raise


class ChangedField(OSError):
    """The file of a field is not the one that was set up."""


def read_axes(file, names):
    """Axes of these names: a list of (name, unit, coordinates)."""
    return [(str(name), file[f"axes/{name}"].attrs["unit"],
             file[f"axes/{name}"][()]) for name in names]


class Layout:
    """What the file of a field holds; a description, without the values.

    Attributes
    ----------
    path : Path
    axes : tuple of str
        Names: time, space axes, feature axes.
    shape : tuple of int
    space : tuple of int
        The part of the shape that belongs to the space axes.
    dtype : numpy dtype
    settings : dict
        All that determines the content.
    n_steps, n_cells, cell_size : int
        Time steps, points of the space axes, numbers per point and time step.
    """

    def __init__(self, path):
        self.path = Path(path)
        with open_field(self.path) as file:
            field = file["field"]
            n_space = int(field.attrs["n_space"])
            self.axes = tuple(field.attrs["axes"])
            self.shape = field.shape
            self.dtype = field.dtype
            self.settings = json.loads(file.attrs["settings"])
            grows = "written" in file
        # A field that is still written changes, a finished one must not.
        self.identity = None if grows else self._identity()
        self.n_steps = self.shape[0]
        self.space = self.shape[1:1 + n_space]
        self.n_cells = math.prod(self.space)
        self.cell_size = math.prod(self.shape[1 + n_space:])

    def _identity(self):
        """Size in bytes and time of the last change of the file."""
        status = self.path.stat()
        return status.st_size, status.st_mtime_ns

    def open(self):
        """Open the file that was described.

        Raises
        ------
        ChangedField
            If it was removed, replaced, cut or written to since.
        """
        try:
            changed = self.identity and self._identity() != self.identity
            if not changed:
                return open_field(self.path)
            what = "has changed"
        except FileNotFoundError:
            what = "was removed"
        raise ChangedField(f"{self.path} {what} since the run was set up: "
                           "start the run again, and let nothing write to "
                           "its fields meanwhile.")

    def steps_within(self, n_bytes):
        """Time steps, at least one, that fit into memory as float64."""
        return max(1, n_bytes // (8 * self.n_cells * self.cell_size))
