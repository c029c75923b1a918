"""The user's own file: axes, background, real data and clear refusals."""
import re
import sys
from itertools import permutations
from pathlib import Path

import h5py
import iris_sample_data
import numpy as np
import pytest
import real_files
from benchopt.utils.parametrized_name_mixin import _extract_options
from conftest import ROOT, get_field, get_instance, load_dataset
from sklearn.decomposition import PCA

from benchmark_utils.fields import hdf5_input, reading
from benchmark_utils.fields.reference import load_reference

SAMPLES = Path(iris_sample_data.path)
AXES = ("time", "x", "y", "v")
ROLES = ("time", "space", "space", "feature")


@pytest.fixture
def hdf5_file(tmp_path):
    return load_dataset("hdf5_file", tmp_path / "stored")


@pytest.fixture
def array():
    """Field (time, x, y, v) of whole numbers, whose time mean is exact."""
    return np.random.default_rng(0).integers(-99, 99, (8, 7, 4, 3)) * 1.0


@pytest.fixture
def write(tmp_path):
    """Write a variable f with attributes; return its path."""
    def write(values, name="run.h5", fillvalue=None, **attributes):
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            variable = file.create_dataset(
                "group/f", data=values, fillvalue=fillvalue)
            variable.attrs.update(attributes)
        return path
    return write


def stored(field):
    with h5py.File(field.path) as file:
        return file["field"][:]


def without_mean(array):
    return array - array.mean(axis=0)


def assemble(field):
    """X put together from what every rank reads, batch by batch."""
    n_cells = 0
    X = np.full((field.n_steps, field.n_cells, field.cell_size), np.nan)
    for rank in range(field.n_ranks):
        cells = field.cells(rank)
        n_cells += len(cells)
        own = np.concatenate(list(field.reader(rank).batches()))
        X[:, cells] = own.reshape(field.n_steps, len(cells), -1)
    assert n_cells == field.n_cells
    return X.reshape(field.n_samples, field.n_features)


# Round trip

@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_axes_in_any_order(hdf5_file, write, array, order):
    path = write(array.transpose(order))
    field = get_field(hdf5_file, path=path, variable="group/f",
                      axes="-".join(ROLES[i] for i in order))
    # Space axes keep the order of the file.
    space = [i for i in order if ROLES[i] == "space"]
    expected = without_mean(array).transpose(0, *space, 3)
    np.testing.assert_array_equal(stored(field), expected)


@pytest.mark.parametrize("partition", ["samples", "features"])
@pytest.mark.parametrize("heterogeneity", [1.0, 0.5])
@pytest.mark.parametrize("n_ranks", [1, 3])
@pytest.mark.parametrize("batch", [1, 3])
def test_ranks_read_the_anomalies(hdf5_file, write, array, partition,
                                  heterogeneity, n_ranks, batch):
    field = get_field(
        hdf5_file, path=write(array), variable="group/f",
        axes="-".join(ROLES), n_ranks=n_ranks, partition=partition,
        heterogeneity=heterogeneity, batch=batch)
    assert (field.heterogeneity, field.batch) == (heterogeneity, batch)
    n_columns = 3 if partition == "samples" else 7 * 4 * 3
    np.testing.assert_array_equal(
        assemble(field), without_mean(array).reshape(-1, n_columns))


def test_the_split_axis_is_the_one_that_is_cut(hdf5_file, write, array):
    field = get_field(hdf5_file, path=write(array), variable="group/f",
                      axes="time-space-split-feature", n_ranks=2)
    np.testing.assert_array_equal(
        stored(field), without_mean(array).swapaxes(1, 2))
    assert field.axes == ("time", "axis_2", "axis_1", "axis_3")
    np.testing.assert_array_equal(field.cells(0), range(2 * 7))


def test_one_entry_of_an_axis(hdf5_file, write, array):
    field = get_field(hdf5_file, path=write(array.T), variable="group/f",
                      axes="at2-space-space-time")
    np.testing.assert_array_equal(
        stored(field), without_mean(array)[..., 2].swapaxes(1, 2))


