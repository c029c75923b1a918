"""Other files that a variable lives in, and whether they are all there.

HDF5 reads fill values where a source of a virtual dataset is missing, and
gives nothing where a link leads nowhere; both are refused here by name.
"""
import os
import re
from pathlib import Path

import h5py
import numpy as np

from benchmark_utils.fields.opening import open_hdf5


def resolve(file, name):
    """An object of a file by its path, None if no link has this name.

    Raises
    ------
    ValueError
        If a link on the way leads nowhere.
    """
    if not isinstance(file, h5py.Group):
        return file.get(name)
    group, done = file, ""
    for part in [part for part in str(name).split("/") if part]:
        if not isinstance(group, h5py.Group) or group.get(
                part, getlink=True) is None:
            return None
        link, done = group.get(part, getlink=True), f"{done}/{part}"
        try:
            group = group[part]
        except (KeyError, OSError) as error:
            raise ValueError(_dangling(group, done, link)) from error
        except RuntimeError as error:
            raise ValueError(f"{done} of {file.filename} leads back to itself "
                             f"({error}): correct it.") from error
    return group


def arrays_of(group, name="", seen=()):
    """Yield path and object of all arrays, also behind links."""
    if not isinstance(group, h5py.Group):
        for each in group.variables():
            yield each, group.get(each)
        return
    for part in group:
        try:
            item = group[part]
        except (KeyError, OSError, RuntimeError):
            continue  # a link that leads nowhere
        key = item.file.filename, item.name
        if isinstance(item, h5py.Dataset):
            yield f"{name}{part}", item
        elif isinstance(item, h5py.Group) and key not in seen:
            yield from arrays_of(item, f"{name}{part}/", (*seen, key))


def _dangling(group, name, link):
    file = group.file.filename
    if isinstance(link, h5py.ExternalLink):
        path = next(iter(_candidates(file, link.filename)))
        there = [path for path in _candidates(file, link.filename)
                 if path.is_file()]
        what = (f"which {there[0]} does not have (or cannot give)" if there
                else f"but there is no file {path}")
        return (f"{name} of {file} is a link to {link.path} of "
                f"{link.filename}, {what}: put it there, or correct the "
                "link.")
    if isinstance(link, h5py.SoftLink):
        try:  # the target may be a link that leads nowhere, with its reason
            resolve(group.file if link.path[0] == "/" else group, link.path)
        except ValueError as error:
            return f"{name} of {file} is a link to {link.path}: {error}"
        return (f"{name} of {file} is a link to {link.path}, which the file "
                "does not have: correct the link.")
    return f"{name} of {file} cannot be read: the file is damaged."


def _candidates(file, name, prefix=""):
    """Where HDF5 looks for a file that another one names."""
    folder, name = Path(file).absolute().parent, Path(name)
    prefix = os.environ.get(prefix, "")
    names = [name, Path(name.name)] if name.is_absolute() else [name]
    folders = [folder, Path.cwd(), Path(file).resolve().parent]
    if prefix:
        folders.insert(0, Path(prefix.replace("${ORIGIN}", str(folder))))
    for each in names:
        for place in folders:
            yield place / each  # an absolute name stays what it is


def _find(file, name, prefix=""):
    """The file of that name, None if there is none."""
    return next((path for path in _candidates(file, name, prefix)
                 if path.is_file()), None)


def files_of(variable):
    """Files that hold the values of a variable.

    Parameters
    ----------
    variable : h5py.Dataset or Variable of ``netcdf3``

    Returns
    -------
    set of Path
        Its own file (not that of a link to it), sources of virtual datasets
        and external storage.

    Raises
    ------
    ValueError
        If one is missing or does not hold what it should; if a filter is
        needed that is not installed.
    """
    found = {Path(variable.file.filename).resolve()}
    if not isinstance(variable, h5py.Dataset):
        return found
    check_filters(variable)
    left = variable.nbytes
    for name, start, length in variable.external or ():
        path = _find(variable.file.filename, name, "HDF5_EXTFILE_PREFIX")
        if path is None:
            raise ValueError(
                f"{variable.name} of {variable.file.filename} keeps its "
                f"values in {name}, which does not exist: put it there.")
        needed = start + min(left, length)
        left -= min(left, length)
        if path.stat().st_size < needed:
            raise ValueError(
                f"{variable.name} of {variable.file.filename} keeps its "
                f"values in {name}, which has {path.stat().st_size} of the "
                f"{needed} bytes that are needed: copy the complete file.")
        found.add(path.resolve())
    if variable.is_virtual:
        sources = variable.virtual_sources()
        for source in sources:
            found |= _source_files(variable, source)
        mapped = _mapped([source.vspace for source in sources],
                         variable.shape)
        if mapped < variable.size:
            raise ValueError(
                f"{variable.name} of {variable.file.filename} is a virtual "
                f"dataset with sources for {mapped} of its {variable.size} "
                "values only: add the others, or cut it.")
    return found


