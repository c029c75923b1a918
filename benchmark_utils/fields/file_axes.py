"""What a file says about the axes of a variable: The Well and NetCDF/CF.

The Well (Ohana et al. 2024, arXiv 2412.00568; its docs/data_format.md) orders
the axes of a field as trajectory, time, space, tensor components; attributes
tell which of them there are. In NetCDF every axis has a dimension scale. CF
tells by attributes which of them is time; where it does not, names do.
"""
import re
from typing import NamedTuple

import numpy as np

from benchmark_utils.fields.decoding import text, unpack

# Groups of The Well by the order of the tensors in them.
WELL_GROUPS = ("t0_fields", "t1_fields", "t2_fields")
# Names that models give to time, beside words like those of ocean_time.
TIME_NAMES = {"t", "nt", "tau", "step", "timestep", "tstep", "snapshot",
              "frame", "record", "iteration", "iter", "decade", "year",
              "season", "month", "week", "day", "hour", "minute", "second"}
TIME_WORDS = {"time", "times", "date", "dates", "datetime"}
SINCE = re.compile(r"\w+ since ", re.IGNORECASE)
DURATION = re.compile(
    r"[mnufp]?s|(micro|nano|milli)?sec(ond)?s?|min(ute)?s?|h(ou)?rs?|days?|"
    r"weeks?|months?|(common_)?y(ea)?rs?", re.IGNORECASE)


class Axis(NamedTuple):
    """One axis of a variable; the role is None if the file does not say."""

    role: str | None
    name: str
    unit: str
    coordinates: np.ndarray


def file_axes(variable):
    """The axes of a variable, in the order of the file.

    Returns
    -------
    list of Axis

    Raises
    ------
    ValueError
        If a field of The Well does not have the shape that it declares.
    """
    if variable.name.split("/")[1] in WELL_GROUPS:
        try:
            return _well_axes(variable)
        except KeyError as error:
            raise ValueError(
                f"{variable.file.filename} has the group of {variable.name} "
                f"but is no file of The Well ({error.args[0]}): complete it, "
                "or rename the group and give axes.") from error
    return _with_roles([_scale_axis(variable, i)
                        for i in range(variable.ndim)])


def _well_axes(variable):
    """Axes by the attributes of The Well, checked against the shape."""
    file, attributes = variable.file, variable.attrs
    dimensions = file["dimensions"]
    names = [text(name) for name in dimensions.attrs["spatial_dims"]]
    axes = []
    if attributes["sample_varying"]:
        # Ranks own trajectories unless one is chosen.
        n_trajectories = int(file.attrs["n_trajectories"])
        axes.append(Axis("space" if n_trajectories > 1 else "at0",
                         "trajectory", "1", np.arange(n_trajectories)))
    if attributes["time_varying"]:
        axes.append(_well_axis("time", dimensions["time"]))
    axes += [_well_axis("space", dimensions[name]) for name, varies
             in zip(names, attributes["dim_varying"], strict=True) if varies]
    n_components = len(names) ** WELL_GROUPS.index(
        variable.name.split("/")[1])
    components = variable.shape[len(axes):]
    declared = tuple(len(axis.coordinates) for axis in axes)
    if (variable.shape[:len(axes)] != declared
            or np.prod(components, dtype=int) != n_components):
        order = ", ".join(f"{axis.name} {len(axis.coordinates)}"
                          for axis in axes)
        raise ValueError(
            f"{variable.name} has the shape {variable.shape}, but the file's "
            f"attributes declare the axes {order} and {n_components} "
            "component(s): put the axes into this order or correct the "
            "attributes.")
    return axes + [Axis("feature", f"component_{i}", "1", np.arange(n))
                   for i, n in enumerate(components)]


def _well_axis(role, dimension):
    """Axis of a dimension; trajectories may have coordinates of their own."""
    coordinates = (dimension[()] if dimension.ndim == 1
                   else np.arange(dimension.shape[-1]))
    return Axis(role, dimension.name.split("/")[-1], "unknown", coordinates)


def scales(variable, i):
    """Dimension scales of an axis; none if they were deleted."""
    try:
        return variable.dims[i].values()
    except RuntimeError:
        return []


def _scale_axis(variable, i):
    """Axis i by its dimension scale or label; as role how surely it is time.
    """
    length = variable.shape[i]
    label = re.sub(r"\s*/\s*", " per ", text(variable.dims[i].label))
    label = label.strip(". ")  # as the name of a dataset
    axis = Axis(_by_name(label), label or f"axis_{i}", "1", np.arange(length))
    for scale in scales(variable, i):
        attributes = {key: text(scale.attrs.get(key, "")) for key
                      in ("axis", "standard_name", "units", "calendar",
                          "NAME")}
        # Without a name if its only link was deleted.
        name = scale.name.split("/")[-1] if scale.name else axis.name
        said = (attributes["axis"] == "T" or attributes["calendar"]
                or attributes["standard_name"] == "time"
                or SINCE.match(attributes["units"]))
        sure = 3 if said else _by_name(name) or int(bool(
            DURATION.fullmatch(attributes["units"])))
        axis = axis._replace(role=sure, name=name)
        # The scale of a NetCDF dimension without coordinates is empty.
        if (scale.shape == (length,) and scale.dtype.kind in "iuf" and not
                attributes["NAME"].startswith("This is a netCDF dimension")):
            axis = axis._replace(unit=attributes["units"] or "unknown",
                                 coordinates=unpack(scale[()], scale))
    return axis


def _by_name(name):
    """2 for the name of a time axis, else 0."""
    name = name.lower().rstrip("0123456789")
    words = re.split(r"[^a-z]+", name)
    return 2 * (name in TIME_NAMES or name.removesuffix("s") in TIME_NAMES
                or name.endswith("time")
                or not TIME_WORDS.isdisjoint(words))


def _with_roles(axes):
    """Roles, from how surely each axis is time; None where it is open.

    A time axis of one entry gives way to one of more, as for forecasts.
    """
    surest = max((axis.role for axis in axes), default=0)
    times = [i for i, axis in enumerate(axes) if axis.role == surest > 0]
    long = [i for i in times if len(axes[i].coordinates) > 1]
    times = long or times
    if not times:
        return [axis._replace(role=None) for axis in axes]
    return [axis._replace(
        role="at0" if len(axis.coordinates) == 1 and times != [i]
        else "space" if i not in times
        else "time" if len(times) == 1 else None)
        for i, axis in enumerate(axes)]
