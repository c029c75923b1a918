"""Coordinates of messages, and what messages tell of their rounding."""
import numpy as np
import pytest
from threads import on_threads

from benchmark_utils.methods.coding import Coder
from benchmark_utils.methods.frame import Frame, alike
from benchmark_utils.methods.star import RoundedFactors, Star, shorter

N, K, B, P = 30, 4, 2, 3
rng = np.random.default_rng(0)
BASES = {
    "any": np.linalg.qr(rng.standard_normal((N, K + B)))[0],
    "unit vectors": np.eye(N, K + B), "turned": -np.eye(N, K + B)[:, ::-1],
    "last ones": np.eye(N)[:, -K - B:],
}


@pytest.mark.parametrize("basis", BASES)
def test_coordinates_are_those_of_an_orthonormal_basis(basis):
    S = BASES[basis] + 1e-3 * rng.standard_normal((N, K + B))
    frame, X = Frame(S, [K, 1, B - 1]), rng.standard_normal((N, 3))
    x = frame.coordinates(X)
    np.testing.assert_allclose(x[:K], frame.W.T @ X, atol=1e-13)
    np.testing.assert_allclose(x[:K + B], frame.all.T @ X, atol=1e-13)
    assert [len(part) for part in frame.parts(X)] == [K, 1, B - 1, N - K - B]
    np.testing.assert_allclose(x.T @ x, X.T @ X, atol=1e-12)
    np.testing.assert_allclose(frame.vectors(x), X, atol=1e-13)
    for part, columns in (frame.W, S[:, :K]), (frame.all, S):
        inside = part @ (part.T @ columns)
        np.testing.assert_allclose(inside, columns, atol=1e-13)


def test_groups_of_like_numbers():
    assert alike([]) == []
    assert alike([0.1, 0.19, 0.2, 0.3, 0.39, 0.7, 1, 1]) == [2, 3, 3]
    assert alike([0.6] * 4 + [1.0] * 4) == [8]


def test_everything_is_the_basis():
    frame = Frame(np.linalg.qr(rng.standard_normal((K, K)))[0], [K])
    X = rng.standard_normal((K, 2))
    assert [len(part) for part in frame.parts(X)] == [K, 0]
    np.testing.assert_allclose(frame.coordinates(X), frame.W.T @ X)


@pytest.mark.parametrize("coding", ["entropy", "float64"])
@pytest.mark.parametrize("splits", [[], [5], [0, 5, 20], [5, N]])
def test_messages_tell_what_they_lack(coding, splits):
    """By part, in units of the steps: not less than it is, hardly more."""
    x = rng.standard_normal((P, N, 3)) * [1, 0.1, 0.01]
    steps = np.outer(np.geomspace(0.03, 0.3, N), [1, 0.1, 0.01])

    def run(comm, i):
        return Star(comm, coding, splits).gather(x[i], steps, tell=True)
    (sent, lost), *others = on_threads(run, P)
    for got, (own, _) in zip(sent, others, strict=True):
        np.testing.assert_array_equal(got, own)
    lacking = sum(np.array([
        np.linalg.norm(part, 2) if part.size else 0.0 for part in np.split(
            (each - got) / steps, splits)])
        for each, got in zip(x[1:], sent, strict=True))
    assert (lacking <= lost).all()
    assert (lost <= 1.1 * lacking).all()
    assert (coding == "float64") == (lost == 0).all()


def test_what_is_cut_off_is_not_certified():
    def run(comm, i):
        return Star(comm).gather(np.full((N, 2), 1e6), 1e-9, tell=True)[1]
    assert np.isinf(on_threads(run, 2)[0]).all()


def test_parts_have_sizes_of_their_own():
    q = np.rint(np.repeat([100, 1], [10, 190])[:, None]
                * rng.standard_normal((200, 4)))
    whole, parts = (len(Coder(splits).encode(q)) for splits in ((), (10,)))
    assert parts < 0.9 * whole
    coder = Coder((10,))
    np.testing.assert_array_equal(
        coder.decode(Coder((10,)).encode(q), q.shape), q)


def test_local_factors_become_triangles():
    """Of a smooth kernel; those of independent features stay."""
    t = np.linspace(0, 1, 100)
    values, V = np.linalg.eigh(np.exp(-abs(t[:, None] - t) / 0.03))
    smooth = V[:, :-25:-1] * np.sqrt(values[:-25:-1])
    noise = np.linalg.qr(rng.standard_normal((100, 24)))[0] \
        * 0.8 ** np.arange(24)
    step = 0.01

    def length(F):
        return len(Coder().encode(np.rint(F / step)))
    for F, turns in (smooth, True), (noise, False), (smooth[:, :0], False):
        turned = shorter(F, step)
        np.testing.assert_allclose(turned @ turned.T, F @ F.T, atol=1e-12)
        assert (turned is not F) == turns
    assert length(shorter(smooth, step)) < 0.8 * length(smooth)


def test_turned_factors_are_gathered():
    """Also where a rank has no data."""
    t = np.linspace(0, 1, 60)
    values, V = np.linalg.eigh(np.exp(-abs(t[:, None] - t) / 0.03))
    F = V[:, :-13:-1] * np.sqrt(values[:-13:-1])

    def run(comm, i):
        factors = RoundedFactors(comm, F * (i != 1), 0.0, 12, 3)
        factors.gather(0.01)
        return factors.others, factors.own
    (others, exact), (zeros, _), (_, own) = [
        (each, own) for each, own in on_threads(run, 3)]
    np.testing.assert_array_equal(others[:, 12:], own)
    assert not others[:, :12].any() and not zeros.any()
    error = np.linalg.norm(own @ own.T - F @ F.T, 2)
    assert error < 0.05 * values[-3]
    np.testing.assert_array_equal(exact, F)
