"""Modes of a run, written by the command of the documentation."""
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import h5py
import iris_sample_data
import numpy as np
import pytest
import xarray
from conftest import ROOT, copy_project, global_matrix, spectrum_array
from eofs.standard import Eof

from benchmark_utils.scoring.modes import gather_modes

SAMPLES = Path(iris_sample_data.path)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("modes") / "benchmark")


@pytest.mark.parametrize("partition", ["samples", "features"])
def test_modes_of_a_turned_basis(partition, make_field):
    """Any basis of the subspace gives the principal axes, in order."""
    array = spectrum_array(30, 8, 12)
    field = make_field(array, n_ranks=1, partition=partition)
    X = global_matrix(array, partition)
    _, s, V = np.linalg.svd(X, full_matrices=False)
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    alone = SimpleNamespace(rank=0, size=1, bcast=lambda x: x,
                            allreduce=lambda x: x, gather=lambda x: [x])
    modes = gather_modes(alone, field, SimpleNamespace(
        stored_batches=lambda steps: [X]), V[:3].T @ turn)
    signs = np.sign(V[[0, 1, 2], abs(V[:3]).argmax(axis=1)])
    np.testing.assert_allclose(modes.basis, V[:3].T * signs, atol=1e-10)
    np.testing.assert_allclose(modes.eigenvalues, s[:3] ** 2 / len(X))


def write_modes(project, *arguments):
    return subprocess.run(
        [sys.executable, "examples/write_modes.py", *arguments], cwd=project,
        capture_output=True, text=True, timeout=300, check=False)


def documented():
    """Arguments of the command in docs/own_data.rst."""
    text = (ROOT / "docs" / "own_data.rst").read_text()
    command = re.search(r"python examples/write_modes.py (.*)", text)[1]
    return command.replace('"', "").split()


def test_the_documented_command(project):
    done = write_modes(project, *documented())
    assert done.returncode == 0, done.stdout + done.stderr
    with h5py.File(SAMPLES / "A1B_north_america.nc") as file:
        values = file["air_temperature"][:].astype(float)
        latitude = file["latitude"][:]
    weights = np.sqrt(np.cos(np.deg2rad(latitude)))[:, None]
    solver = Eof(values, weights=weights, ddof=0)
    with xarray.open_dataset(project / documented()[0],
                             engine="h5netcdf") as modes:
        assert modes["modes"].dims == ("mode", "latitude", "longitude")
        assert modes["modes"].attrs["units"] == "K"
        assert modes["latitude"].attrs["units"] == "degrees_north"
        np.testing.assert_array_equal(modes["latitude"], latitude)
        assert modes.attrs["Conventions"].startswith("CF-")
        # Decoded by its units and its calendar of 360 days.
        assert str(modes["time"].values[0]) == "1860-06-01 00:00:00"
        k = modes.sizes["mode"]
        # The last of ten modes is separated by a gap of 4 % only.
        np.testing.assert_allclose(modes["eigenvalues"],
                                   solver.eigenvalues(k), rtol=1e-6)
        np.testing.assert_allclose(modes["explained_variance_ratio"],
                                   solver.varianceFraction(k), rtol=1e-6)
        expected = solver.eofs(neofs=4) / weights
        for mode, other in zip(modes["modes"].values, expected, strict=False):
            sign = np.sign((mode * other).sum())
            np.testing.assert_allclose(mode, sign * other,
                                       atol=1e-6 * abs(other).max())
            largest = (mode * weights).ravel()
            assert largest[abs(largest).argmax()] > 0
        anomalies = np.einsum("tm,mxy->txy", modes["coefficients"],
                              modes["modes"])
        np.testing.assert_allclose(
            anomalies, solver.reconstructedField(k), rtol=0,
            atol=1e-6 * abs(anomalies).max())
        np.testing.assert_allclose(modes["mean"], values.mean(axis=0),
                                   rtol=1e-12)


def test_land_and_several_variables(project, tmp_path):
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "uv.h5", "w") as file:
        for name in ("group/u", "group/v"):
            values = rng.standard_normal((20, 5, 4)) * np.arange(1, 5)
            values[:, 1, 2] = np.nan
            file[name] = values
            file[name].attrs["units"] = "m s-1"
    output = tmp_path / "modes.nc"
    done = write_modes(
        project, str(output), "-k", "3", "-s", "gram-eigh", "-d",
        f"hdf5-file[path={tmp_path}/uv.h5,variable=[[group/u,group/v]],"
        "axes=time-space-feature,partition=samples,n_ranks=2]")
    assert done.returncode == 1 and "only some of the features" in done.stderr
    done = write_modes(
        project, str(output), "-k", "3", "-d",
        f"hdf5-file[path={tmp_path}/uv.h5,variable=[[group/u,group/v]],"
        "axes=time-space-space,n_ranks=2]")
    assert done.returncode == 0, done.stderr
    with xarray.open_dataset(output, engine="h5netcdf") as modes:
        for name in ("modes_group_u", "modes_group_v"):
            assert modes[name].shape == (3, 5, 4)
            assert modes[name].attrs["units"] == "m s-1"
            missing = np.argwhere(np.isnan(modes[name].values))
            assert missing.tolist() == [[j, 1, 2] for j in range(3)]
            assert np.isfinite(modes[name.replace("modes", "mean")]).sum() \
                == 19


def test_axes_named_as_what_the_file_holds(project, tmp_path):
    """Of a NetCDF-3 file whose axis is called mode."""
    values = np.random.default_rng(0).standard_normal((20, 6, 5))
    xarray.Dataset(dict(a=(("time", "mode", "mean"), values))).to_netcdf(
        tmp_path / "a.nc", format="NETCDF3_CLASSIC")
    done = write_modes(
        project, str(tmp_path / "modes.nc"), "-k", "2", "-d",
        f"hdf5-file[path={tmp_path}/a.nc,variable=a,n_ranks=2]")
    assert done.returncode == 0, done.stdout + done.stderr
    with xarray.open_dataset(tmp_path / "modes.nc") as modes:
        assert modes["modes"].dims == ("mode", "mode_axis", "mean_axis")
        np.testing.assert_allclose(modes["mean"], values.mean(axis=0))


def test_samples_have_modes_on_their_features(project, tmp_path):
    done = write_modes(
        project, str(tmp_path / "modes.nc"), "-k", "3", "-d",
        "simulated[n_ranks=2,n_samples=200,n_features=20]")
    assert done.returncode == 0, done.stderr
    with xarray.open_dataset(tmp_path / "modes.nc",
                             engine="h5netcdf") as modes:
        assert modes["modes"].dims == ("mode", "feature")
        assert "coefficients" not in modes
        gram = modes["modes"].values @ modes["modes"].values.T
        np.testing.assert_allclose(gram, np.eye(3), atol=1e-12)


@pytest.mark.parametrize("arguments, message", [
    (["-s", "oja", "-d", "simulated[n_ranks=2,n_samples=200,n_features=20]",
      "-k", "3"], "above the target .*nothing is written"),
    (["-d", "hdf5-file[path=nowhere.nc]"], "There is no file .*nowhere.nc"),
    (["-d", "simulated[n_ranks=[1,2]]"], "Choose one dataset, not 2"),
])
def test_refusals(project, tmp_path, arguments, message):
    done = write_modes(project, str(tmp_path / "modes.nc"), *arguments)
    assert done.returncode == 1
    assert re.search(message, done.stderr.splitlines()[-1])
    assert not (tmp_path / "modes.nc").exists()
