from pathlib import Path

import h5py
import numpy as np

from benchmark_utils.dataset import FieldDataset
from benchmark_utils.fields import netcdf3, survey, time_units
from benchmark_utils.fields.cache import cached, stamp
from benchmark_utils.fields.decoding import decode
from benchmark_utils.fields.file_axes import file_axes
from benchmark_utils.fields.hdf5_input import find_variable, read_steps
from benchmark_utils.fields.links import files_of
from benchmark_utils.fields.opening import open_file
from benchmark_utils.fields.state import find_files, open_state
from benchmark_utils.fields.unstructured import read_mesh
from benchmark_utils.fields.weights import point_weights, weights_file


def example_path():
    """Path of the example if the package iris-sample-data is installed."""
    try:
        import iris_sample_data
    except ImportError:
        return None
    return Path(iris_sample_data.path) / "A1B_north_america.nc"


class Dataset(FieldDataset):
    """Your own simulation: variables of HDF5 or NetCDF files.

    <b>Sample:</b> all values at one time (partition <i>features</i>), or the
    values along the feature axes at one point and time (<i>samples</i>); the
    time mean is subtracted.
    <b>Axes:</b> auto for files that describe them, those of The Well or NetCDF
    with CF attributes; else one word per axis of the variable: time, space,
    feature; split (the space axis that is cut into slabs; default: the
    first); at3 (only entry 3 of that axis).
    <b>Weights</b> (cos(latitude), cell areas, masses), several variables or
    files, standardised values, points without values, meshes (UGRID, or
    <i>topology</i>): docs/own_data.rst.
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
        "weights": ["none"],
        "standardise": ["auto"],
        "along": ["auto"],
        "topology": ["auto"],
    }
    partitions = ("features", "samples")
    is_random = False
    sources = (netcdf3, file_axes, time_units, read_steps, decode, open_state,
               survey.write_survey, point_weights)
    test_parameters = {"partition": ["features"]}  # of the example

    def files(self):
        """The user's files or the example, none without both."""
        if self.path is None:
            example = example_path()
            return [example] if example else []
        return find_files(self.path)

    def variables(self):
        """Names of the variables, which may come as a list or ``u,v``."""
        names = self.variable
        return ([str(name) for name in names]
                if isinstance(names, (list, tuple)) else
                [name.strip() for name in str(names).split(",")])

    def missing(self):
        return not self.files() and (
            "hdf5-file has no file to read: give path, variable and axes, or "
            "pip install iris-sample-data for its example.")

    def opened(self):
        """The state in the files, open while it is used."""
        return open_state(self.files(), self.variables(), str(self.axes),
                          str(self.along))

    def settings(self):
        files = [str(path) for path in self.files()]
        return dict(path=files, survey=self.survey().name)

    def survey(self):
        """File of facts about the user's files, found by reading them."""
        for key, choices in (("background", survey.BACKGROUNDS),
                             ("standardise", survey.STANDARDISE)):
            choice = getattr(self, key)
            if isinstance(choice, str) and choice not in choices:
                raise ValueError(f"{key} is {choice!r}, not one of "
                                 f"{' and '.join(choices)}.")

        def write(file):
            with self.opened() as opened:
                survey.write_survey(
                    file, opened, self.variables(), self.background,
                    str(self.weights), self.standardise, self.partition)

        files = self.files()
        settings = super().settings() | dict(
            path=[str(path) for path in files], stamps=self.stamps())
        if self.standardise == "column":
            settings["partition"] = self.partition
        return cached(self.folder() / "{key}.survey.h5", settings,
                      self.sources, write)

    def axes_and_space(self):
        """Axes of the field, and how many of them are space."""
        with h5py.File(self.survey()) as file:
            return survey.surveyed_axes(file, self.partition)

    @property
    def n_space(self):
        return self.axes_and_space()[1]

    def coordinates(self):
        return self.axes_and_space()[0]

    def mesh(self):
        """Of the one axis of space; points without values are left out."""
        with self.opened() as opened, h5py.File(self.survey()) as file:
            if opened.n_space > 1 or opened.along > 0:
                if str(self.topology) not in ("auto", "none"):
                    raise ValueError(
                        "topology is for one axis of space, in one file: call "
                        "other axes feature, or at0 for one entry of them.")
                return None
            mesh = read_mesh(opened.variables[0][0], str(self.topology),
                             opened.axes[1])
            kept = np.reshape(file["factor"][()] > 0, (opened.shape[1], -1))
        if mesh is None or (kept.any(axis=1) != kept.all(axis=1)).any():
            return None
        return mesh.part(np.flatnonzero(kept.all(axis=1)))

    def snapshots(self, rng):
        shape = [len(points) for _, _, points in self.coordinates()[1:]]
        with self.opened() as opened, h5py.File(self.survey()) as file:
            yield from survey.anomalies(opened, file, shape)

    def stamps(self):
        """Every file that the values come from, and when it was changed."""
        names, paths = self.variables(), set()
        for path in self.files():
            paths.add(path)
            with open_file(path) as file:
                for name in names:
                    paths |= files_of(find_variable(file, name))
        paths.update(weights_file(str(self.weights)))
        return {str(path): stamp(path) for path in sorted(paths)}

    # benchopt's cache of results knows the path, not that a file changed.
    def _get_state(self):
        try:
            return self.stamps()
        except (ValueError, OSError):
            return {}  # refused, see get_data

    def __setstate__(self, state):
        """Nothing to restore: the state only enters the cache key."""
