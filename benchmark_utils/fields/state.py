"""Variables of one or several files as one state of a simulation.

Several variables are one more feature axis. Several files continue each
other along one axis, time or space, and are read as if they were one.
"""
import glob
import os
import re
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from benchmark_utils.fields import reading
from benchmark_utils.fields.decoding import text
from benchmark_utils.fields.file_axes import file_axes, scales
from benchmark_utils.fields.hdf5_input import (
    choose_roles,
    find_variable,
    read_steps,
    stored_axes,
)
from benchmark_utils.fields.opening import allow_files, open_file
from benchmark_utils.fields.time_units import common_unit


def find_files(path):
    """The files of a path, of a pattern (``run_*.nc``) or of a list of both.

    Those of a pattern are in natural order, ``run_9.nc`` before
    ``run_10.nc``.
    """
    if isinstance(path, (list, tuple)):
        return [file for each in path for file in find_files(each)]
    path = Path(os.path.abspath(Path(str(path)).expanduser()))
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    found = sorted(glob.glob(str(path)), key=lambda name: [
        int(part) if part.isdigit() else part
        for part in re.split(r"(\d+)", name)])
    # Without any, open_file says why.
    return [Path(name) for name in found] or [path]


@contextmanager
def open_state(paths, names, axes="auto", along="auto"):
    """Open files, see :class:`State` for the parameters."""
    twice = [path for path, times in Counter(paths).items() if times > 1]
    if twice:
        raise ValueError(f"{twice[0]} is given twice: give every file once.")
    allow_files(len(paths))
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
    calendar : str
        Of the time axis (CF), empty if it has none.

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
                        "share their axes: interpolate them to one grid, or "
                        "choose one of them.")
            parts.append(stored_axes(each[0], self.roles))
        for name, parts_of_one in zip(names, zip(*self.variables, strict=True),
                                      strict=True):
            _check_units(name, parts_of_one)
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
            raise ValueError(f"along={along} is not one of the axes "
                             f"{', '.join(names)}.")
        if differing - {self.along}:
            raise ValueError(
                f"{files[0]} and other files differ along "
                f"{' and '.join(names[i] for i in sorted(differing))}: files "
                "must follow each other along one axis and share the "
                "others.")
        calendars = [_calendar(variables[0], self.roles)
                     for variables in self.variables]
        self.calendar = calendars[0]
        if self.along > 0:
            calendars = len(parts) * [""]
        points = common_unit([part[self.along] for part in parts], calendars)
        if all(np.array_equal(each, np.arange(len(each))) for each in points):
            joined = np.arange(sum(map(len, points)))  # numbers, no places
        else:
            sign = -1 if points[0][0] > points[0][-1] else 1
            order = sorted(range(len(parts)),
                           key=lambda i: sign * points[i][0])
            self.variables = [self.variables[i] for i in order]
            points = [points[i] for i in order]
            _check_order(names[self.along], [sign * each for each in points],
                         self.along == 0)
            joined = np.concatenate(points)
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


def _check_units(name, variables):
    """Refuse a variable whose unit differs between files."""
    units = {text(each.attrs.get("units", "")): each.file.filename
             for each in variables}
    units.pop("", None)
    if len(units) > 1:
        raise ValueError(
            f"The unit of {name} is " + ", ".join(
                f"{unit!r} in {file}" for unit, file in units.items())
            + ": convert them to one unit.")


def _check_order(name, points, is_time):
    """Refuse coordinates of files, in their order, that do not continue."""
    if len(points) > 1 and np.isnan(np.concatenate(points)).any():
        raise ValueError(
            f"Coordinates of the axis {name} are missing in some files, "
            "so these cannot be put in order: add them, or remove them all.")
    values = [np.unique(each) for each in points]
    joined = np.concatenate(values)
    if len(np.unique(joined)) < len(joined) or (
            is_time and (np.diff(joined) < 0).any()):
        raise ValueError(
            f"Files overlap: their ranges of the axis {name} share values or "
            "interleave. Every part must be in only one file.")


def _calendar(variable, roles):
    if "time" not in roles:
        return ""
    return "".join(text(scale.attrs.get("calendar", ""))
                   for scale in scales(variable, roles.index("time")))


def _different(axes, others):
    """Numbers of the axes whose name, unit or coordinates differ."""
    if len(axes) != len(others):
        return list(range(max(len(axes), len(others))))
    return [i for i, (axis, other) in enumerate(
        zip(axes, others, strict=True)) if axis[:2] != other[:2]
        or not np.array_equal(axis[2], other[2], equal_nan=True)]
