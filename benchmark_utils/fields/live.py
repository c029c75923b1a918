"""Writing a field that MPI ranks read while it grows.

HDF5 SWMR, single writer and multiple readers: the file needs no lock, and it
stays readable if the writer dies. It must be on a file system with POSIX
semantics (not NFS).
"""
import json
import os
from contextlib import contextmanager
from pathlib import Path

import h5py

from benchmark_utils.fields.store import create_field, write_snapshots

# A rank whose slab is a part of a snapshot reads few chunks besides its own.
CHUNKS_PER_STEP = 8


def write_live_field(path, settings, axes, n_space, snapshots, background,
                     patience=60.0, dtype="float32"):
    """Write a field snapshot by snapshot; its readers need not wait.

    The path appears when the field can be opened. ``Reader.read`` waits for
    time steps that are not there yet.

    Parameters
    ----------
    path : path
    patience : float
        Seconds that readers wait for a time step before they give up.
    snapshots : iterable
        Arrays of shape (steps, space..., features...).
    settings, axes, n_space, background, dtype
        See :func:`~benchmark_utils.fields.store.store_field`.

    Raises
    ------
    ValueError
        If the snapshots are not finite or do not fill the axes.
    OSError
        If the disk is full; the steps before can be read.
    """
    path = Path(path)
    lengths = [len(coordinates) for _, _, coordinates in axes]
    chunks = (1, -(-lengths[1] // CHUNKS_PER_STEP), *lengths[2:])
    unfinished = path.with_name(f".{path.name}.tmp")
    with h5py.File(unfinished, "w", libver="latest") as file:
        file.attrs["settings"] = json.dumps(settings, sort_keys=True)
        field = create_field(file, axes, n_space, background, dtype, chunks)
        written = file.create_dataset("written", (1,), "int64", chunks=(1,))
        written.attrs["patience"] = patience
        file.swmr_mode = True
        os.replace(unfinished, path)
        with _dropped_after_an_error(file, path):
            for step in write_snapshots(field, snapshots):
                field.flush()
                written[0] = step
                written.flush()


@contextmanager
def _dropped_after_an_error(file, path):
    """Keep what a full disk has taken, and the simulation alive.

    HDF5 holds on to what it could not write, and ends the process when it
    cannot write it at the end either. So it then writes to nowhere.
    """
    try:
        yield
    except OSError as error:
        if error.errno:
            with open(os.devnull, "r+b") as nowhere:
                os.dup2(nowhere.fileno(), file.id.get_vfd_handle())
            raise OSError(error.errno, os.strerror(error.errno),
                          str(path)) from None
        raise
