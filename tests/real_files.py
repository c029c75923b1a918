"""Every file of some folders, read by hdf5-file and by xarray: a table.

    python tests/real_files.py /usr/share/ncarg /usr/share/ferret-vis

One line per file, and per variable of two or more axes that xarray decodes:
the largest difference relative to the largest anomaly, or the refusal. Where
a refusal shows axes to type, they are typed. What is read must be the same,
and as many values be missing; other refusals are few, see ``ALLOWED``. Needs
xarray and netCDF4; other files of the folders (GRIB, Zarr) are tried as well.
Debian's ferret-datasets and libncarg-data, and PyPI's iris-sample-data,
xarray and cfgrib (source distributions) bring files.
"""
import re
import sys
import tempfile
import warnings
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import xarray
from conftest import get_field, load_dataset

SUFFIXES = {".nc", ".nc4", ".cdf", ".h5", ".hdf", ".hdf5", ".grb", ".grib",
            ".grb2", ".grib2", ".pp", ".zarr"}
TOLERANCE = 1e-5  # stored are float32, and xarray decodes to them
# Refusals of variables that xarray reads: they are true.
ALLOWED = (
    "is zero everywhere",  # it does not change
    "has no axis of space",  # a time series
    "All values of",  # are missing
    "to another unit",  # beyond float32
)


def files(folders):
    return sorted(path for folder in folders for path in [
        Path(folder), *Path(folder).rglob("*")] if path.suffix in SUFFIXES)


def read(path, variable):
    """The variable by xarray; what netCDF4 masks as well is NaN.

    xarray applies neither valid ranges nor netCDF's default fill values, of
    which netCDF4 takes one for single bytes, although they have none.
    """
    if variable.encoding["dtype"].itemsize == 1:
        return variable
    with netCDF4.Dataset(path) as file, np.errstate(all="ignore"):
        mask = np.ma.getmaskarray(file[variable.name][...])
    return variable.astype(float).where(~mask)


def matrix(variable, roles):
    """Its values, a row per time step."""
    for dim, role in zip(variable.dims, roles, strict=True):
        if role.startswith("at"):
            variable = variable.isel({dim: int(role[2:])})
    roles = [role for role in roles if not role.startswith("at")]
    values = variable.values
    if "time" not in roles:
        return values.reshape(1, -1)
    values = np.moveaxis(values, roles.index("time"), 0)
    return values.reshape(len(values), -1)


def try_variable(module, path, **chosen):
    """Field (None if refused) and the refusal."""
    try:
        return get_field(module, path=str(path), n_ranks=1, **chosen), None
    except ValueError as error:
        return None, str(error)


def compare(module, path, variable):
    """What the table says of a variable, and whether it may say so."""
    chosen = dict(variable=variable.name, axes="auto", background="time-mean")
    field, refusal = try_variable(module, path, **chosen)
    for key, pattern in (("axes", r"for example axes=(\S+),"),
                         ("background", "Choose background=(none),")):
        advice = re.search(pattern, refusal or "")
        if advice:
            chosen[key] = advice[1]
            field, refusal = try_variable(module, path, **chosen)
    count = re.match(r"(\d+) of \d+ values of \S+ are missing", refusal or "")
    if refusal and not count:
        return f"refused: {refusal}", any(
            reason in refusal for reason in ALLOWED)
    with module.Dataset.get_instance(
            path=str(path), **chosen).opened() as state:
        X = matrix(read(path, variable), state.roles)
    missing = np.isnan(X).sum(axis=0)
    if count:
        return f"refused: {refusal}", \
            int(count[1]) == missing[missing < len(X)].sum()
    if (missing % len(X)).any():
        return "read, but values are missing", False
    X = X[:, missing == 0]
    if chosen["background"] == "time-mean":
        X = X - X.mean(axis=0)
    with h5py.File(field.path) as file:
        stored = file["field"][:].reshape(len(X), -1)
    if stored.shape != X.shape:
        return f"read {stored.shape}, not {X.shape}", False
    error = abs(stored - X).max() / abs(X).max()
    return (f"{chosen['axes']}, {chosen['background']}, {(missing > 0).sum()} "
            f"points left out: {error:.0e}", error < TOLERANCE)


def check(module, path):
    """Yield (name, text, whether it is right) of a file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = xarray.open_dataset(path, decode_times=False)
    except Exception as error:
        field, refusal = try_variable(module, path, variable="none")
        yield "", f"refused: {refusal} (xarray: {type(error).__name__})", \
            refusal is not None and str(path) in refusal
        return
    with dataset:
        for name in {**dataset.data_vars, **dataset.coords}:
            variable = dataset[name]
            if variable.ndim > 1 and variable.dtype.kind in "iuf" \
                    and variable.size:
                yield name, *compare(module, path, variable)


def main(folders):
    n_wrong = n_files = 0
    with tempfile.TemporaryDirectory() as stored:
        module = load_dataset("hdf5_file", Path(stored))
        for path in files(folders):
            n_files += 1
            print(path)
            for name, said, right in check(module, path):
                n_wrong += not right
                print(f"  {'' if right else 'WRONG '}{name} {said}")
    print(f"{n_files} files, {n_wrong} wrong")
    return n_wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)
