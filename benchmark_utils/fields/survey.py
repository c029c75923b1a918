"""What has to be known of a state before it becomes a field.

One pass over a :class:`~benchmark_utils.fields.state.State` finds the points
without values, the time mean and the scales. A field holds

    (values - background) * factor,    factor = sqrt(weight) / scale,

of the points with a factor above zero, so that the plain inner product of two
rows of the field is the weighted one of two states. Every method and score
works on it as on any other field; maps of modes are divided by the factor,
see ``column_grid.py``. The survey is a file beside the field::

    /background, /factor    arrays (space..., features...)
    /columns                factor of every column of X under ``samples``
    /axes/<name>            time and those of the arrays; attribute: unit
    attributes              axes, n_space, names, units, long_names, calendar;
                            no_samples: why there is no partition ``samples``
"""
import numpy as np

from benchmark_utils.fields.layout import read_axes
from benchmark_utils.fields.weights import point_weights

BACKGROUNDS = ("time-mean", "none")
STANDARDISE = ("auto", "none", "variable", "column")
LARGEST = 1e38  # of float32, with a margin of 3
SMALLEST = 1e-30  # so that a millionth of it has all digits
NEGLIGIBLE = 1e-12  # weight of a point, relative to the largest


def write_survey(file, state, names, background="time-mean", weights="none",
                 standardise="auto", partition="features"):
    """Read a state once; write what a field of it needs.

    Parameters
    ----------
    file : h5py.File
        Open for writing.
    state : State
    names : list of str
        Of its variables.
    background : {"time-mean", "none"}
    weights : str
        See :func:`~benchmark_utils.fields.weights.point_weights`.
    standardise : str or list of floats
        What anomalies are divided by. ``variable``: the root mean square of
        their variable, over points (weighted) and times; ``column``: that of
        their column of X; ``none``; ``auto``: ``variable`` if there are
        several; numbers: one per variable.
    partition : {"samples", "features"}

    Raises
    ------
    ValueError
        If values are missing at some times only, if the field would be zero
        or too large for float32, if weights or numbers do not fit.
    """
    title = ", ".join(variable.name for variable in state.variables[0])
    shape = state.shape[1:]
    n_cells = int(np.prod(shape[:state.n_space]))
    count, origin, mean, square, largest = _moments(
        state, background == "time-mean")
    n_steps, missing = state.shape[0], state.shape[0] - count
    some = (missing > 0) & (count > 0)
    if some.any():
        raise ValueError(
            f"{missing[some].sum()} of {n_steps * count.size} values of "
            f"{title} are missing (fill value, not finite or outside the "
            f"valid range), at {some.sum()} points that have values at other "
            "times: fill them or keep only complete cells, see "
            "docs/own_data.rst.")
    if not count.any():
        raise ValueError(
            f"All values of {title} are missing (fill value, not finite or "
            "outside the valid range): choose another variable, or correct "
            "its attributes.")
    if n_steps == 1 and background == "time-mean":
        raise ValueError(
            f"{title} has one time step: nothing is left when its mean over "
            "time is subtracted. Choose background=none, or give more steps.")
    if not largest.any():
        raise ValueError(
            f"{title} minus its background ({background}) is zero "
            "everywhere: choose another variable or background.")
    weight = np.broadcast_to(point_weights(weights, state), shape)
    kept = (count > 0) & (weight > NEGLIGIBLE * weight.max())
    if not kept.any():
        raise ValueError(f"weights={weights} are zero at all points that "
                         "have values.")
    kept, weight, square = (array.reshape(n_cells, -1)
                            for array in (kept, weight * kept, square))
    scale = _scale(standardise, names, partition, weight, square)
    factor = np.sqrt(weight) / scale
    reach = (largest.reshape(n_cells, -1) * factor).max()
    if not SMALLEST < reach < LARGEST:
        raise ValueError(
            f"Anomalies of {title} reach {largest.max():.0e}, but they are "
            f"stored as float32, which holds numbers from {SMALLEST:.0e} to "
            f"{LARGEST:.0e}: convert them to another unit.")
    file["background"] = origin + mean
    file["factor"] = factor.reshape(shape)
    file.attrs["no_samples"] = _no_samples(state, kept, weight)
    if not file.attrs["no_samples"]:
        file["columns"] = np.sqrt(_of_features(kept, weight)) / scale[0]
    for name, unit, points in state.axes:
        file[f"axes/{name}"] = points
        file[f"axes/{name}"].attrs["unit"] = unit
    file.attrs.update(
        axes=[name for name, _, _ in state.axes], n_space=state.n_space,
        names=names, units=state.attributes("units"),
        long_names=state.attributes("long_name"), calendar=state.calendar)