def test_several_feature_axes(hdf5_file, write, array):
    field = get_field(hdf5_file, path=write(array), variable="group/f",
                      axes="time-feature-space-feature", partition="samples")
    np.testing.assert_array_equal(
        assemble(field),
        without_mean(array).swapaxes(1, 2).reshape(8 * 4, 7 * 3))


def test_a_file_without_time(hdf5_file, write, array):
    field = get_field(hdf5_file, path=write(array[0]), variable="group/f",
                      axes="space-space-feature", partition="samples",
                      background="none")
    np.testing.assert_array_equal(assemble(field), array[0].reshape(-1, 3))


@pytest.mark.parametrize("background", ["time-mean", "none"])
def test_streaming_changes_nothing(hdf5_file, write, array, background,
                                   monkeypatch):
    parameters = dict(path=write(array), variable="group/f",
                      axes="-".join(ROLES), background=background)
    whole = get_field(hdf5_file, **parameters)
    expected = stored(whole)
    whole.path.unlink()
    monkeypatch.setattr(  # 8 steps: 3, 3 and 2
        reading, "BLOCK_BYTES", 3 * array[0].nbytes)
    np.testing.assert_array_equal(
        stored(get_field(hdf5_file, **parameters)), expected)


def test_packed_numbers_are_decoded(hdf5_file, write, array):
    path = write(array.astype("int16"), scale_factor=np.float32(0.25),
                 add_offset=np.array([300.0]), _FillValue=np.int16(-999))
    field = get_field(hdf5_file, path=path, variable="group/f",
                      axes="-".join(ROLES), background="none")
    np.testing.assert_array_equal(stored(field), 300 + array / 4)


def test_a_constant_point_leaves_exact_zeros(hdf5_file, write, array):
    array[:, 0] = 0.1  # whose mean over time would not round to 0.1
    field = get_field(hdf5_file, path=write(array[:7]), variable="group/f",
                      axes="-".join(ROLES))
    assert not stored(field)[:, 0].any()


# Axes

def test_names_units_and_coordinates(hdf5_file, write, array):
    path = write(array)
    with h5py.File(path, "a") as file:
        for i, values in enumerate([np.arange(8) * 0.5, np.zeros(7, ">f4"),
                                    np.arange(4.0), np.arange(3.0)]):
            scale = file.create_dataset(f"grid/{AXES[i]}", data=values)
            scale.make_scale("This is a netCDF dimension but not a netCDF "
                             "variable.  7" if i == 1 else AXES[i])
            file["group/f"].dims[i].attach_scale(scale)
        file["grid/time"].attrs["units"] = np.bytes_("1/omega_p")
        file["grid/v"].attrs["units"] = "v_th"
    field = get_field(hdf5_file, path=path, variable="group/f",
                      axes="-".join(ROLES))
    assert field.axes == AXES
    with h5py.File(field.path) as file:
        axes = file["axes"]
        assert [axes[name].attrs["unit"] for name in AXES] == [
            "1/omega_p", "1", "unknown", "v_th"]
        np.testing.assert_array_equal(axes["time"], np.arange(8) * 0.5)
        # NetCDF stores zeros for a dimension without coordinates.
        np.testing.assert_array_equal(axes["x"], np.arange(7))


def test_two_axes_may_share_a_scale(hdf5_file, write, array):
    path = write(array[:, :4])
    with h5py.File(path, "a") as file:
        file["n"] = np.arange(4)
        file["n"].make_scale("n")
        for i in (1, 2):
            file["group/f"].dims[i].attach_scale(file["n"])
    field = get_field(hdf5_file, path=path, variable="group/f",
                      axes="-".join(ROLES))
    assert field.axes == ("time", "n", "axis_2", "axis_3")


# Reuse

