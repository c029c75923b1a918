"""What EOF and POD users expect of their files, against eofs and pyMOR.

Weights, several variables, several files, points without values, standardised
values: the field that ranks work on has the modes that other programs find.
"""
from pathlib import Path

import h5py
import iris_sample_data
import numpy as np
import pytest
from conftest import get_field, load_dataset
from eofs.multivariate.standard import MultivariateEof
from eofs.standard import Eof
from pymor.algorithms.pod import pod
from pymor.operators.numpy import NumpyMatrixOperator
from pymor.vectorarrays.numpy import NumpyVectorSpace
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from benchmark_utils.fields import reading
from benchmark_utils.fields.column_grid import column_grid
from benchmark_utils.fields.reference import load_reference
from benchmark_utils.scoring.pictures import exact_pictures, gather_pictures

SAMPLES = Path(iris_sample_data.path)
K = 4
SHAPE = (30, 6, 5)  # time, latitude, longitude
LAT, LON = np.linspace(-75, 75, 6), np.linspace(0, 288, 5)
COSINE = np.cos(np.deg2rad(LAT))[:, None] * np.ones(5)


@pytest.fixture
def hdf5_file(tmp_path):
    return load_dataset("hdf5_file", tmp_path / "stored")


def rough(seed=0, shape=SHAPE):
    """Numbers with well separated principal variances, in float32."""
    rng = np.random.default_rng(seed)
    d = int(np.prod(shape[1:]))
    values = rng.standard_normal((shape[0], d)) * 0.6 ** np.arange(d)
    return (values @ np.linalg.qr(rng.standard_normal((d, d)))[0] + 3).reshape(
        shape).astype("float32")


def write(path, variables, units="days since 2000-01-01", **axes):
    """A NetCDF-4 file of variables on (time, lat, lon)."""
    points = dict(time=np.arange(SHAPE[0]), lat=LAT, lon=LON) | axes
    with h5py.File(path, "w") as file:
        for name, values in points.items():
            file[name] = np.asarray(values, float)
            file[name].make_scale(name)
        file["time"].attrs["units"] = units
        file["lat"].attrs["units"] = "degrees_north"
        for name, values in variables.items():
            file[name] = values
            for i, axis in enumerate(list(points)[-values.ndim:]):
                file[name].dims[i].attach_scale(file[axis])
    return path


def found(field):
    """Maps, eigenvalues (of X'X / n) and basis of the exact modes."""
    reference = load_reference(field, K)
    with h5py.File(field.reference_path) as file:
        basis = file["basis"][:, :K]
    return column_grid(field).maps(basis), reference.eigenvalues[:K], basis


def assert_same_modes(maps, expected, atol=1e-6):
    """Up to sign; NaN in the same places."""
    for one, other in zip(maps, expected, strict=True):
        sign = np.sign(np.nansum(one * other))
        np.testing.assert_allclose(
            one, sign * other, rtol=0, atol=atol * np.nanmax(abs(other)))


def test_weights_by_latitude(hdf5_file):
    field = get_field(hdf5_file, weights="coslat")
    with h5py.File(SAMPLES / "A1B_north_america.nc") as file:
        values = file["air_temperature"][:].astype(float)
        weights = np.sqrt(np.cos(np.deg2rad(file["latitude"][:])))[:, None]
    solver = Eof(values, weights=weights, ddof=0)
    maps, eigenvalues, _ = found(field)
    np.testing.assert_allclose(eigenvalues, solver.eigenvalues(K), rtol=1e-6)
    assert_same_modes(maps, solver.eofs(neofs=K) / weights)


def test_points_without_values_are_left_out_and_put_back(hdf5_file):
    path = SAMPLES / "ostia_monthly.nc"
    field = get_field(hdf5_file, path=path, variable="surface_temperature",
                      weights="coslat")
    with h5py.File(path) as file:
        variable = file["surface_temperature"]
        values = variable[:].astype(float)
        values[variable[:] == variable.attrs["_FillValue"]] = np.nan
        weights = np.sqrt(np.cos(np.deg2rad(file["latitude"][:])))[:, None]
    sea = np.isfinite(values).all(axis=0)
    assert field.axes == ("time", "point")
    assert field.n_features == sea.sum() < sea.size
    solver = Eof(values, weights=weights, ddof=0)
    maps, eigenvalues, _ = found(field)
    np.testing.assert_allclose(eigenvalues, solver.eigenvalues(K), rtol=1e-6)
    np.testing.assert_array_equal(np.isnan(maps), np.broadcast_to(
        ~sea, maps.shape))
    assert_same_modes(maps, solver.eofs(neofs=K) / weights)
    # Also in the pictures of the page.
    pictures = exact_pictures(field)
    assert [name for name, _, _ in pictures["axes"]] == [
        "latitude", "longitude"]
    blank = np.isnan(pictures["exact"][:, 0]).mean()
    assert blank == pytest.approx(1 - sea.mean(), abs=0.05)
    assert 0 < blank < 1


