from pathlib import Path

from benchmark_utils.dataset import FieldDataset
from benchmark_utils.fields.cache import stamp
from benchmark_utils.fields.decoding import decode
from benchmark_utils.fields.file_axes import file_axes
from benchmark_utils.fields.hdf5_input import read_steps, stored_axes
from benchmark_utils.fields.opening import open_file
from benchmark_utils.fields.physics.maps import ROLES, area_weights


def source(case):
    """Path of a scenario, None without the package that holds it."""
    try:
        import iris_sample_data
    except ImportError:
        return None
    return Path(iris_sample_data.path) / f"{case.upper()}_north_america.nc"


class Dataset(FieldDataset):
    """North America warms: temperatures from the Met Office climate model.

    <b>Sample:</b> a meridional profile, the column of 37 latitudes at one
    longitude and year (partition <i>features</i>: the map of a year; a grid
    point). Ranks own longitudes (<i>features</i>: latitudes).
    <b>Units:</b> K, times the square root of cos(latitude).
    <b>Background:</b> the mean of all years is subtracted.
    <b>Cases:</b> the emission scenarios a1b and e1, 1860 to 2099.
    <b>Source:</b> annual means of near-surface air temperature, Met Office
    Unified Model, from the package iris-sample-data; UK Open Government
    Licence.
    """

    name = "ukmo-scenarios"
    parameters = {"case": ["a1b"]}
    partitions = ("features", "samples")
    background = "mean of all years, weighted by the root of cos(latitude)"
    is_random = False
    sources = (file_axes, read_steps, decode, area_weights)
    test_config = {"n_ranks": 2}

    @property
    def n_space(self):
        return ROLES[self.partition].count("space")

    def missing(self):
        if source(self.case) is None:
            return ("ukmo-scenarios needs its data: pip install "
                    "iris-sample-data.")

    def settings(self):
        return super().settings() | dict(partition=self.partition,
                                         **stamp(source(self.case)))

    def coordinates(self):
        with open_file(source(self.case)) as file:
            return stored_axes(file_axes(file["air_temperature"]),
                               ROLES[self.partition])

    def snapshots(self, rng):
        with open_file(source(self.case)) as file:
            variable = file["air_temperature"]
            weights = area_weights(file["latitude"][:], self.partition)
            values = read_steps(variable, ROLES[self.partition], 0,
                                len(variable))
            yield (values - values.mean(axis=0)) * weights
