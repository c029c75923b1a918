"""NetCDF-3 files by SciPy, with those names of h5py that are used here."""
from functools import cached_property

import numpy as np
from scipy.io import netcdf_file

# What is read where nothing was written, by type; NetCDF-4 keeps it in the
# dataset. Single bytes have none.
DEFAULTS = {"h": -32767, "i": -2147483647,
            "f": 9.969209968386869e36, "d": 9.969209968386869e36}


class Variable:
    """A variable, as an h5py.Dataset with dimension scales."""

    def __init__(self, file, name):
        variable = file.opened.variables[name]
        self.file, self.name = file, f"/{name}"
        self.attrs = dict(variable._attributes)
        self.shape, self.dtype = variable.data.shape, variable.data.dtype
        self.fillvalue = ("_FillValue" not in self.attrs
                          and DEFAULTS.get(self.dtype.char, 0))
        self._dimensions = variable.dimensions

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def size(self):
        return int(np.prod(self.shape))

    @cached_property
    def dims(self):
        return [Dimension(self.file, name)
                for name in self._dimensions]

    def __getitem__(self, places):
        # A copy: what refers to the mapped memory keeps the file open.
        variable = self.file.opened.variables[self.name[1:]]
        return np.array(variable.data[places])


class Dimension:
    """A dimension: its label and the variable of its name, if any."""

    def __init__(self, file, name):
        self.label, self._file = name, file

    def values(self):
        scale = self._file.get(self.label)
        return [] if scale is None else [scale]


class NetCDF3:
    """An open file, as an h5py.File without groups.

    Raises
    ------
    ValueError, TypeError, IndexError
        If it is truncated.
    """

    def __init__(self, path):
        self.filename = str(path)
        self.opened = netcdf_file(path, "r", mmap=True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.opened.close()

    def get(self, name, default=None):
        name = str(name).strip("/")
        return (Variable(self, name) if name in self.opened.variables
                else default)

    def __getitem__(self, name):
        return self.get(name)

    def variables(self):
        """Paths of all variables."""
        return list(self.opened.variables)
