"""SciPy without the rest of numpy, which halves the start of a rank.

``scipy.linalg`` copies all names that numpy lists. That imports what numpy
leaves until it is used: a compiler of Fortran, tools for tests.
"""
import numpy as np

listed = np.__all__, np.__dir__
np.__all__ = [name for name in np.__all__ if name in vars(np)]
np.__dir__ = lambda: np.__all__
try:
    import scipy.linalg  # noqa: F401
finally:
    np.__all__, np.__dir__ = listed