@pytest.mark.parametrize("variable", [["u", "v"], "u, v"])
@pytest.mark.parametrize("standardise", ["auto", [2.0, 5.0], "none"])
def test_several_variables(hdf5_file, tmp_path, variable, standardise):
    u, v = rough(0), 1000 * rough(1)
    path = write(tmp_path / "uv.nc", dict(u=u, v=v))
    field = get_field(hdf5_file, path=path, variable=variable,
                      weights="coslat", standardise=standardise)
    scales = dict(auto=[
        np.sqrt((COSINE * x.astype(float).var(axis=0)).sum() / COSINE.sum())
        for x in (u, v)], none=[1, 1]).get(str(standardise), standardise)
    weights = [np.sqrt(COSINE) / scale for scale in scales]
    solver = MultivariateEof([u.astype(float), v.astype(float)],
                             weights=weights, ddof=0)
    maps, eigenvalues, _ = found(field)
    np.testing.assert_allclose(eigenvalues, solver.eigenvalues(K), rtol=1e-6)
    assert_same_modes(maps, np.stack([
        modes / weight for modes, weight
        in zip(solver.eofs(neofs=K), weights, strict=True)], axis=-1))


def test_variables_with_points_of_their_own(hdf5_file, tmp_path):
    """As on staggered grids: u and v are missing at different points."""
    u, v = rough(0), rough(1)
    u[:, 2, 1:3] = v[:, 4, 0] = np.nan
    path = write(tmp_path / "uv.nc", dict(u=u, v=v))
    parameters = dict(path=path, variable=["u", "v"], standardise="none")
    solver = MultivariateEof([u.astype(float), v.astype(float)], ddof=0)
    maps, eigenvalues, _ = found(get_field(hdf5_file, **parameters))
    np.testing.assert_allclose(eigenvalues, solver.eigenvalues(K), rtol=1e-6)
    assert_same_modes(maps, np.stack(solver.eofs(neofs=K), axis=-1))
    with pytest.raises(ValueError, match="only some of the features"):
        get_field(hdf5_file, **parameters, partition="samples")


class OneRank:
    """The calls of a communicator that pictures need."""
    rank, size = 0, 1

    def gather(self, value):
        return [value]

    def bcast(self, value):
        return value


def test_pictures_are_maps(hdf5_file, tmp_path):
    """Exact and learned, also where weights span orders of magnitude."""
    values, mass = rough(), 10.0 ** np.arange(30).reshape(SHAPE[1:])
    mass[2, 2], values[:, 1, 1] = 0, np.nan
    path = write(tmp_path / "f.nc", dict(f=values / np.sqrt(mass.clip(1)),
                                         mass=mass ** 0.2))
    field = get_field(hdf5_file, path=path, variable="f", weights="mass",
                      n_ranks=1)
    maps, _, basis = found(field)
    assert np.isnan(maps[:, 2, 2]).all() and np.isnan(maps[:, 1, 1]).all()
    exact = exact_pictures(field)["exact"].astype(float)
    learned = gather_pictures(OneRank(), field, basis).astype(float)
    np.testing.assert_array_equal(learned, exact)
    for picture, one in zip(exact.T, maps, strict=False):
        factor = np.nanmax(abs(picture)) / np.nanmax(abs(one))
        np.testing.assert_allclose(picture, factor * one.ravel(),
                                   atol=1e-3 * np.nanmax(abs(picture)))


@pytest.mark.parametrize("where", ["same", "other", "flat"])
def test_mass_vector(hdf5_file, tmp_path, where):
    values = rough()
    mass = np.random.default_rng(1).random(SHAPE[1:]) + 0.1
    path = write(tmp_path / "f.nc", dict(f=values, mass=mass))
    with h5py.File(tmp_path / "mass.h5", "w") as file:
        file["mass"], file["flat"] = mass, mass.ravel()
    weights = dict(same="mass", other=f"{tmp_path}/mass.h5:mass",
                   flat=f"{tmp_path}/mass.h5:flat")[where]
    field = get_field(hdf5_file, path=path, variable="f", weights=weights)
    X = (values.astype(float) - values.mean(axis=0, dtype=float)).reshape(
        SHAPE[0], -1)
    space = NumpyVectorSpace(X.shape[1])
    modes, sigma = pod(space.from_numpy(X.T), product=NumpyMatrixOperator(
        np.diag(mass.ravel())), modes=K)[:2]
    maps, eigenvalues, _ = found(field)
    np.testing.assert_allclose(eigenvalues, sigma ** 2 / SHAPE[0], rtol=1e-6)
    assert_same_modes(maps, modes.to_numpy().T.reshape(maps.shape))
    # Orthonormal in that inner product.
    np.testing.assert_allclose(np.einsum(
        "ixy,jxy,xy->ij", maps, maps, mass), np.eye(K), atol=1e-9)


