"""Waves of a plasma in theory: roots of the kinetic dispersion relation."""
import numpy as np
from scipy.optimize import newton
from scipy.special import wofz


def plasma_dispersion_function(zeta):
    """Z of Fried & Conte, for complex arguments."""
    return 1j * np.sqrt(np.pi) * wofz(zeta)


def dielectric(omega, k, drifts, thermal_velocity):
    """Dielectric function of Maxwellian beams that share the density."""
    zeta = (omega - k * np.array(drifts)) / (np.sqrt(2) * k * thermal_velocity)
    Z = plasma_dispersion_function(zeta)
    return 1 + np.mean(1 + zeta * Z) / (k * thermal_velocity)**2


def landau_root(k):
    """Least damped frequency of a Maxwellian plasma, complex."""
    guess = np.sqrt(1 + 3 * k**2) - 0.1j
    return newton(dielectric, guess, args=(k, [0], 1), tol=1e-12)


def two_stream_root(k, drift, thermal_velocity):
    """Growing mode of two beams with the drifts +-drift, complex."""
    return newton(dielectric, 0.3j, args=(k, [drift, -drift],
                                          thermal_velocity), tol=1e-12)


def fitted_frequency(wave, dt):
    """Frequency of the larger real part of two that a time series holds.

    Linear prediction: two exponentials obey E[n+2] = a E[n+1] + b E[n].
    """
    a, b = np.linalg.lstsq(np.stack([wave[1:-1], wave[:-2]], axis=1),
                           wave[2:])[0]
    omega = 1j * np.log(np.roots([1, -a, -b])) / dt
    return omega[np.argmax(omega.real)]
