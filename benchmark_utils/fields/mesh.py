"""Meshes: where the points of one axis are and which are neighbours."""
from typing import NamedTuple

import numpy as np


class Mesh(NamedTuple):
    """Points of the first space axis of a field, on any surface.

    Attributes
    ----------
    points : array of shape (n, 3)
        In a plane, the last coordinate is zero.
    edges : int array of shape (m, 2)
        Pairs of neighbours, the smaller number first.
    areas : array of shape (n,)
        What a point stands for in integrals.
    spherical : bool
        The points are on a sphere around the origin.
    """

    points: np.ndarray
    edges: np.ndarray
    areas: np.ndarray
    spherical: bool = True

    @classmethod
    def of_faces(cls, points, faces, spherical=True):
        """The mesh of polygons for values at their corners.

        Parameters
        ----------
        points : array of shape (n, 3)
        faces : int array of shape (m, corners)
            Corners in their order, -1 where a polygon has fewer.
        """
        corners, following, there = _sides(faces)
        # Each corner has an equal part of its polygon.
        share = _areas(points, faces) / there.sum(axis=1)
        areas = np.bincount(
            corners[there], np.broadcast_to(share[:, None],
                                            there.shape)[there], len(points))
        return cls(points, _pairs(corners[there], following[there]), areas,
                   spherical)

    @classmethod
    def of_neighbours(cls, points, faces, spherical=True):
        """The mesh of polygons for a value in each; neighbours share a side.

        The parameters are those of :meth:`of_faces`.
        """
        corners, following, there = _sides(faces)
        centres = (points[corners] * there[..., None]).sum(axis=1) \
            / there.sum(axis=1, keepdims=True)
        if spherical:
            centres *= np.linalg.norm(points[0]) / np.linalg.norm(
                centres, axis=1, keepdims=True)
        owner = np.broadcast_to(np.arange(len(faces))[:, None], faces.shape)
        sides = np.sort(np.stack([corners[there], following[there]], axis=1))
        order = np.lexsort(sides.T)
        sides, owner = sides[order], owner[there][order]
        shared = (sides[1:] == sides[:-1]).all(axis=1)
        return cls(centres, _pairs(owner[:-1][shared], owner[1:][shared]),
                   _areas(points, faces), spherical)

    def part(self, chosen):
        """The mesh of some of the points, in increasing order."""
        number = np.full(len(self.points), -1)
        number[chosen] = np.arange(len(chosen))
        edges = number[self.edges]
        return self._replace(
            points=self.points[chosen], areas=self.areas[chosen],
            edges=edges[(edges >= 0).all(axis=1)])

    def coordinates(self):
        """Two (name, unit, coordinates): of a map of the points."""
        x, y, z = self.points.T
        if not self.spherical:
            return [("x", "unknown", x), ("y", "unknown", y)]
        return [("longitude", "degrees_east", np.degrees(np.arctan2(y, x))),
                ("latitude", "degrees_north",
                 np.degrees(np.arctan2(z, np.hypot(x, y))))]

    def write(self, file):
        """Into the file of a field."""
        for key in ("points", "edges", "areas"):
            file[f"mesh/{key}"] = getattr(self, key)
        file["mesh"].attrs["spherical"] = self.spherical

    @classmethod
    def read(cls, file):
        """From the file of a field; None if it has no mesh."""
        if "mesh" not in file:
            return None
        return cls(*(file[f"mesh/{key}"][()]
                     for key in ("points", "edges", "areas")),
                   bool(file["mesh"].attrs["spherical"]))


def _sides(faces):
    """First and second corner of every side, and which sides there are."""
    there = faces >= 0
    last = there.sum(axis=1) - 1
    following = np.roll(faces, -1, axis=1)
    following[np.arange(len(faces)), last] = faces[:, 0]
    first = faces[:, :1]
    return (np.where(there, faces, first), np.where(there, following, first),
            there)


def _areas(points, faces):
    """Of polygons, as triangles around their first corner."""
    corners, following, there = _sides(faces)
    first = points[faces[:, :1]]
    doubled = np.linalg.norm(np.cross(
        points[corners] - first, points[following] - first), axis=-1)
    return (doubled * there).sum(axis=1) / 2


def _pairs(a, b):
    """Each pair once, the smaller number first."""
    pairs = np.unique(np.sort(np.stack([a, b], axis=1), axis=1), axis=0)
    return pairs[pairs[:, 0] < pairs[:, 1]]
