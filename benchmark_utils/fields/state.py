"""Variables of one or several files as one state of a simulation.

Several variables are one more feature axis. Several files continue each
other along one axis, time or space, and are read as if they were one.
"""
import glob
import re
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from benchmark_utils.fields import reading
from benchmark_utils.fields.file_axes import file_axes, text
from benchmark_utils.fields.hdf5_input import (
    choose_roles,
    find_variable,
    open_file,
    read_steps,
    stored_axes,
)

# Of time: units, and calendars whose dates numpy knows (none: standard).
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
STANDARD = ("", "standard", "gregorian", "proleptic_gregorian")


def find_files(path):
    """The files of a path, of a pattern (``run_*.nc``) or of a list of both.

    Those of a pattern are in natural order, ``run_9.nc`` before
    ``run_10.nc``.

    Raises
    ------
    ValueError
        If no file matches a pattern.
    """
    if isinstance(path, (list, tuple)):
        return [file for each in path for file in find_files(each)]
    path = Path(str(path)).expanduser().resolve()
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    found = sorted(glob.glob(str(path)), key=lambda name: [
        int(part) if part.isdigit() else part
        for part in re.split(r"(\d+)", name)])
    if not found:
        raise ValueError(f"No file matches the pattern {path}.")
    return [Path(name) for name in found]


@contextmanager
def open_state(paths, names, axes="auto", along="auto"):
    """Open files, see :class:`State` for the parameters."""
    with ExitStack() as stack:
        yield State([stack.enter_context(open_file(path)) for path in paths],
                    names, axes, along)


