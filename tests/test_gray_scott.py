"""The scheme against its exact linear factors, and the patterns it makes."""
import h5py
import numpy as np
import pytest
from conftest import get_field, load_dataset

N = 32


@pytest.fixture
def gray_scott(tmp_path):
    return load_dataset("gray_scott", tmp_path)


def advanced(gray_scott, start, feed, kill, n_steps):
    """Concentrations (2, N, N) after some steps."""
    state = np.zeros((2, N + 2, N + 2))
    state[:, 1:-1, 1:-1] = start
    for _ in range(n_steps):
        gray_scott.advance(state, feed, kill)
    return state[:, 1:-1, 1:-1]


def wave(i, j):
    """Product of cosines, i and j periods along y and x."""
    x = 2 * np.pi * np.arange(N) / N
    return np.outer(np.cos(i * x), np.cos(j * x))


def damping(i, j):
    """Eigenvalue of the five-point Laplacian for this wave."""
    return -4 * (np.sin(np.pi * i / N)**2 + np.sin(np.pi * j / N)**2)


# Checks: errors relative to what is expected

def diffusion_error(gray_scott):
    """Without reactions a wave loses the same factor in every step."""
    start = np.stack([wave(3, 2), 0 * wave(0, 0)])
    end = advanced(gray_scott, start, 0.0, 0.0, 100)[0]
    return np.abs(end / (1 + 0.16 * damping(3, 2))**100 - start[0]).max()


def steady_states(feed, kill):
    """The trivial one, and one where both substances are present."""
    removal = feed + kill
    u = (1 + np.sqrt(1 - 4 * removal**2 / feed)) / 2
    return [(1.0, 0.0), (u, feed * (1 - u) / removal)]


def growth_error(gray_scott):
    """Small waves on the steady states follow the linearised scheme."""
    feed, kill, size, errors = 0.04, 0.05, 1e-7, []
    for u, v in steady_states(feed, kill):
        jacobian = np.array([[-v * v - feed, -2 * u * v],
                             [v * v, 2 * u * v - feed - kill]])
        one_step = np.eye(2) + jacobian + damping(1, 2) * np.diag([.16, .08])
        start, background = np.array([1, 2]), np.array([u, v])[:, None, None]
        end = advanced(
            gray_scott, background + size * start[:, None, None] * wave(1, 2),
            feed, kill, 40) - background
        exact = np.linalg.matrix_power(one_step, 40) @ start
        errors += [np.abs(end / size - exact[:, None, None] * wave(1, 2)).max()
                   / np.abs(exact).max()]
    return max(errors)


TOLERANCES = {diffusion_error: 1e-12, growth_error: 1e-4}


@pytest.mark.parametrize("check", TOLERANCES)
def test_scheme(gray_scott, check):
    assert check(gray_scott) < TOLERANCES[check]


def less_diffusion(gray_scott):
    gray_scott.DIFFUSION = 0.99 * gray_scott.DIFFUSION


def equal_diffusion(gray_scott):
    gray_scott.DIFFUSION = 0 * gray_scott.DIFFUSION + 0.16


def other_reaction(factor_feed=1, factor_kill=1, order=1):
    def mistake(gray_scott):
        right = gray_scott.reaction

        def reaction(u, v, feed, kill):
            return right(u, v, factor_feed * feed, factor_kill * kill)[::order]
        gray_scott.reaction = reaction
    return mistake


@pytest.mark.parametrize("check, mistake", [
    (diffusion_error, less_diffusion),
    (growth_error, less_diffusion),
    (growth_error, equal_diffusion),
    (growth_error, other_reaction(factor_feed=0.99)),
    (growth_error, other_reaction(factor_kill=0.99)),
    (growth_error, other_reaction(order=-1)),
], ids=lambda function: function.__name__)
def test_wrong_terms_are_noticed(gray_scott, check, mistake):
    mistake(gray_scott)
    assert check(gray_scott) > 10 * TOLERANCES[check]


# The dataset

SMALL = {"n": 64, "patch": 16, "n_snapshots": 4}


def read(field):
    with h5py.File(field.path) as file:
        return file["field"][:]


def test_same_seed_same_bits(gray_scott):
    field = get_field(gray_scott, **SMALL)
    first = read(field)
    field.path.unlink()
    np.testing.assert_array_equal(read(get_field(gray_scott, **SMALL)), first)
    assert not np.array_equal(
        read(get_field(gray_scott, base_seed=1, **SMALL)), first)


def test_patches_are_those_of_the_plane(gray_scott):
    """Both substances of a patch, minus the mean of the late spin-up."""
    field = get_field(gray_scott, **SMALL)
    case = gray_scott.CASES["spirals"]
    whole = np.concatenate(list(gray_scott.anomalies(
        case, 64, 64, 4, np.random.default_rng(field.settings["seed"]))))
    patches = read(field)
    assert patches.shape == (4, 4, 4, 2, 16, 16)
    np.testing.assert_array_equal(
        patches[3, 1, 2],
        whole[3, 0, 0, :, 16:32, 32:48].astype(np.float32))


@pytest.mark.parametrize("case", ["spirals", "gliders"])
def test_patterns_stay_alive(gray_scott, case):
    """The catalyst is neither gone nor still at the end."""
    patterns = np.concatenate(list(gray_scott.anomalies(
        gray_scott.CASES[case], 64, 64, 40, np.random.default_rng(0))))
    assert patterns[-20:, ..., 1, :, :].std(axis=0).mean() > 0.01


def test_one_rank_is_dead(gray_scott):
    field = get_field(gray_scott, case="dead_zone", n=128, patch=16,
                      n_snapshots=4)
    energy = [np.mean(field.reader(rank).read(0, 4)**2) for rank in range(4)]
    assert np.argmin(energy) == 2
    assert energy[2] < 1e-3 * min(energy[:2] + energy[3:])
    assert energy[2] > 0


def test_partitions_and_blocks_share_one_file(gray_scott):
    samples = get_field(gray_scott, **SMALL)
    features = get_field(gray_scott, partition="features", n_ranks=4,
                         decomposition="blocks", **SMALL)
    assert samples.path == features.path
    assert (samples.n_samples, samples.n_features) == (4 * 16, 512)
    assert (features.n_samples, features.n_features) == (4, 8192)


def test_patch_must_fit(gray_scott):
    with pytest.raises(ValueError, match="n = 64 is not a multiple"):
        get_field(gray_scott, n=64, patch=7)
