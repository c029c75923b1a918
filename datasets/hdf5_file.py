from functools import partial
from pathlib import Path

from benchopt import BaseDataset
from benchopt.config import get_data_path

from benchmark_utils.fields.file_axes import file_axes
from benchmark_utils.fields.hdf5_input import (
    BACKGROUNDS,
    anomalies,
    choose_roles,
    find_variable,
    identity,
    open_file,
    stored_axes,
)
from benchmark_utils.fields.layout import Field, NoField
from benchmark_utils.fields.store import store_field
from benchmark_utils.results.names import ShortName


def example_path():
    """Path of the example if the package iris-sample-data is installed."""
    try:
        import iris_sample_data
    except ImportError:
        return None
    return Path(iris_sample_data.path) / "A1B_north_america.nc"


class Dataset(ShortName, BaseDataset):
    """Your own simulation: a variable of an HDF5 file.

    <b>Sample:</b> all values at one time (partition <i>features</i>), or the
    values along the feature axes at one point and time (<i>samples</i>); the
    time mean is subtracted.
    <b>Axes:</b> auto for files that say it themselves, of The Well or NetCDF
    with CF attributes; else one word per axis of the variable: time, space,
    feature; split (the space axis that is cut into slabs; default: the
    first); at3 (only entry 3 of that axis).
    <b>Example:</b> annual mean air temperature over North America, 1860 to
    2099, Met Office model, scenario A1B (UK Open Government Licence; from
    the package iris-sample-data). Its cells are not weighted by area.
    """

    name = "hdf5-file"
    parameters = {
        "path": [None],
        "variable": ["air_temperature"],
        "axes": ["auto"],
        "background": ["time-mean"],
        "n_ranks": [4],
        "partition": ["features"],
        "decomposition": ["slabs"],
        "heterogeneity": [1.0],
        "batch": [1],
    }

    def source(self):
        """Path of the user's file or of the example, None without both."""
        if self.path is None:
            return example_path()
        return Path(str(self.path)).expanduser().resolve()

    def get_data(self):
        path = self.source()
        if path is None:
            return dict(field=NoField(
                "hdf5-file has no file to read: give path, variable and axes, "
                "or pip install iris-sample-data for its example."))
        if self.background not in BACKGROUNDS:
            raise ValueError(f"background is {self.background!r}, not one of "
                             f"{' and '.join(BACKGROUNDS)}.")
        with open_file(path) as file:
            variable = find_variable(file, str(self.variable))
            described = file_axes(variable)
            roles = choose_roles(str(self.axes), variable, described)
            words = "-".join(roles)
            if self.partition == "samples" and "feature" not in roles:
                raise ValueError(
                    f"axes={words} has no feature axis: a sample would be "
                    "one number. Name one, or choose partition=features.")
            axes = stored_axes(described, roles)
            snapshots = partial(anomalies, variable, roles,
                                len(axes[0][2]), self.background)
            stored = store_field(
                get_data_path("hdf5-file"),
                dict(variable=str(self.variable), axes=words,
                     background=self.background, **identity(path)),
                axes, roles.count("split") + roles.count("space"), snapshots,
                background=self.background)
        return dict(field=Field(
            stored, self.n_ranks, self.partition, self.heterogeneity,
            self.batch, decomposition=self.decomposition,
            seed=self.get_seed()))

    # benchopt's cache of results knows the path, not that the file changed.
    def _get_state(self):
        path = self.source()
        return identity(path) if path and path.is_file() else {}

    def __setstate__(self, state):
        """Nothing to restore: the state only enters the cache key."""