class State:
    """Variables of open files, as one array (time, space..., features...).

    Parameters
    ----------
    files : list of h5py.File
    names : list of str
        Variables that share their axes; several are the last feature axis.
    axes : str
        Role of every axis of a variable, or ``auto``.
    along : str
        Name of the axis along which the files continue each other; ``auto``
        is the only one that differs between them, or time if none does.

    Attributes
    ----------
    axes : list of (name, unit, coordinates)
        Of the array, time first.
    n_space : int

    Raises
    ------
    ValueError
        If variables do not share their axes or files do not fit together.
    """

    def __init__(self, files, names, axes, along):
        self.variables = [
            [find_variable(file, name) for name in names] for file in files]
        described = [[file_axes(variable) for variable in variables]
                     for variables in self.variables]
        self.roles = _common_roles(
            axes, [variables[0] for variables in self.variables],
            [each[0] for each in described])
        parts = []
        for file, variables, each in zip(
                files, self.variables, described, strict=True):
            for name, variable, own in zip(names, variables, each,
                                           strict=True):
                if variable.shape != variables[0].shape or _different(
                        [axis[1:] for axis in each[0]],
                        [axis[1:] for axis in own]):
                    raise ValueError(
                        f"{names[0]} and {name} of {file.filename} do not "
                        "share their axes: bring them to one grid, or choose "
                        "one of them.")
            parts.append(stored_axes(each[0], self.roles))
        self.n_space = sum(role in ("split", "space") for role in self.roles)
        self._join(parts, along)
        if len(names) > 1:
            self.axes.append(("variable", "1", np.arange(len(names))))

    def _join(self, parts, along):
        """Order the files along their axis; the axes of all together."""
        files = [variables[0].file.filename for variables in self.variables]
        names = [name for name, _, _ in parts[0]]
        differing = {i for part in parts for i in _different(parts[0], part)}
        if along == "auto":
            self.along = min(differing, default=0)
        elif along in names:
            self.along = names.index(along)
        else:
            raise ValueError(f"along={along} is none of the axes "
                             f"{', '.join(names)}.")
        if differing - {self.along}:
            raise ValueError(
                f"{files[0]} and other files differ along "
                f"{' and '.join(names[i] for i in sorted(differing))}: files "
                "must continue each other along one axis and share the "
                "others.")
        points = _common_unit([part[self.along] for part in parts],
                              self.calendar() in STANDARD)
        if all(np.array_equal(each, np.arange(len(each))) for each in points):
            joined = np.arange(sum(map(len, points)))  # numbers, no places
        else:
            sign = -1 if points[0][0] > points[0][-1] else 1
            order = sorted(range(len(parts)),
                           key=lambda i: sign * points[i][0])
            self.variables = [self.variables[i] for i in order]
            points = [points[i] for i in order]
            joined = np.concatenate(points)
            if len(np.unique(joined)) < sum(
                    len(np.unique(each)) for each in points):
                raise ValueError(
                    f"Files overlap: they share values of the axis "
                    f"{names[self.along]}. Every part must be in one file.")
        self.axes = list(parts[0])
        self.axes[self.along] = (*parts[0][self.along][:2], joined)
        self.edges = np.cumsum([0] + [len(each) for each in points])

    @property
    def shape(self):
        return tuple(len(points) for _, _, points in self.axes)

    def attributes(self, name):
        """An attribute of every variable, an empty string without it."""
        return [text(variable.attrs.get(name, ""))
                for variable in self.variables[0]]

    def calendar(self):
        """CF calendar of the time axis, an empty string if it has none."""
        if "time" not in self.roles:
            return ""
        scales = self.variables[0][0].dims[self.roles.index("time")].values()
        return "".join(text(scale.attrs.get("calendar", ""))
                       for scale in scales)

    def read(self, start, stop):
        """Values of time steps start to stop, missing ones as NaN.

        Returns
        -------
        float64 array of shape (steps, space..., features...)
        """
        parts = []
        for first, last, variables in zip(
                self.edges, self.edges[1:], self.variables, strict=False):
            begin, end = start, stop
            if self.along == 0:
                begin, end = max(0, start - first), min(stop, last) - first
            if begin < end:
                values = [read_steps(variable, self.roles, begin, end)
                          for variable in variables]
                parts.append(values[0] if len(values) == 1
                             else np.stack(values, axis=-1))
        return parts[0] if len(parts) == 1 else np.concatenate(
            parts, axis=self.along)

    def blocks(self):
        """The whole array, block by block of time steps."""
        n_steps, *shape = self.shape
        stride = max(1, reading.BLOCK_BYTES // (8 * int(np.prod(shape))))
        for start in range(0, n_steps, stride):
            yield self.read(start, min(start + stride, n_steps))


def _common_roles(axes, variables, described):
    """Roles of the axes of one variable in all files.

    Where a file has a single entry of an axis, other files may have others.
    """
    roles = [choose_roles(axes, *each) for each
             in zip(variables, described, strict=True)]
    if len({len(each) for each in roles}) > 1:
        raise ValueError(
            f"{variables[0].name} has different numbers of axes in "
            f"{' and '.join(variable.file.filename for variable in variables)}"
            ".")
    common = list(roles[0])
    if axes == "auto":
        for i, role in enumerate(common):
            points = [each[i].coordinates for each in described]
            if role == "at0" and not all(
                    np.array_equal(points[0], other) for other in points):
                common[i] = "space"
    return common


def _different(axes, others):
    """Numbers of the axes whose name, unit or coordinates differ."""
    if len(axes) != len(others):
        return list(range(max(len(axes), len(others))))
    return [i for i, (axis, other) in enumerate(
        zip(axes, others, strict=True)) if axis[:2] != other[:2]
        or not np.array_equal(axis[2], other[2])]


def _common_unit(axes, is_standard):
    """Coordinates of one axis in all files, in the unit of the first.

    Files of one run often count time from their own beginning; days, hours
    and the like of the standard calendar are converted.
    """
    unit = axes[0][1]
    converted = []
    for name, other, points in axes:
        if other != unit:
            (step, start), (other_step, other_start) = map(
                _since, (unit, other))
            if not is_standard or step is None or other_step is None:
                raise ValueError(
                    f"The unit of the axis {name} is {unit!r} in one file, "
                    f"{other!r} in another: bring them to one unit.")
            points = (points * other_step + (
                other_start - start).astype(int)) / step
        converted.append(points)
    return converted


def _since(unit):
    """Seconds and start of a CF unit of time, (None, None) of another."""
    match = re.fullmatch(
        rf"({'|'.join(SECONDS)})s? since (\d{{1,4}})-(\d{{1,2}})-(\d{{1,2}})"
        r"(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.0*)?)?)?(?: ?(?:UTC|Z))?",
        unit.strip())
    if not match:
        return None, None
    word, year, *rest = match.groups(default="0")
    month, day, hour, minute, second = map(int, rest)
    start = np.datetime64(f"{int(year):04}-{month:02}-{day:02}T"
                          f"{hour:02}:{minute:02}:{second:02}")
    return SECONDS[word], start
