"""Turbulence of ions in a strong magnetic field along z, in a periodic slab.

The temperature falls with x. Where it does so steeply, ion temperature
gradient (ITG) modes grow; they saturate by mixing and by zonal flows. The
guiding centres drift across the field and stream along it; f is what exceeds
the Maxwellian F of the background (delta-f, local gradients)::

    df/dt + v df/dz + u . grad (f + F) = - v F dphi/dz - damping
    u = (-dphi/dy, dphi/dx),   dF/dx = - kappa(x) (v^2 - 1) / 2 F
    integral of f dv = phi - <phi> - d2phi/dx2 - d2phi/dy2

Electrons are adiabatic and do not respond to <phi>, the mean over y and z
(zonal flows); the density is uniform, ions and electrons are equally hot.
Units: ion sound gyroradius rho_s for x and y, a length L >> rho_s for z, the
thermal velocity v_th for v, L / v_th for the time; f and phi are in units of
rho_s / L.

Discretisation: Fourier modes in x, y, z with the 2/3 rule, so that without
damping the free energy balance is that of the equations; a grid in v.
Runge-Kutta of order 4, with streaming and damping exact, in single precision,
in which the field is stored.
"""
from itertools import islice
from typing import NamedTuple

import numpy as np
from scipy.fft import fftfreq, irfftn, rfftfreq, rfftn

from benchmark_utils.dataset import FieldDataset
from benchmark_utils.fields.geometry import Structure
from benchmark_utils.fields.physics.time_stepping import integrating_factor_rk4

PRECISION = np.float32
WIDTH = 20 * np.pi  # of the slab along x and y, rho_s
LENGTH = 10 * np.pi  # along z, L
V_MAX = 5.0  # v_th
STEEP = 3 / 8  # where in x the gradient is largest, in widths
NOISE = 0.3  # rms density at t = 0
DT = 0.2  # L / v_th
EVERY = 10  # steps from one snapshot to the next
SPIN_UP = 40  # snapshots before the first that is kept


class Case(NamedTuple):
    """A temperature profile and what damps the turbulence."""

    gradient: float  # largest kappa = L / L_T
    elsewhere: float  # smallest kappa over the largest
    diffusion: float = 0.4  # rate of waves across the field, over k^4
    heating: float = 0.03  # rate that restores means over y and z


CASES = {
    "steep_zone": Case(4.0, 0.3),
    "uniform": Case(4.0, 1.0),
}


def grid(n, n_z, n_v):
    """Coordinates along x (and y), z and v; velocities are symmetric."""
    return (WIDTH * np.arange(n) / n, LENGTH * np.arange(n_z) / n_z,
            V_MAX * ((2 * np.arange(n_v) + 1) / n_v - 1))


class Plasma:
    """The operators of a case; spectral axes (v, z, x, y)."""

    def __init__(self, case, n, n_z, n_v):
        self.shape = n_z, n, n
        x, _, v = grid(n, n_z, n_v)
        v = v.reshape(-1, 1, 1, 1)
        self.dv = float(v[1, 0, 0, 0] - v[0, 0, 0, 0])
        maxwellian = np.exp(-v**2 / 2)
        maxwellian /= maxwellian.sum() * self.dv
        i_z, i_x, i_y = np.meshgrid(
            fftfreq(n_z, 1 / n_z), fftfreq(n, 1 / n), rfftfreq(n, 1 / n),
            indexing="ij", sparse=True)
        kept = (abs(i_z) < n_z / 3) & (
            np.maximum(abs(i_x), i_y) < n / 3)
        zonal = (i_z == 0) & (i_y == 0)
        k_z = 2 * np.pi / LENGTH * i_z
        k_x, k_y = (2 * np.pi / WIDTH * i for i in (i_x, i_y))
        k2 = k_x**2 + k_y**2
        response = k2 + ~zonal
        response[0, 0, 0] = np.inf  # the mean of phi has no effect
        linear = (-1j * k_z * v - case.diffusion * k2**2
                  - case.heating * zonal)
        profile = np.exp(8 * (np.cos(2 * np.pi * (x / WIDTH - STEEP)) - 1))
        kappa = case.gradient * (
            case.elsewhere + (1 - case.elsewhere) * profile[:, None])

        def real(array):
            return np.asarray(array, PRECISION)

        self.maxwellian, self.kept = real(maxwellian), real(kept)
        self.potential_of_density = real(kept / response)
        self.ik_x, self.ik_y = 1j * real(k_x), 1j * real(k_y)
        self.acceleration = 1j * real(k_z * v * maxwellian)
        self.gradient = real(-kappa * (v**2 - 1) / 2 * maxwellian)  # dF/dx
        self.linear = linear.astype(self.acceleration.dtype)

    def to_space(self, spectrum):
        return irfftn(spectrum, self.shape, axes=(-3, -2, -1))

    def to_spectrum(self, values):
        return self.kept * rfftn(values, axes=(-3, -2, -1))

    def potential(self, f):
        """Spectrum of phi."""
        return self.potential_of_density * (f.sum(axis=0) * self.dv)

    def tendency(self, f):
        """Rate of change but for streaming and damping."""
        phi = self.potential(f)
        u_x = self.to_space(-self.ik_y * phi)
        u_y = self.to_space(self.ik_x * phi)
        advection = u_x * (self.to_space(self.ik_x * f) + self.gradient)
        advection += u_y * self.to_space(self.ik_y * f)
        return -self.to_spectrum(advection) - self.acceleration * phi

    def initial(self, rng):
        """Maxwellian with a random density without zonal part."""
        density = NOISE * rng.standard_normal(self.shape)
        density -= density.mean(axis=(0, 2), keepdims=True)
        return self.maxwellian * self.to_spectrum(density.astype(PRECISION))


