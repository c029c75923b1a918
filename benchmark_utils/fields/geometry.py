"""Where the values of a rank lie: what a compressor knows of its field.

A rank's batch of time steps is an array ``(step, categories..., axes...)``:
axes along which nothing is near to each other (substances, species) follow
the time, patches that tile a plane are put together again, and the other axes
keep their order.
"""
import math
from typing import NamedTuple

import numpy as np


class Structure(NamedTuple):
    """What a dataset declares of its axes, all by their names.

    Attributes
    ----------
    tiles : tuple of (str, str)
        An axis of corners of patches, and the axis inside a patch.
    categories : tuple of str
        Axes whose neighbours are not alike: substances, species.
    velocity : tuple of str
        The last axes of the field, if it is a distribution function.
    """

    tiles: tuple = ()
    categories: tuple = ()
    velocity: tuple = ()


class Geometry:
    """The axes of one rank's part of a field.

    Parameters
    ----------
    field : Field
    rank : int

    Attributes
    ----------
    shape : tuple of int
        Of one time step.
    smooth : tuple of int
        Axes of a batch along which neighbours are near, the time (0) first.
        Cells that were dealt at random have no neighbours.
    scale : float
        Root mean square of the whole field: the unit of errors.
    dtype : numpy dtype
    rows_per_step : int
        Rows of X in a time step.
    partition : str
    n_features : int
        Of the whole X.
    box : tuple of int
        Shape of this rank's cells; one axis if they were dealt at random.
    smooth_cells : tuple of int
        As ``smooth``, of an array (steps, *box).
    mesh : Mesh, or None
        Of this rank's points, along the first axis of ``shape``.
    moments : array of shape (velocities, moments), or None
        Weights of density, momenta and energy of a distribution function.
    """

    def __init__(self, field, rank):
        structure, space = field.structure, len(field.space)
        places = np.unravel_index(field.cells(rank), field.space)
        box = [int(np.ptp(place)) + 1 for place in places]
        is_box = math.prod(box) == len(places[0])
        mesh = field.mesh() if is_box else None
        self.mesh = mesh and mesh.part(places[0])
        lengths = dict(zip(
            field.axes[1:] if is_box else ("cell", *field.axes[1 + space:]),
            (*(box if is_box else [len(places[0])]),
             *field.shape[1 + space:]), strict=True))
        single = {"cell", *structure.categories} - (
            {"cell"} if is_box else set()) | (
                {field.axes[1]} if mesh else set())
        inside = {outer: inner for outer, inner in structure.tiles
                  if outer in lengths}
        groups = [(name, inside[name]) if name in inside else (name,)
                  for name in lengths if name not in inside.values()]
        groups.sort(key=lambda group: group[0] not in single)  # is stable
        names = list(lengths)
        self.scale, self.dtype = field.scale, field.dtype
        self.partition, self.n_features = field.partition, field.n_features
        self.box = tuple(box) if is_box else (len(places[0]),)
        self.smooth_cells = (0, *(
            1 + i for i in range(len(self.box)) if is_box and not mesh))
        self.rows_per_step = (len(places[0])
                              if field.partition == "samples" else 1)
        self._stored = tuple(lengths.values())
        self._order = (0, *(1 + names.index(name)
                            for group in groups for name in group))
        self.shape = tuple(math.prod(lengths[name] for name in group)
                           for group in groups)
        self.smooth = (0, *(1 + i for i, group in enumerate(groups)
                            if group[0] not in single))
        self.moments = moments(
            [field.coordinates(name) for name in structure.velocity])

    def array(self, rows):
        """A batch, rows of X, as an array (steps, *shape)."""
        steps = len(rows) // self.rows_per_step
        return rows.reshape(steps, *self._stored).transpose(
            self._order).reshape(steps, *self.shape)

    def rows(self, array):
        """The inverse of :meth:`array`."""
        steps = len(array)
        lengths = [(steps, *self._stored)[axis] for axis in self._order]
        return array.reshape(lengths).transpose(
            np.argsort(self._order)).reshape(
                steps * self.rows_per_step, -1)

    def columns(self, n_steps):
        """Shape of a principal axis: of a row's features, or of the steps."""
        return self._stored[len(self.box):] or (1,) \
            if self.partition == "samples" else (n_steps,)

    def by_velocity(self, array):
        """An array (steps, *shape) as rows, a row per point of space.

        Its moments are ``by_velocity(array) @ moments``.
        """
        return array.reshape(-1, len(self.moments))


def moments(velocities):
    """Density, momenta and energy as weights of a distribution function.

    Parameters
    ----------
    velocities : list of arrays
        Equidistant coordinates along the axes of velocity.

    Returns
    -------
    array of shape (product of lengths, 2 + number of axes), None without axes
    """
    if not velocities:
        return None
    volume = math.prod(v[1] - v[0] for v in velocities)
    v = np.stack(np.meshgrid(*velocities, indexing="ij")).reshape(
        len(velocities), -1)
    return volume * np.vstack([np.ones(v.shape[1]), v,
                               (v ** 2).sum(axis=0) / 2]).T
