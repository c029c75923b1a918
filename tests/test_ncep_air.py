"""Reanalysis: climatology, weights, and the way the file gets here.

The real file is compared with the package eofs where it has been fetched, by
``benchopt prepare . -d ncep-air``; all else runs on a small imitation.
"""
import hashlib
import subprocess
import tarfile

import h5py
import numpy as np
import pytest
from benchopt.config import get_data_path
from conftest import get_field, get_instance, load_dataset
from eofs.standard import Eof

from benchmark_utils.fields.reference import load_reference

REAL = get_data_path("ncep-air") / "air.mon.mean.nc"
LATITUDES = np.array([90, 45, 0, -45, -90], np.float32)


@pytest.fixture
def ncep(tmp_path):
    return load_dataset("ncep_air", tmp_path)


@pytest.fixture
def values():
    """Temperatures of 30 months, two years and a half."""
    rng = np.random.default_rng(0)
    season = np.cos(2 * np.pi * np.arange(30) / 12)[:, None, None]
    return (10 * season * LATITUDES[:, None]
            + rng.standard_normal((30, 5, 6))).astype(np.float32)


@pytest.fixture
def imitation(values, tmp_path):
    """A file like the real one."""
    path = tmp_path / "imitation.nc"
    with h5py.File(path, "w") as file:
        file["air"] = values
        file["lat"], file["lon"] = LATITUDES, 60.0 * np.arange(6)
        file["time"] = np.arange(30.0)
        for axis, name in enumerate(["time", "lat", "lon"]):
            file[name].make_scale(name)
            file["air"].dims[axis].attach_scale(file[name])
    return path


@pytest.fixture
def fetched(ncep, imitation):
    """The dataset's module with the imitation in place of the real file."""
    ncep.data_file().parent.mkdir(parents=True)
    ncep.data_file().write_bytes(imitation.read_bytes())
    ncep.FILE_SHA256 = hashlib.sha256(imitation.read_bytes()).hexdigest()
    return ncep


def read(field):
    with h5py.File(field.path) as file:
        return file["field"][:]


def weighted(values, means):
    weights = np.sqrt(np.cos(np.deg2rad(LATITUDES.astype(float))))
    return (values.astype(float) - means) * weights[:, None]


def climatology(values):
    """Mean of each calendar month, for all months."""
    return np.array([values[month % 12::12].astype(float).mean(axis=0)
                     for month in range(len(values))])


def test_anomalies(fetched, values):
    expected = weighted(values, climatology(values))
    np.testing.assert_allclose(read(get_field(fetched)), expected, atol=1e-5)
    profiles = read(get_field(fetched, partition="samples", n_ranks=2))
    np.testing.assert_allclose(profiles, expected.swapaxes(1, 2), atol=1e-5)


def test_raw(fetched, values):
    np.testing.assert_allclose(
        read(get_field(fetched, case="raw")),
        weighted(values, values.astype(float).mean(axis=0)), atol=1e-4)


def test_partitions(fetched):
    maps = get_field(fetched, decomposition="blocks")
    profiles = get_field(fetched, partition="samples")
    assert (maps.n_samples, maps.n_features) == (30, 30)
    assert (profiles.n_samples, profiles.n_features) == (30 * 6, 5)
    assert maps.axes == ("time", "lat", "lon")
    assert profiles.axes == ("time", "lon", "lat")


# The file

def test_without_the_file_it_is_skipped(ncep, benchmark):
    objective = benchmark.get_benchmark_objective().get_instance()
    skip, reason = objective.skip(**get_instance(ncep).get_data())
    assert skip
    assert "benchopt prepare . -d ncep-air" in reason


def test_another_version_is_refused(fetched):
    with fetched.data_file().open("ab") as file:
        file.write(b"newer")
    with pytest.raises(ValueError, match="is not the file of pyunicorn"):
        get_field(fetched)


@pytest.fixture
def archive(ncep, imitation, monkeypatch):
    """What pip would have downloaded."""
    def download(folder):
        path = f"{folder}/pyunicorn-1.0.0.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            tar.add(imitation, f"pyunicorn-1.0.0/{ncep.MEMBER}")
        return next(ncep.Path(folder).iterdir())

    monkeypatch.setattr(ncep, "download", download)


def test_the_file_is_taken_from_the_archive(ncep, archive, imitation):
    ncep.FILE_SHA256 = hashlib.sha256(imitation.read_bytes()).hexdigest()
    ncep.fetch(ncep.data_file())
    assert ncep.data_file().read_bytes() == imitation.read_bytes()
    assert list(ncep.data_file().parent.iterdir()) == [ncep.data_file()]


def test_a_wrong_archive_leaves_nothing(ncep, archive):
    with pytest.raises(ValueError, match="is not the file of pyunicorn"):
        ncep.fetch(ncep.data_file())
    assert not list(ncep.data_file().parent.iterdir())


def test_without_network_it_says_what_to_do(ncep, monkeypatch):
    """pip fails: no index."""
    for variable, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "",
                            "PIP_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(RuntimeError) as failure:
        ncep.fetch(ncep.data_file())
    assert isinstance(failure.value.__cause__, subprocess.CalledProcessError)
    assert "pypi.org/project/pyunicorn/1.0.0" in str(failure.value)
    assert str(ncep.data_file()) in str(failure.value)
    assert not list(ncep.data_file().parent.iterdir())


@pytest.mark.skipif(not REAL.exists(), reason=(
    "ncep-air is not fetched: benchopt prepare . -d ncep-air"))
@pytest.mark.parametrize("case", ["anomalies", "raw"])
def test_variance_fractions_are_those_of_eofs(ncep, case):
    """To 1e-8."""
    ncep.data_file().parent.mkdir(parents=True)
    ncep.data_file().symlink_to(REAL)
    with h5py.File(REAL) as file:
        values = file["air"][:].astype(float)
        latitudes = file["lat"][:].astype(float)
    if case == "anomalies":
        values = values - climatology(values)
    reference = load_reference(get_field(ncep, case=case))
    ours = reference.eigenvalues[:10] / reference.total_variance
    weights = np.sqrt(np.cos(np.deg2rad(latitudes)))[:, None]
    theirs = Eof(values, weights=weights).varianceFraction(10)
    np.testing.assert_allclose(ours, theirs, atol=1e-8)