def simulate(case, n, n_z, n_v, n_steps, dt, every, rng):
    """Yield f at t = 0 and after each ``every`` steps.

    Shape (n, n, n_z, n_v), axes x, y, z, v.
    """
    plasma = Plasma(case, n, n_z, n_v)
    half, full = (np.exp(plasma.linear * t) for t in (dt / 2, dt))
    f = plasma.initial(rng)
    yield plasma.to_space(f).transpose(2, 3, 1, 0)
    for step in range(1, n_steps + 1):
        f = integrating_factor_rk4(f, plasma.tendency, half, full, dt)
        if step % every == 0:
            yield plasma.to_space(f).transpose(2, 3, 1, 0)


def spun_up(case, n, n_z, n_v, n_snapshots, rng):
    """Yield f after the spin-up, with a leading axis of length 1."""
    states = simulate(case, n, n_z, n_v, EVERY * (SPIN_UP + n_snapshots - 1),
                      DT, EVERY, rng)
    for f in islice(states, SPIN_UP, None):
        yield f[None]


class Dataset(FieldDataset):
    """Turbulence in a magnetised plasma: drift kinetics of ions.

    <b>Sample:</b> f(z, v) at one point (x, y) across the magnetic field and
    one time; <b>feature:</b> a point z along the field and a velocity
    (partition <i>features</i>: a snapshot; a point of phase space).
    <b>Units:</b> rho_s across, L along the field, L / v_th, v_th.
    <b>Background:</b> the Maxwellian of the temperature profile is
    subtracted (delta-f).
    <b>Cases:</b> steep_zone (the temperature gradient that drives the
    turbulence is steep on one rank of four; the others are nearly stable),
    uniform (all ranks nearly alike).
    <b>Source:</b> own spectral simulation of slab ITG turbulence; model after
    Grandgirard et al., J. Comput. Phys. 217 (2006).
    """

    name = "drift-kinetic"
    parameters = {
        "case": ["steep_zone"],
        "n": [32],
        "n_z": [8],
        "n_v": [32],
        "n_snapshots": [80],
    }
    n_space = 2
    background = "Maxwellian of the temperature profile"
    sources = (integrating_factor_rk4,)
    test_config = {"n_ranks": 2, "n": 12, "n_z": 4, "n_v": 16,
                   "n_snapshots": 16}

    def coordinates(self):
        x, z, v = grid(self.n, self.n_z, self.n_v)
        t = DT * EVERY * np.arange(self.n_snapshots)
        return [("time", "L / v_th", t), ("x", "rho_s", x),
                ("y", "rho_s", x), ("z", "L", z), ("v", "v_th", v)]

    def structure(self):
        return Structure(velocity=("v",))

    def snapshots(self, rng):
        return spun_up(CASES[self.case], self.n, self.n_z, self.n_v,
                       self.n_snapshots, rng)
