"""Reading one variable of a user's HDF5 or NetCDF-4 file as a field."""
import h5py
import numpy as np

# What an axis of the file can be, in the order of the stored field.
ROLES = ("time", "split", "space", "feature")


def open_file(path):
    """Open an HDF5 file or say in one sentence why it cannot be read."""
    if not path.is_file():
        raise ValueError(f"There is no file {path}.")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        with open(path, "rb") as file:
            is_netcdf3 = file.read(3) == b"CDF"
        if is_netcdf3:
            reason = "is a NetCDF-3 file: convert it, nccopy -4 old.nc new.nc"
        elif h5py.is_hdf5(path):
            reason = ("is truncated, damaged or still being written: copy it "
                      f"again ({error})")
        else:
            reason = "is neither an HDF5 nor a NetCDF-4 file"
        raise ValueError(f"{path} {reason}.") from error


def find_variable(file, name):
    """The array of real numbers that has this name."""
    variable = file.get(name)
    if not isinstance(variable, h5py.Dataset):
        found = []
        file.visititems(lambda name, item: found.append((name, item)))
        arrays = [f"{name} {item.shape}" for name, item in found
                  if isinstance(item, h5py.Dataset) and item.ndim > 1]
        raise ValueError(
            f"{file.filename} has no variable {name!r}. Choose among: "
            f"{', '.join(arrays) or 'none has two or more axes'}.")
    if variable.dtype.kind not in "iuf" or not variable.size:
        raise ValueError(
            f"Variable {name!r} of shape {variable.shape} holds "
            f"{variable.dtype}: choose one that holds real numbers.")
    return variable


def parse_axes(axes, shape):
    """Role of each axis of the file: one of ROLES, or at3 for one entry."""
    roles = str(axes).split("-")
    unknown = [
        f"{role!r} is none of {', '.join(ROLES)}, at0 to at{size - 1}"
        for role, size in zip(roles, shape, strict=False) if role not in ROLES
        and role not in [f"at{entry}" for entry in range(size)]]
    if len(roles) != len(shape):
        problem = f"{len(roles)} words for {len(shape)} axes"
    elif unknown:
        problem = unknown[0]
    elif roles.count("time") > 1 or roles.count("split") > 1:
        problem = "only one axis can be time, only one can be split"
    elif not {"space", "split"} & set(roles):
        problem = "ranks share the space, call at least one axis space"
    else:
        return roles
    raise ValueError(
        f"axes={axes} does not fit the shape {shape}: {problem}.")


def choose_roles(axes, variable, described):
    """Role of each axis, as the user says or, for ``auto``, the file."""
    if axes == "auto":
        roles = [axis.role for axis in described]
        if None in roles:
            raise ValueError(
                f"{variable.file.filename} does not say what the axes of "
                f"{variable.name} {variable.shape} are: give axes, one word "
                "for each, see docs/own_data.rst.")
        return parse_axes("-".join(roles), variable.shape)
    roles = parse_axes(axes, variable.shape)
    for role, axis in zip(roles, described, strict=True):
        if axis.role == "time" and role != "time" and "time" in roles:
            other = described[roles.index("time")].name
            raise ValueError(
                f"axes={axes} calls the axis {other} time, but for the file "
                f"it is {axis.name}: give the words in the order "
                f"{', '.join(axis.name for axis in described)}.")
    return roles


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
    stored = variable[tuple(
        slice(start, stop) if role == "time" else
        slice(None) if role in ROLES else int(role.removeprefix("at"))
        for role in roles)]
    kept = [ROLES.index(role) for role in roles if role in ROLES]
    stored = stored.transpose(np.argsort(kept, kind="stable"))
    attributes = variable.attrs
    # h5py applies none of these conventions itself.
    values = stored.astype(float)
    values *= attributes.get("scale_factor", 1)
    values += attributes.get("add_offset", 0)
    values[~np.isfinite(values)] = np.nan
    markers = [attributes[key] for key in ("_FillValue", "missing_value")
               if key in attributes]
    if variable.fillvalue != 0:  # stands for what was never written
        markers.append(variable.fillvalue)
    for marker in markers:
        values[np.isin(stored, np.asarray(marker, stored.dtype))] = np.nan
    lowest, highest = attributes.get("valid_range", (
        attributes.get("valid_min"), attributes.get("valid_max")))
    for limit, is_outside in ((lowest, np.less), (highest, np.greater)):
        if limit is not None:
            # Limits of packed integers are packed if they are integers too.
            limited = (values if np.asarray(limit).dtype.kind == "f"
                       else stored)
            values[is_outside(limited, limit)] = np.nan
    return values if "time" in roles else values[None]
