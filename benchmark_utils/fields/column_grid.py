"""Where the columns of X are, and how modes become maps again."""
from typing import NamedTuple

import h5py
import numpy as np

from benchmark_utils.fields.layout import read_axes


class ColumnGrid(NamedTuple):
    """The axes that a mode lives on: features, under ``features`` space too.

    Attributes
    ----------
    axes : list of (name, unit, coordinates)
    columns : int array
        Column of X at every point of the axes, -1 where there is none: the
        point has no value or no weight.
    factor : array of shape (n_features,)
        What the anomalies of every column were multiplied by: modes divided
        by it are maps in the units of the simulation.
    """

    axes: list
    columns: np.ndarray
    factor: np.ndarray

    def maps(self, modes):
        """Maps of modes on the axes, NaN where there is no column.

        Parameters
        ----------
        modes : array of shape (n_features, k)

        Returns
        -------
        array of shape (k, *columns.shape)
        """
        maps = np.full((*self.columns.shape, modes.shape[1]), np.nan)
        there = self.columns >= 0
        maps[there] = (modes / self.factor[:, None])[self.columns[there]]
        return np.moveaxis(maps, -1, 0)


def survey_path(field):
    """File of what was done to the user's values, None of other fields."""
    name = field.settings.get("survey")
    return name and field.path.with_name(name)


def column_grid(field):
    """The ColumnGrid of a field."""
    path = survey_path(field)
    is_map = field.partition == "features"
    if path is None:
        names = field.axes[1 if is_map else 1 + len(field.space):]
        shape = field.shape[len(field.shape) - len(names):]
        columns = np.arange(field.n_features).reshape(shape)
        with h5py.File(field.path, "r") as file:
            return ColumnGrid(read_axes(file, names), columns,
                              np.ones(field.n_features))
    with h5py.File(path, "r") as file:
        first = 1 if is_map else 1 + file.attrs["n_space"]
        names = file.attrs["axes"][first:]
        factor = file["factor" if is_map else "columns"][()]
        axes = read_axes(file, names)
    factor = factor.reshape([len(points) for _, _, points in axes])
    columns = np.full(factor.shape, -1)
    columns[factor > 0] = np.arange(np.count_nonzero(factor))
    return ColumnGrid(axes, columns, factor[factor > 0])
