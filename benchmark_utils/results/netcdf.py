"""Modes as a NetCDF-4 file with CF attributes, for xarray and others.

A NetCDF-4 file is an HDF5 file whose axes are dimension scales, so h5py
writes it.
"""
import h5py
import numpy as np

from benchmark_utils.fields.cache import replacing
from benchmark_utils.fields.column_grid import column_grid, survey_path
from benchmark_utils.fields.layout import read_axes

# What the file holds beside the axes of the field.
OWN = ("mode", "modes", "mean", "eigenvalues", "explained_variance_ratio",
       "coefficients")


def write_modes(path, field, modes, total_variance, **attributes):
    """Write modes as maps, eigenvalues, coefficients, mean and coordinates.

    A snapshot is mean + sum over modes of coefficient * mode, in the units of
    the simulation. Several variables of a state have maps of their own,
    ``modes_<variable>``.

    Parameters
    ----------
    path : Path
    field : Field
    modes : Modes
    total_variance : float
        Trace of X'X / n_samples.
    **attributes
        Of the file, beside its title.
    """
    grid = column_grid(field)
    names, units, long_names, calendar, mean = _described(field)
    maps, axes = grid.maps(modes.basis), grid.axes
    if len(names) > 1:  # the last axis
        axes = axes[:-1]
        maps = np.moveaxis(maps, -1, 0)
        mean = None if mean is None else np.moveaxis(mean, -1, 0)
    else:
        maps, mean = maps[None], None if mean is None else mean[None]
    with replacing(path) as file:
        file.attrs.update(Conventions="CF-1.11",
                          title="Principal modes (PCA, POD, EOF)",
                          **attributes)
        k = len(modes.eigenvalues)
        dimensions = [
            _scale(file, f"{axis}_axis" if axis in OWN else axis, unit, points)
            for axis, unit, points in axes]
        mode = _scale(file, "mode", "1", np.arange(1, k + 1))
        mode.attrs["long_name"] = "number of the mode"
        for i, name in enumerate(names):
            suffix = f"_{name.strip('/').replace('/', '_')}" * (len(names) > 1)
            about = f"of {long_names[i] or name}"
            _array(file, f"modes{suffix}", maps[i], [mode, *dimensions],
                   f"modes {about}, divided by weights and scales", units[i])
            if mean is not None:
                _array(file, f"mean{suffix}", mean[i], dimensions,
                       f"what was subtracted {about}", units[i])
        _array(file, "eigenvalues", modes.eigenvalues, [mode],
               "variance of each coefficient (divided by the number of "
               "samples)", "1")
        _array(file, "explained_variance_ratio",
               modes.eigenvalues / total_variance, [mode],
               "share of the total variance", "1")
        if modes.coefficients is not None:
            with h5py.File(field.path) as stored:
                [(name, unit, points)] = read_axes(stored, field.axes[:1])
            time = _scale(file, name, unit, points)
            time.attrs["axis"] = "T"
            if calendar:
                time.attrs["calendar"] = calendar
            _array(file, "coefficients", modes.coefficients, [time, mode],
                   "principal components", "1")


def _described(field):
    """Names, units, long names, calendar and mean of a field's variables."""
    path = survey_path(field)
    if path is None:
        return ["field"], ["unknown"], [""], "", None
    with h5py.File(path) as file:
        about = [list(map(str, file.attrs[key]))
                 for key in ("names", "units", "long_names")]
        mean = None
        if field.partition == "features":
            there = file["factor"][()] > 0
            mean = np.where(there, file["background"][()], np.nan)
        return *about, file.attrs["calendar"], mean


def _scale(file, name, unit, points):
    """A coordinate variable."""
    scale = file.create_dataset(name, data=points)
    scale.make_scale(name)
    if unit != "unknown":
        scale.attrs["units"] = unit
    return scale


def _array(file, name, values, dimensions, long_name, unit):
    """A variable on dimensions; NaN where there is no value."""
    array = file.create_dataset(name, data=values)
    for i, scale in enumerate(dimensions):
        array.dims[i].attach_scale(scale)
    array.attrs["long_name"] = long_name
    if unit not in ("", "unknown"):
        array.attrs["units"] = unit
    if np.isnan(values).any():
        array.attrs["_FillValue"] = np.nan
