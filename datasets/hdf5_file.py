from contextlib import contextmanager
from pathlib import Path

from benchmark_utils.dataset import FieldDataset
from benchmark_utils.fields.cache import stamp
from benchmark_utils.fields.file_axes import file_axes
from benchmark_utils.fields.hdf5_input import (
    BACKGROUNDS,
    anomalies,
    choose_roles,
    find_variable,
    open_file,
    stored_axes,
)


def example_path():
    """Path of the example if the package iris-sample-data is installed."""
    try:
        import iris_sample_data
    except ImportError:
        return None
    return Path(iris_sample_data.path) / "A1B_north_america.nc"


class Dataset(FieldDataset):
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
    }
    partitions = ("features", "samples")
    is_random = False
    sources = (file_axes, anomalies)
    test_parameters = {"partition": ["features"]}  # of the example

    def source(self):
        """Path of the user's file or of the example, None without both."""
        if self.path is None:
            return example_path()
        return Path(str(self.path)).expanduser().resolve()

    def missing(self):
        return self.source() is None and (
            "hdf5-file has no file to read: give path, variable and axes, or "
            "pip install iris-sample-data for its example.")

    @contextmanager
    def opened(self):
        """The variable of the file, and the role of each of its axes."""
        with open_file(self.source()) as file:
            variable = find_variable(file, str(self.variable))
            yield variable, choose_roles(str(self.axes), variable,
                                         file_axes(variable))

    def settings(self):
        path = self.source()
        with self.opened() as (_, roles):
            return dict(variable=str(self.variable), axes="-".join(roles),
                        background=self.background, path=str(path),
                        **stamp(path))

    @property
    def n_space(self):
        with self.opened() as (_, roles):
            return roles.count("split") + roles.count("space")

    def coordinates(self):
        if self.background not in BACKGROUNDS:
            raise ValueError(f"background is {self.background!r}, not one of "
                             f"{' and '.join(BACKGROUNDS)}.")
        with self.opened() as (variable, roles):
            if self.partition == "samples" and "feature" not in roles:
                raise ValueError(
                    f"axes={'-'.join(roles)} has no feature axis: a sample "
                    "would be one number. Name one, or choose "
                    "partition=features.")
            return stored_axes(file_axes(variable), roles)

    def snapshots(self, rng):
        with self.opened() as (variable, roles):
            n_steps = (variable.shape[roles.index("time")]
                       if "time" in roles else 1)
            yield from anomalies(variable, roles, n_steps, self.background)

    # benchopt's cache of results knows the path, not that the file changed.
    def _get_state(self):
        path = self.source()
        return stamp(path) if path and path.is_file() else {}

    def __setstate__(self, state):
        """Nothing to restore: the state only enters the cache key."""
