"""Opening a user's file, or one true sentence that says why not."""
import errno
import glob
import os
import re
import resource
from contextlib import suppress
from pathlib import Path

import h5py

from benchmark_utils.fields.netcdf3 import NetCDF3

# What other files begin with, and what to do with them.
BEGINNINGS = {
    b"CDF\x05": "is a NetCDF-3 file of the 64-bit data kind (CDF-5): convert "
                "it, nccopy -k nc4 old.nc new.nc",
    b"GRIB": "is a GRIB file: convert it to NetCDF, for example with "
             "xarray.open_dataset(path, engine='cfgrib').to_netcdf(new)",
    b"\x0e\x03\x13\x01": "is an HDF4 file: convert it, h4toh5 old.hdf new.h5",
    b"\x1f\x8b": "is compressed by gzip: unpack it, gunzip file",
    b"BZh": "is compressed by bzip2: unpack it, bunzip2 file",
    b"PK": "is a zip archive: unpack it (a Zarr store has to be converted to "
           "NetCDF, see docs/own_data.rst)",
    b"version https://git-lfs": "is a Git LFS pointer, not the data: get "
                                "them, git lfs pull",
}
ZARR = (".zgroup", ".zarray", ".zmetadata", "zarr.json")
# Another program holds the lock; other numbers: there are no locks at all.
HELD = (errno.EAGAIN, errno.EACCES)


def open_file(path):
    """Open an HDF5, NetCDF-4 or NetCDF-3 file for reading.

    Returns
    -------
    h5py.File or NetCDF3
        To be used in a ``with`` statement.

    Raises
    ------
    ValueError
        In one sentence: what the file is, and what to do.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(_no_file(path))
    try:
        with open(path, "rb") as file:
            beginning = file.read(32)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}): change "
                         "its permissions, or copy it.") from error
    for key, reason in BEGINNINGS.items():
        if beginning.startswith(key):
            raise ValueError(f"{path} {reason}.")
    if beginning[:4] in (b"CDF\x01", b"CDF\x02"):
        try:
            return NetCDF3(path)
        except (ValueError, TypeError, IndexError) as error:
            raise ValueError(_damaged(path, error)) from error
    with suppress(ImportError):  # its filters register themselves
        import hdf5plugin  # noqa: F401
    try:
        return open_hdf5(path)
    except OSError as error:
        raise ValueError(
            _damaged(path, error) if h5py.is_hdf5(path) else
            f"{path} is neither an HDF5 nor a NetCDF file.") from error


def open_hdf5(path):
    """Open an HDF5 file for reading, without locks where there are none.

    Raises
    ------
    ValueError
        If another program holds the lock.
    OSError
        If it is no such file, or damaged.
    """
    try:
        return h5py.File(path, "r")
    except OSError as error:
        if "lock" not in str(error):
            raise
        if error.errno in HELD:
            raise ValueError(
                f"{path} is open for writing in another program: wait until "
                "it is closed, or copy it.") from error
    return h5py.File(path, "r", locking=False)


def allow_files(n_files):
    """Let this process open so many files; shells often allow 1024.

    Raises
    ------
    ValueError
        If the system does not allow it.
    """
    needed = 2 * n_files + 200  # sources of virtual datasets, our own
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < needed:
        raise ValueError(
            f"{n_files} files are too many to be open at once: the limit is "
            f"{most}, but about {needed} are needed. Raise the limit (ulimit "
            "-Hn), or join files, for example with ncrcat.")
    if allowed != resource.RLIM_INFINITY and allowed < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, most))


def _damaged(path, error):
    return (f"{path} is truncated, damaged or still being written: copy it "
            f"again ({error}).")


def _no_file(path):
    """Why a path is no file."""
    if path.is_symlink():
        return (f"{path} is a link to {os.readlink(path)}, which does not "
                "exist: correct the link.")
    if path.is_dir():
        if any((path / name).exists() for name in ZARR):
            return (f"{path} is a Zarr store: convert it to NetCDF, for "
                    "example with xarray.open_zarr(path).to_netcdf(new), see "
                    "docs/own_data.rst.")
        return (f"{path} is a folder: give a file, or a pattern of files, "
                f"{path}/*.nc.")
    if path.exists():
        return f"{path} is not a regular file: copy its contents to a file."
    for parent in reversed(path.parents):
        if parent.is_symlink() and not parent.exists():
            return (f"{parent}, of {path}, is a link to "
                    f"{os.readlink(parent)}, which does not exist: correct "
                    "the link.")
    address = re.search(r"/((https?|ftp|s3|gs|dods|file):/.*)", str(path))
    if address:
        return (f"{address[1]} is an address, not a file of this machine: "
                "download it, and give the path.")
    if glob.has_magic(str(path)):
        return f"No file matches the pattern {path}."
    return f"There is no file {path}."