def _mapped(spaces, shape):
    """Points that at least one selection covers; all if one is unlimited.

    Counted on the grid of the edges of all blocks: sources may overlap and
    leave gaps.
    """
    if any(space.get_select_type() == h5py.h5s.SEL_ALL
           or _points(space) == float("inf") for space in spaces):
        return int(np.prod(shape))
    blocks = np.concatenate([
        space.get_select_hyper_blocklist() for space in spaces])
    blocks[:, 1] += 1
    edges = [np.unique([*blocks[..., axis].flat, 0, length])
             for axis, length in enumerate(shape)]
    is_mapped = np.zeros([len(each) - 1 for each in edges], bool)
    for block in blocks:
        is_mapped[tuple(slice(*np.searchsorted(each, ends)) for each, ends
                        in zip(edges, block.T, strict=True))] = True
    for each in edges[::-1]:
        is_mapped = is_mapped @ np.diff(each)
    return int(is_mapped)


def _points(space):
    """Points of a selection, infinite if it is unlimited."""
    try:
        return space.get_select_npoints()
    except RuntimeError:
        return float("inf")


def _source_files(variable, source):
    """Files of one source of a virtual dataset, see ``files_of``.

    Names with %b stand for a series, as long as there are files.
    """
    names = source.file_name, source.dset_name
    if "%b" not in "".join(names):
        return _one_source(variable, source, *names)
    found, number = set(), 0
    while True:
        block = [name.replace("%b", str(number)) for name in names]
        if number and (names[0] == block[0] or not _goes_on(
                variable.file.filename, names[0], number)):
            return found  # the series ends, or is one of datasets in a file
        found |= _one_source(variable, source, *block)
        number += 1


def _goes_on(file, series, number):
    """Whether a series of files has one with this number or a later one."""
    pattern = re.compile(re.escape(Path(series).name).replace("%b", r"(\d+)"))
    numbers = [int(match[1]) for path in _candidates(
        file, series, "HDF5_VDS_PREFIX") if path.parent.is_dir()
        for match in map(pattern.fullmatch, os.listdir(path.parent)) if match]
    return max(numbers, default=0) >= number


def _one_source(variable, source, name, dataset):
    own = variable.file.filename
    where = (f"{variable.name} of {own} is a virtual dataset with {dataset} "
             f"of {name} as a source")
    path = Path(own) if name == "." else _find(
        own, name.replace("%%", "%"), "HDF5_VDS_PREFIX")
    if path is None:
        raise ValueError(f"{where}, but this file does not exist: put it "
                         "there.")
    try:
        file = open_hdf5(path)
    except OSError as error:
        raise ValueError(f"{where}, but this file is truncated, damaged or "
                         f"no HDF5 file: copy it again ({error}).") from error
    with file:
        found = resolve(file, dataset.replace("%%", "%"))
        if not isinstance(found, h5py.Dataset):
            raise ValueError(f"{where}, but this file has no such dataset: "
                             "put it there.")
        if _exceeds(source, found):
            raise ValueError(
                f"{where}, but its shape there is {found.shape}, too small: "
                "copy the complete file.")
        return {path.resolve()} | files_of(found)


def _exceeds(source, dataset):
    """Whether more is mapped than a source has."""
    space = source.src_space
    if _points(source.vspace) == float("inf"):
        return False
    if space.get_select_type() == h5py.h5s.SEL_ALL:
        return _points(source.vspace) > dataset.size
    last = space.get_select_bounds()[1]
    return len(last) != dataset.ndim or any(
        i >= n for i, n in zip(last, dataset.shape, strict=True))


def check_filters(variable):
    """Refuse a dataset that was written by filters that are not here."""
    properties = variable.id.get_create_plist()
    for i in range(properties.get_nfilters()):
        number, _, _, name = properties.get_filter(i)
        if not h5py.h5z.filter_avail(number):
            name = name.decode(errors="replace").strip("\0")
            raise ValueError(
                f"{variable.name} of {variable.file.filename} is compressed "
                f"by the HDF5 filter {number} ({name or 'no name'}), which "
                "is not installed: pip install hdf5plugin, or rewrite the "
                "file, h5repack -f NONE old.h5 new.h5.")
