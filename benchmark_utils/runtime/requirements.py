"""What a plugin requires; asked by the driver before it starts ranks."""
import re
from importlib.metadata import PackageNotFoundError, version


def package_versions(requirements):
    """Version by package of what a plugin requires, None if it is missing.

    Parameters
    ----------
    requirements : list of str, or None
        As benchopt wants them: ``pip::scikit-learn``, ``pip::dask[array]``.
    """
    found = {}
    for requirement in requirements or ():
        package = requirement.removeprefix("pip::")
        try:
            found[package] = version(re.match(r"[\w.-]+", package)[0])
        except PackageNotFoundError:
            found[package] = None
    return found
