"""Writing fields and their exact leading subspaces, once, on the driver."""
import hashlib
import inspect
import json
import math
import os
from collections import namedtuple
from contextlib import contextmanager
from pathlib import Path

import click
import h5py
import numpy as np
import psutil
from scipy.linalg import eigh
from scipy.sparse.linalg import LinearOperator, eigsh

# Leading eigenpairs kept as reference: enough for n_components + 10.
N_REFERENCE = 40
# Above this order the Gram matrix is not formed, ARPACK streams the field.
MAX_GRAM = 8192
# Bytes of the field that are in memory at once, as float64.
BLOCK_BYTES = 2**27
# What a dataset's file uses of benchmark_utils without changing any value.
NOT_COMPUTING = {f"benchmark_utils.{name}" for name in (
    "fields.layout", "fields.store", "results.names")}

Reference = namedtuple("Reference", "eigenvalues total_variance residual")


@contextmanager
def replacing(path):
    """Write a file under a temporary name, rename it when it is complete.

    Two runs may generate the same field at once: each writes its own file,
    and a reader sees either nothing or a finished one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    host = os.uname().nodename
    for stale in path.parent.glob(f".*.{host}.*.tmp"):  # of killed runs
        if not psutil.pid_exists(int(stale.suffixes[-2][1:])):
            stale.unlink(missing_ok=True)
    temporary = path.with_name(f".{path.name}.{host}.{os.getpid()}.tmp")
    try:
        with h5py.File(temporary, "w", libver=("v110", "v110")) as file:
            yield file
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def is_complete(path, settings):
    """Whether a stored file opens (is not truncated) and has the settings."""
    try:
        with h5py.File(path, "r") as file:
            return file.attrs["settings"] == settings
    except (OSError, KeyError):
        return False


def _source_hash(snapshots):
    """Hash of a generator's file and of the shared modules it computes with.

    Those are the modules of benchmark_utils of which its file uses a name.
    """
    function = getattr(snapshots, "func", snapshots)  # of a partial
    modules = {inspect.getmodule(value)
               for value in function.__globals__.values()}
    shared = sorted(module.__file__ for module in modules - {None}
                    if module.__name__.startswith("benchmark_utils.")
                    and module.__name__ not in NOT_COMPUTING)
    source = b"".join(Path(file).read_bytes() for file
                      in [inspect.getsourcefile(function), *shared])
    return hashlib.sha256(source).hexdigest()[:16]


def store_field(folder, settings, axes, n_space, snapshots, background,
                dtype="float32"):
    """Write a field unless it is there already; return its path.

    Parameters
    ----------
    folder : path
        Where fields of this dataset live.
    settings : dict
        All that determines the content (parameters, seed). The source of
        ``snapshots`` is added, so editing a generator, or a module of
        benchmark_utils that its file uses, rebuilds its field.
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

    Returns
    -------
    path : Path

    Raises
    ------
    ValueError
        If the snapshots are not finite or do not fill the axes.
    """
    settings = json.dumps({**settings, "source": _source_hash(snapshots)},
                          sort_keys=True)
    key = hashlib.sha256(settings.encode()).hexdigest()[:16]
    path = Path(folder) / f"{key}.h5"
    if is_complete(path, settings):
        return path
    with replacing(path) as file:
        field = create_field(file, settings, axes, n_space, background, dtype)
        label = f"Writing {Path(folder).name}"
        with click.progressbar(length=len(field), label=label) as bar:
            for step in write_snapshots(field, snapshots()):
                bar.update(step - bar.pos)
    return path


def create_field(file, settings, axes, n_space, background, dtype,
                 chunks=None):
    """Lay out the file of a field; return its empty dataset.

    The parameters are those of :func:`store_field`; the settings are a
    string, as stored.
    """
    file.attrs["settings"] = settings
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
        raise ValueError(f"The generator gave {step} time steps of "
                         f"{len(field)}.")


def load_reference(field):
    """Exact leading eigenpairs of X'X / n; computed at the first call.

    An independent path: one process, float64, streamed from the file, no
    solver code. The basis stays in ``field.reference_path`` for the ranks.

    Parameters
    ----------
    field : Field

    Returns
    -------
    eigenvalues : array of shape (m,)
        In decreasing order; m = 40 or the rank of X if that is lower.
    total_variance : float
        Trace of X'X / n.
    residual : float
        Spectral norm of C U - U diag(eigenvalues). Divided by the eigengap
        at k it bounds the sine of the angle between the stored and the exact
        k-dimensional subspace (Davis and Kahan).

    Raises
    ------
    ValueError
        If the field is zero everywhere.
    """
    path = field.reference_path
    settings = json.dumps(field.settings, sort_keys=True)
    if not is_complete(path, settings):
        basis, reference = _leading_eigenpairs(field)
        with replacing(path) as file:
            file.attrs["settings"] = settings
            file["basis"] = basis
            for key, value in reference._asdict().items():
                file[key] = value
    with h5py.File(path, "r") as file:
        return Reference(*(file[key][()] for key in Reference._fields))


def _leading_eigenpairs(field):
    """Leading eigenvectors of X'X / n and their Reference."""
    n, d = field.n_samples, field.n_features
    total = sum(np.vdot(X, X) for X in row_blocks(field)) / n
    if total == 0:
        raise ValueError("The field is zero everywhere: there is no "
                         "principal subspace.")

    def covariance(V):
        return _sum(X.T @ (X @ V) for X in row_blocks(field)) / n

    m = min(N_REFERENCE, n, d)
    if d <= min(n, MAX_GRAM):
        basis = _leading_vectors(
            _sum(X.T @ X for X in row_blocks(field)), m)
    elif n <= MAX_GRAM:
        V = _leading_vectors(
            _sum(X @ X.T for X in column_blocks(field)), m)
        rows = np.cumsum([0] + [len(X) for X in row_blocks(field)])
        basis = np.linalg.qr(_sum(
            X.T @ V[start:start + len(X)]
            for start, X in zip(rows, row_blocks(field), strict=False)))[0]
    else:
        operator = LinearOperator((d, d), covariance, matmat=covariance,
                                  dtype=float)
        basis = eigsh(operator, k=m, v0=np.ones(d))[1]
    product = covariance(basis)
    eigenvalues, rotation = np.linalg.eigh(basis.T @ product)
    # Directions without variance are arbitrary: not part of the answer.
    keep = eigenvalues > eigenvalues[-1] * d * np.finfo(float).eps
    eigenvalues, rotation = eigenvalues[keep][::-1], rotation[:, keep][:, ::-1]
    basis, product = basis @ rotation, product @ rotation
    residual = np.linalg.norm(product - basis * eigenvalues, 2)
    return basis, Reference(eigenvalues, total, residual)


