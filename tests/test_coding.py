"""Entropy coding: what is decoded, how long messages are."""
import numpy as np
import pytest
from mpi4py import MPI

from benchmark_utils.methods.coding import (
    FIRST,
    LARGEST,
    N_SIZES,
    PLACE_BITS,
    Coder,
    geometric,
)
from benchmark_utils.methods.star import Star

DRAWS = {
    "uniform": lambda rng, n: rng.integers(-2, 3, (n, 10)),
    "gauss": lambda rng, n: np.rint(3 * rng.standard_normal((n, 10))),
    "laplace": lambda rng, n: np.rint(2 * rng.laplace(size=(n, 10))),
}


def entropy_bytes(q):
    counts = np.unique(q, return_counts=True)[1]
    return -counts @ np.log2(counts / q.size) / 8


def exchange(messages):
    """Lengths of messages between two coders, which must not lose any."""
    sender, receiver = Coder(), Coder()
    lengths = []
    for q in messages:
        message = sender.encode(q)
        assert message.dtype == np.uint8
        np.testing.assert_array_equal(receiver.decode(message, q.shape), q)
        lengths.append(len(message))
    return lengths


@pytest.mark.parametrize("q", [
    np.zeros((50, 3)), np.zeros((0, 3)), np.ones((1, 1)), np.eye(40, 7),
    [[LARGEST - 1.0, 1 - LARGEST, 0]] * 5,
    [[2.0**b - 1, 2.0**b, -(2.0**b) - 1] for b in range(31)]],
    ids=["zeros", "no rows", "one", "sparse", "largest", "powers"])
def test_edge_cases(q):
    exchange([np.asarray(q, float)] * 3)


@pytest.mark.parametrize("size", [0, 1, 20, 33, N_SIZES - 1])
def test_symbols_cover_every_magnitude_once(size):
    assert (FIRST[1:] == FIRST[:-1] + (1 << PLACE_BITS[:-1])).all()
    weights = geometric(size)
    assert weights.dtype == np.int64 and weights.min() > 0


def test_too_large_integers_are_refused():
    with pytest.raises(OverflowError, match="step is too small"):
        Coder().encode(np.array([[float(LARGEST)]]))


@pytest.mark.parametrize("law", DRAWS)
def test_length_is_near_the_entropy(law):
    rng = np.random.default_rng(0)
    messages = [DRAWS[law](rng, 500) for _ in range(4)]
    lengths = exchange(messages)
    entropies = [entropy_bytes(q) for q in messages]
    assert lengths[0] < 1.06 * entropies[0]
    # From the second on the model is that of the messages before.
    assert sum(lengths[1:]) < 1.02 * sum(entropies[1:])
    assert sum(lengths) > 0.98 * sum(entropies)


def test_columns_of_different_size():
    """Modes of a factor: entries of 1000 down to what vanishes."""
    rng = np.random.default_rng(0)
    scales = 1000 * 0.5**np.arange(20)
    q = np.rint(rng.standard_normal((500, 20)) * scales)
    # Differential entropy of a normal law, of columns that are not rounded
    # away.
    bits = sum(np.log2(s * np.sqrt(2 * np.pi * np.e)) for s in scales[:9])
    short = entropy_bytes(q[:, 9:])
    assert exchange([q])[0] < 1.05 * (500 * bits / 8) + 1.5 * short


def test_a_lost_message_is_noticed_by_the_content():
    """Coders keep a state: they must see the same messages."""
    rng = np.random.default_rng(0)
    first, second = (DRAWS["laplace"](rng, 300) for _ in range(2))
    sender, receiver = Coder(), Coder()
    sender.encode(first)
    message = sender.encode(second)
    try:
        wrong = receiver.decode(message, second.shape)
    except (AssertionError, ValueError):
        return
    assert (wrong != second).any()


def test_the_same_integers_give_the_same_bytes():
    q = DRAWS["gauss"](np.random.default_rng(1), 100)
    np.testing.assert_array_equal(Coder().encode(q), Coder().encode(q.copy()))


def test_what_is_cut_off_a_message_is_not_missed():
    """Short ones, of which the end is a large part: any number of bytes."""
    rng, lengths = np.random.default_rng(0), set()
    for _ in range(300):
        one, other = Coder(), Coder()
        q = np.rint(10 ** rng.uniform(-1, 3) * rng.standard_normal((
            rng.integers(1, 40), 2))).astype(int)
        message = one.encode(q)
        np.testing.assert_array_equal(other.decode(message, q.shape), q)
        lengths.add(len(message) % 4)
    assert lengths == {0, 1, 2, 3}


def test_rank_0_keeps_the_bits_that_the_others_get():
    """A negative number that rounds to zero has lost its sign elsewhere."""
    kept, *_ = Star(MPI.COMM_SELF).broadcast(
        np.array([[-0.3, 0.3, -0.7]]), (), lambda _: 1.0)
    assert (kept == [[0, 0, -1]]).all()
    assert (np.signbit(kept) == [[False, False, True]]).all()
