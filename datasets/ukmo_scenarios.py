from pathlib import Path

import numpy as np
from benchopt import BaseDataset
from benchopt.config import get_data_path

from benchmark_utils.fields.file_axes import file_axes
from benchmark_utils.fields.hdf5_input import (
    anomalies,
    identity,
    open_file,
    stored_axes,
)
from benchmark_utils.fields.layout import Field, NoField
from benchmark_utils.fields.store import store_field
from benchmark_utils.results.names import ShortName

# What the axes (time, latitude, longitude) of the file are.
ROLES = {"features": ("time", "space", "space"),
         "samples": ("time", "feature", "space")}


def source(case):
    """Path of a scenario, None without the package that holds it."""
    try:
        import iris_sample_data
    except ImportError:
        return None
    return Path(iris_sample_data.path) / f"{case.upper()}_north_america.nc"


def area_weights(latitudes, partition):
    """Root of the cosine of the latitude, along its axis of the field."""
    weights = np.sqrt(np.cos(np.deg2rad(latitudes)))
    return weights if partition == "samples" else weights[:, None]


class Dataset(ShortName, BaseDataset):
    """North America warms: temperatures of the Met Office climate model.

    <b>Sample:</b> a meridional profile, the column of 37 latitudes at one
    longitude and year (partition <i>features</i>: the map of a year; a grid
    point). Ranks own longitudes (<i>features</i>: latitudes).
    <b>Units:</b> K, times the root of cos(latitude). <b>Background:</b> the
    mean of all years is subtracted.
    <b>Cases:</b> the emission scenarios a1b and e1, 1860 to 2099.
    <b>Source:</b> annual means of near-surface air temperature, Met Office
    Unified Model, from the package iris-sample-data; UK Open Government
    Licence.
    """

    name = "ukmo-scenarios"
    parameters = {
        "case": ["a1b"],
        "n_ranks": [4],
        "partition": ["features"],
        "decomposition": ["slabs"],
        "heterogeneity": [1.0],
        "batch": [1],
    }
    test_parameters = {"partition": ["samples", "features"]}
    test_config = {"n_ranks": 2}

    def get_data(self):
        path, roles = source(self.case), ROLES[self.partition]
        if path is None:
            return dict(field=NoField(
                "ukmo-scenarios needs its data: pip install "
                "iris-sample-data."))
        with open_file(path) as file:
            variable = file["air_temperature"]
            axes = stored_axes(file_axes(variable), roles)
            weights = area_weights(file["latitude"][:], self.partition)

            def snapshots():
                blocks = anomalies(variable, roles, len(variable),
                                   "time-mean")
                for block in blocks:
                    yield block * weights

            stored = store_field(
                get_data_path("ukmo-scenarios"),
                dict(partition=self.partition, **identity(path)), axes,
                roles.count("space"), snapshots,
                background="mean of all years, weighted by the root of "
                           "cos(latitude)")
        return dict(field=Field(
            stored, self.n_ranks, self.partition, self.heterogeneity,
            self.batch, decomposition=self.decomposition,
            seed=self.get_seed()))
