"""Several files as one: along time or space, in any order."""
import h5py
import numpy as np
import pytest
from conftest import get_field
from test_weighted_fields import (  # noqa: F401
    LAT,
    LON,
    SHAPE,
    hdf5_file,
    rough,
    write,
)


def stored(field):
    with h5py.File(field.path) as file:
        axes = {name: file[f"axes/{name}"][()] for name in field.axes}
        return file["field"][()], axes


@pytest.fixture
def one(hdf5_file, tmp_path):  # noqa: F811
    """The field of one file, to which that of several must be equal."""
    values = rough()
    path = write(tmp_path / "one.nc", dict(f=values))
    return values, stored(get_field(hdf5_file, path=path, variable="f"))


def assert_equal(field, expected):
    values, axes = stored(field)
    np.testing.assert_array_equal(values, expected[0])
    for name, points in expected[1].items():
        np.testing.assert_array_equal(axes[name], points)


def test_along_time_by_a_pattern(hdf5_file, tmp_path, one):  # noqa: F811
    values, expected = one
    time = np.arange(SHAPE[0])
    for i in range(15):  # run_10 comes after run_9
        part = slice(2 * i, 2 * i + 2)
        write(tmp_path / f"run_{i}.nc", dict(f=values[part]), time=time[part])
    assert_equal(get_field(hdf5_file, path=tmp_path / "run_*.nc",
                           variable="f"), expected)


def test_along_time_with_units_of_their_own(hdf5_file,  # noqa: F811
                                            tmp_path, one):
    values, expected = one
    paths = [write(tmp_path / "a.nc", dict(f=values[:10]),
                   time=np.arange(10)),
             write(tmp_path / "b.nc", dict(f=values[10:]),
                   "hours since 2000-01-11 00:00:00",
                   time=24 * np.arange(20))]
    assert_equal(get_field(hdf5_file, path=paths, variable="f"), expected)
    # The unit is that of the first of the list; the order is that of time.
    found, axes = stored(get_field(hdf5_file, path=paths[::-1], variable="f"))
    np.testing.assert_array_equal(found, expected[0])
    np.testing.assert_array_equal(axes["time"], 24 * np.arange(-10, 20))


@pytest.mark.parametrize("axis", [1, 2])
def test_along_space(hdf5_file, tmp_path, one, axis):  # noqa: F811
    values, expected = one
    name, points = ("lat", LAT) if axis == 1 else ("lon", LON)
    paths = []
    for i, part in enumerate([slice(3, None), slice(0, 1), slice(1, 3)]):
        index = (slice(None),) * axis + (part,)
        paths.append(write(tmp_path / f"{i}.nc", dict(f=values[index]),
                           **{name: points[part]}))
    assert_equal(get_field(hdf5_file, path=paths, variable="f"), expected)


def test_weights_of_every_file(hdf5_file, tmp_path):  # noqa: F811
    values, mass = rough(), np.random.default_rng(1).random(SHAPE[1:]) + 0.1
    one = stored(get_field(hdf5_file, variable="f", weights="m", path=write(
        tmp_path / "one.nc", dict(f=values, m=mass))))
    paths = [write(tmp_path / f"{i}.nc", dict(
        f=values[:, part], m=mass[part]), lat=LAT[part])
        for i, part in enumerate([slice(0, 2), slice(2, None)])]
    assert_equal(get_field(hdf5_file, path=paths, variable="f", weights="m"),
                 one)


def test_files_without_coordinates(hdf5_file, tmp_path):  # noqa: F811
    """One time step each, as many codes write; or slabs of space."""
    values = rough()
    paths = []
    for i, step in enumerate(values):
        paths.append(tmp_path / f"step_{i}.h5")
        with h5py.File(paths[-1], "w") as file:
            file["f"] = step
    X = values.astype(float) - values.mean(axis=0, dtype=float)
    field = get_field(hdf5_file, path=tmp_path / "step_*.h5", variable="f",
                      axes="space-space")
    np.testing.assert_allclose(stored(field)[0], X, atol=1e-6)
    halves = []
    for i, half in enumerate(np.split(values, 2, axis=1)):
        halves.append(tmp_path / f"half_{i}.h5")
        with h5py.File(halves[-1], "w") as file:
            file["f"] = half
    field = get_field(hdf5_file, path=halves, variable="f",
                      axes="time-space-space", along="axis_1")
    np.testing.assert_allclose(stored(field)[0], X, atol=1e-6)


@pytest.mark.parametrize("axes, units, message", [
    (dict(time=np.arange(9, 39)), None, "overlap: .* of the axis time"),
    (dict(time=np.arange(30, 60), lat=LAT + 1), None,
     "differ along time and lat"),
    (dict(time=np.arange(30)), "months since 2000-01-01",
     "The unit of the axis time is 'days since 2000-01-01' in one file"),
])
def test_files_that_do_not_fit(hdf5_file, tmp_path, axes,  # noqa: F811
                               units, message):
    values = rough()
    paths = [write(tmp_path / "a.nc", dict(f=values)),
             write(tmp_path / "b.nc", dict(f=values),
                   units or "days since 2000-01-01", **axes)]
    with pytest.raises(ValueError, match=message):
        get_field(hdf5_file, path=paths, variable="f")


def test_every_file_is_in_the_cache_key(hdf5_file, tmp_path):  # noqa: F811
    values = rough()
    paths = [write(tmp_path / f"{i}.nc", dict(f=values[part]), time=part)
             for i, part in enumerate(np.split(np.arange(SHAPE[0]), 2))]
    parameters = dict(path=paths, variable="f")
    before = get_field(hdf5_file, **parameters).path
    assert get_field(hdf5_file, **parameters).path == before
    write(paths[1], dict(f=2 * values[15:]), time=np.arange(15, 30))
    assert get_field(hdf5_file, **parameters).path != before


def test_the_file_of_weights_is_in_the_cache_key(hdf5_file,  # noqa: F811
                                                 tmp_path):
    path = write(tmp_path / "f.nc", dict(f=rough()))
    mass, fields = np.ones(SHAPE[1:]), []
    for factor in (1, 4):
        write(tmp_path / "mass.nc", dict(m=factor * mass))
        fields.append(stored(get_field(
            hdf5_file, path=path, variable="f",
            weights=f"{tmp_path}/mass.nc:m"))[0])
    np.testing.assert_array_equal(fields[1], 2 * fields[0])