def test_an_edited_file_is_converted_again(hdf5_file, write, array):
    def convert():
        parameters = dict(path=path, variable="group/f",
                          axes="-".join(ROLES))
        dataset = hdf5_file.Dataset.get_instance(**parameters)
        return get_field(hdf5_file, **parameters).path, dataset._get_state()

    path = write(array)
    first, state = convert()
    modified = first.stat().st_mtime_ns
    assert convert() == (first, state)
    assert first.stat().st_mtime_ns == modified
    write(array * 2)
    second, new_state = convert()
    assert second != first
    assert new_state != state  # so benchopt's cache runs the solvers again


def test_ranks_and_partitions_share_one_file(hdf5_file, write, array):
    path = write(array)
    one, other = (get_field(
        hdf5_file, path=path, variable="group/f", axes="-".join(ROLES),
        n_ranks=n_ranks, partition=partition)
        for n_ranks, partition in [(2, "samples"), (4, "features")])
    assert one.path == other.path


# Refusals: one sentence that says what is wrong and what to do

@pytest.mark.parametrize("content, message", [
    (None, "There is no file .*run.h5"),
    (b"time,x\n", "neither an HDF5 nor a NetCDF file"),
    (b"", "neither an HDF5 nor a NetCDF file"),
    (b"CDF\x01", "truncated.*copy it again"),
    (b"CDF\x05", "CDF-5.: convert it, nccopy"),
])
def test_not_an_hdf5_file(hdf5_file, tmp_path, content, message):
    path = tmp_path / "run.h5"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        get_field(hdf5_file, path=path)


def test_truncated_file(hdf5_file, write, array):
    path = write(array)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match="truncated.*copy it again"):
        get_field(hdf5_file, path=path)


@pytest.mark.parametrize("variable, message", [
    ("g", r"no variable 'g'. Choose among: group/f \(8, 7, 4, 3\)"),
    ("group", "no variable 'group'"),
    (None, "no variable 'None'"),
])
def test_no_such_variable(hdf5_file, write, array, variable, message):
    with pytest.raises(ValueError, match=message):
        get_field(hdf5_file, path=write(array), variable=variable)


@pytest.mark.parametrize("values", [
    np.array([[b"a", b"b"]]), np.ones((3, 2), complex),
    np.ones((3, 2), [("f", "f4")]), h5py.Empty("f4")])
def test_not_numbers(hdf5_file, write, values):
    with pytest.raises(ValueError, match="choose one that holds real"):
        get_field(hdf5_file, path=write(values), variable="group/f",
                  axes="time-space")


@pytest.mark.parametrize("axes, message", [
    ("time-space", r"\(8, 7, 4, 3\): 2 words for 4 axes"),
    ("time-space-space-velocity", "'velocity' is not one of time, split, "),
    ("time-space-space-at3", "'at3' is not one of .*, at0 to at2"),
    ("time-space-space-time", "only one axis can be time"),
    ("time-split-split-feature", "only one can be split"),
    ("time-feature-feature-at0", "call at least one axis space"),
    ("timespacespacefeature", "1 words for 4 axes"),
])
def test_axes_that_do_not_fit(hdf5_file, write, array, axes, message):
    with pytest.raises(ValueError, match=message):
        get_field(hdf5_file, path=write(array), variable="group/f", axes=axes)


def test_samples_need_a_feature_axis(hdf5_file):
    with pytest.raises(ValueError, match="choose partition=features"):
        get_field(hdf5_file, partition="samples")


def test_unknown_background(hdf5_file):
    with pytest.raises(ValueError, match="not one of time-mean and none"):
        get_field(hdf5_file, background="climatology")


@pytest.mark.parametrize("hole, attributes", [
    (np.nan, {}), (np.inf, {}),
    (1e20, {"_FillValue": np.float32(1e20)}),
    (1e20, {"missing_value": 1e20}),  # float64 of a float32 variable
    (-999, {"fillvalue": -999}),
])
def test_missing_values(hdf5_file, write, array, tmp_path, hole, attributes):
    array[:2, 2, 1, 0] = hole
    path = write(array.astype("float32"), **attributes)
    with pytest.raises(ValueError, match="2 of 672 values .*fill them or"):
        get_field(hdf5_file, path=path, variable="group/f",
                  axes="-".join(ROLES))
    assert not list(tmp_path.glob("stored/*/*"))  # no half-written field


