"""Leading modes as small pictures on the axes of their field.

A mode lives on the axes of the columns of X: the feature axes under the
partition ``samples``, space and features under ``features``. A picture shows
its two longest axes, at most ``N_POINTS`` points each, the others at their
middle. On a mesh it shows its points on a map. A picture is of maps in the
units of the simulation: weights and scales are divided out, points without
values are blank.
"""
import h5py
import numpy as np

from benchmark_utils.fields.column_grid import column_grid

N_MODES = 3
LARGEST = 6e4  # of float16
N_POINTS = {1: 256, 2: 64}  # by the number of axes shown


def shown_points(grid, mesh=None):
    """Where a picture is taken, on the grid of a field's columns.

    On a mesh, along its axis only, which is first.

    Returns
    -------
    dict of int arrays
        Indices along each axis by its name; a single one where the picture
        is a slice.
    """
    shape = grid.columns.shape
    longest = np.argsort([-n for n in shape], kind="stable")[:2]
    most = N_POINTS[max(1, len(longest))]
    if mesh is not None:
        longest, most = [0], N_POINTS[2] ** 2
    points = {
        name: np.linspace(0, n - 1, min(n, most)).round().astype(int)
        if axis in longest else np.array([n // 2])
        for axis, ((name, _, _), n) in enumerate(
            zip(grid.axes, shape, strict=True))}
    if mesh is not None:  # only at its points, others have no place
        first = next(iter(points))
        points[first] = points_of_mesh(grid)[np.linspace(
            0, len(mesh.points) - 1, min(len(mesh.points), most),
            dtype=int)]
    return points


def points_of_mesh(grid):
    """Where the first axis of a grid has columns: the points of its mesh."""
    return np.flatnonzero(
        (grid.columns >= 0).reshape(len(grid.columns), -1).any(axis=1))


class View:
    """The points of a picture: which columns of X, how they are scaled."""

    def __init__(self, field):
        self.grid = column_grid(field)
        self.mesh = field.mesh() if field.partition == "features" else None
        self.points = shown_points(self.grid, self.mesh)
        columns = self.grid.columns[np.ix_(*self.points.values())].ravel()
        self.there = columns >= 0
        self.columns = columns[self.there]  # in increasing order
        # Modes of one norm for every picture: relative to the usual factor.
        factor = self.grid.factor[self.columns]
        self.factor = (factor / factor.mean() if factor.size else factor)

    def picture(self, rows):
        """The rows of modes at ``columns``, on all points of the picture."""
        picture = np.full((len(self.there), rows.shape[1]), np.nan, "float16")
        picture[self.there] = np.clip(rows / self.factor[:, None], -LARGEST,
                                      LARGEST)
        return picture


def gather_pictures(comm, field, U):
    """Pictures of the leading columns of a basis, at rank 0.

    Parameters
    ----------
    comm : mpi4py communicator
        Not counted.
    field : Field
    U : array of shape (n_features, k)
        Or this rank's rows of it, under the partition ``features``.

    Returns
    -------
    array of shape (points shown, N_MODES), None at the other ranks
    """
    U, view = U[:, :N_MODES], View(field) if comm.rank == 0 else None
    if field.partition == "samples":
        return view and view.picture(U[view.columns])
    own = field.columns(comm.rank)
    shown = np.isin(own, comm.bcast(view and view.columns))
    parts = comm.gather((own[shown], U[shown]))
    if comm.rank == 0:
        columns, rows = map(np.concatenate, zip(*parts, strict=True))
        return view.picture(rows[np.argsort(columns)])


def exact_pictures(field):
    """The exact modes, and what a plot of modes needs to know of the field.

    Returns
    -------
    dict
        exact : array of shape (points shown, N_MODES). axes : list of
        (name, unit, coordinates) of a picture, in the order of its points.
        scattered : bool, each point has its own coordinates.
        slices : list of (name, unit, coordinate) where it is a slice.
        shares : array (N_MODES,), the modes' shares of the total variance.
    """
    axes, slices, view = [], [], View(field)
    for name, unit, coordinates in view.grid.axes:
        coordinates = coordinates[view.points[name]]
        if len(coordinates) > 1:
            axes.append((name, unit, coordinates))
        else:
            slices.append((name, unit, float(coordinates[0])))
    if view.mesh is not None:
        axes = view.mesh.part(np.searchsorted(
            points_of_mesh(view.grid),
            next(iter(view.points.values())))).coordinates()
    with h5py.File(field.reference_path, "r") as file:
        exact = file["basis"][:, :N_MODES][view.columns]
        shares = file["eigenvalues"][:N_MODES] / file["total_variance"][()]
    return dict(exact=view.picture(exact), axes=axes, slices=slices,
                shares=shares, scattered=view.mesh is not None)
