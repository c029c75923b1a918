"""Files that are written once: fields, references, difficulties.

One rule for all: a stored file is used if it opens (is not truncated) and was
written for the same settings by the same source code.
"""
import errno
import hashlib
import inspect
import io
import json
import os
import warnings
from contextlib import contextmanager
from pathlib import Path

import h5py
import psutil

# What a system says when a disk, or a user's share of it, is full.
FULL = errno.ENOSPC, errno.EDQUOT
MAKE_ROOM = "make room, or choose another folder, " \
    "export BENCHOPT_DATA_HOME=FOLDER"


def cached(path, settings, sources, write, suffices=lambda file: True):
    """Path of a file that holds what ``write`` stores; written if needed.

    Parameters
    ----------
    path : path
        ``{key}`` in its name stands for a hash of settings and sources, so
        that files of different settings live side by side.
    settings : dict
        All that determines the content, in types that JSON knows.
    sources : sequence of modules or functions
        Those that determine the content: their files belong to the settings.
    write : callable
        Called with an open h5py file if there is no such file yet.
    suffices : callable
        Whether a stored file, with the right settings, holds all that is
        asked for; called with it.

    Returns
    -------
    path : Path
    """
    source = hashlib.sha256(b"".join(map(source_code, sources))).hexdigest()
    text = json.dumps({**settings, "source": source}, sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    path = path.with_name(path.name.replace("{key}", key))

    def is_stored():
        return _is_stored(path, text, suffices)

    if not is_stored():
        with replacing(path, is_stored) as file:
            file.attrs["settings"] = text
            write(file)
    return path


def _is_stored(path, text, suffices):
    try:
        with h5py.File(path, "r") as file:
            return file.attrs["settings"] == text and suffices(file)
    except (OSError, KeyError):
        return False


def source_code(origin):
    """The file of a module or function, as bytes.

    A function of a notebook or prompt has none: its bytecode stands for it,
    which is blind to changes of what it calls.

    Raises
    ------
    TypeError
        If the origin is neither a module nor a Python function.
    """
    if inspect.ismodule(origin):
        return Path(origin.__file__).read_bytes()
    if not hasattr(origin, "__code__"):
        raise TypeError(f"{origin!r} is not a Python function: wrap it in "
                        "one, so that its source is known.")
    path = Path(origin.__code__.co_filename)
    if path.is_file():
        return path.read_bytes()
    warnings.warn(
        f"{origin.__name__} is not in a file: stored results are reused even "
        "if functions or variables that it uses have changed, unless they are "
        "in the settings.", stacklevel=4)
    return _bytecode(origin.__code__)


def _bytecode(code):
    """Instructions, names and constants, those of inner functions too."""
    constants = [_bytecode(constant) if inspect.iscode(constant)
                 else constant for constant in code.co_consts]
    return repr((code.co_code, code.co_names, constants)).encode()


def stamp(path):
    """What changes when a file is replaced or edited."""
    stat = Path(path).stat()
    return dict(size=stat.st_size, modified=stat.st_mtime_ns)


class CheckedFile(io.FileIO):
    """A file that HDF5 writes to, which remembers that it could not.

    HDF5 may say nothing of a full disk when it closes a file, and end the
    process later. So the error is raised while the file is written, and by
    ``check``; what HDF5 writes after that is dropped.
    """

    error = None

    def write(self, data):
        rest = memoryview(data).cast("B")
        try:
            while rest and not self.error:  # a system may take a part
                rest = rest[super().write(rest):]
        except OSError as error:
            self.error = error
            raise
        return len(data)

    def check(self):
        if self.error:
            raise self.error


@contextmanager
def replacing(path, is_stored=lambda: False):
    """Write a file under a temporary name, rename it when it is complete.

    Two runs may generate the same field at once: each writes its own file,
    and a reader sees either nothing or a finished one. The first one stays,
    if it ``is_stored``: its readers would notice that it is replaced.

    Raises
    ------
    OSError
        If the disk is full; nothing is left then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    host = os.uname().nodename
    for stale in path.parent.glob(f".*.{host}.*.tmp"):  # of killed runs
        if not psutil.pid_exists(int(stale.suffixes[-2][1:])):
            stale.unlink(missing_ok=True)
    temporary = path.with_name(f".{path.name}.{host}.{os.getpid()}.tmp")
    try:
        with CheckedFile(temporary, "w+") as raw:
            try:
                with h5py.File(raw, "w", libver=("v110", "v110")) as file:
                    yield file
                    file.flush()
            finally:
                raw.check()  # rather than what HDF5 made of it
        try:
            os.link(temporary, path)
        except OSError:  # there is one, or links are not to be had
            if not is_stored():
                os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
