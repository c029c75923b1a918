"""Files that describe themselves: The Well, NetCDF/CF; round trips."""
import h5py
import numpy as np
import pytest
from conftest import get_field, load_dataset
from test_field import assemble

N_TRAJECTORIES, N_STEPS, SPACE = 3, 5, (7, 5)
KINDS = {"t0": (), "t1": (2,), "t2": (2, 2)}
# 7 x 5 points (and 3 trajectories) in parts of unequal size.
RANKS_AND_CUTS = [(3, "slabs"), (6, "blocks")]


@pytest.fixture
def hdf5_file(tmp_path):
    return load_dataset("hdf5_file", tmp_path / "stored")


def numbers(*shape):
    """Values whose time mean is exact."""
    return np.random.default_rng(0).integers(-99, 99, shape) * 1.0


# The Well

def write_well(path, fields, n_trajectories=N_TRAJECTORIES, **dimensions):
    """Write fields, {path: (array, sample, time, dims varying)}."""
    dimensions = {"time": N_STEPS, "x": SPACE[0], "y": SPACE[1], **dimensions}
    with h5py.File(path, "w") as file:
        space = [name for name in dimensions if name != "time"]
        file.attrs.update(
            dataset_name="test", grid_type="cartesian", Re=10.0,
            n_spatial_dims=len(space), n_trajectories=n_trajectories,
            simulation_parameters=["Re"])
        group = file.create_group("dimensions")
        group.attrs["spatial_dims"] = space
        for name, length in dimensions.items():
            group[name] = np.linspace(0, 1, length, dtype="float32")
            group[name].attrs.update(sample_varying=False, time_varying=False)
        for name in ("t0_fields", "t1_fields", "t2_fields", "scalars"):
            file.create_group(name).attrs["field_names"] = [
                key.split("/")[1] for key in [*fields, "scalars/Re"]
                if key.split("/")[0] == name]
        file["scalars/Re"] = 10.0
        file["scalars/Re"].attrs.update(sample_varying=False,
                                        time_varying=False)
        wall = file.create_group("boundary_conditions/x_wall")
        wall.attrs.update(bc_type="periodic", associated_dims=["x"],
                          associated_fields=[], sample_varying=False,
                          time_varying=False)
        wall["mask"] = np.arange(dimensions["x"]) == 0
        for key, (array, samples, times, varying) in fields.items():
            file[key] = array.astype("float32")
            file[key].attrs.update(
                sample_varying=samples, time_varying=times,
                dim_varying=np.array(varying))
            if key.startswith("t2"):
                file[key].attrs.update(symmetric=False, antisymmetric=False)
    return path


def check_the_well(path):
    """Rules of the format (docs/data_format.md and its checker script)."""
    def is_flag(value):
        return isinstance(value, (bool, np.bool_))

    with h5py.File(path) as file:
        root = file.attrs
        assert isinstance(root["dataset_name"], str)
        assert root["grid_type"] in ("cartesian", "spherical")
        assert all(name in root for name in root["simulation_parameters"])
        dimensions = file["dimensions"]
        space = list(dimensions.attrs["spatial_dims"])
        assert len(space) == root["n_spatial_dims"] > 0
        assert is_flag(dimensions["time"].attrs["sample_varying"])
        for name in space:
            assert is_flag(dimensions[name].attrs["sample_varying"])
            assert not dimensions[name].attrs["time_varying"]
        for order in range(3):
            group = file[f"t{order}_fields"]
            assert set(group.attrs["field_names"]) == set(group)
            for field in group.values():
                assert field.dtype == np.float32
                attributes = field.attrs
                assert is_flag(attributes["sample_varying"])
                assert is_flag(attributes["time_varying"])
                assert len(attributes["dim_varying"]) == len(space)
                shape = [root["n_trajectories"]] * int(
                    attributes["sample_varying"])
                shape += [dimensions["time"].shape[-1]] * int(
                    attributes["time_varying"])
                shape += [dimensions[name].shape[-1] for name, varies in zip(
                    space, attributes["dim_varying"], strict=True) if varies]
                assert list(field.shape[:len(shape)]) == shape
                assert np.prod(field.shape[len(shape):]) == len(space)**order
                if order == 2:
                    assert is_flag(attributes["symmetric"])
                    assert is_flag(attributes["antisymmetric"])
        assert set(file["scalars"].attrs["field_names"]) == set(
            file["scalars"])
        for scalar in file["scalars"].values():
            assert scalar.ndim == (int(scalar.attrs["sample_varying"])
                                   + int(scalar.attrs["time_varying"]))
        for boundary in file["boundary_conditions"].values():
            assert boundary.attrs["bc_type"] in ("periodic", "wall", "open")
            associated = list(boundary.attrs["associated_dims"])
            assert associated and set(associated) <= set(space)
            assert boundary["mask"].shape == tuple(
                dimensions[name].shape[-1] for name in associated)