def _moments(state, centre):
    """Over time: numbers of values, first values, mean and mean square.

    Mean and largest value are relative to the first values, so that what
    never changes is exactly zero; the mean square is that of the anomalies.
    """
    origin = np.nan_to_num(state.read(0, 1)[0], nan=0.0)
    if not centre:
        origin = np.zeros_like(origin)
    count = np.zeros(origin.shape, int)
    total, square, largest = (np.zeros_like(origin) for _ in range(3))
    for block in state.blocks():
        count += np.isfinite(block).sum(axis=0)
        block -= origin
        np.nan_to_num(block, copy=False, nan=0.0)
        total += block.sum(axis=0)
        square += np.einsum("t...,t...->...", block, block)
        np.maximum(largest, np.abs(block, out=block).max(axis=0), out=largest)
    mean = total / count.clip(1) if centre else np.zeros_like(total)
    square = (square / count.clip(1) - mean ** 2).clip(0)
    return count, origin, mean, square, largest


def _no_samples(state, kept, weight):
    """Why rows of X cannot be points, an empty string if they can."""
    if len(state.shape) == 1 + state.n_space:
        return (f"axes={'-'.join(state.roles)} has no feature axis: a sample "
                "would be one number. Name one, or choose "
                "partition=features.")
    if (kept.any(axis=1) != kept.all(axis=1)).any():
        return ("At some points only some of the features have values (or "
                "weight), but a sample must have all: choose "
                "partition=features, or cut a feature axis, see at0 in "
                "docs/own_data.rst.")
    weight = weight[kept[:, 0]]
    if not np.allclose(weight * weight[0, 0], weight[:, :1] * weight[0],
                       rtol=1e-6, atol=0):
        return ("The weights of the features differ from point to point, but "
                "samples need one inner product: choose partition=features.")
    return ""


def _of_features(kept, weight):
    """Weights of the features, proportional to those of every cell."""
    weight = weight[kept[:, 0]]
    # Where points weigh alike, the weights are those of the features.
    return weight[0] / (weight[0, 0] if np.ptp(weight[:, 0]) else 1)


def _scale(standardise, names, partition, weight, square):
    """What every value is divided by, in the shape (cells, features)."""
    if isinstance(standardise, (list, tuple)):
        if len(standardise) != len(names) or min(standardise) <= 0:
            raise ValueError(f"standardise={list(standardise)} is not one "
                             f"positive number for each of {len(names)} "
                             "variable(s).")
        scales = np.asarray(standardise, float)
        return np.broadcast_to(
            np.tile(scales, weight.shape[1] // len(scales)), weight.shape)
    if standardise == "auto":
        standardise = "variable" if len(names) > 1 else "none"
    if standardise == "none":
        return np.ones_like(weight)
    if standardise == "column" and partition == "features":
        variance = square
    else:
        # The variable is the last of the feature axes.
        n = len(names) if standardise == "variable" else weight.shape[1]
        weight, values = (array.reshape(-1, n)
                          for array in (weight, weight * square))
        variance = values.sum(axis=0) / np.where(
            weight.any(axis=0), weight.sum(axis=0), 1)
        variance = np.tile(variance, square.shape[1] // n)
    # What never changes stays zero.
    scale = np.sqrt(np.where(variance > 0, variance, 1))
    return np.broadcast_to(scale, square.shape)


def surveyed_axes(file, partition):
    """Axes and number of space axes of the field, after a survey.

    The whole grid if it is complete. Else its points are one axis: those of
    the space, or of space and features where some points lack some features.

    Raises
    ------
    ValueError
        If points cannot be the samples of the partition ``samples``.
    """
    if partition == "samples" and file.attrs["no_samples"]:
        raise ValueError(file.attrs["no_samples"])
    time, *axes = read_axes(file, file.attrs["axes"])
    kept, n_space = file["factor"][()] > 0, int(file.attrs["n_space"])
    if kept.all():
        return [time, *axes], n_space
    cells = kept.reshape(*kept.shape[:n_space], -1)
    if (cells.any(axis=-1) == cells.all(axis=-1)).all():
        points, axes = cells.all(axis=-1), axes[n_space:]
    else:
        points, axes = kept, []
    return [time, ("point", "1", np.arange(points.sum())), *axes], 1


def anomalies(state, file, shape):
    """Yield the field: weighted anomalies of the points that are kept.

    Parameters
    ----------
    state : State
    file : h5py.File
        Its survey.
    shape : tuple
        Of the field without time.
    """
    background, factor = file["background"][()], file["factor"][()]
    kept = factor > 0
    for block in state.blocks():
        block -= background
        block *= factor
        yield (block if kept.all() else block[:, kept]).reshape(
            len(block), *shape)
