"""Users' fields on meshes: UGRID and plain files, against other readers.

Values are compared with xarray's, triangles with those of matplotlib.
"""
import netCDF4
import numpy as np
import pytest
from conftest import COMPRESSORS, SOLVERS, get_field, load_dataset
from matplotlib.tri import Triangulation
from scipy.spatial import Delaunay
from test_field import assemble
from test_weighted_fields import found
from xarray import open_dataset

from benchmark_utils.fields.mesh import Mesh
from benchmark_utils.fields.reference import load_reference
from benchmark_utils.scoring.pictures import exact_pictures

N, STEPS = 400, 12
RNG = np.random.default_rng(0)
ORDER = np.argsort((P := RNG.random((N, 2)))[:, 0])  # slabs are patches
X, Y = P[ORDER].T
TRIANGLES = Delaunay(np.stack([X, Y], axis=1)).simplices
PLANE = Triangulation(X, Y, TRIANGLES)
T = np.arange(STEPS)[:, None] / STEPS


def wave(x, y):
    return np.sin(5 * x - 3 * y + 6 * T) + np.cos(4 * y + 2 * T)


def write(path, location="node", start=0, transposed=False, degrees=False,
          quadrilaterals=False, **attributes):
    """A UGRID file, by the library of NetCDF."""
    faces = TRIANGLES + start
    with netCDF4.Dataset(path, "w") as file:
        for name, size in (("time", STEPS), ("node", N),
                           ("face", len(faces)), ("corner", 3 + quadrilaterals)
                           ):
            file.createDimension(name, size)
        file.createVariable("time", float, "time")[:] = T[:, 0]
        file["time"].units = "days since 2000-01-01"
        for name, values, unit in (("x", X, "east"), ("y", Y, "north")):
            variable = file.createVariable(f"mesh_{name}", float, "node")
            variable[:] = 90 * values if degrees else values
            variable.units = f"degrees_{unit}" if degrees else "m"
        axes = ("corner", "face") if transposed else ("face", "corner")
        connectivity = file.createVariable("mesh_faces", "i4", axes,
                                           fill_value=-999)
        connectivity.start_index = np.int32(start)
        if quadrilaterals:  # triangles with a corner that is missing
            faces = np.ma.masked_less(np.pad(
                faces, ((0, 0), (0, 1)), constant_values=-1), 0)
        connectivity[:] = faces.T if transposed else faces
        mesh = file.createVariable("mesh", "i4")
        mesh.setncatts(dict(
            cf_role="mesh_topology", topology_dimension=2,
            node_coordinates="mesh_x mesh_y", face_dimension="face",
            face_node_connectivity="mesh_faces") | attributes)
        variable = file.createVariable("a", float, ("time", location))
        x, y = (X, Y) if location == "node" else (
            points[TRIANGLES].mean(axis=1) for points in (X, Y))
        variable[:] = wave(x, y)
        variable.setncatts(dict(mesh="mesh", location=location))
    return path


@pytest.fixture(scope="module")
def hdf5_file(tmp_path_factory):
    return load_dataset("hdf5_file", tmp_path_factory.mktemp("stored"))


@pytest.fixture
def get(hdf5_file, tmp_path):
    def get(path="a.nc", **chosen):
        return get_field(hdf5_file, path=str(tmp_path / path), variable="a",
                         **dict(n_ranks=2) | chosen)
    return get


def sides(pairs):
    return np.unique(np.sort(pairs, axis=1), axis=0)


@pytest.mark.parametrize("kind", [
    {}, dict(start=1), dict(transposed=True), dict(quadrilaterals=True)])
def test_values_at_nodes(kind, get, tmp_path):
    field = get(write(tmp_path / "a.nc", **kind))
    with open_dataset(tmp_path / "a.nc") as file:
        values = file["a"].values
    load_reference(field, 3)
    np.testing.assert_allclose(
        assemble(field), values - values.mean(axis=0), atol=1e-6)
    mesh = field.mesh()
    np.testing.assert_array_equal(mesh.edges, sides(PLANE.edges))
    np.testing.assert_allclose(mesh.points, np.stack([X, Y, 0 * X], axis=1))
    assert not mesh.spherical
    corners = np.stack([X, Y], axis=1)[TRIANGLES]
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2
    np.testing.assert_allclose(mesh.areas, np.bincount(
        TRIANGLES.ravel(), np.repeat(area / 3, 3), N))


def test_values_on_faces(get, tmp_path):
    field = get(write(tmp_path / "a.nc", location="face", start=1))
    mesh = field.mesh()
    first, side = np.nonzero(PLANE.neighbors >= 0)
    np.testing.assert_array_equal(mesh.edges, sides(np.stack(
        [first, PLANE.neighbors[first, side]], axis=1)))
    np.testing.assert_allclose(
        mesh.points[:, :2], np.stack([X, Y], axis=1)[TRIANGLES].mean(axis=1))
    assert mesh.areas.sum() == pytest.approx(
        Mesh.of_faces(np.stack([X, Y, 0 * X], 1), TRIANGLES).areas.sum())