@pytest.mark.parametrize("value, background", [
    (0.1, "time-mean"), (0.0, "none")])
def test_constant_field(hdf5_file, write, value, background):
    with pytest.raises(ValueError, match="zero everywhere: choose"):
        get_field(hdf5_file, path=write(np.full((7, 5, 3), value)),
                  variable="group/f", background=background,
                  axes="time-space-space")


def test_too_large_for_float32(hdf5_file, write, array):
    with pytest.raises(ValueError, match="another unit"):
        get_field(hdf5_file, path=write(array * 1e40), variable="group/f",
                  axes="-".join(ROLES))


# Real files

def test_the_example_has_the_spectrum_of_its_array(hdf5_file):
    field = get_field(hdf5_file)
    assert field.axes == ("time", "latitude", "longitude")
    with h5py.File(SAMPLES / "A1B_north_america.nc") as file:
        X = file["air_temperature"][:].astype(float).reshape(240, -1)
    reference = load_reference(field)
    X -= X.mean(axis=0)
    spectrum = np.linalg.svd(X, compute_uv=False)**2 / 240
    # Rounding to float32 perturbs every singular value alike.
    np.testing.assert_allclose(np.sqrt(reference.eigenvalues),
                               np.sqrt(spectrum[:40]),
                               atol=1e-7 * np.sqrt(spectrum[0]))
    np.testing.assert_allclose(reference.total_variance, spectrum.sum(),
                               rtol=1e-7)
    pca = PCA(10, svd_solver="full").fit(X)
    np.testing.assert_allclose(reference.eigenvalues[:10],
                               pca.explained_variance_ * 239 / 240, rtol=1e-5)
    with h5py.File(field.reference_path) as file:
        overlaps = pca.components_ @ file["basis"][:, :10]
    np.testing.assert_allclose(
        np.linalg.svd(overlaps, compute_uv=False), 1, atol=1e-9)


def test_real_files_against_xarray(capsys, tmp_path):
    """All that are NetCDF, among them NetCDF-3 and GRIB."""
    for path in [*SAMPLES.glob("*.nc"), *SAMPLES.glob("*.grib2")]:
        (tmp_path / path.name).symlink_to(path)
    assert real_files.main([tmp_path]) == 0
    table = capsys.readouterr().out
    assert len(re.findall(r"points left out: \de-", table)) > 10
    assert "polar_stereo.grib2 is a GRIB file" in table


def test_without_the_example_the_objective_skips(hdf5_file, benchmark,
                                                 monkeypatch):
    monkeypatch.setitem(sys.modules, "iris_sample_data", None)
    objective = benchmark.get_benchmark_objective().get_instance()
    skip, reason = objective.skip(**get_instance(hdf5_file).get_data())
    assert skip
    assert "pip install iris-sample-data" in reason


# Documentation

def test_commands_of_the_documentation(hdf5_file):
    text = (ROOT / "docs" / "own_data.rst").read_text()
    commands = re.findall(r'-d "(hdf5-file\[.*\])"', text)
    assert len(commands) >= 3
    for command in commands:
        _, _, parameters = _extract_options(command)
        assert parameters.keys() <= hdf5_file.Dataset.parameters.keys()
        if "axes" in parameters:
            shape = [2] * (1 + parameters["axes"].count("-"))
            hdf5_input.parse_axes(parameters["axes"], shape)


def test_the_template_is_a_dataset(tmp_path):
    template = load_dataset("template_dataset", tmp_path)
    for partition in template.Dataset.test_parameters["partition"]:
        field = get_field(template, partition=partition)
        X = assemble(field)
        assert np.isfinite(X).all()
        assert len(load_reference(field).eigenvalues) > 10  # n_components
