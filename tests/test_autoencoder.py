"""The autoencoder and its start, the KLT of patches."""
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import ROOT, SOLVERS, load_module
from test_compressors import FIELDS, waves

from benchmark_utils.compression.patches import Patches, common_klt, klt
from benchmark_utils.fields.geometry import Structure
from benchmark_utils.methods.matrix import PartitionedMatrix


def copy(value, gathered):
    """A gather on one rank."""
    gathered = gathered[0] if isinstance(gathered, list) else gathered
    gathered[...] = value


ALONE = SimpleNamespace(rank=0, size=1, sum=lambda x: x, Bcast=lambda x: x,
                        Gather=copy, Gatherv=copy)


def block(field):
    data = PartitionedMatrix(field, 0, np.random.default_rng(1))
    data.load()
    return data


@pytest.mark.parametrize("label", FIELDS)
def test_patches_are_put_together(label, make_field):
    array = FIELDS[label]
    field = make_field(array, n_space=array.ndim - 2, n_ranks=1)
    data = block(field)
    patches = Patches(data.geometry)
    batch = data.geometry.array(data.X)
    again = patches.batch(patches.joined(patches.cut(patches.images(batch))))
    np.testing.assert_array_equal(again, batch)


@pytest.mark.parametrize("label", FIELDS)
def test_klt_of_hard_fields(label, make_field):
    """The error that is wanted; uncorrelated coefficients, from patches."""
    array = FIELDS[label]
    field = make_field(array, n_space=array.ndim - 2, n_ranks=1, batch=4)
    *_, archive = SOLVERS["patch-klt"].rounds(
        ALONE, block(field), 2, None, error=0.01)
    decoder = archive.new_decoder(archive.shared)
    decoded = np.concatenate([
        decoder.decode(message) for message in archive.messages])
    true = field.geometry(0).array(block(field).X)
    margin = 1.1 if true[0].size > 1 else 3 ** 0.5
    assert np.linalg.norm(decoded - true) <= margin * 0.01 * np.linalg.norm(
        true)


def test_klt_diagonalizes(make_field):
    data = block(make_field(waves(shape=(16, 24)), n_ranks=1))
    patches = Patches(data.geometry)
    message = common_klt(ALONE, data, 1e-10)
    forward, backward = klt(message, patches.sides)
    np.testing.assert_allclose(forward @ backward, np.eye(64), atol=1e-10)
    z = patches.cut(patches.images(data.geometry.array(data.X))).reshape(
        -1, 64) @ forward
    gram = z.T @ z
    assert abs(gram - np.diag(np.diag(gram))).max() < 1e-3 * gram.max()
    assert (np.diff(np.diag(gram)) <= 1e-6 * gram.max()).all()


def test_training(make_field, monkeypatch):
    """Deterministic, lowers the loss; decoded from bytes by another object."""
    pytest.importorskip("torch", reason="pip install torch==2.13.0")
    module = load_module(ROOT / "solvers" / "autoencoder.py")
    monkeypatch.setattr(module.network, "ROUNDS", 40)
    field = make_field(waves(shape=(16, 24)), n_ranks=1, batch=4,
                       structure=Structure(velocity=("y",)))
    found = {}
    for name, solver in (("first", module.Solver), ("again", module.Solver),
                         ("klt", SOLVERS["patch-klt"])):
        *_, archive = solver.rounds(ALONE, block(field), 2,
                                    np.random.default_rng(0), error=0.1)
        decoder = archive.new_decoder(archive.shared)
        decoded = [decoder.decode(each) for each in archive.messages]
        found[name] = archive.shared, archive.messages, np.linalg.norm(
            np.concatenate(decoded) - waves(shape=(16, 24)))
    assert found["first"] == found["again"]
    assert found["first"][2] < found["klt"][2]
    assert len(found["first"][0]) < len(found["klt"][0]) + 20_000


@pytest.mark.parametrize("label", [
    "signed zeros", "constant", "one value", "one step"])
def test_training_on_hard_fields(label, make_field, monkeypatch):
    pytest.importorskip("torch", reason="pip install torch==2.13.0")
    module = load_module(ROOT / "solvers" / "autoencoder.py")
    monkeypatch.setattr(module.network, "ROUNDS", 3)
    array = FIELDS[label]
    field = make_field(array, n_ranks=1, batch=4)
    *_, archive = module.Solver.rounds(
        ALONE, block(field), 2, np.random.default_rng(0), error=0.01)
    decoder = archive.new_decoder(archive.shared)
    decoded = np.concatenate([
        decoder.decode(each) for each in archive.messages])
    assert np.linalg.norm(decoded - array) <= 0.04 * np.linalg.norm(array)


def test_bits_of_the_laplace_law():
    """Against the integral of the density over a step, by quadrature."""
    torch = pytest.importorskip("torch", reason="pip install torch==2.13.0")
    from benchmark_utils.compression.autoencoder import bits
    z = np.array([0, 0.3, -0.5, 2.2, -7])
    fine = z[:, None] + (np.arange(100_000) + 0.5) / 100_000 - 0.5
    scale = np.log1p(np.exp(0.7)) + 1e-2
    density = np.exp(-abs(fine) / scale) / (2 * scale)
    expected = -np.log2(density.mean(axis=1)).sum()
    found = bits(torch.tensor(z[None, None, :, None]), torch.tensor([0.7]))
    assert float(found) == pytest.approx(expected, rel=1e-6)
