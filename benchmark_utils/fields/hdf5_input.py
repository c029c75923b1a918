"""Reading one variable of a user's HDF5 or NetCDF file as a field."""
import h5py
import numpy as np

from benchmark_utils.fields.decoding import decode
from benchmark_utils.fields.links import arrays_of, files_of, resolve
from benchmark_utils.fields.netcdf3 import Variable

# What an axis of the file can be, in the order of the stored field.
ROLES = ("time", "split", "space", "feature")


def find_variable(file, name):
    """The array of real numbers that has this name.

    Raises
    ------
    ValueError
        If there is none, with those that there are; if a link on the way
        leads nowhere.
    """
    variable = resolve(file, name)
    if not isinstance(variable, (h5py.Dataset, Variable)):
        arrays = [f"{name} {item.shape}" for name, item in arrays_of(file)
                  if len(item.shape or ()) > 1]
        raise ValueError(
            f"{file.filename} has no variable {name!r}. Choose among: "
            f"{', '.join(arrays) or 'none has two or more axes'}.")
    if variable.dtype.kind not in "iuf" or variable.shape is None:
        raise ValueError(
            f"Variable {name!r} of shape {variable.shape} holds "
            f"{variable.dtype}: choose one that holds real numbers.")
    if not variable.size:
        files_of(variable)  # a series of sources may lack its first file
        raise ValueError(
            f"Variable {name!r} of {file.filename} holds no values, its shape "
            f"is {variable.shape}: choose another one, or write some.")
    return variable


def parse_axes(axes, shape):
    """Role of each axis of the file: one of ROLES, or at3 for one entry."""
    roles = str(axes).split("-")
    unknown = [
        f"{role!r} is not one of {', '.join(ROLES)}, at0 to at{size - 1}"
        for role, size in zip(roles, shape, strict=False) if role not in ROLES
        and role not in [f"at{entry}" for entry in range(size)]]
    if len(roles) != len(shape):
        problem = f"{len(roles)} words for {len(shape)} axes"
    elif unknown:
        problem = unknown[0]
    elif roles.count("time") > 1 or roles.count("split") > 1:
        problem = "only one axis can be time, only one can be split"
    elif not {"space", "split"} & set(roles):
        problem = "ranks divide the space, call at least one axis space"
    else:
        return roles
    raise ValueError(
        f"axes={axes} does not fit the shape {shape}: {problem}.")


def choose_roles(axes, variable, described):
    """Role of each axis, as the user says or, for ``auto``, the file."""
    if axes == "auto":
        roles = [axis.role for axis in described]
        if None in roles:
            times = [axis.name for axis, role in zip(
                described, roles, strict=True) if role is None]
            problem = (f"more than one may be time: {' and '.join(times)}"
                       if 1 < len(times) < len(roles) else
                       "the file calls none of them time")
            raise ValueError(
                f"{variable.file.filename} does not say what the axes of "
                f"{variable.name} are: they are {_listed(described)}, "
                f"{problem}. Give one word for each, for example "
                f"axes={_example(described)}, see docs/own_data.rst.")
        if not {"space", "feature"} & set(roles):
            raise ValueError(
                f"{variable.name} of {variable.file.filename} has no axis of "
                f"space, only {_listed(described) or 'one number'}: ranks "
                "divide the space, choose another variable.")
        return parse_axes("-".join(roles), variable.shape)
    roles = parse_axes(axes, variable.shape)
    for role, axis in zip(roles, described, strict=True):
        if axis.role == "time" and role != "time" and "time" in roles:
            other = described[roles.index("time")].name
            raise ValueError(
                f"axes={axes} calls the axis {other} time, but in the file "
                f"time is {axis.name}: give the words in the order "
                f"{', '.join(axis.name for axis in described)}.")
    return roles


def _listed(described):
    return ", ".join(f"{axis.name} ({len(axis.coordinates)})"
                     for axis in described)


def _example(described):
    """Roles to type: the first axis of more than one entry is time."""
    long = [len(axis.coordinates) > 1 for axis in described]
    roles = ["space" if each else "at0" for each in long]
    if sum(long) > 1:
        roles[long.index(True)] = "time"
    return "-".join(roles)


def stored_axes(described, roles):
    """Name, unit and coordinates of the axes of the stored field."""
    axes = [] if "time" in roles else [("time", "1", np.zeros(1))]
    kept = [i for i, role in enumerate(roles) if role in ROLES]
    for i in sorted(kept, key=lambda i: ROLES.index(roles[i])):
        _, name, unit, coordinates = described[i]
        if roles[i] == "time" and name.startswith("axis_"):
            name = "time"
        if name in [other for other, _, _ in axes]:
            name = f"axis_{i}"
        axes.append((name, unit, coordinates))
    return axes


def read_steps(variable, roles, start, stop):
    """Decoded values of some time steps, missing ones as NaN.

    Returns
    -------
    values : float64 array of shape (steps, space..., features...)
    """
    places = tuple(
        slice(start, stop) if role == "time" else
        slice(None) if role in ROLES else int(role.removeprefix("at"))
        for role in roles)
    try:
        stored = variable[places]
    except OSError as error:
        raise ValueError(
            f"{variable.name} of {variable.file.filename} cannot be read at "
            f"time steps {start} to {stop} ({error}): copy the file again."
        ) from error
    kept = [ROLES.index(role) for role in roles if role in ROLES]
    stored = stored.transpose(np.argsort(kept, kind="stable"))
    values = decode(stored, variable)
    return values if "time" in roles else values[None]
