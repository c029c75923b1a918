"""Values of stored numbers, against xarray or the array written."""
import h5py
import netCDF4
import numpy as np
import pytest
import xarray
from input_files import A, by_xarray, equal, rows, write

NETCDF = ("NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF4_CLASSIC",
          "NETCDF4")


def write_netcdf(path, array, kind, fill_value=None, **attributes):
    with netCDF4.Dataset(path, "w", format=kind) as file:
        for name, length in zip(("time", "y", "x"), array.shape, strict=True):
            file.createDimension(name, None if name == "time" else length)
        variable = file.createVariable("a", array.dtype, ("time", "y", "x"),
                                       fill_value=fill_value)
        variable.set_auto_maskandscale(False)
        variable.setncatts(attributes)
        variable[:] = array


# Packing


@pytest.mark.parametrize("marker", [
    1e20, 65535, -5.5, np.float32(9.96921e36), np.int64(2**40), "1e20f",
    b"NaN", "none", np.array([1e20, 40000.0]), ""])
@pytest.mark.parametrize("key", ["missing_value", "_FillValue"])
def test_markers_that_the_type_cannot_hold(read, tmp_path, key, marker):
    write(tmp_path / "a.h5", A.astype("i2"),
          attributes={key: marker, "scale_factor": 0.5}).close()
    equal(read("a.h5"), rows(0.5 * A))


@pytest.mark.parametrize("marker", [
    -5, -5.0, np.int8(-5), "-5", np.array([1e20, -5.0])])
def test_markers_of_another_type(refused, tmp_path, marker):
    array = A.astype("i2")
    array[array == -5] = -6
    array[3, 2, 1] = -5
    write(tmp_path / "a.h5", array,
          attributes={"missing_value": marker}).close()
    assert "1 of 240 values of /a are missing" in refused("a.h5")


@pytest.mark.parametrize("stored, unsigned", [
    ("i1", "true"), ("i2", "true"), ("u1", "false")])
def test_unsigned(read, tmp_path, stored, unsigned):
    array = np.arange(240).reshape(8, 6, 5).astype(stored)
    write(tmp_path / "a.h5", array, attributes={
        "_Unsigned": unsigned, "scale_factor": 0.5, "add_offset": 3}).close()
    equal(read("a.h5"), by_xarray(tmp_path / "a.h5"))


def test_unsigned_marker(refused, tmp_path):
    array = np.arange(240).reshape(8, 6, 5).astype("u1").view("i1")
    write(tmp_path / "a.h5", array, attributes={
        "_Unsigned": "true", "_FillValue": np.int8(-56)}).close()  # 200
    assert "1 of 240 values of /a are missing" in refused("a.h5")


@pytest.mark.parametrize("scale", ["0.5", b"0.5", np.array([0.5])])
def test_attributes_as_text_or_vectors(read, tmp_path, scale):
    write(tmp_path / "a.h5", A.astype("i2"),
          attributes={"scale_factor": scale}).close()
    equal(read("a.h5"), rows(0.5 * A))


@pytest.mark.parametrize("scale", ["half", np.array([0.5, 2])])
def test_attributes_that_say_nothing(refused, tmp_path, scale):
    write(tmp_path / "a.h5", A.astype("i2"),
          attributes={"scale_factor": scale}).close()
    assert "scale_factor of /a" in refused("a.h5")


@pytest.mark.parametrize("attribute", [
    np.zeros(1, [("x", "f4")]), np.void(b"-5"), -5j, "no. -5", True])
def test_attributes_that_are_no_numbers_count_for_nothing(read, tmp_path,
                                                          attribute):
    write(tmp_path / "a.h5", A.astype("i2"),
          attributes={"missing_value": attribute}).close()
    equal(read("a.h5"), rows(A))


@pytest.mark.parametrize("kind", NETCDF)
@pytest.mark.parametrize("stored", ["i1", "i2", "i4"])
@pytest.mark.parametrize("packing", [
    dict(scale_factor=np.float32(0.01), add_offset=np.float32(273.15)),
    dict(scale_factor=0.01, add_offset=-273.15), dict(add_offset=5)])
def test_packed(read, tmp_path, kind, stored, packing):
    write_netcdf(tmp_path / "a.nc", A.astype(stored), kind, **packing)
    X = read("a.nc")
    equal(X, rows(A * float(packing.get("scale_factor", 1))))
    # xarray unpacks to float32 where the attributes are.
    np.testing.assert_allclose(X, by_xarray(tmp_path / "a.nc"), atol=1e-4)


@pytest.mark.parametrize("kind", NETCDF)
def test_packed_as_unsigned(read, tmp_path, kind):
    write_netcdf(tmp_path / "a.nc", A.astype("i1"), kind, np.int8(-120),
                 _Unsigned="true", scale_factor=0.5)
    equal(read("a.nc"), by_xarray(tmp_path / "a.nc"))


@pytest.mark.parametrize("kind, stored", [
    *[(kind, stored) for kind in NETCDF
      for stored in ("i2", "i4", "f4", "f8")],
    ("NETCDF4", "u2"), ("NETCDF4", "i8"), ("NETCDF4", "u8")])