def test_degrees_are_on_the_sphere(get, tmp_path):
    field = get(write(tmp_path / "a.nc", degrees=True))
    mesh = field.mesh()
    assert mesh.spherical
    (_, _, longitude), (_, _, latitude) = mesh.coordinates()
    np.testing.assert_allclose(longitude, 90 * X)
    np.testing.assert_allclose(latitude, 90 * Y)


@pytest.mark.parametrize("name", ["mesh_faces,mesh_x,mesh_y",
                                  "mesh_faces,points"])
def test_plain_files(name, get, tmp_path):
    """Connectivity by its name; of the same mesh."""
    path = write(tmp_path / "a.nc", start=1)
    with netCDF4.Dataset(path, "a") as file:
        file.createDimension("two", 2)
        file.createVariable("points", float, ("node", "two"))[:] = \
            np.stack([X, Y], axis=1)
        for key in "mesh", "location":
            file["a"].delncattr(key)
        file["mesh_faces"].delncattr("start_index")
    assert get(path).mesh() is None
    mesh = get(path, topology=name).mesh()
    np.testing.assert_array_equal(mesh.edges, sides(PLANE.edges))
    np.testing.assert_allclose(mesh.points[:, 1], Y)


@pytest.mark.parametrize("location", ["node", "face"])
def test_axes_that_tell(location, get, tmp_path):
    """As xugrid writes it: only the mesh names its axes."""
    path = write(tmp_path / "a.nc", location, node_dimension="node")
    with netCDF4.Dataset(path, "a") as file:
        for key in "mesh", "location":
            file["a"].delncattr(key)
    edges = len(PLANE.edges) if location == "node" else np.count_nonzero(
        PLANE.neighbors >= 0) // 2
    assert len(get(path).mesh().edges) == edges


def test_points_without_values(get, tmp_path):
    """They leave the mesh; pictures show the others where they are."""
    path = write(tmp_path / "a.nc")
    with netCDF4.Dataset(path, "a") as file:
        file["a"][:, 5:40] = np.nan
    field = get(path)
    load_reference(field, 3)
    mesh, kept = field.mesh(), np.setdiff1d(np.arange(N), np.arange(5, 40))
    np.testing.assert_allclose(mesh.points[:, 0], X[kept])
    expected = PLANE.edges[np.isin(PLANE.edges, kept).all(axis=1)]
    np.testing.assert_array_equal(kept[mesh.edges], sides(expected))
    pictures = exact_pictures(field)
    (_, _, x), _ = pictures["axes"]
    np.testing.assert_allclose(x, X[kept])
    maps, _, _ = found(field)
    np.testing.assert_allclose(
        pictures["exact"][:, 0], maps[0, kept], atol=1e-3)


def test_compressor_on_a_users_mesh(get, tmp_path, run):
    """On two ranks: the wanted error, for fewer bytes than rounding."""
    field = get(write(tmp_path / "a.nc"), batch=6)
    load_reference(field, 3)
    solver = COMPRESSORS["mesh-wavelet"]
    assert solver.get_instance().skip(field, 2)[0] is False
    start, *_, last = run(solver, field, 2, 2, error=1e-2)
    assert last["subspace_error"] < 0.02 < start["subspace_error"]
    sizes = {}
    for name in "mesh-wavelet", "rounding":
        codecs = [SOLVERS[name].Codec(field.geometry(0), 1e-2)
                  for _ in range(2)]
        X = field.geometry(0).array(next(field.reader(0).batches(6)))
        message = codecs[0].encode(X)
        error = codecs[1].decode(message) - X
        assert np.sqrt(np.square(error).mean()) < 1.05e-2 * field.scale
        sizes[name] = len(message)
    assert sizes["mesh-wavelet"] < 0.7 * sizes["rounding"]


@pytest.mark.parametrize("change, topology, sentence", [
    ({}, "no_faces,mesh_x,mesh_y", "no variable 'no_faces'"),
    ({}, "mesh_faces", "two or three coordinates of every node"),
    ({}, "mesh_x,mesh_x,mesh_y", "is no connectivity"),
    (dict(start=3), "auto", None),
    (dict(face_node_connectivity="gone"), "auto", "no variable '/gone'"),
    (dict(node_coordinates="time time"), "auto", "none of 12 nodes")])
def test_refusals(change, topology, sentence, get, tmp_path):
    path = write(tmp_path / "a.nc", **change)
    if change.get("start"):  # it says 3, and counts from 0
        with netCDF4.Dataset(path, "a") as file:
            file["mesh_faces"][:] = TRIANGLES
        sentence = "names corners that are none of 400 nodes"
    with pytest.raises(ValueError, match=sentence):
        get(path, topology=topology)


def test_a_mesh_of_another_size(get, tmp_path):
    path = write(tmp_path / "a.nc")
    with netCDF4.Dataset(path, "a") as file:
        file["a"].location = "face"
    with pytest.raises(ValueError, match="has 400 points of space, its mesh"):
        get(path)
    assert get(path, topology="none").mesh() is None