@pytest.mark.parametrize("kind, partition", [
    *((kind, "features") for kind in KINDS),
    # A sample of a scalar would be one number.
    *((kind, "samples") for kind in KINDS if kind != "t0")])
@pytest.mark.parametrize("n_ranks, decomposition", RANKS_AND_CUTS)
@pytest.mark.parametrize("heterogeneity", [1.0, 0.5, 0.0])
def test_fields_of_the_well(hdf5_file, tmp_path, kind, n_ranks, decomposition,
                            partition, heterogeneity):
    """Components are features, trajectories and points are space."""
    array = numbers(N_TRAJECTORIES, N_STEPS, *SPACE, *KINDS[kind])
    path = write_well(tmp_path / "well.h5", {
        f"{kind}_fields/f": (array, True, True, [True, True])})
    check_the_well(path)
    field = get_field(
        hdf5_file, path=path, variable=f"{kind}_fields/f", background="none",
        n_ranks=n_ranks, decomposition=decomposition, partition=partition,
        heterogeneity=heterogeneity, batch=2)
    assert field.axes[:4] == ("time", "trajectory", "x", "y")
    np.testing.assert_array_equal(
        assemble(field), array.swapaxes(0, 1).reshape(
            field.n_samples, field.n_features))
    with h5py.File(field.path) as file:
        np.testing.assert_allclose(file["axes/x"], np.linspace(0, 1, 7),
                                   rtol=1e-6)


def test_tensors_may_have_one_axis_of_components(hdf5_file, tmp_path):
    array = numbers(1, N_STEPS, *SPACE, 4)
    path = write_well(tmp_path / "well.h5", {
        "t2_fields/f": (array, True, True, [True, True])}, n_trajectories=1)
    check_the_well(path)
    field = get_field(hdf5_file, path=path, variable="t2_fields/f",
                      background="none", partition="samples")
    # The only trajectory is no axis.
    assert field.axes == ("time", "x", "y", "component_0")
    np.testing.assert_array_equal(assemble(field), array.reshape(-1, 4))


def test_one_trajectory_of_several(hdf5_file, tmp_path):
    array = numbers(N_TRAJECTORIES, N_STEPS, *SPACE)
    path = write_well(tmp_path / "well.h5", {
        "t0_fields/f": (array, True, True, [True, True])})
    field = get_field(hdf5_file, path=path, variable="t0_fields/f",
                      axes="at2-time-space-space", background="none")
    np.testing.assert_array_equal(assemble(field),
                                  array[2].reshape(N_STEPS, -1))


def test_axes_that_do_not_vary(hdf5_file, tmp_path):
    """A constant field of one space axis and no time."""
    path = write_well(tmp_path / "well.h5", {
        "t1_fields/f": (numbers(5, 2), False, False, [False, True])})
    check_the_well(path)
    field = get_field(hdf5_file, path=path, variable="t1_fields/f",
                      background="none", partition="samples")
    assert (field.axes, field.shape) == (("time", "y", "component_0"),
                                         (1, 5, 2))


