"""Methods that save communication: exact, at the stated cost, or known not."""
from functools import partial
from itertools import islice

import numpy as np
import pytest
from conftest import spectrum_array

from benchmark_utils.methods.davidson import shifted_inverse
from benchmark_utils.methods.linalg import orthonormal_against, procrustes
from benchmark_utils.methods.quantization import n_words, pack, unpack, width

pytestmark = pytest.mark.simulated_ranks

K, D, BLOCKS = 3, 40, 8
RANKS = (1, 2, 4)
EXACT = 1e-9


def errors(metrics):
    return np.array([one["subspace_error"] for one in metrics])


def rounds_to(metrics, error):
    """Rounds until an error, the number of rounds if it is not reached."""
    return int(np.append(errors(metrics), 0).__le__(error).argmax())


def uneven_field(make_field, n_ranks):
    """Ranks own from 1 to 4 parts of the cells."""
    return make_field(spectrum_array(6, 11, D), n_ranks=n_ranks,
                      weights=np.geomspace(4, 1, n_ranks))


def sum_words(P, numbers, bits):
    """64-bit words that all ranks send to sum integers of so many bits."""
    share = -(-numbers // P)
    sum_bits = width(P * (2**bits - 2) + 1)
    return P * (P - 1) * (n_words(share, bits) + n_words(share, sum_bits))


def bytes_per_round(name, P, preconditioner=None, favour=None, d=D, k=K):
    """Yield what all ranks send in each round, from the docstrings."""
    floats = 8 * (P - 1)
    if name == "local-power":
        yield from (3 * floats * d * k, 3 * floats * d * k)  # 4, 2 steps
    if name == "reduced-chord":  # bytes of steps and integers, or of float32
        yield 4 * (P - 1) * d * (d + 1) if favour == "rounds" \
            else 2 * (P - 1) * min(4 * k, d) * (4 + 2 * d)
    while name != "shift-invert":
        yield {
            "reduced-chord": floats * d * k,
            "local-power": 2 * floats * d * k,
            "quantized-power": 8 * (P - 1) * k + 8 * sum_words(P, d * k, 4),
            "iarg": 8 * P * (2 * d + k) * k * (P > 1)}[name]
    yield floats * (d * k + (2 * d * k + 1) * (preconditioner == "merged"))
    s = block = k
    while block:
        numbers = d * block
        if BLOCKS * k <= s < d:
            numbers += 2 * s * k
            s = 2 * k
        if preconditioner == "average":
            numbers += (2 * d + 1) * k + 1 + d * k
        block = min(k, d - s)
        s += block
        yield floats * (numbers + d * block + s * k)


METHODS = [("local-power", {}), ("quantized-power", {}), ("iarg", {}),
           ("reduced-chord", {}), ("reduced-chord", {"favour": "rounds"}),
           *(("shift-invert", {"preconditioner": kind})
             for kind in ("merged", "first", "average"))]


@pytest.mark.parametrize("n_ranks", RANKS)
@pytest.mark.parametrize("name, parameters", METHODS)
def test_exact_at_the_stated_cost(name, parameters, n_ranks, solvers, run,
                                  make_field):
    metrics = run(
        solvers[name], uneven_field(make_field, n_ranks), K, 36, **parameters)
    assert errors(metrics)[-1] < EXACT
    sent = np.diff([one["comm_bytes"] for one in metrics])
    stated = islice(bytes_per_round(name, n_ranks, **parameters), len(sent))
    assert sent.tolist() == list(stated)


def rate_field(make_field, k, ratio, n_ranks=2):
    """Leading variances 1, the others ratio: one rate for all directions."""
    rng = np.random.default_rng(1)
    scales = np.sqrt(np.r_[np.ones(k), ratio * np.ones(30 - k)])
    left = np.linalg.qr(rng.standard_normal((200, 30)))[0]
    right = np.linalg.qr(rng.standard_normal((30, 30)))[0]
    return make_field((left * scales @ right.T)[None], n_ranks=n_ranks)


@pytest.mark.parametrize("name", ["local-power", "quantized-power"])
def test_rate_of_the_power_iteration(name, solvers, run, make_field):
    field = rate_field(make_field, 2, 0.7)
    error = errors(run(solvers[name], field, 2, 40))
    rate = (error[40] / error[20]) ** (1 / 20)
    assert rate == pytest.approx(0.7, rel=0.05)


@pytest.mark.parametrize("k, step", [(1, 1.0), (2, 1.0), (2, 2.0)])
def test_iarg_is_linear(k, step, solvers, run, make_field):
    """exp(-step * gap) per epoch, up to the square of the gap."""
    field = rate_field(make_field, k, 0.9, n_ranks=4)
    error = errors(run(
        solvers["iarg"], field, k, 60, step=step))
    rate = (error[60] / error[30]) ** (1 / 30)
    assert rate == pytest.approx(np.exp(-0.1 * step), rel=0.03)


def test_iarg_on_one_rank_is_the_power_iteration(solvers, run, make_field):
    field = make_field(spectrum_array(6, 11, D), n_ranks=1)
    iarg = errors(run(solvers["iarg"], field, K, 8))
    power = errors(run(
        solvers["block-power"], field, K, 8, oversampling=0))
    np.testing.assert_allclose(iarg, power, rtol=1e-6)


def test_iarg_is_stable_when_one_rank_has_all_variance(solvers, run,
                                                       make_field):
    """The worst case of delays: the sum is renewed once per epoch."""
    array = spectrum_array(6, 12, D)
    array[:, 3:] *= 1e-3
    field = make_field(array, n_ranks=4)
    error = errors(run(solvers["iarg"], field, K, 60))
    assert error[-1] < EXACT


def spiked_field(make_field, own_variance, n_ranks=4, k=4, **split):
    """Shared directions, and three on each rank of any variance."""
    rng = np.random.default_rng(3)
    d, n = 60, 100
    basis = np.linalg.qr(rng.standard_normal((d, k)))[0]
    rows = []
    for _ in range(n_ranks):
        own = np.linalg.qr(rng.standard_normal((d, 3)))[0]
        rows.append(
            rng.standard_normal((n, k)) * 0.8 ** np.arange(k) @ basis.T
            + np.sqrt(own_variance) * rng.standard_normal((n, 3)) @ own.T)
    rows = np.concatenate(rows)
    return make_field(
        (rows + 0.1 * rng.standard_normal(rows.shape))[None],
        n_ranks=n_ranks, **split)


def test_constant_local_power_stops_where_ranks_differ(solvers, run,
                                                       make_field):
    """Alike: four steps for the price of one. Unlike: a floor near 1."""
    local = solvers["local-power"]
    alike = spiked_field(make_field, 0.0, heterogeneity=0.0)
    ahead = errors(run(local, alike, 4, 12,
                       schedule="constant"))
    power = errors(run(local, alike, 4, 12, local_steps=1))
    assert ahead[1] < 0.1 * power[1]
    assert ahead[-1] > 100 * power[-1]
    unlike = spiked_field(make_field, 1.0)
    stopped = errors(run(local, unlike, 4, 30,
                         schedule="constant"))
    assert stopped[15:].min() > 0.1
    halved = errors(run(local, unlike, 4, 80))
    assert halved[-1] < 1e-5


def test_naive_rounding_stops(solvers, run, make_field):
    """The floor follows the number of bits; differences have none."""
    field = uneven_field(make_field, 2)
    floor = [errors(run(
        solvers["quantized-power"], field, K, 30, coding="naive", bits=bits)
    )[10:].min() for bits in (4, 8)]
    assert floor[0] > 5 * floor[1]
    assert 1e-4 < floor[1] < 0.1


def test_quantized_power_needs_a_fraction_of_the_bytes(solvers, run,
                                                       make_field):
    """Rounds as with float64, messages of a tenth."""
    field = spiked_field(make_field, 0.5)
    coded, plain = (
        run(solvers[name], field, 4, 60, **parameters)
        for name, parameters in (("quantized-power", {}),
                                 ("block-power", {"oversampling": 0})))
    rounds = [rounds_to(metrics, 1e-8) for metrics in (coded, plain)]
    assert max(rounds) < 60
    assert rounds[0] <= rounds[1] + 3
    assert (coded[rounds[0]]["comm_bytes"]
            < 0.12 * plain[rounds[1]]["comm_bytes"])


def plain_davidson(solver):
    """The same search space, grown by the residuals themselves."""
    class Plain(solver):
        @staticmethod
        def rounds(comm, data, n_components, rng, preconditioner,
                   rank_factor, messages):
            from benchmark_utils.methods.davidson import SearchSpace
            estimate = data.random_basis(n_components, rng)
            space = SearchSpace(comm, estimate, 8 * n_components)
            while True:
                yield estimate
                Y = data.local_covariance(space.block)
                ritz = space.rayleigh_ritz(Y)
                residual = ritz[2] if ritz else None
                estimate = space.expand(residual)
    return Plain


def test_only_the_merged_model_saves_communication(solvers, run, make_field):
    """Rounds grow with the difference of the ranks, but not for merged."""
    solver = solvers["shift-invert"]
    rounds, sent = {}, {}
    for variance in (0.0, 1.0):
        field = spiked_field(make_field, variance)
        for kind in ("none", "first", "average", "merged"):
            metrics = run(
                plain_davidson(solver) if kind == "none" else solver,
                field, 4, 14,
                preconditioner="first" if kind == "none" else kind)
            reached = rounds_to(metrics, 1e-8)
            assert reached <= 14
            rounds[kind, variance] = reached
            sent[kind] = metrics[reached]["comm_bytes"]
    # Where ranks differ, as in the second field:
    assert sent["first"] > 0.9 * sent["none"]
    assert sent["average"] > sent["none"]
    assert sent["merged"] < 0.9 * sent["none"]
    assert rounds["merged", 1.0] <= 0.7 * rounds["none", 1.0]
    assert rounds["merged", 1.0] <= rounds["merged", 0.0] + 2


def test_search_space_restarts(solvers, run, make_field):
    """Slow enough for several restarts, which must not harm."""
    field = rate_field(make_field, 2, 0.98)
    metrics = run(solvers["shift-invert"], field, 2, 60,
                  preconditioner="first", rank_factor=1)
    assert errors(metrics)[-1] < EXACT


@pytest.mark.parametrize("wrong", ["signs", "stale"])
def test_a_wrong_iarg_is_noticed(wrong, solvers, run, make_field):
    """QR with free signs; gradients that are not summed up."""
    class Wrong(solvers["iarg"]):
        @staticmethod
        def rounds(comm, data, n_components, rng, step):
            import numpy as np
            P, d = comm.size, data.n_features
            token = np.zeros((2 * d, n_components))
            token[:d] = data.random_basis(n_components, rng)
            own = 0
            while True:
                yield token[:d].copy()
                if comm.rank > 0:
                    comm.Recv(token, comm.rank - 1)
                W = token[:d]
                Y = data.X.T @ (data.X @ W) / data.n_samples
                new = Y - W @ (W.T @ Y)
                token[d:] = new if wrong == "stale" else token[d:] + new - own
                own = new
                scale = np.linalg.norm(Y, 2) * P
                Q, R = np.linalg.qr(W + step / scale / P * token[d:])
                if wrong == "stale":
                    Q = Q * np.sign(np.diag(R))
                W[:] = Q
                comm.Send(token, (comm.rank + 1) % P)
                if comm.rank == 0:
                    comm.Recv(token, P - 1)

    field = uneven_field(make_field, 4)
    assert errors(run(Wrong, field, K, 60))[-1] > 1e-3


@pytest.mark.parametrize("n, bits", [(1, 1), (64, 1), (21, 3), (22, 3),
                                     (7, 9), (5, 33), (3, 64)])
def test_packing(n, bits):
    rng = np.random.default_rng(n)
    codes = rng.integers(0, 2**bits, (2, n), np.uint64, endpoint=False) \
        if bits < 64 else np.full((2, n), 2**64 - 1, np.uint64)
    words = pack(codes, bits)
    assert words.shape == (2, n_words(n, bits))
    assert words.nbytes * 8 >= 2 * n * bits
    np.testing.assert_array_equal(unpack(words, bits, n), codes)


def test_width():
    for n_values in (2, 3, 15, 16, 17, 2**20):
        assert 2 ** width(n_values) >= n_values > 2 ** (width(n_values) - 1)


@pytest.mark.parametrize("n_ranks", RANKS)
def test_quantized_sums(n_ranks, solvers, run, make_field):
    """On real ranks: exact sums, no overflow, bounded error, zeros."""
    class Check(solvers["iarg"]):
        @staticmethod
        def rounds(comm, data, n_components, rng, step):
            import numpy as np

            from benchmark_utils.methods.quantization import (
                integer_sum,
                quantized_sum,
            )
            P, shape = comm.size, (7, 5)
            # Every rank knows what the others have.
            for n_values in (2, 15, 255, 2**15 - 1):
                codes = rng.integers(0, n_values, (P, *shape))
                codes[:, 0] = n_values - 1
                np.testing.assert_array_equal(
                    integer_sum(comm, codes[comm.rank], n_values),
                    codes.sum(axis=0))
            A = rng.standard_normal((P, *shape)) * 10.0 ** np.arange(
                -20, 20, 8)
            A[:, :, 2] = 0
            for bits in (2, 4, 8, 12):
                own, total = quantized_sum(comm, A[comm.rank], bits)
                unit = abs(A).max(axis=(0, 1)) / (2 ** (bits - 1) - 1)
                assert (abs(own - A[comm.rank])
                        <= 0.5 * unit * (1 + 1e-5)).all()
                parts = comm.allgather(own)
                np.testing.assert_allclose(total, sum(parts), rtol=1e-12,
                                           atol=1e-12 * unit.max())
                assert not total[:, 2].any() and total[:, 0].any()
            yield data.random_basis(n_components, rng)

    run(Check, uneven_field(partial(make_field, ranks="processes"), n_ranks),
        K, 0)


def test_shifted_inverse():
    """Against the dense equation in the complement of U."""
    rng = np.random.default_rng(0)
    U = np.linalg.qr(rng.standard_normal((12, 2)))[0]
    F = rng.standard_normal((12, 5))
    R = rng.standard_normal((12, 2))
    R -= U @ (U.T @ R)
    P = np.eye(12) - U @ U.T
    model = P @ F @ F.T @ P
    largest = np.linalg.norm(model, 2)
    for following in (1.5 * largest, 0.5 * largest):
        values = np.r_[3 * largest, 2 * largest, following]
        mu = max(0, largest - following)
        T = shifted_inverse(F, values, U, R)
        for j in range(2):
            np.testing.assert_allclose(
                (values[j] + mu) * T[:, j] - model @ T[:, j], R[:, j],
                atol=1e-10 * largest)
        np.testing.assert_allclose(U.T @ T, 0, atol=1e-12)


def test_procrustes_and_orthonormal_against():
    rng = np.random.default_rng(0)
    U = np.linalg.qr(rng.standard_normal((9, 3)))[0]
    R = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    np.testing.assert_allclose(procrustes(U @ R, U), R.T, atol=1e-12)
    assert procrustes(-U[:, :1], U[:, :1]) == -1
    # Hardly anything beside V, and twice the same.
    X = np.c_[U[:, 0], U[:, 0]] + 1e-9 * rng.standard_normal((9, 1))
    B = orthonormal_against(U, X)
    both = np.c_[U, B]
    np.testing.assert_allclose(both.T @ both, np.eye(5), atol=1e-12)