@pytest.mark.parametrize("partition", ["features", "samples"])
def test_standardised_columns(hdf5_file, tmp_path, partition):
    values = rough()
    path = write(tmp_path / "f.nc", dict(f=values))
    field = get_field(
        hdf5_file, path=path, variable="f", standardise="column",
        partition=partition, axes="time-feature-space")
    X = values.astype(float) - values.mean(axis=0, dtype=float)
    X = (X.swapaxes(1, 2).reshape(-1, 6) if partition == "samples"
         else X.swapaxes(1, 2).reshape(SHAPE[0], -1))
    scaler = StandardScaler().fit(X)
    pca = PCA(K, svd_solver="full").fit(scaler.transform(X))
    n = len(X)
    maps, eigenvalues, _ = found(field)
    np.testing.assert_allclose(
        eigenvalues, pca.explained_variance_ * (n - 1) / n, rtol=1e-6)
    assert_same_modes(maps, (pca.components_ * scaler.scale_).reshape(
        maps.shape))


@pytest.mark.parametrize("weights, axes", [
    ("coslat", "time-feature-space"),  # an inner product of the samples
    ("coslat", "time-space-feature")])  # the samples themselves weigh
def test_weights_under_samples(hdf5_file, tmp_path, weights, axes):
    values = rough()
    path = write(tmp_path / "f.nc", dict(f=values))
    field = get_field(hdf5_file, path=path, variable="f", axes=axes,
                      weights=weights, partition="samples")
    X = (values.astype(float) - values.mean(axis=0, dtype=float)) * np.sqrt(
        COSINE)
    is_feature = axes.startswith("time-feature")
    X = (X.swapaxes(1, 2) if is_feature else X).reshape(
        -1, 6 if is_feature else 5)
    _, sigma, modes = np.linalg.svd(X, full_matrices=False)
    maps, eigenvalues, _ = found(field)
    np.testing.assert_allclose(eigenvalues, sigma[:K] ** 2 / len(X),
                               rtol=1e-6)
    divisor = np.sqrt(COSINE[:, 0]) if is_feature else 1
    assert_same_modes(maps, modes[:K] / divisor)


def test_weights_that_are_no_inner_product_of_samples(hdf5_file, tmp_path):
    mass = np.random.default_rng(1).random(SHAPE[1:]) + 0.1
    path = write(tmp_path / "f.nc", dict(f=rough(), mass=mass))
    with pytest.raises(ValueError, match="differ from point to point"):
        get_field(hdf5_file, path=path, variable="f", weights="mass",
                  axes="time-feature-space", partition="samples")


def test_points_without_weight_are_left_out(hdf5_file, tmp_path):
    lat = np.linspace(-90, 90, 6)
    path = write(tmp_path / "f.nc", dict(f=rough()), lat=lat)
    field = get_field(hdf5_file, path=path, variable="f", weights="coslat")
    assert field.n_features == 4 * 5
    maps, *_ = found(field)
    assert np.isnan(maps[:, [0, -1]]).all()
    assert np.isfinite(maps[:, 1:-1]).all()


def test_reading_in_blocks_changes_nothing(hdf5_file, tmp_path, monkeypatch):
    u, v = rough(0), rough(1)
    u[:, 0, 0] = np.nan
    path = write(tmp_path / "uv.nc", dict(u=u, v=v))

    def stored():
        field = get_field(hdf5_file, path=path, variable=["u", "v"],
                          weights="coslat")
        with h5py.File(field.path) as file:
            return field, file["field"][()]

    field, whole = stored()
    for file in field.path.parent.iterdir():
        file.unlink()
    monkeypatch.setattr(reading, "BLOCK_BYTES", 7 * 8 * 60)
    np.testing.assert_array_equal(stored()[1], whole)


@pytest.mark.parametrize("parameters, message", [
    (dict(weights="nothing"), "no variable 'nothing'"),
    (dict(weights="short"), r"/short has the shape \(3,\), but the points "
     "have the axes lat 6, lon 5"),
    (dict(weights="negative"), "are negative, infinite or all zero"),
    (dict(weights="coslat", axes="time-space-at0-space", variable="g"),
     "needs one axis of latitudes"),
    (dict(variable=["f", "negative"]),
     "f and negative of .* do not share their axes"),
    (dict(standardise="point"), "standardise is 'point', not one of"),
    (dict(standardise=[1.0, 2.0]), "one positive number for each of 1"),
    (dict(along="height"), "along=height is not one of the axes time, lat, "),
    (dict(path="missing_*.nc"), "No file matches the pattern"),
])
def test_refusals(hdf5_file, tmp_path, parameters, message):
    path = write(tmp_path / "f.nc", dict(f=rough(), negative=-COSINE))
    with h5py.File(path, "a") as file:
        file["short"], file["g"] = np.ones(3), rough(
            0, (4, 3, 2, 2))
    with pytest.raises(ValueError, match=message):
        get_field(hdf5_file, **dict(path=path, variable="f") | parameters)


def test_some_values_are_missing(hdf5_file, tmp_path):
    values = rough()
    values[:, 0, 0] = np.nan
    values[3:5, 1, 1] = values[7, 2, 2] = np.nan
    path = write(tmp_path / "f.nc", dict(f=values))
    with pytest.raises(ValueError, match="3 of 900 values of /f are missing "
                       ".* at 2 points that have values at other times"):
        get_field(hdf5_file, path=path, variable="f")
