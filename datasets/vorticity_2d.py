"""Two-dimensional turbulence on a beta plane, in a periodic square.

Vorticity w = lap psi, velocity (-psi_y, psi_x), lengths in units of the side
over 2 pi::

    dw/dt + J(psi, w) + beta psi_x = -nu (-lap)^p w - mu w + F

Pseudo-spectral, with the modes above 2/3 of the grid's removed after every
product, so that the advection conserves energy and enstrophy. Classical
Runge-Kutta of order 4; the linear terms are integrated exactly.
"""
from typing import NamedTuple

import numpy as np
from scipy.fft import fftfreq, irfft2, rfft2, rfftfreq

from benchmark_utils.dataset import FieldDataset
from benchmark_utils.fields.geometry import Structure
from benchmark_utils.fields.physics.time_stepping import integrating_factor_rk4

WIND_WAVES = 4  # of the steady force
STIRRED_WAVES = (8, 12)  # of the random force
MEMORY = 0.5  # its correlation time
TRACK_WIDTH = 0.6  # of the region where it acts, standard deviation


class Case(NamedTuple):
    """A flow: its terms, its initial state, its sampling."""

    viscosity: float  # nu
    order: int = 1  # p
    drag: float = 0.0  # mu
    beta: float = 0.0
    wind: float = 0.0  # amplitude of a steady force along x
    stirring: float = 0.0  # rms of a random F in the middle of the track
    vortices: float = 0.0  # amplitude of a square lattice of vortices, t = 0
    noise: float = 0.0  # rms of random vorticity at t = 0
    dt: float = 0.02
    every: int = 10  # steps from one snapshot to the next
    spin_up: int = 0  # snapshots before the first that is kept


CASES = {
    "storm_track": Case(1e-12, 4, drag=0.05, beta=8.0, stirring=3.0,
                        dt=0.04, every=10, spin_up=160),
    "kolmogorov": Case(0.01, drag=0.1, wind=1.0, noise=1.0,
                       dt=0.016, every=16, spin_up=100),
    "decaying": Case(1e-12, 4, noise=3.0),
    "taylor_green": Case(1e-3, vortices=2.0, noise=0.02),
}


class Flow:
    """The spectral operators of a case on an n x n grid; axes (y, x)."""

    def __init__(self, case, n):
        self.case, self.n = case, n
        self.l, self.k = fftfreq(n, 1 / n)[:, None], rfftfreq(n, 1 / n)
        self.k2 = self.k**2 + self.l**2
        self.kept = (np.maximum(abs(self.k), abs(self.l)) < n / 3) & (
            self.k2 > 0)
        self.inverse = np.divide(1, self.k2, where=self.kept,
                                 out=np.zeros_like(self.k2))
        self.linear = self.kept * (
            1j * case.beta * self.k * self.inverse
            - case.viscosity * self.k2**case.order - case.drag)
        y = x = 2 * np.pi * np.arange(n) / n
        self.lattice = np.outer(np.cos(y), np.cos(x))
        self.wind = np.outer(np.cos(WIND_WAVES * y), np.ones(n))
        self.track = np.exp((np.cos(y[:, None] - np.pi)
                             + np.cos(x - np.pi) - 2) / TRACK_WIDTH**2)

    def advection(self, w):
        """Transform of -J(psi, w), from the fluxes of momentum."""
        psi = -w * self.inverse
        u, v = irfft2(np.stack([-1j * self.l * psi, 1j * self.k * psi]))
        uv, difference = rfft2(np.stack([u * v, v * v - u * u]))
        return self.kept * ((self.k**2 - self.l**2) * uv
                            + self.k * self.l * difference)

    def random(self, waves, rms, rng):
        """Transform of a homogeneous random field of these wavenumbers.

        Without waves of k = 0: their halves would have to match.
        """
        band = (waves[0]**2 <= self.k2) & (self.k2 <= waves[1]**2) & (
            self.k > 0)
        spectrum = np.zeros(band.shape, complex)
        spectrum[band] = rng.standard_normal((band.sum(), 2)) @ [1, 1j]
        # Each wave of the half plane stands for two.
        return spectrum * (rms * self.n**2 / np.sqrt(4 * band.sum()))


