"""The simulation against exact solutions, invariants and its order.

Each check is a function that returns an error, so that a test can also show
that it is large when a term of the physics is wrong.
"""
import h5py
import numpy as np
import pytest
from conftest import get_field, load_dataset
from scipy.fft import irfft2, rfft2


@pytest.fixture
def vorticity(tmp_path):
    return load_dataset("vorticity_2d", tmp_path)


def states(vorticity, case, n, n_snapshots):
    return np.array(list(vorticity.simulate(
        case, n, n_snapshots, np.random.default_rng(0))))


def lattice(n, shift=0.0):
    x = 2 * np.pi * np.arange(n) / n
    return np.outer(np.cos(x), np.cos(x + shift))


# Checks

def decay_error(vorticity):
    """Taylor-Green vortices decay at the rate 2 nu + mu."""
    case = vorticity.Case(0.05, vortices=1.0, drag=0.1, dt=0.1, every=20)
    end = states(vorticity, case, 32, 3)[-1]
    return np.abs(end / np.exp(-0.2 * 4) - lattice(32)).max()


def hyperviscosity_error(vorticity):
    """... and at the rate 2^p nu if the viscosity has the order p."""
    case = vorticity.Case(0.01, 4, vortices=1.0, dt=0.1, every=20)
    end = states(vorticity, case, 32, 3)[-1]
    return np.abs(end / np.exp(-0.16 * 4) - lattice(32)).max()


def rossby_error(vorticity):
    """Waves cos(y) cos(x) travel west, to smaller x, at beta / 2."""
    case = vorticity.Case(0.0, vortices=1.0, beta=3.0, dt=0.1, every=20)
    end = states(vorticity, case, 32, 3)[-1]
    return np.abs(end - lattice(32, 1.5 * 4)).max()


def advection_error(vorticity):
    """psi = sin(x) + sin(2 y) has J(psi, w) = -6 cos(x) cos(2 y)."""
    flow = vorticity.Flow(vorticity.Case(0.0), 32)
    x = 2 * np.pi * np.arange(32) / 32
    w = -np.sin(x) - 4 * np.sin(2 * x)[:, None]
    exact = 6 * np.cos(x) * np.cos(2 * x)[:, None]
    return np.abs(irfft2(flow.advection(rfft2(w))) - exact).max() / 6


def wind_error(vorticity):
    """A steady force starts the flow w ~ -cos(4 y) (1 - exp(-rate t))."""
    case = vorticity.Case(0.02, drag=0.1, wind=1.0, dt=0.02, every=100)
    end = states(vorticity, case, 32, 2)[-1]
    x = 2 * np.pi * np.arange(32) / 32
    exact = -4 * np.cos(4 * x) / 0.42 * (1 - np.exp(-0.42 * 2))
    return np.abs(end - exact[:, None]).max()


def drift(vorticity):
    """Change of energy and enstrophy without forces, relative."""
    case = vorticity.Case(0.0, noise=3.0, beta=8.0, dt=0.01, every=100)
    flow = vorticity.Flow(case, 64)
    squares = np.abs(rfft2(states(vorticity, case, 64, 3)))**2
    squares[:, :, 1:] *= 2  # half of the plane stands for all of it
    enstrophy = squares.sum(axis=(1, 2))
    energy = (squares * flow.inverse).sum(axis=(1, 2))
    return max(np.ptp(enstrophy) / enstrophy[0], np.ptp(energy) / energy[0])


def order_error(vorticity):
    """Difference to 4 of the order in dt."""
    case = vorticity.CASES["decaying"]._replace(beta=8.0, drag=0.1)
    ends = [states(vorticity, case._replace(dt=0.4 / n, every=n), 32, 2)[-1]
            for n in (10, 20, 40)]
    return abs(4 - np.log2(np.linalg.norm(ends[0] - ends[1])
                           / np.linalg.norm(ends[1] - ends[2])))


def noise_error(vorticity):
    """Random fields have their rms, and only their wavenumbers."""
    flow = vorticity.Flow(vorticity.Case(0.0), 64)
    rng = np.random.default_rng(0)
    fields = [flow.random((8, 12), 3.0, rng) for _ in range(200)]
    rms = np.sqrt(np.mean([irfft2(each)**2 for each in fields]))
    radius = np.sqrt(flow.k2)
    outside = np.abs(fields[0][(radius < 8) | (radius > 12)]).max()
    return abs(rms / 3 - 1) + outside