def test_more_ranks_than_trajectories(hdf5_file, tmp_path):
    path = write_well(tmp_path / "well.h5", {
        "t0_fields/f": (numbers(3, N_STEPS, *SPACE), True, True,
                        [True, True])})
    field = get_field(hdf5_file, path=path, variable="t0_fields/f")
    assert ("4 ranks cannot share the 3 points of axis 'trajectory': choose "
            "n_ranks <= 3" in field.skip_reason())


def test_wrong_order_of_axes(hdf5_file, tmp_path):
    array = numbers(N_TRAJECTORIES, *SPACE, N_STEPS, 2)  # time last
    path = write_well(tmp_path / "well.h5", {
        "t1_fields/f": (array, True, True, [True, True])})
    with pytest.raises(AssertionError):
        check_the_well(path)
    with pytest.raises(ValueError, match=r"shape \(3, 7, 5, 5, 2\), but .* "
                       r"trajectory 3, time 5, x 7, y 5 and 2 component\(s\)"
                       ": put the axes into this order"):
        get_field(hdf5_file, path=path, variable="t1_fields/f")


@pytest.mark.parametrize("delete, message", [
    ("dimensions", "object 'dimensions' doesn't exist"),
    ("dimensions/x", "object 'x' doesn't exist"),
    ("t0_fields/f@dim_varying", "can't locate attribute: 'dim_varying'"),
    ("/@n_trajectories", "can't locate attribute: 'n_trajectories'"),
])
def test_incomplete_file_of_the_well(hdf5_file, tmp_path, delete, message):
    path = write_well(tmp_path / "well.h5", {
        "t0_fields/f": (numbers(3, N_STEPS, *SPACE), True, True,
                        [True, True])})
    with h5py.File(path, "a") as file:
        name, _, attribute = delete.partition("@")
        if attribute:
            del file[name].attrs[attribute]
        else:
            del file[name]
    with pytest.raises((ValueError, KeyError)):
        check_the_well(path)
    with pytest.raises(ValueError, match=f"is no file of The Well .*{message}"
                       ".*: complete it, or rename the group and give axes"):
        get_field(hdf5_file, path=path, variable="t0_fields/f")


# NetCDF-4 with CF attributes, plain HDF5

def write_netcdf(path, array, time_attributes, **attributes):
    """A variable f(time, lev, lat, lon) with dimension scales."""
    with h5py.File(path, "w") as file:
        file["f"] = array
        file["f"].attrs.update(attributes)
        for i, name in enumerate(("time", "lev", "lat", "lon")):
            file[name] = np.arange(array.shape[i]) * 2.5
            file[name].make_scale(name)
            file["f"].dims[i].attach_scale(file[name])
        file["time"].attrs.update(time_attributes)
        file["lat"].attrs["units"] = "degrees_north"
    return path


@pytest.mark.parametrize("n_ranks, decomposition", RANKS_AND_CUTS)
@pytest.mark.parametrize("heterogeneity", [1.0, 0.5, 0.0])
def test_netcdf(hdf5_file, tmp_path, n_ranks, decomposition, heterogeneity):
    """Packed numbers; the level, of one entry, is no axis."""
    array = numbers(N_STEPS, 1, *SPACE)
    path = write_netcdf(
        tmp_path / "f.nc", array.astype("int16"), {"axis": "T"},
        scale_factor=0.5, add_offset=280.0, _FillValue=np.int16(-999),
        valid_range=np.array([-99, 99], "int16"))
    field = get_field(hdf5_file, path=path, variable="f", background="none",
                      n_ranks=n_ranks, decomposition=decomposition,
                      heterogeneity=heterogeneity)
    assert field.axes == ("time", "lat", "lon")
    np.testing.assert_array_equal(
        assemble(field), 280 + array.reshape(N_STEPS, -1) / 2)
    with h5py.File(field.path) as file:
        assert file["axes/lat"].attrs["unit"] == "degrees_north"
        np.testing.assert_array_equal(file["axes/lon"], np.arange(5) * 2.5)


