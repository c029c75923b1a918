"""Real climate scenarios against an independent library for EOFs."""
import sys

import h5py
import numpy as np
import pytest
from conftest import get_field, get_instance, load_dataset
from eofs.standard import Eof

from benchmark_utils.fields.reference import load_reference


@pytest.fixture
def ukmo(tmp_path):
    return load_dataset("ukmo_scenarios", tmp_path)


def temperatures(ukmo, case):
    """Array (time, latitude, longitude) in float64, and the latitudes."""
    with h5py.File(ukmo.source(case)) as file:
        return file["air_temperature"][:].astype(float), file["latitude"][:]


def fractions(field):
    """Leading eigenvalues over the total variance."""
    reference = load_reference(field)
    return reference.eigenvalues / reference.total_variance


@pytest.mark.parametrize("case", ["a1b", "e1"])
def test_variance_fractions_are_those_of_eofs(ukmo, case):
    """To 1e-8; without or with other weights, 1e-5 and more apart."""
    values, latitudes = temperatures(ukmo, case)
    ours = fractions(get_field(ukmo, case=case))
    cosine = np.cos(np.deg2rad(latitudes))[:, None]
    solver = Eof(values, weights=np.sqrt(cosine))
    np.testing.assert_allclose(ours, solver.varianceFraction(len(ours)),
                               atol=1e-8)
    for weights in (None, cosine):
        other = Eof(values, weights=weights).varianceFraction(len(ours))
        assert np.abs(other - ours).max() > 1e-5


def test_profiles_are_those_of_the_maps(ukmo):
    """Both partitions hold the same numbers; units and axes are named."""
    maps, profiles = (get_field(ukmo, partition=partition)
                      for partition in ("features", "samples"))
    with h5py.File(maps.path) as a, h5py.File(profiles.path) as b:
        np.testing.assert_array_equal(
            a["field"][:], b["field"][:].swapaxes(1, 2))
        assert list(a["field"].attrs["axes"]) == [
            "time", "latitude", "longitude"]
        assert list(b["field"].attrs["axes"]) == [
            "time", "longitude", "latitude"]
        assert a["axes/latitude"].attrs["unit"] == "degrees_north"
    assert (maps.n_samples, maps.n_features) == (240, 37 * 49)
    assert (profiles.n_samples, profiles.n_features) == (240 * 49, 37)


def test_blocks(ukmo):
    field = get_field(ukmo, decomposition="blocks")
    assert [len(field.cells(rank)) for rank in range(4)] == [
        18 * 24, 18 * 25, 19 * 24, 19 * 25]


def test_without_the_package_it_is_skipped(ukmo, benchmark, monkeypatch):
    monkeypatch.setitem(sys.modules, "iris_sample_data", None)
    objective = benchmark.get_benchmark_objective().get_instance()
    skip, reason = objective.skip(**get_instance(ukmo).get_data())
    assert skip
    assert "pip install iris-sample-data" in reason
