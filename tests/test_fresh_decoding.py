"""Archives of compressors that learn, keep moments or need a mesh.

Decoded in a fresh process that sees bytes, the geometry and the knob.
"""
import pickle
import subprocess
import sys

import numpy as np
import pytest
from conftest import (
    COMPRESSORS,
    ROOT,
    SOLVERS,
    skip_if_missing,
    small_field,
)
from scipy.spatial import Delaunay
from test_autoencoder import ALONE
from test_compressors import FIELDS, waves

from benchmark_utils.compression import autoencoder
from benchmark_utils.fields.geometry import Structure
from benchmark_utils.fields.mesh import Mesh
from benchmark_utils.methods.matrix import PartitionedMatrix

DECODE = """
import pickle, sys
from pathlib import Path
from types import SimpleNamespace
root, path = map(Path, sys.argv[1:])
sys.path[0] = str(root / "tests")
from conftest import SOLVERS
from benchmark_utils.compression.exact_moments import MomentsDecoder

def decoder(name, data, shared, codec=None, error=0.01):
    given = {"codec": codec} if codec else {}
    archive = next(SOLVERS[name].rounds(
        None, data, 2, None, error=error, **given))
    if archive.new_decoder is None:  # of moments, beside a common basis
        return MomentsDecoder(data.geometry, decoder(
            codec, data, shared, error=error))
    return archive.new_decoder(*[shared] if shared else [])

decoded = {}
for key, (parameters, data, shared, messages) in pickle.loads(
        path.read_bytes()).items():
    reader = decoder(key[0], SimpleNamespace(**data), shared, **parameters)
    decoded[key] = [reader.decode(message) for message in messages]
path.write_bytes(pickle.dumps(decoded))
"""
ERROR = 0.01
NO_VELOCITY = "one feature", "one value"
GRIDS = {**FIELDS, "zeros": np.concatenate([waves(), 0 * waves()], axis=1)}
# Of a field on a mesh: (steps, points); the last batch of ten is shorter.
N = 160
POINTS = np.random.default_rng(0).random((N, 3)) * [1, 1, 0]
POINTS = POINTS[np.argsort(POINTS[:, 0])]
ON_A_MESH = {
    "waves": np.sin(6 * POINTS[:, 0] - np.arange(10)[:, None] / 3),
    "late": np.sin(6 * POINTS[:, 0]) * (np.arange(10) > 4)[:, None],
    "noise": np.random.default_rng(1).standard_normal((10, N)),
    "constant": np.full((10, N), 2.5),
    "zeros": np.sin(6 * POINTS[:, 0]) * (POINTS[:, 0] < POINTS[N // 2, 0])
    * np.ones((10, 1))}
ON_A_MESH["signed zeros"] = np.where(
    np.arange(N) % 2, -0.0, ON_A_MESH["waves"] * 1e-4) - 0.0
ON_A_MESH["signed zeros"][:, :9] = ON_A_MESH["waves"][:, :9]
ON_A_MESH["one step"] = ON_A_MESH["waves"][:1]
ON_A_MESH["step by step"] = ON_A_MESH["waves"]
ON_A_MESH["one cell"] = ON_A_MESH["waves"][:, :1]
ON_A_MESH["two cells"] = ON_A_MESH["waves"][:, :2]


def mesh(n):
    if n == N:
        return Mesh.of_faces(POINTS, Delaunay(POINTS[:, :2]).simplices, False)
    pairs = np.array([[0, 1]])[:n - 1]
    return Mesh(POINTS[:n], pairs, np.ones(n), False)


def moments_of():
    """Every compressor whose moments can be kept."""
    return [name for name in COMPRESSORS if name not in (
        "exact-moments", "mesh-wavelet", "autoencoder",
        "template-compressor")]


CASES = [
    *(("mesh-wavelet", {}, label) for label in ON_A_MESH),
    *((name, {}, label) for name in ("patch-klt", "pca-wavelet")
      for label in GRIDS),
    *(("autoencoder", {}, label) for label in
      ("waves", "signed zeros", "constant", "one cell", "one step", "zeros")),
    *(("exact-moments", {"codec": codec}, label) for codec in moments_of()
      for label in GRIDS if label not in NO_VELOCITY and (
          codec in ("wavelet", "pca-wavelet") or label in
          ("waves", "signed zeros", "zeros")))]


def key(name, given, label):
    return name, given.get("codec"), label


def data_of(folder, name, label):
    """A rank's block: of zeros the second, else the only one."""
    on_a_mesh = name == "mesh-wavelet"
    array = (ON_A_MESH if on_a_mesh else GRIDS)[label]
    field = small_field(
        folder, array, n_space=1 if on_a_mesh else array.ndim - 2,
        batch=1 if label == "step by step" else 4, dtype="float32",
        n_ranks=2 if label == "zeros" else 1,
        partition="features" if on_a_mesh else "samples",
        mesh=mesh(array.shape[1]) if on_a_mesh else None,
        structure=Structure(velocity=(("txyzu"[array.ndim - 1],)
                            if name == "exact-moments" else ())))
    data = PartitionedMatrix(field, int(label == "zeros"),
                             np.random.default_rng(1))
    data.load()
    return data


def installed(name, codec):
    return all(SOLVERS[each].is_installed(quiet=True)
               for each in (name, codec or name))


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Case -> true array, what the same process and another one decode."""
    folder = tmp_path_factory.mktemp("archives")
    given, made = {}, {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(autoencoder, "ROUNDS", 3)
        for name, parameters, label in CASES:
            case = key(name, parameters, label)
            if not installed(*case[:2]):
                continue
            data = data_of(folder, name, label)
            *_, archive = SOLVERS[name].rounds(
                ALONE, data, 2, np.random.default_rng(0), error=ERROR,
                **parameters)
            decoder = archive.new_decoder(
                *[archive.shared] if archive.shared else [])
            made[case] = data.geometry, data.geometry.array(data.X), [
                decoder.decode(each) for each in archive.messages]
            given[case] = parameters, dict(
                geometry=data.geometry, n_steps=data.n_steps,
                partition=data.partition, batches=None), \
                archive.shared, archive.messages
    path = folder / "messages"
    path.write_bytes(pickle.dumps(given))
    subprocess.run([sys.executable, "-c", DECODE, ROOT, path], check=True)
    decoded = pickle.loads(path.read_bytes())
    return {case: (*made[case], decoded[case]) for case in made}


@pytest.mark.parametrize("name, given, label", CASES)
def test_decoded_in_a_fresh_process(name, given, label, archives):
    """To the last bit what this process decodes, and the wanted error."""
    case = key(name, given, label)
    for needed in filter(None, case[:2]):
        skip_if_missing(SOLVERS[needed])
    geometry, true, here, there = archives[case]
    for own, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(own, other)
    decoded = np.concatenate(there)
    assert decoded.shape == true.shape and np.isfinite(decoded).all()
    error = np.sqrt(np.square(decoded - true.astype(float)).mean())
    # A few values may be at the bound of rounding; a network may err more.
    margin = {"autoencoder": 4}.get(
        name, 1.2 if true[0].size > 9 else 3 ** 0.5)
    if given.get("codec") not in ("rena", "bit-rounding"):  # other knobs
        assert error <= margin * ERROR * geometry.scale


@pytest.mark.parametrize("name", ["patch-klt", "pca-wavelet", "autoencoder",
                                  "mesh-wavelet", "exact-moments"])
def test_nan_is_one_sentence(name, tmp_path):
    skip_if_missing(SOLVERS[name])
    data = data_of(tmp_path, name, "waves")
    data._X = np.where(np.arange(len(data.X))[:, None] == 5, np.nan, data.X)
    codecs = ["wavelet", "pca-wavelet"] if name == "exact-moments" else [None]
    for codec in codecs:
        with pytest.raises(ValueError, match="of rank 0 has NaN or"):
            list(SOLVERS[name].rounds(
                ALONE, data, 2, np.random.default_rng(0), error=ERROR,
                **{"codec": codec} if codec else {}))