@pytest.mark.parametrize("time_attributes", [
    {"units": np.bytes_("hours since 1970-01-01")}, {"standard_name": "time"}])
def test_netcdf_time(hdf5_file, tmp_path, time_attributes):
    path = write_netcdf(tmp_path / "f.nc", numbers(N_STEPS, 2, *SPACE),
                        time_attributes)
    field = get_field(hdf5_file, path=path, variable="f")
    assert field.axes == ("time", "lev", "lat", "lon")


def test_time_by_the_name_of_its_scale(hdf5_file, tmp_path):
    path = tmp_path / "f.h5"
    with h5py.File(path, "w") as file:
        file["f"] = numbers(*SPACE, N_STEPS)
        for i, name in enumerate(("y", "x", "time")):
            file[name] = np.arange(file["f"].shape[i])
            file[name].make_scale(name)
            file["f"].dims[i].attach_scale(file[name])
    field = get_field(hdf5_file, path=path, variable="f")
    assert field.axes == ("time", "y", "x")


@pytest.mark.parametrize("n_ranks, decomposition", RANKS_AND_CUTS)
@pytest.mark.parametrize("partition", ["samples", "features"])
@pytest.mark.parametrize("heterogeneity", [1.0, 0.5, 0.0])
def test_plain_hdf5(hdf5_file, tmp_path, n_ranks, decomposition, partition,
                    heterogeneity):
    array = numbers(2, *SPACE, N_STEPS)
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["f"] = array
    field = get_field(
        hdf5_file, path=tmp_path / "f.h5", variable="f", background="none",
        axes="feature-space-space-time", n_ranks=n_ranks,
        decomposition=decomposition, partition=partition,
        heterogeneity=heterogeneity)
    np.testing.assert_array_equal(
        assemble(field), array.transpose(3, 1, 2, 0).reshape(
            field.n_samples, field.n_features))


@pytest.mark.parametrize("valid", [
    {"valid_range": np.array([-50, 50], "int16")},  # packed, as the values
    {"valid_max": 305.0},  # unpacked
    {"valid_max": np.int16(50)},
    {"valid_min": np.array([255.0])},
])
def test_values_outside_the_valid_range_are_missing(hdf5_file, tmp_path,
                                                    valid):
    array = numbers(N_STEPS, 1, *SPACE).clip(-49, 49)
    array[2, 0, 3, 1] = -60 if "valid_min" in valid else 60
    path = write_netcdf(tmp_path / "f.nc", array.astype("int16"),
                        {"axis": "T"}, scale_factor=0.5, add_offset=280.0,
                        **valid)
    with pytest.raises(ValueError, match="1 of 175 values of /f are missing"):
        get_field(hdf5_file, path=path, variable="f")


def test_a_file_that_says_nothing(hdf5_file, tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["f"] = numbers(N_STEPS, *SPACE)
    with pytest.raises(ValueError, match=r"the axes of /f are: they are "
                       r"axis_0 \(5\), axis_1 \(7\), axis_2 \(5\), the file .*"
                       "for example axes=time-space-space, see"):
        get_field(hdf5_file, path=tmp_path / "f.h5", variable="f")


def test_axes_against_those_of_the_file(hdf5_file, tmp_path):
    path = write_netcdf(tmp_path / "f.nc", numbers(N_STEPS, 2, *SPACE),
                        {"axis": "T"})
    with pytest.raises(ValueError, match="calls the axis lat time, but in "
                       "the file time is time: .* time, lev, lat, lon"):
        get_field(hdf5_file, path=path, variable="f",
                  axes="space-space-time-space")
