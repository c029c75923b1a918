"""Writing fields, once, on the driver."""
import hashlib
from pathlib import Path

import click
import numpy as np

from benchmark_utils.fields.cache import cached


def store_field(folder, settings, axes, n_space, snapshots, background,
                dtype="float32", sources=(), mesh=None):
    """Write a field unless it is there already; return its path.

    Parameters
    ----------
    folder : path
        Where fields of this dataset live.
    settings : dict
        All that determines the content (parameters, seed). The layout and
        the file of ``snapshots`` are added, so editing a generator rebuilds
        its field.
    axes : list of (name, unit, coordinates)
        Time first, then the space axes, then the feature axes. Coordinates
        are 1-D arrays.
    n_space : int
        Number of space axes; ranks own slabs of the first one.
    snapshots : callable
        Called without arguments if the field must be written; returns an
        iterable of arrays of shape (steps, space..., features...) that follow
        each other in time.
    background : str
        What was subtracted from the simulation's field.
    dtype : numpy dtype
        Type on disk.
    sources : sequence of modules or functions
        What else determines the values; editing them rebuilds the field.
    mesh : Mesh, optional
        Where the points of the only space axis are.

    Returns
    -------
    path : Path

    Raises
    ------
    ValueError
        If the snapshots are not finite or do not fill the axes.
    """
    layout = dict(
        axes=[(name, unit, hashlib.sha256(np.array(points)).hexdigest())
              for name, unit, points in axes],
        n_space=n_space, background=background, dtype=str(np.dtype(dtype)))
    if mesh is not None:
        layout["mesh"] = hashlib.sha256(b"".join(
            each.tobytes() for each in mesh[:3])).hexdigest()

    def write(file):
        field = create_field(file, axes, n_space, background, dtype)
        if mesh is not None:
            mesh.write(file)
        label = f"Writing {Path(folder).name}"
        with click.progressbar(length=len(field), label=label) as bar:
            for step in write_snapshots(field, snapshots()):
                bar.update(step - bar.pos)

    generator = getattr(snapshots, "func", snapshots)  # of a partial
    return cached(Path(folder) / "{key}.h5", dict(settings, layout=layout),
                  [generator, *sources], write)


def create_field(file, axes, n_space, background, dtype, chunks=None):
    """Lay out the file of a field; return its empty dataset.

    The parameters are those of :func:`store_field`.
    """
    file.attrs["numpy"] = np.__version__
    for name, unit, coordinates in axes:
        file[f"axes/{name}"] = coordinates
        file[f"axes/{name}"].attrs["unit"] = unit
    field = file.create_dataset(
        "field", [len(coordinates) for _, _, coordinates in axes], dtype,
        chunks=chunks)
    field.attrs["axes"] = [name for name, _, _ in axes]
    field.attrs["n_space"] = n_space
    field.attrs["background"] = background
    return field


def write_snapshots(field, snapshots):
    """Write blocks of time steps; yield after each how many are written.

    Raises
    ------
    ValueError
        If they are not finite or do not fill the field.
    """
    step = 0
    for block in snapshots:
        if not np.isfinite(block).all():
            raise ValueError(
                f"The field is not finite from time step {step} on.")
        field[step:step + len(block)] = block
        step += len(block)
        yield step
    if step != len(field):
        raise ValueError(f"The generator gave only {step} of {len(field)} "
                         "time steps.")
