"""Results are kept where a disk is full.

benchopt 1.10 loses the results of a run if it cannot write them, or cannot
write them again: it does so to keep the options of their page.
"""
import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchopt import plotting, runner


def save_results(df, path, uniquify=True):
    """Save them, elsewhere if need be, with a sentence.

    Returns
    -------
    path : Path
    """
    try:
        return save(df, path, uniquify)
    except OSError as error:
        reason = f"{error.strerror or error}"
    for folder in (tempfile.gettempdir(), Path.home()):
        try:
            found = save(df, Path(folder, path.name), uniquify)
        except OSError:
            continue
        print(f"Results cannot be saved in {path.parent} ({reason}). They are "
              f"in {found}: make room, move them to {path.parent}, and draw "
              f"their page by `benchopt plot . -f {found.name}`.", flush=True)
        return found
    sys.exit(f"Results cannot be saved in {path.parent} ({reason}), nor "
             "elsewhere: make room, then repeat the run; solvers that have "
             "finished are in benchopt's cache.")


def update_metadata(path, metadata):
    """Write the results again beside the old ones, which it then replaces."""
    copy = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        shutil.copy(path, copy)
        update(copy, metadata)
        os.replace(copy, path)
    finally:
        copy.unlink(missing_ok=True)


if runner.save_results.__module__ != __name__:  # imported again
    save, update = runner.save_results, plotting.update_metadata
    runner.save_results = save_results
    plotting.update_metadata = update_metadata