def test_what_was_never_written(read, refused, tmp_path, kind, stored):
    """It has the value that netCDF gives by default, to the last bit."""
    array = abs(A).astype(stored)
    write_netcdf(tmp_path / "a.nc", array, kind)
    equal(read("a.nc"), rows(array))
    array[[1, 5, 5], 2, [0, 1, 3]] = netCDF4.default_fillvals[stored]
    write_netcdf(tmp_path / "b.nc", array, kind)
    with netCDF4.Dataset(tmp_path / "b.nc") as file:
        assert file["a"][:].mask.sum() == 3
    assert "3 of 240 values of /a are missing" in refused("b.nc")


@pytest.mark.parametrize("stored", [">f8", ">f4", "f2", ">f2", "g", ">i2",
                                    "u2", ">u4", "u8", ">i8"])
def test_types_of_hdf5(read, tmp_path, stored):
    write(tmp_path / "a.h5", abs(A).astype(stored)).close()
    equal(read("a.h5"), rows(abs(A)))


def test_groups_and_enumerations(read, tmp_path):
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        for name, length in zip(("time", "y", "x"), A.shape, strict=True):
            file.createDimension(name, length)
        group = file.createGroup("run/first")
        group.createVariable("a", "f4", ("time", "y", "x"), zlib=True)[:] = A
        flag = file.createEnumType("i1", "flag", {"no": 0, "yes": 1})
        file.createVariable("wet", flag, ("time", "y", "x"))[:] = A > 0
    equal(read("a.nc", "run/first/a"), rows(A))
    equal(read("a.nc", "wet"), rows(A > 0))


@pytest.mark.parametrize("options", [
    dict(scaleoffset=0), dict(maxshape=(None, 6, 5)),
    dict(compression="lzf", shuffle=True, fletcher32=True)])
def test_storage(read, tmp_path, options):
    write(tmp_path / "a.h5", A.astype("i4"), **options).close()
    equal(read("a.h5"), rows(A))


@pytest.mark.parametrize("factor", [1e300, 1e-300, 1e-40])
def test_numbers_beyond_float32(refused, tmp_path, factor):
    write(tmp_path / "a.h5", A * factor).close()
    with np.errstate(over="ignore", invalid="ignore"):
        assert "convert them to another unit" in refused("a.h5")


def test_nothing_to_share(refused, tmp_path):
    write(tmp_path / "a.h5", A[:, :1, :1]).close()
    assert "no axis of space, only time (8), y (1), x (1)" in refused("a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["a"] = 3.0
    assert "no axis of space, only one number" in refused("b.h5")


# Coordinates and names

LATITUDES = np.arange(-50, 70, 20)


@pytest.mark.parametrize("values, attributes", [
    (LATITUDES.astype(">i4"), {}),
    ((LATITUDES * 10).astype("i2"), dict(scale_factor=0.1)),
    (LATITUDES.astype("i1").view("u1"), dict(_Unsigned="false")),
    (LATITUDES, dict(valid_range=[-10, 10]))])  # of the data
def test_packed_coordinates(read, tmp_path, values, attributes):
    attributes = attributes | dict(units="degrees_north")
    write(tmp_path / "a.h5", names=("time", "lat", "x"),
          coordinates=dict(lat=(values, attributes))).close()
    with xarray.open_dataset(tmp_path / "a.h5", engine="h5netcdf",
                             decode_times=False) as file:
        latitudes = np.array(file["lat"], float)
    np.testing.assert_allclose(latitudes, LATITUDES)
    weights = np.cos(np.deg2rad(LATITUDES))
    equal(read("a.h5", weights="coslat"),
          rows(A * weights[:, None] ** 0.5))


@pytest.mark.parametrize("values", [
    [0, 1, np.nan, 3, 4, 5], [0, 1, np.inf, 3, 4, 5], 6 * [0.0],
    [5, 4, 3, 2, 1, 0], 6 * [True], [b"a", b"b", b"c", b"d", b"e", b"f"],
    1j * np.arange(6), np.arange(6, dtype="f2")])
@pytest.mark.parametrize("name", ["time", "y"])
def test_coordinates_of_every_kind(read, tmp_path, values, name):
    write(tmp_path / "a.h5", A[:6],
          coordinates={name: np.array(values)}).close()
    equal(read("a.h5"), rows(A[:6]))


def test_missing_latitudes(refused, tmp_path):
    write(tmp_path / "a.h5", names=("time", "lat", "x"), coordinates=dict(
        lat=np.where(LATITUDES == 10, np.nan, LATITUDES))).close()
    assert "reach nan" in refused("a.h5", weights="coslat")


@pytest.mark.parametrize("label", [".", "..", "a/b", "x / m", "/", "é", " "])
def test_labels_that_are_no_names(read, tmp_path, label):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = A
        file["a"].dims[0].label = "time"
        file["a"].dims[1].label = label
    equal(read("a.h5"), rows(A))


def test_scales_that_are_gone(read, refused, tmp_path):
    with write(tmp_path / "a.h5") as file:
        del file["y"]
        with h5py.File(tmp_path / "b.h5", "w") as other:
            other.copy(file["a"], "a")
    equal(read("a.h5"), rows(A))
    assert "axis_0 (8), axis_1 (6), axis_2 (5), the file" in refused("b.h5")


def test_text_of_other_encodings(read, tmp_path):
    """Units in Latin-1, said to be UTF-8."""
    with write(tmp_path / "a.h5") as file:
        for name in "units", "long_name":
            file["a"].attrs.create(name, b"\xb0C",
                                   dtype=h5py.string_dtype("utf-8", 2))
    equal(read("a.h5"), rows(A))
