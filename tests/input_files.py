"""Files to read as a user's, and what is expected of them."""
import h5py
import numpy as np
import xarray

A = np.random.default_rng(0).integers(-90, 90, (8, 6, 5))


def write(path, array=A, names=("time", "y", "x"), attributes=None,
          coordinates=None, **options):
    """A file with dimension scales; returns it, open.

    Coordinates are values, or (values, attributes), by the name of the axis.
    """
    file = h5py.File(path, "w")
    variable = file.create_dataset("a", data=array, **options)
    variable.attrs.update(attributes or {})
    for axis, name in enumerate(names):
        values = (coordinates or {}).get(
            name, np.arange(float(array.shape[axis])))
        values, own = values if isinstance(values, tuple) else (values, {})
        file[name] = values
        file[name].attrs.update(own)
        file[name].make_scale(name)
        variable.dims[axis].attach_scale(file[name])
    return file


def rows(array):
    array = np.asarray(array, float).reshape(len(array), -1)
    return array - array.mean(axis=0)


def by_xarray(path, engine="netcdf4"):
    with xarray.open_dataset(path, engine=engine, decode_times=False) as file:
        values = file["a"].values
    assert np.isfinite(values).all()
    return rows(values)


def equal(X, Y):
    np.testing.assert_allclose(X, Y, atol=1e-6 * abs(Y).max())
