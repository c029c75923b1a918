"""A kinetic plasma in two space and two velocity dimensions.

Electrons and fixed ions in a periodic square, in units of the Debye length
lambda_D, the inverse plasma frequency 1/omega_p and the thermal velocity
v_th::

    df/dt + v . grad_x f - E . grad_v f = 0,
    E = -grad phi,   -lap phi = 1 - integral of f dv

Semi-Lagrangian like the dataset vlasov-poisson: free flight for dt/2,
acceleration for dt, free flight for dt/2, each a shift of grid lines by
periodic cubic splines, one axis after the other, which is exact because the
shifts of two axes of space, or of velocity, commute.
"""
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.fft import fftfreq, irfft2, rfft2, rfftfreq

from benchmark_utils.dataset import FieldDataset
from benchmark_utils.fields.geometry import Structure
from benchmark_utils.fields.physics.semi_lagrangian import (
    maxwellian,
    shift,
    shift_factors,
)

MAX_DT = 0.25


class Case(NamedTuple):
    """A plasma in a periodic square and the waves that perturb it."""

    background: Callable  # (x, y in sides, v_x, v_y) -> f, of density 1
    length: float  # of a side
    v_max: float
    duration: float  # of the simulation; less than the recurrence
    waves: tuple  # number per side along x and y, amplitude of the density


def thermal(x, y, v_x, v_y):
    """Maxwellian at rest."""
    return maxwellian(v_x) * maxwellian(v_y)


def opposite_beams(x, y, v_x, v_y):
    """Beams along +y around x = 3/8 and along -y around x = 7/8.

    No electric field acts on this state; the beams only widen, slowly.
    """
    up, down = (0.45 * np.exp(3 * (np.cos(2 * np.pi * (x - centre)) - 1))
                for centre in (3 / 8, 7 / 8))
    return maxwellian(v_x) * ((1 - up - down) * maxwellian(v_y)
                              + up * maxwellian(v_y, 5.0)
                              + down * maxwellian(v_y, -5.0))


CASES = {
    "landau": Case(thermal, 4 * np.pi, 6.0, 25.0,
                   ((1, 0, 0.05), (0, 1, 0.03))),
    "two_beams": Case(opposite_beams, 24 * np.pi, 10.0, 50.0, tuple(
        (i, j, 0.01) for i in range(-2, 3) for j in range(1, 6))),
}


def grid(case, n_x, n_v):
    """Positions in [0, length) and velocities in [-v_max, v_max)."""
    return (case.length * np.arange(n_x) / n_x,
            case.v_max * (2 * np.arange(n_v) / n_v - 1))


def background(case, n_x, n_v):
    """Unperturbed f at t = 0, shape (n_x, n_x, n_v, n_v)."""
    x, v = grid(case, n_x, n_v)
    s = x / case.length
    return case.background(*np.ix_(s, s, v, v)) * np.ones((n_x, n_x, 1, 1))


def perturbation(case, x, rng):
    """Relative density of the waves, with random phases, shape (n_x, n_x)."""
    phases = rng.uniform(0, 2 * np.pi, len(case.waves))
    s = 2 * np.pi / case.length * x
    return sum(amplitude * np.cos(i * s[:, None] + j * s + phase)
               for (i, j, amplitude), phase
               in zip(case.waves, phases, strict=True))


def electric_field(f, length, dv):
    """Both components of E, shape (2, n_x, n_x)."""
    n = len(f)
    charge = rfft2(1 - f.sum(axis=(2, 3)) * dv**2)
    k = 2 * np.pi / length * np.stack(np.broadcast_arrays(
        fftfreq(n, 1 / n)[:, None], rfftfreq(n, 1 / n)))
    k2 = (k**2).sum(axis=0)
    k2[0, 0] = np.inf  # no mean field
    gradient = 1j * k
    gradient[0, n // 2] = gradient[1, :, n // 2] = 0  # of a wave of period 2
    return irfft2(-gradient * charge / k2, (n, n))


def simulate(case, n_x, n_v, n_steps, dt, every, rng):
    """Yield f at t = 0 and after each ``every`` steps.

    Shape (n_x, n_x, n_v, n_v), axes x, y, v_x, v_y.
    """
    x, v = grid(case, n_x, n_v)
    dx, dv = x[1] - x[0], v[1] - v[0]
    half_flight = shift_factors(v * dt / (2 * dx), n_x).T
    along_x = half_flight[:, None, :, None]
    along_y = half_flight[:, None, :]
    f = background(case, n_x, n_v) * (
        1 + perturbation(case, x, rng))[..., None, None]

    def fly(f):
        return shift(shift(f, along_x, axis=0), along_y, axis=1)

    yield f
    for step in range(1, n_steps + 1):
        f = fly(f)
        E_x, E_y = electric_field(f, case.length, dv)
        f = shift(f, shift_factors(-E_x * dt / dv, n_v)[..., None], axis=2)
        f = shift(f, shift_factors(-E_y * dt / dv, n_v)[..., None, :], axis=3)
        f = fly(f)
        if step % every == 0:
            yield f


def anomalies(case, n_x, n_v, n_snapshots, every, rng):
    """Yield f minus the background, with a leading axis of length 1."""
    f0 = background(case, n_x, n_v)
    n_steps = every * (n_snapshots - 1)
    for f in simulate(case, n_x, n_v, n_steps, case.duration / n_steps,
                      every, rng):
        yield (f - f0)[None]


class Dataset(FieldDataset):
    """Kinetic plasma in a plane: Vlasov-Poisson in (x, y, v_x, v_y).

    <b>Sample:</b> f at one point (x, y) and time; <b>feature:</b> a velocity
    (v_x, v_y) (partition <i>features</i>: a snapshot; a point of phase
    space).
    <b>Units:</b> lambda_D, 1/omega_p, v_th. <b>Background:</b> the
    unperturbed distribution at t = 0 is subtracted.
    <b>Cases:</b> two_beams (beams in opposite directions on the two halves of
    the square, unstable), landau (damped waves, after the dataset Landau2X2V
    of the Gysela benchmark).
    <b>Source:</b> own semi-Lagrangian simulation after Cheng &amp; Knorr,
    J. Comput. Phys. 22 (1976).
    """

    name = "vlasov-2d2v"
    parameters = {
        "case": ["two_beams"],
        "n_x": [32],
        "n_v": [32],
        "n_snapshots": [25],
    }
    n_space = 2
    background = "unperturbed distribution at t = 0"
    sources = (shift,)
    test_config = {"n_ranks": 2, "n_x": 8, "n_v": 16, "n_snapshots": 12}

    def coordinates(self):
        case = CASES[self.case]
        x, v = grid(case, self.n_x, self.n_v)
        t = np.linspace(0, case.duration, self.n_snapshots)
        return [("time", "1/omega_p", t), ("x", "lambda_D", x),
                ("y", "lambda_D", x), ("v_x", "v_th", v),
                ("v_y", "v_th", v)]

    def structure(self):
        return Structure(velocity=("v_x", "v_y"))

    def snapshots(self, rng):
        case = CASES[self.case]
        every = math.ceil(
            case.duration / (self.n_snapshots - 1) / MAX_DT)
        return anomalies(case, self.n_x, self.n_v, self.n_snapshots, every,
                         rng)
