"""Leading modes as small pictures on the axes of their field.

A mode lives on the axes of the columns of X: the feature axes under the
partition ``samples``, space and features under ``features``. A picture shows
its two longest axes, at most ``N_POINTS`` points each, the others at their
middle.
"""
import h5py
import numpy as np

N_MODES = 3
N_POINTS = {1: 256, 2: 64}  # by the number of axes shown


def shown_points(field):
    """Where a picture is taken.

    Returns
    -------
    dict of int arrays
        Indices along each axis by its name; a single one where the picture
        is a slice.
    """
    first = 1 if field.partition == "features" else 1 + len(field.space)
    shape = field.shape[first:]
    longest = np.argsort([-n for n in shape], kind="stable")[:2]
    most = N_POINTS[max(1, len(longest))]
    return {
        name: np.linspace(0, n - 1, min(n, most)).round().astype(int)
        if axis in longest else np.array([n // 2])
        for axis, (name, n) in enumerate(
            zip(field.axes[first:], shape, strict=True))}


def shown_columns(field):
    """Columns of X in a picture, in increasing order."""
    points = shown_points(field).values()
    shape = field.shape[len(field.shape) - len(points):]
    columns = np.arange(field.n_features).reshape(shape)
    return columns[np.ix_(*points)].ravel()


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
    U, columns = U[:, :N_MODES].astype("float16"), shown_columns(field)
    if field.partition == "samples":
        return U[columns] if comm.rank == 0 else None
    own = field.columns(comm.rank)
    shown = np.isin(own, columns)
    parts = comm.gather((own[shown], U[shown]))
    if comm.rank == 0:
        columns, rows = map(np.concatenate, zip(*parts, strict=True))
        return rows[np.argsort(columns)]


def exact_pictures(field):
    """The exact modes, and what a plot of modes needs to know of the field.

    Returns
    -------
    dict
        exact : array of shape (points shown, N_MODES). axes : list of
        (name, unit, coordinates) of a picture, in the order of its points.
        slices : list of (name, unit, coordinate) where it is a slice.
        shares : array (N_MODES,), the modes' shares of the total variance.
    """
    axes, slices = [], []
    with h5py.File(field.path, "r") as file:
        for name, points in shown_points(field).items():
            axis = file[f"axes/{name}"]
            unit, coordinates = axis.attrs["unit"], axis[()][points]
            if len(points) > 1:
                axes.append((name, unit, coordinates))
            else:
                slices.append((name, unit, float(coordinates[0])))
    with h5py.File(field.reference_path, "r") as file:
        exact = file["basis"][:, :N_MODES][shown_columns(field)]
        shares = file["eigenvalues"][:N_MODES] / file["total_variance"][()]
    return dict(exact=exact.astype("float16"), axes=axes, slices=slices,
                shares=shares)
