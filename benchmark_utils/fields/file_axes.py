"""What a file says about the axes of a variable: The Well and NetCDF/CF.

The Well (Ohana et al. 2024, arXiv 2412.00568; its docs/data_format.md) orders
the axes of a field as trajectory, time, space, tensor components; attributes
tell which of them there are. In NetCDF-4 every axis has a dimension scale,
and CF tells by attributes which of them is time.
"""
from typing import NamedTuple

import numpy as np

# Groups of The Well by the order of the tensors in them.
WELL_GROUPS = ("t0_fields", "t1_fields", "t2_fields")


class Axis(NamedTuple):
    """One axis of a variable; the role is None if the file does not say."""

    role: str | None
    name: str
    unit: str
    coordinates: np.ndarray


def text(attribute):
    """String of an attribute that may be stored as bytes."""
    return (attribute.decode() if isinstance(attribute, bytes)
            else str(attribute))


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
    return [_scale_axis(variable, i) for i in range(variable.ndim)]


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


def _scale_axis(variable, i):
    """Axis i by its dimension scale, if it has one."""
    length = variable.shape[i]
    axis = Axis(None, f"axis_{i}", "1", np.arange(length))
    for scale in variable.dims[i].values():
        attributes = {key: text(scale.attrs.get(key, "")) for key
                      in ("axis", "standard_name", "units", "NAME")}
        name = scale.name.split("/")[-1]
        is_time = (attributes["axis"] == "T" or " since " in
                   attributes["units"]
                   or "time" in (attributes["standard_name"], name.lower()))
        axis = axis._replace(
            role="time" if is_time else "at0" if length == 1 else "space",
            name=name)
        # The scale of a NetCDF dimension without coordinates is empty.
        if (scale.shape == (length,) and scale.dtype.kind in "iuf" and not
                attributes["NAME"].startswith("This is a netCDF dimension")):
            axis = axis._replace(unit=attributes["units"] or "unknown",
                                 coordinates=scale[()])
    return axis
