"""Weights of points: an inner product, as a number per point of a state."""
from pathlib import Path

import numpy as np

from benchmark_utils.fields.file_axes import file_axes
from benchmark_utils.fields.hdf5_input import (
    ROLES,
    find_variable,
    read_steps,
)
from benchmark_utils.fields.opening import open_file

NORTH = {"degrees_north", "degree_north", "degreesn", "degreen", "degrees_n",
         "degree_n"}


def point_weights(weights, state):
    """A weight for every point of a state.

    Parameters
    ----------
    weights : str
        ``none``; ``coslat``: the cosine of the latitude; or the name of a
        variable (cell areas, a mass vector) of the state's files, after
        ``path:`` of another file. It is matched by the names of its axes, by
        its shape, or as a vector of all points in the order of the file.
    state : State

    Returns
    -------
    array that broadcasts to state.shape[1:]

    Raises
    ------
    ValueError
        If there is no such variable or axis, or if weights are negative.
    """
    if weights == "none":
        return np.ones(1)
    if weights == "coslat":
        values = _cosine_of_latitude(state.axes[1:])
    else:
        values = _of_variable(weights, state)
    values = np.nan_to_num(values, nan=0.0)
    if not np.isfinite(values).all() or values.min() < 0 or not values.any():
        raise ValueError(f"weights={weights} are negative, infinite or all "
                         "zero: give the area or mass of every point.")
    return values


def weights_file(weights):
    """File of the weights, in a list; none if they are in those of the state.
    """
    path = weights.rpartition(":")[0]
    return [Path(path).expanduser().resolve()] if path else []


def _cosine_of_latitude(axes):
    found = [i for i, (name, unit, _) in enumerate(axes)
             if unit.lower() in NORTH or name.lower().startswith("lat")]
    if len(found) != 1:
        names = ", ".join(f"{name} ({unit})" for name, unit, _ in axes)
        raise ValueError(
            "weights=coslat needs one axis of latitudes (in degrees_north), "
            f"but the axes are {names}: name a variable with the cell areas.")
    latitudes = np.asarray(axes[found[0]][2], float)
    if not (abs(latitudes) <= 90 + 1e-6).all():
        raise ValueError("weights=coslat needs latitudes in degrees, but "
                         f"these reach {abs(latitudes).max():g} (nan: "
                         "missing).")
    cosine = np.cos(np.deg2rad(latitudes)).clip(0)
    return cosine.reshape([-1 if i == found[0] else 1
                           for i in range(len(axes))])


def _of_variable(weights, state):
    """Values of a variable, from another file or from those of the state."""
    name = weights.rpartition(":")[2]
    for path in weights_file(weights):
        with open_file(path) as file:
            return _aligned(find_variable(file, name), state.axes[1:], state)
    parts = []
    for i, variables in enumerate(state.variables):
        axes = list(state.axes)
        name_unit, points = axes[state.along][:2], axes[state.along][2]
        own = points[state.edges[i]:state.edges[i + 1]]
        axes[state.along] = (*name_unit, own)
        parts.append(_aligned(find_variable(variables[0].file, name),
                              axes[1:], state))
    if state.along == 0 or parts[0].shape[state.along - 1] == 1:
        return parts[0]
    return np.concatenate(parts, axis=state.along - 1)


def _aligned(variable, axes, state):
    """A variable brought to the axes (space..., features...) of a state."""
    values = read_steps(variable, ["space"] * variable.ndim, 0, 1)[0]
    described = file_axes(variable)
    if len(described) > 1 and described[0].role == "time":
        values, described = values[0], described[1:]  # the same at all times
    names = [name for name, _, _ in axes]
    lengths = [len(points) for _, _, points in axes]
    places = [names.index(axis.name) if axis.name in names
              and not axis.name.startswith("axis_") else None
              for axis in described]
    # The order in the file of the axes that are kept, time left out.
    kept = [role for role in state.roles if role in ROLES and role != "time"]
    order = sorted(range(len(kept)), key=lambda i: ROLES.index(kept[i]))
    in_file = [lengths[order.index(i)] for i in range(len(kept))]
    spaces = [i for i in range(len(kept)) if kept[i] != "feature"]
    if None not in places and len(set(places)) == len(places):
        pass
    elif list(values.shape) == in_file:
        places = [order.index(i) for i in range(len(kept))]
    elif values.size == np.prod(in_file):
        values = values.reshape(in_file)
        places = [order.index(i) for i in range(len(kept))]
    elif values.size == np.prod([in_file[i] for i in spaces]):
        values = values.reshape([in_file[i] for i in spaces])
        places = [order.index(i) for i in spaces]
    else:
        places = None
    if places is None or list(values.shape) != [lengths[i] for i in places]:
        raise ValueError(
            f"weights={variable.name} has the shape {variable.shape}, but "
            "the points have the axes " + ", ".join(
                f"{name} {length}" for name, length
                in zip(names, lengths, strict=True)) + ".")
    values = values.transpose(np.argsort(places))
    return values.reshape([
        length if i in places else 1 for i, length in enumerate(lengths)])
