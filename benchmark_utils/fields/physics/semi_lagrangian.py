"""Semi-Lagrangian advection of a distribution function on periodic grids."""
import numpy as np
from scipy.fft import irfft, rfft


def maxwellian(v, drift=0.0, temperature=1.0):
    """Normal velocity distribution; its arguments broadcast."""
    return (np.exp(-(v - drift)**2 / (2 * temperature))
            / np.sqrt(2 * np.pi * temperature))


def shift_factors(cells, n):
    """Fourier factors of the shift of a periodic line by cubic splines.

    Parameters
    ----------
    cells : array of any shape
        Shift of each line in grid cells, towards larger indices.
    n : int
        Points per line.

    Returns
    -------
    factors : complex array of shape (*cells.shape, n // 2 + 1)
    """
    theta = 2 * np.pi * np.arange(n // 2 + 1) / n
    whole = np.floor(cells)
    a = cells - whole
    # B-spline weights of the four neighbours; the division is interpolation.
    weights = np.stack([(1 - a)**3, 4 - 6 * a**2 + 3 * a**3,
                        1 + 3 * a + 3 * a**2 - 3 * a**3, a**3], axis=-1)
    neighbours = np.exp(-1j * np.outer([-1, 0, 1, 2], theta))
    return (np.exp(-1j * np.multiply.outer(whole, theta))
            * (weights @ neighbours) / (4 + 2 * np.cos(theta)))


def shift(f, factors, axis=-1):
    """Shift the lines of f along a periodic axis by their Fourier factors.

    Parameters
    ----------
    f : array
    factors : array
        From :func:`shift_factors`, its last axis moved to ``axis``;
        broadcasts against the transform of f.
    axis : int

    Returns
    -------
    shifted : array of f's shape
    """
    return irfft(rfft(f, axis=axis) * factors, f.shape[axis], axis=axis)
