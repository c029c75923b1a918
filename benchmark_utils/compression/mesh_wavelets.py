"""Wavelets on meshes by lifting: predict every odd point, update the even.

After Valette & Prost 2004 and Sweldens 1998.
"""
import numpy as np
from scipy.spatial import KDTree

FEWEST = 16  # points that are not split further
N_NEAR = 12  # even points that predict an odd one
N_UPDATED = 3  # even points that an odd one updates
LARGEST_GAIN = 2.0  # sum of the absolute weights of a prediction
MONOMIALS = 1, 3, 6  # of two variables, up to degree 0, 1, 2


class MeshWavelet:
    """Coefficients in the place of values at the points of a mesh.

    Parameters
    ----------
    mesh : Mesh

    Attributes
    ----------
    levels : list of (odd, even, predict, update), fine to coarse
        Numbers of odd points (m,), of even points near each (m, near), and
        weights of the same shape.
    coarse : int array
        The points that are left, whose coefficients are means.
    norms : array of shape (n,)
        About the norm of what a coefficient adds to the values.
    """

    def __init__(self, mesh):
        points, self.norms = mesh.points, np.ones(len(mesh.points))
        # Integrals of the functions that belong to the coefficients, by area
        # and by number of points.
        masses = np.stack([mesh.areas, self.norms], axis=1)
        self.levels, left, edges = [], np.arange(len(points)), mesh.edges
        while len(left) > FEWEST:
            odd = _independent(left, edges, masses[:, 0])
            even = np.setdiff1d(left, odd, assume_unique=True)
            if not len(odd) or len(even) < N_UPDATED:
                break
            near = KDTree(points[even]).query(
                points[odd], min(N_NEAR, len(even)))[1]
            near = even[near]
            predict = _predictions(points[odd], points[near])
            self.norms[odd] = np.sqrt(masses[odd, 1])
            for mass in masses.T:
                mass += np.bincount(
                    near.ravel(), (predict * mass[odd, None]).ravel(),
                    len(points))
            masses = masses.clip(masses[odd].min() / 10)
            # The least change that keeps the integral.
            around = masses[near[:, :N_UPDATED], 0]
            update = around * (masses[odd, :1] / np.square(around).sum(
                axis=1, keepdims=True))
            self.levels.append((odd, near, predict, update))
            target = np.arange(len(points))
            target[odd] = near[:, 0]
            edges = np.unique(np.sort(target[edges], axis=1), axis=0)
            edges = edges[edges[:, 0] < edges[:, 1]]
            left = even
        self.coarse = left
        self.norms[left] = np.sqrt(masses[left, 1])

    def forward(self, values):
        """Coefficients of values of shape (n,)."""
        values = values.astype(float)
        for odd, near, predict, update in self.levels:
            values[odd] -= (predict * values[near]).sum(axis=1)
            np.add.at(values, near[:, :N_UPDATED],
                      update * values[odd, None])
        return values

    def inverse(self, values):
        """The values of coefficients."""
        values = values.astype(float)
        for odd, near, predict, update in reversed(self.levels):
            np.subtract.at(values, near[:, :N_UPDATED],
                           update * values[odd, None])
            values[odd] += (predict * values[near]).sum(axis=1)
        return values


def _independent(left, edges, mass):
    """Points without a common edge, of small mass first."""
    n = len(mass)
    rank = np.full(n, n)
    rank[left[np.argsort(mass[left], kind="stable")]] = np.arange(len(left))
    chosen = np.zeros(n, bool)
    while len(left):
        lowest = np.full(n, n)
        np.minimum.at(lowest, edges[:, 0], rank[edges[:, 1]])
        np.minimum.at(lowest, edges[:, 1], rank[edges[:, 0]])
        first = left[rank[left] < lowest[left]]
        chosen[first] = True
        gone = chosen.copy()
        gone[edges[chosen[edges[:, 0]], 1]] = True
        gone[edges[chosen[edges[:, 1]], 0]] = True
        left = left[~gone[left]]
        edges = edges[~gone[edges].any(axis=1)]
    return np.flatnonzero(chosen)


def _predictions(centres, near):
    """Weights of near points (m, near, 3) for the value at centres (m, 3).

    A weighted fit of polynomials of degree 2 in the plane of the points; of a
    lower degree where that would enlarge errors.
    """
    offsets = near - centres[:, None]
    size = np.linalg.norm(offsets, axis=2).mean(axis=1)[:, None, None]
    offsets = offsets / size
    plane = np.linalg.eigh(offsets.swapaxes(1, 2) @ offsets)[1][:, :, 1:]
    x, y = np.moveaxis(offsets @ plane, 2, 0)
    basis = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=2)
    weight = np.exp(-3 * np.square(offsets).sum(axis=2))[..., None]
    best = None
    for n in MONOMIALS:
        A = basis[:, :, :n]
        normal = A.swapaxes(1, 2) @ (weight * A)
        normal += 1e-9 * np.eye(n)
        first = np.linalg.solve(normal, np.eye(n)[:, :1])
        fit = (weight * A @ first)[..., 0]
        fit /= fit.sum(axis=1, keepdims=True)
        fine = abs(fit).sum(axis=1) <= LARGEST_GAIN
        best = fit if best is None else np.where(fine[:, None], fit, best)
    return best
