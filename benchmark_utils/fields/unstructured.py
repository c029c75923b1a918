"""The mesh of a user's file: UGRID, or a connectivity variable by its name.

UGRID 1.0 (ugrid-conventions.github.io/ugrid-conventions): a variable names
its mesh, and nodes or faces as its location there; the mesh is a variable
whose attributes name the connectivity and the coordinates of nodes.
"""
import numpy as np

from benchmark_utils.fields.decoding import decode, one_number, text
from benchmark_utils.fields.file_axes import file_axes
from benchmark_utils.fields.hdf5_input import find_variable
from benchmark_utils.fields.links import arrays_of, resolve
from benchmark_utils.fields.mesh import Mesh

ROUND = 1e-6  # relative difference of radii on a sphere


def read_mesh(variable, topology, axis):
    """The mesh that the values of a variable belong to.

    Parameters
    ----------
    variable : h5py.Dataset
    topology : str
        ``auto``: what the attributes of UGRID say; ``none``; or names of
        variables, ``connectivity,x,y``, a third coordinate in space; one
        variable of shape (nodes, 2 or 3) may hold all coordinates. Values are
        then those of nodes or of faces, whichever are as many.
    axis : (name, unit, coordinates)
        The axis of space of the variable.

    Returns
    -------
    Mesh, None if there is none

    Raises
    ------
    ValueError
        If what is named is not there, or does not fit together.
    """
    if topology == "none":
        return None
    file, place, faces_axis = variable.file, "", ""
    names = topology.split(",")
    if topology == "auto":
        names, place, faces_axis = _ugrid(variable, axis[0])
        if not place:
            return None
    connectivity, *coordinates = [
        find_variable(file, each.strip()) for each in names]
    points, spherical = _points(coordinates)
    faces = _faces(connectivity, faces_axis, len(points))
    sizes = dict(node=len(points), face=len(faces))
    n_points = len(axis[2])
    fitting = [each for each, size in sizes.items()
               if size == n_points and place in ("", each)]
    if not fitting:
        raise ValueError(
            f"{variable.name} of {file.filename} has {n_points} points of "
            f"space, its mesh {sizes['node']} nodes and {sizes['face']} "
            "faces: correct axes and topology, or choose topology=none.")
    new = Mesh.of_faces if fitting[0] == "node" else Mesh.of_neighbours
    return new(points, faces, spherical)


def _ugrid(variable, axis):
    """Names of connectivity and coordinates, ``node`` or ``face`` (else an
    empty string), and the name of the axis of faces.

    Where the variable does not say it (xugrid writes it so), the names of
    axes tell.
    """
    group, name = (f"{variable.name.rpartition('/')[0]}/",
                   text(variable.attrs.get("mesh", "")))
    meshes = [each for each in [name and resolve(variable.file, group + name)]
              if each] or [
        each for _, each in arrays_of(variable.file)
        if text(each.attrs.get("cf_role", "")) == "mesh_topology"]
    for mesh in meshes:
        said = {key: text(mesh.attrs.get(key, "")) for key in (
            "face_node_connectivity", "node_coordinates", "node_dimension",
            "face_dimension")}
        connectivity, *coordinates = [group + each for key in (
            "face_node_connectivity", "node_coordinates")
            for each in said[key].split()] or [""]
        place = text(variable.attrs.get("location", "")) or {
            said["node_dimension"]: "node",
            said["face_dimension"]: "face"}.get(axis, "")
        # Others: a mesh of edges only, values at edges.
        if len(coordinates) > 1 and place in ("node", "face"):
            return ([connectivity, *coordinates], place,
                    said["face_dimension"])
    return [], "", ""


def _points(variables):
    """Points (n, 3), and whether they are on a sphere around the origin."""
    values = [decode(each[()], each) for each in variables]
    if len(values) == 1 and values[0].ndim == 2:
        values = list(values[0].T)
    names = [each.name for each in variables]
    if len(values) not in (2, 3) or len({each.shape for each in values}) > 1 \
            or values[0].ndim != 1 or not np.isfinite(values).all():
        raise ValueError(
            f"{' and '.join(names) or 'topology'} must be two or three "
            "coordinates of every node, without missing ones: give "
            "topology=connectivity,x,y.")
    units = [text(each.attrs.get("units", "")).lower() for each in variables]
    north = [i for i, unit in enumerate(units) if unit.startswith("degree")
             and unit.endswith(("north", "n"))]
    if len(values) == 2 and len(units) == 2 and north:
        latitude = np.deg2rad(values[north[0]])
        longitude = np.deg2rad(values[1 - north[0]])
        return np.stack([np.cos(latitude) * np.cos(longitude),
                         np.cos(latitude) * np.sin(longitude),
                         np.sin(latitude)], axis=1), True
    points = np.stack([*values, np.zeros_like(values[0])][:3], axis=1)
    radii = np.linalg.norm(points, axis=1)
    return points, len(values) == 3 and np.ptp(radii) < ROUND * radii.max()


def _faces(variable, faces_axis, n_nodes):
    """Corners (m, most corners), from 0, -1 where a face has fewer."""
    if variable.ndim != 2:
        raise ValueError(f"{variable.name} of {variable.file.filename} is no "
                         "connectivity, which has the shape (faces, corners).")
    values = decode(variable[()], variable)
    if faces_axis and file_axes(variable)[1].name == faces_axis:
        values = values.T
    there = np.isfinite(values) & (values >= 0)
    first = one_number(variable, "start_index", 0)
    if "start_index" not in variable.attrs:  # as in C, or as in Fortran
        first = 1 if values[there].max(initial=0) == n_nodes else 0
    faces = np.where(there, values - first, -1).astype(int)
    if faces.min(initial=0) < -1 or faces.max(initial=0) >= n_nodes or (
            there[:, :3].sum(axis=1) < 3).any():
        raise ValueError(
            f"{variable.name} of {variable.file.filename} names corners that "
            f"are none of {n_nodes} nodes, or faces of less than three: "
            "correct it, or its start_index.")
    return faces
