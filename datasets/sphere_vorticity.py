"""Barotropic flow on the sphere: an icosphere and linear finite elements.

Vorticity zeta = lap psi, radius 1, time in days of the rotating planet::

    d(zeta)/dt + J(psi, zeta + f) = nu lap(zeta - jet), f = 4 pi sin(latitude)

The jet is maintained against viscosity. Classical Runge-Kutta of order 4.
"""
from functools import partial
from typing import NamedTuple

import numpy as np

from benchmark_utils.dataset import FieldDataset
from benchmark_utils.fields.mesh import Mesh
from benchmark_utils.fields.physics import sphere
from benchmark_utils.fields.physics.time_stepping import integrating_factor_rk4

DT = 1 / 32
EVERY = 4  # steps from one snapshot to the next
VISCOSITY = 2e-4
WAVES = (6, 12)  # of the random vorticity
JET_WIDTH = 0.15  # radians


class Case(NamedTuple):
    """A flow: its initial state and its sampling."""

    jet: float = 0.0  # radians per day in its middle
    noise: float = 0.0  # rms of random vorticity
    spin_up: int = 0  # snapshots before the first that is kept


CASES = {"jet": Case(jet=1.0, noise=0.3, spin_up=24),
         "vortices": Case(noise=3.0, spin_up=4)}


def zonal(case, latitude):
    """Vorticity of a jet at 45 degrees north: -d(u cos)/d(phi) / cos."""
    distance = (latitude - np.pi / 4) / JET_WIDTH
    return case.jet * np.exp(-distance ** 2 / 2) * (
        distance / JET_WIDTH + np.tan(latitude))


def random_vorticity(points, rms, rng):
    """Isotropic, of plane waves that cut through the sphere."""
    waves = rng.standard_normal((3, 400))
    waves *= rng.uniform(*WAVES, 400) / np.linalg.norm(waves, axis=0)
    phases = rng.uniform(0, 2 * np.pi, 400)
    return rms * np.sqrt(2 / 400) * np.cos(points @ waves + phases).sum(axis=1)


def anomalies(case, subdivisions, n_snapshots, rng):
    """Yield the vorticity minus that of the initial jet."""
    points, triangles = sphere.icosphere(subdivisions)
    elements = sphere.Elements(points, triangles)
    # At the poles the jet is over, and the tangent is large.
    latitude = np.arcsin(np.clip(points[:, 2], -1 + 1e-12, 1 - 1e-12))
    coriolis = 4 * np.pi * points[:, 2]

    def without_mean(zeta):
        return zeta - elements.weights @ zeta / elements.weights.sum()

    jet = without_mean(zonal(case, latitude))
    zeta = jet + without_mean(random_vorticity(points, case.noise, rng))
    tendency = partial(elements.tendency, coriolis=coriolis,
                       viscosity=VISCOSITY, steady=jet)
    for snapshot in range(-case.spin_up, n_snapshots):
        if snapshot >= 0:
            yield (zeta - jet)[None]
        for _ in range(EVERY if snapshot < n_snapshots - 1 else 0):
            zeta = integrating_factor_rk4(zeta, tendency, 1.0, 1.0, DT)


class Dataset(FieldDataset):
    """A two-dimensional fluid on a rotating sphere, on a mesh of triangles.

    <b>Sample:</b> the vorticity at one time; <b>feature:</b> a vertex. Ranks
    own patches of the sphere: with four, the polar caps and the two halves
    of the belt between them.
    <b>Units:</b> radius 1, days.
    <b>Background:</b> the initial zonal jet is subtracted; zero without a jet.
    <b>Cases:</b> jet (unstable, in the north only: ranks differ), vortices
    (everywhere, merging).
    <b>Source:</b> own simulation, linear finite elements; the jet after
    Galewsky, Scott &amp; Polvani, Tellus A 56 (2004).
    """

    name = "sphere-vorticity"
    parameters = {
        "case": ["jet"],
        "subdivisions": [5],
        "n_snapshots": [96],
    }
    partitions = ("features",)
    sources = (sphere, integrating_factor_rk4)
    test_config = {"n_ranks": 2, "subdivisions": 2, "n_snapshots": 20}

    @property
    def background(self):
        return "initial jet" if CASES[self.case].jet else "zero"

    def coordinates(self):
        n = 10 * 4 ** self.subdivisions + 2
        return [("time", "day", DT * EVERY * np.arange(self.n_snapshots)),
                ("vertex", "1", np.arange(n))]

    def mesh(self):
        return Mesh.of_faces(*sphere.icosphere(self.subdivisions))

    def snapshots(self, rng):
        return anomalies(CASES[self.case], self.subdivisions,
                         self.n_snapshots, rng)