TOLERANCES = {decay_error: 1e-12, hyperviscosity_error: 1e-12,
              rossby_error: 1e-12, advection_error: 1e-14, wind_error: 1e-8,
              drift: 1e-7, order_error: 0.05, noise_error: 0.01}


@pytest.mark.parametrize("check", TOLERANCES)
def test_physics(vorticity, check):
    assert check(vorticity) < TOLERANCES[check]


# Wrong physics: what may happen to the operators of a flow

def scale_linear(real, imaginary):
    def mistake(flow):
        flow.linear = real * flow.linear.real + (
            1j * imaginary * flow.linear.imag)
    return mistake


def scale_advection(factor):
    def mistake(flow):
        advection = flow.advection
        flow.advection = lambda w: factor * advection(w)
    return mistake


def aliased(flow):
    flow.kept = flow.k2 > 0


def weak_wind(flow):
    flow.wind = 0.99 * flow.wind


def half_inverse(flow):
    flow.inverse = flow.inverse / 2


@pytest.mark.parametrize("check, mistake", [
    (decay_error, scale_linear(0, 1)),
    (decay_error, scale_linear(1.001, 1)),
    (hyperviscosity_error, scale_linear(1.001, 1)),
    (rossby_error, scale_linear(1, -1)),
    (rossby_error, scale_linear(1, 0.999)),
    (rossby_error, scale_linear(1, 0)),
    (advection_error, scale_advection(-1)),
    (advection_error, scale_advection(0.99)),
    (advection_error, half_inverse),
    (wind_error, weak_wind),
    (drift, aliased),
], ids=lambda function: function.__name__)
def test_wrong_physics_is_noticed(vorticity, check, mistake):
    right = vorticity.Flow

    def wrong(*arguments):
        flow = right(*arguments)
        mistake(flow)
        return flow

    vorticity.Flow = wrong
    assert not check(vorticity) < 10 * TOLERANCES[check]


def test_stirring_acts_in_the_track(vorticity):
    """In the middle ten times the variance of the edges."""
    case = vorticity.CASES["storm_track"]
    variance = states(vorticity, case, 64, 60)[20:].var(axis=0)
    middle = slice(24, 40)
    edges = np.r_[0:8, 56:64]
    assert (variance[middle, middle].mean()
            > 10 * variance[edges][:, edges].mean())


# The dataset

SMALL = {"n": 32, "patch": 8, "n_snapshots": 4}


def read(field):
    with h5py.File(field.path) as file:
        return file["field"][:]


def test_same_seed_same_bits(vorticity):
    field = get_field(vorticity, **SMALL)
    first = read(field)
    field.path.unlink()
    np.testing.assert_array_equal(read(get_field(vorticity, **SMALL)), first)
    assert not np.array_equal(
        read(get_field(vorticity, base_seed=1, **SMALL)), first)


@pytest.mark.parametrize("case", ["storm_track", "taylor_green"])
def test_patches_are_those_of_the_flow(vorticity, case):
    """Their values are vorticity minus the mean of the late spin-up."""
    field = get_field(vorticity, case=case, **SMALL)
    spin_up = vorticity.CASES[case].spin_up
    seed_of_dataset = field.settings["seed"]
    w = np.array(list(vorticity.simulate(
        vorticity.CASES[case], 32, spin_up + 4,
        np.random.default_rng(seed_of_dataset))))
    climatology = w[spin_up // 2:spin_up].mean(axis=0) if spin_up else 0
    patches = read(field)
    assert patches.shape == (4, 4, 4, 8, 8)
    np.testing.assert_allclose(
        patches[2, 1, 3], (w[spin_up + 2] - climatology)[8:16, 24:32],
        rtol=1e-5, atol=1e-6)


def test_partitions_and_blocks_share_one_file(vorticity):
    samples = get_field(vorticity, **SMALL)
    features = get_field(vorticity, partition="features", n_ranks=4,
                         decomposition="blocks", **SMALL)
    assert samples.path == features.path
    assert (samples.n_samples, samples.n_features) == (4 * 16, 64)
    assert (features.n_samples, features.n_features) == (4, 1024)
    assert [len(features.cells(rank)) for rank in range(4)] == [4] * 4


def test_patch_must_fit(vorticity):
    with pytest.raises(ValueError, match="n = 32 is not a multiple"):
        get_field(vorticity, n=32, patch=7)
