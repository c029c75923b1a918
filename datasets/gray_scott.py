"""Two reacting and diffusing chemicals on a periodic square (Gray & Scott).

A substance u is fed at the rate F, a catalyst v is removed at F + k; in units
of the grid spacing and the time step::

    du/dt = Du lap u - u v^2 + F (1 - u)
    dv/dt = Dv lap v + u v^2 - (F + k) v

Explicit Euler steps of length 1, five-point Laplacian.
"""
from typing import NamedTuple

import numpy as np

from benchmark_utils.dataset import FieldDataset
from benchmark_utils.fields.geometry import Structure

DIFFUSION = np.array([0.16, 0.08])[:, None, None]  # Du, Dv
SPIN_UP = 400  # snapshots before the first that is kept
EVERY = 10  # steps from one snapshot to the next
SEED_AREA = 400  # points of the plane for one initial square of v
SEED_WIDTH = 8  # in planes of fewer than 64 x 64 points all may die out
# The case dead_zone: centre and half width, in sides of the square. Four
# slabs put it on the third rank, and on strips of its neighbours.
ZONE = (5 / 8, 0.2)
ZONE_EDGE = 0.01
ZONE_KILL = 0.02  # added to k: v dies out


class Case(NamedTuple):
    """Feed and kill rates, at y = 1/8 of the side and opposite it."""

    feed: tuple
    kill: tuple
    zone: float = 0.0  # added to kill in the zone


CASES = {
    "spirals": Case((0.018, 0.018), (0.051, 0.051)),
    "gliders": Case((0.014, 0.014), (0.054, 0.054)),
    "dead_zone": Case((0.018, 0.014), (0.051, 0.054), ZONE_KILL),
}


def rates(case, n):
    """Feed and kill rates along y, each of shape (n, 1)."""
    y = np.arange(n)[:, None] / n
    opposite = (1 - np.cos(2 * np.pi * (y - 1 / 8))) / 2
    feed, kill = (a + (b - a) * opposite for a, b in (case.feed, case.kill))
    distance = np.abs(y - ZONE[0])  # the zone is far from the border
    inside = 1 / (1 + np.exp((distance - ZONE[1]) / ZONE_EDGE))
    return feed, kill + case.zone * inside


def laplacian(state):
    """Five-point Laplacian of the inner points of padded planes."""
    return (state[:, :-2, 1:-1] + state[:, 2:, 1:-1]
            + state[:, 1:-1, :-2] + state[:, 1:-1, 2:]
            - 4 * state[:, 1:-1, 1:-1])


def reaction(u, v, feed, kill):
    """Rates of change of u and v without diffusion."""
    made = u * v * v
    return np.stack([feed * (1 - u) - made, made - (feed + kill) * v])


def advance(state, feed, kill):
    """One time step, in place, of (u, v) with a border of one point."""
    state[:, 0], state[:, -1] = state[:, -2], state[:, 1]
    state[:, :, 0], state[:, :, -1] = state[:, :, -2], state[:, :, 1]
    inner = state[:, 1:-1, 1:-1]
    change = DIFFUSION * laplacian(state)
    change += reaction(*inner, feed, kill)
    inner += change


def initial(n, rng):
    """u = 1 and v = 0 with noise and squares of both, padded."""
    state = np.zeros((2, n + 2, n + 2))
    state[0] = 1
    for _ in range(max(1, n * n // SEED_AREA)):
        i, j = rng.integers(1, n + 2 - SEED_WIDTH, 2)
        state[:, i:i + SEED_WIDTH, j:j + SEED_WIDTH] = [[[0.5]], [[0.25]]]
    state[:, 1:-1, 1:-1] += 0.01 * rng.standard_normal((2, n, n))
    return state


def anomalies(case, n, patch, n_snapshots, rng):
    """Yield u and v of patches minus the mean of the late spin-up."""
    state, (feed, kill) = initial(n, rng), rates(case, n)
    climatology, n_late = 0.0, SPIN_UP // 2
    for snapshot in range(-SPIN_UP, n_snapshots):
        plane = state[:, 1:-1, 1:-1]
        if -n_late <= snapshot < 0:
            climatology += plane / n_late
        if snapshot >= 0:
            cut = (plane - climatology).reshape(
                1, 2, n // patch, patch, n // patch, patch)
            yield cut.transpose(0, 2, 4, 1, 3, 5)
        for _ in range(EVERY):
            advance(state, feed, kill)


class Dataset(FieldDataset):
    """Moving chemical patterns: Gray-Scott reaction and diffusion.

    <b>Sample:</b> both concentrations in a square patch of 16 x 16 points at
    one time; <b>feature:</b> a substance at a point of the patch (partition
    <i>features</i>: a snapshot; a substance at a point).
    <b>Units:</b> grid spacing and time step; concentrations relative to the
    feed.
    <b>Background:</b> the mean over the late half of the spin-up is
    subtracted.
    <b>Cases:</b> spirals, gliders (alike everywhere), dead_zone (the rates
    vary in space, and nothing lives on one rank of four).
    <b>Source:</b> own simulation; patterns after Pearson, Science 261 (1993).
    """

    name = "gray-scott"
    parameters = {
        "case": ["spirals"],
        "n": [128],
        "patch": [16],
        "n_snapshots": [300],
    }
    n_space = 2
    background = "mean over the late half of the spin-up"
    test_config = {"n_ranks": 2, "n": 64, "patch": 8, "n_snapshots": 20}

    def coordinates(self):
        n, patch = self.n, self.patch
        if n % patch:
            raise ValueError(f"n = {n} is not a multiple of patch = {patch}.")
        corners, inside = np.arange(0, n, patch), np.arange(patch)
        return [("time", "1", EVERY * np.arange(self.n_snapshots)),
                ("y", "1", corners), ("x", "1", corners),
                ("substance", "u, v", np.arange(2)),
                ("y_in_patch", "1", inside), ("x_in_patch", "1", inside)]

    def structure(self):
        return Structure(
            tiles=(("y", "y_in_patch"), ("x", "x_in_patch")),
            categories=("substance",))

    def snapshots(self, rng):
        return anomalies(CASES[self.case], self.n, self.patch,
                         self.n_snapshots, rng)