def simulate(case, n, n_snapshots, rng):
    """Yield the vorticity, shape (n, n), every ``case.every`` steps."""
    flow, dt = Flow(case, n), case.dt
    half, full = np.exp(flow.linear * dt / 2), np.exp(flow.linear * dt)
    steady = -WIND_WAVES * case.wind * flow.kept * rfft2(flow.wind)
    w = flow.random((4, 8), case.noise, rng) + (
        case.vortices * flow.kept * rfft2(flow.lattice))
    keep, force = np.exp(-dt / MEMORY), steady
    stir = flow.random(STIRRED_WAVES, case.stirring, rng)

    def tendency(w):
        return flow.advection(w) + force

    for snapshot in range(n_snapshots):
        yield irfft2(w)
        if snapshot == n_snapshots - 1:
            return
        for _ in range(case.every):
            if case.stirring:
                stir = keep * stir + np.sqrt(1 - keep**2) * flow.random(
                    STIRRED_WAVES, case.stirring, rng)
                force = steady + flow.kept * rfft2(flow.track * irfft2(stir))
            w = integrating_factor_rk4(w, tendency, half, full, dt)


def anomalies(case, n, patch, n_snapshots, rng):
    """Yield the vorticity of patches minus the climatology."""
    climatology, n_late = 0.0, case.spin_up // 2
    flow = simulate(case, n, case.spin_up + n_snapshots, rng)
    for snapshot, w in enumerate(flow, start=-case.spin_up):
        if -n_late <= snapshot < 0:
            climatology += w / n_late
        if snapshot >= 0:
            cut = (w - climatology).reshape(
                1, n // patch, patch, n // patch, patch)
            yield cut.swapaxes(2, 3)


class Dataset(FieldDataset):
    """Turbulence of a two-dimensional fluid on a rotating planet.

    <b>Sample:</b> vorticity of a square patch of 16 x 16 points at one time;
    <b>feature:</b> a point of the patch (partition <i>features</i>: a
    snapshot; a point). Patches make up the grid (y, x).
    <b>Units:</b> none; the periodic square has the side 2 pi.
    <b>Background:</b> the mean over the late half of the spin-up is
    subtracted; zero for the cases without spin-up.
    <b>Cases:</b> storm_track (stirred in one region, Rossby waves),
    kolmogorov (steady wind, all ranks nearly alike), decaying (merging
    vortices), taylor_green (almost a matrix of rank 1).
    <b>Source:</b> own pseudo-spectral simulation; cases after Maltrud &amp;
    Vallis, J. Fluid Mech. 228 (1991).
    """

    name = "vorticity-2d"
    parameters = {
        "case": ["storm_track"],
        "n": [128],
        "patch": [16],
        "n_snapshots": [512],
    }
    n_space = 2
    sources = (integrating_factor_rk4,)
    test_config = {"n_ranks": 2, "n": 32, "patch": 8, "n_snapshots": 20}

    @property
    def background(self):
        return ("mean over the late half of the spin-up"
                if CASES[self.case].spin_up else "zero")

    def coordinates(self):
        case, n, patch = CASES[self.case], self.n, self.patch
        if n % patch:
            raise ValueError(f"n = {n} is not a multiple of patch = {patch}.")
        step = 2 * np.pi / n
        corners = step * np.arange(0, n, patch)
        inside = step * np.arange(patch)
        t = case.dt * case.every * np.arange(self.n_snapshots)
        return [("time", "1", t), ("y", "1", corners), ("x", "1", corners),
                ("y_in_patch", "1", inside), ("x_in_patch", "1", inside)]

    def structure(self):
        return Structure(tiles=(("y", "y_in_patch"), ("x", "x_in_patch")))

    def snapshots(self, rng):
        return anomalies(CASES[self.case], self.n, self.patch,
                         self.n_snapshots, rng)
