"""The unit sphere as a mesh of triangles, and finite elements on it."""

import numpy as np
from scipy.sparse import csc_array, csr_array
from scipy.sparse.linalg import splu

SYMMETRIC = dict(permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0,
                 options=dict(SymmetricMode=True))


def icosahedron():
    """Corners (12, 3), north pole first, and triangles (20, 3).

    Counter-clockwise seen from outside: the cap of the north pole, the band
    around the equator from west to east, the cap of the south pole.
    """
    z, r = 1 / np.sqrt(5), 2 / np.sqrt(5)
    angle = 2 * np.pi * np.arange(5) / 5
    north = np.stack([r * np.cos(angle), r * np.sin(angle),
                      np.full(5, z)], axis=1)
    angle += np.pi / 5
    south = np.stack([r * np.cos(angle), r * np.sin(angle),
                      np.full(5, -z)], axis=1)
    corners = np.vstack([[0, 0, 1], north, south, [0, 0, -1]])
    triangles = [(0, 1 + i, 1 + (i + 1) % 5) for i in range(5)]
    for i in range(5):
        east = (i + 1) % 5
        triangles += [(1 + i, 6 + i, 1 + east), (6 + i, 6 + east, 1 + east)]
    triangles += [(11, 6 + (i + 1) % 5, 6 + i) for i in range(5)]
    return corners, np.array(triangles)


def icosphere(n_subdivisions):
    """Triangles cut into four, again and again, put onto the sphere.

    Vertices are in the order in which triangles need them, the triangles of a
    triangle one after the other: neighbours in the list are near to each
    other, and a slab of it is a patch of the sphere.

    Returns
    -------
    points : array of shape (10 * 4**n + 2, 3)
        On the unit sphere.
    triangles : int array of shape (20 * 4**n, 3)
        Counter-clockwise seen from outside.
    """
    points, triangles = icosahedron()
    for _ in range(n_subdivisions):
        edges = np.sort(triangles[:, [[1, 2], [2, 0], [0, 1]]], axis=-1)
        edges, middle = np.unique(edges.reshape(-1, 2), axis=0,
                                  return_inverse=True)
        a, b, c = triangles.T
        i, j, k = len(points) + middle.reshape(-1, 3).T
        triangles = np.stack([a, k, j, k, b, i, j, i, c, i, j, k],
                             axis=1).reshape(-1, 3)
        new = points[edges].sum(axis=1)
        points = np.vstack([points, new / np.linalg.norm(
            new, axis=1, keepdims=True)])
    order = np.argsort(np.unique(triangles, return_index=True)[1])
    number = np.argsort(order)
    return points[order], number[triangles]


class Elements:
    """Linear finite elements on a closed surface of triangles.

    Fields are their values at the vertices.

    Attributes
    ----------
    mass, stiffness : sparse arrays
        Integrals of v_i v_j, and of grad v_i . grad v_j.
    """

    def __init__(self, points, triangles):
        self.n, self.triangles = len(points), triangles
        corners = points[triangles]
        edges = np.roll(corners, -2, axis=1) - np.roll(corners, -1, axis=1)
        area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1) / 2
        self.mass = self._assembled(
            area[:, None, None] * (np.ones((3, 3)) + np.eye(3)) / 12)
        self.stiffness = self._assembled(
            edges @ edges.swapaxes(1, 2) / (4 * area[:, None, None]))
        self.weights = self.mass @ np.ones(self.n)  # of integrals
        self.project = splu(self.mass, **SYMMETRIC).solve
        # The potential is known up to a constant: it is zero at a vertex.
        self._solve = splu(csc_array(self.stiffness[1:, 1:]),
                           **SYMMETRIC).solve
        self._scatter = csr_array(
            (np.ones(triangles.size), (triangles.T.ravel(), np.tile(
                np.arange(len(triangles)), 3))), (self.n, len(triangles)))

    def _assembled(self, local):
        rows = np.repeat(self.triangles, 3, axis=1)
        columns = np.tile(self.triangles, 3)
        return csc_array((local.ravel(), (rows.ravel(), columns.ravel())),
                         (self.n, self.n))

    def stream_function(self, vorticity):
        """psi of lap psi = vorticity, whose integral must be zero."""
        psi = np.zeros(self.n)
        psi[1:] = -self._solve((self.mass @ vorticity)[1:])
        return psi - self.weights @ psi / self.weights.sum()

    def jacobian(self, psi, q):
        """Integrals of v_i J(psi, q), the advection of q.

        The gradients are constant on a triangle, so nothing is approximated:
        the sum, and the products with psi and q, are zero.
        """
        a, b, c = psi[self.triangles].T
        d, e, f = q[self.triangles].T
        return self._scatter @ ((b - a) * (f - d) - (c - a) * (e - d)) / 6

    def tendency(self, vorticity, coriolis, viscosity=0.0, steady=0.0):
        """d(zeta)/dt = -J(psi, zeta + f) + viscosity lap(zeta - steady)."""
        return -self.project(
            self.jacobian(self.stream_function(vorticity),
                          vorticity + coriolis)
            + viscosity * (self.stiffness @ (vorticity - steady)))