def _sum(arrays):
    """Sum of an iterator of arrays, two of which are in memory at once."""
    total = next(arrays)
    for array in arrays:
        total += array
        del array
    return total


def _leading_vectors(gram, m):
    """Eigenvectors of the m largest eigenvalues; the argument is lost.

    LAPACK works in place on columns; those of a symmetric matrix are its
    rows.
    """
    n = len(gram)
    return eigh(gram.T, overwrite_a=True,
                subset_by_index=[n - m, n - 1])[1]


def row_blocks(field, steps=None):
    """Yield X, or its rows of a range of time steps, in blocks, in float64."""
    steps = range(field.n_steps) if steps is None else steps
    stride = field.steps_within(BLOCK_BYTES)
    with h5py.File(field.path, "r") as file:
        for start in steps[::stride]:
            yield file["field"][start:min(start + stride, steps.stop)].reshape(
                -1, field.n_features).astype(float)


def column_blocks(field):
    """Yield X in blocks of columns, in float64.

    In their order for the partition ``features``, in any for ``samples``.
    """
    axis = 1 if field.partition == "features" else 1 + len(field.space)
    length = field.shape[axis]
    stride = max(1, BLOCK_BYTES * length // (8 * math.prod(field.shape)))
    with h5py.File(field.path, "r") as file:
        for first in range(0, length, stride):
            columns = (slice(None),) * axis + (slice(first, first + stride),)
            yield file["field"][columns].reshape(
                field.n_samples, -1).astype(float)
