"""The coder of integers on a grid, and the information of bits."""
import numpy as np
import pytest

from benchmark_utils.compression.bits import (
    bit_information,
    kept_bits,
    round_bits,
    signed_exponent,
)
from benchmark_utils.compression.integers import IntegerCoder
from benchmark_utils.compression.parts import join, split
from benchmark_utils.methods.coding import LARGEST


def laplace(scale, shape, seed=0):
    return np.rint(np.random.default_rng(seed).laplace(
        0, scale, shape)).astype(np.int64)


def round_trip(q, pieces=2):
    """Bits per integer of messages that another coder has read."""
    encoder, decoder = IntegerCoder(q.shape[1:]), IntegerCoder(q.shape[1:])
    parts = np.array_split(q, pieces)
    messages = [encoder.encode(part) for part in parts]
    for part, message in zip(parts, messages, strict=True):
        np.testing.assert_array_equal(decoder.decode(message), part)
    return 8 * sum(map(len, messages)) / max(1, q.size)


@pytest.mark.parametrize(("scale", "entropy"), [
    (0.5, 1.559), (3, 4.0303), (100, 9.084), (5000, 14.68)])
def test_independent_integers(scale, entropy):
    """Nothing is known of a neighbour: near the entropy of the law."""
    assert round_trip(laplace(scale, (8, 250, 500))) < entropy + 0.08


def test_contexts():
    """Half of the plane is quiet: the entropies of the halves."""
    q = laplace(0.1, (8, 128, 256))
    q[..., 128:] = laplace(50, (8, 128, 128), seed=1)
    halves = [round_trip(half) for half in (q[..., :128], q[..., 128:])]
    assert round_trip(q) < np.mean(halves) + 0.15
    assert round_trip(np.zeros((8, 64, 64), int)) < 0.02


@pytest.mark.parametrize("shape", [
    (1,), (5,), (4, 1), (5, 3), (6, 2, 3, 5), (3, 1, 1), (2, 0, 4),
    (9, 2, 1, 7)])
@pytest.mark.parametrize("size", [0, 1, 1 << 20, LARGEST >> 5])
def test_round_trips(shape, size):
    round_trip(laplace(2, shape) * size, pieces=min(2, shape[0]))


def test_too_large():
    with pytest.raises(OverflowError, match="too small for the numbers"):
        IntegerCoder((2,)).encode(np.array([[0, LARGEST]]))


def test_parts():
    parts = [b"", b"one", b"\0" * 5]
    assert split(join(parts)) == parts


def test_information_is_that_of_xbitinfo():
    """Stored numbers of xbitinfo 0.0.7, implementation="python"."""
    walks = np.random.default_rng(0).standard_normal((40, 200)).cumsum(
        axis=1).astype(np.float32) / 8
    theirs = [0.737546076, 0.676086311, 0, 0, 0, 0.001010766, 0.116257033,
              0.284677794, 0.181738, 0.055763518, 0.010811749]
    information = bit_information(walks, 1)
    np.testing.assert_allclose(information[:11], theirs, atol=1e-9)
    assert not information[11:].any()  # no more than that of coins
    assert [kept_bits(information, share, walks.dtype)
            for share in (0.9, 0.99)] == [0, 1]


def test_artificial_information():
    """What follows three empty bits does not count; what is there does."""
    information = np.zeros(32)
    information[[0, 8, 9, 10]] = 0.5, 0.6, 0.3, 0.1
    assert kept_bits(information, 0.99, np.float32) == 2
    information[25:28] = 0.2  # an earlier rounding
    assert kept_bits(information, 0.99, np.float32) == 2
    information[11:25] = 0.01
    assert kept_bits(information, 0.99, np.float32) == 19


def test_signed_exponent():
    """1 and 2 differ in one bit; 1/2 and 2 in the sign of the exponent."""
    half, one, two = signed_exponent(np.float32([0.5, 1, 2])).tolist()
    assert one ^ two == 1 << 23
    assert half ^ two == 1 << 30


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_round_bits(dtype):
    """Against rounding of scaled mantissas, ties to even."""
    x = np.random.default_rng(0).standard_normal(1000).astype(dtype)
    x[:4] = [1.5, 2.5, 1.25, -1.75]
    for kept in (0, 1, 3, 10, np.finfo(dtype).nmant):
        mantissa, exponent = np.frexp(x)
        np.testing.assert_array_equal(round_bits(x, kept), np.ldexp(
            np.rint(mantissa * 2.0 ** (kept + 1)) / 2.0 ** (kept + 1),
            exponent).astype(dtype))


def test_information_of_a_field():
    """Coins have none; a copy of the neighbour has all of it."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((2000, 50)).astype(np.float32)
    assert bit_information(noise, 0)[12:].sum() < 1e-3
    pairs = np.repeat(noise[:, :1], 50, axis=1)
    np.testing.assert_allclose(bit_information(pairs, 1)[12:], 1, atol=1e-2)
    assert kept_bits(np.zeros(32), 0.9, np.float32) == 23
