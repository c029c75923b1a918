"""Moments that whatever is decoded keeps, by the smallest change."""
from functools import partial

import numpy as np
import pytest
from conftest import SOLVERS
from test_autoencoder import ALONE, block
from test_compressors import CODECS, FIELDS, waves

from benchmark_utils.compression.exact_moments import KeepsMoments, Moments
from benchmark_utils.fields.geometry import Structure
from benchmark_utils.scoring.field_errors import FieldErrors

VELOCITY = Structure(velocity=("y",))


def test_smallest_change(make_field):
    """It has the moments, and is orthogonal to all that have none."""
    geometry = make_field(waves(), n_ranks=1, structure=VELOCITY).geometry(0)
    error = np.random.default_rng(0).standard_normal((5, *geometry.shape))
    change = Moments(geometry).decode(
        Moments(geometry).encode(error), error.shape)
    weights, rms = geometry.moments, np.sqrt(np.square(error).mean())
    left = (error - change).reshape(-1, 24) @ weights
    sizes = np.linalg.norm(weights, axis=0)
    assert abs(left).max() <= 0.1 * 3 ** 0.5 * rms * sizes.max() * 1.0001
    assert (abs(left) <= 0.1 * 3 ** 0.5 * rms * sizes * 1.0001).all()
    without = np.linalg.svd(weights)[0][:, 3:]  # have no moments
    np.testing.assert_allclose(
        change.reshape(-1, 24) @ without, 0, atol=1e-10)


@pytest.mark.parametrize("name", ["rounding", "tucker", "rena"])
@pytest.mark.parametrize("label", [
    label for label in FIELDS if label not in ("one feature", "one value")])
def test_any_codec_on_hard_fields(name, label, make_field):
    """The error does not grow; moments are those of the field."""
    array = FIELDS[label]
    velocity = "txyzu"[array.ndim - 1]
    field = make_field(array, n_space=array.ndim - 2, n_ranks=1, batch=4,
                       structure=Structure(velocity=(velocity,)))
    geometry = field.geometry(0)
    value = next(iter(CODECS[name].parameters.values()))[1]
    new = partial(CODECS[name].Codec, geometry, value)
    encoder, decoder = (KeepsMoments(geometry, new) for _ in range(2))
    plain, other = new(), new()
    kept, lost = FieldErrors(geometry), FieldErrors(geometry)
    for X in field.reader(0).batches(4):
        X = geometry.array(X)
        kept.add(X, decoder.decode(encoder.encode(X)))
        lost.add(X, np.asarray(other.decode(plain.encode(X)), float))
    assert kept.error.squares <= 1.001 * lost.error.squares + 1e-20
    # Of independent errors of this size: cells times norm of the weights.
    independent = lost.error.squares / geometry.moments.shape[0] * np.square(
        geometry.moments).sum(axis=0)
    assert (kept.error.moments
            <= 0.1 ** 2 * 3.0001 * independent + 1e-20).all()


@pytest.mark.parametrize("codec", ["wavelet", "pca-wavelet", "patch-klt"])
def test_archives(codec, make_field):
    """On a rank, of a codec and of a PCA; bytes are counted."""
    field = make_field(waves(), n_ranks=1, batch=5, structure=VELOCITY)
    moments, sizes = [], []
    for solver, own in ((SOLVERS[codec], {}),
                        (SOLVERS["exact-moments"], dict(codec=codec))):
        data = block(field)
        true = data.geometry.array(data.X)
        *_, archive = solver.rounds(ALONE, data, 2, None, error=0.1, **own)
        decoder = archive.new_decoder(
            *[archive.shared] if archive.shared else [])
        decoded = np.concatenate([
            decoder.decode(each) for each in archive.messages])
        moments.append(np.linalg.norm(
            (true - decoded) @ data.geometry.moments, axis=(0, 1)))
        sizes.append(sum(map(len, archive.messages)))
    assert (moments[1] < 0.3 * moments[0]).all()
    assert sizes[0] < sizes[1] < sizes[0] + 8 * true.size // 24


def test_moments_of_a_kinetic_plasma(two_streams):
    """Two streams at 1 %: at most 0.6 bits, and 0.2 % of the energy."""
    field = two_streams
    geometry = field.geometry(0)
    new = partial(CODECS["wavelet"].Codec, geometry, 0.02)
    encoder, decoder = (KeepsMoments(geometry, new) for _ in range(2))
    errors, n_bytes = FieldErrors(geometry), 0
    for X in field.reader(0).batches(8):
        X = geometry.array(X)
        message = encoder.encode(X)
        n_bytes += len(message)
        errors.add(X.astype(float), decoder.decode(message))
    assert 8 * n_bytes < 0.6 * 48 * 64 * 256
    assert np.sqrt(errors.error.squares / errors.true.squares) < 0.01
    energy = np.sqrt(errors.error.moments / errors.true.moments)[-1]
    assert energy < 0.002


def test_without_moments(make_field):
    """One sentence."""
    skips, reason = SOLVERS["exact-moments"]().skip(
        make_field(waves(), n_ranks=1), 2)
    assert skips and "names its axes of velocity" in reason
