"""The simulation against the dispersion relation and its balances.

Each check is a function that returns an error, so that a test can also show
that it is large when a term of the physics is wrong.
"""
import h5py
import numpy as np
import pytest
from conftest import get_field, load_dataset
from dispersion import plasma_dispersion_function
from scipy.integrate import simpson
from scipy.optimize import newton

MODES = (1, 0, 4), (1, 0, 6), (2, 0, 6), (-1, 2, 5)  # waves along z, x, y


@pytest.fixture
def drift(tmp_path):
    """The dataset's module, in double precision."""
    module = load_dataset("drift_kinetic", tmp_path)
    module.PRECISION = np.float64
    return module


def states(drift, case, sizes, n_steps, dt, every=1):
    return np.array(list(drift.simulate(
        case, *sizes, n_steps, dt, every, np.random.default_rng(0))))


def undamped(drift, name="steep_zone"):
    return drift.CASES[name]._replace(diffusion=0.0, heating=0.0)


# Theory

def dispersion(omega, k_z, k_x, k_y, kappa):
    """Polarisation and adiabatic electrons minus the ions' response."""
    zeta = omega / (np.sqrt(2) * abs(k_z))
    Z = plasma_dispersion_function(zeta)
    # Means over the Maxwellian of 1, k_z v and v^2, over omega - k_z v.
    none = -Z / (np.sqrt(2) * abs(k_z))
    first = -(1 + zeta * Z)
    second = omega / k_z**2 * first
    return (1 + k_x**2 + k_y**2 - first
            - kappa * k_y * (second - none) / 2)


def itg_root(*arguments):
    """Growing mode, complex."""
    return newton(dispersion, -0.3 + 0.2j, args=arguments, tol=1e-12)


# Checks

def growth_error(drift):
    """Largest relative error of the complex frequency of growing modes."""
    drift.NOISE = 1e-8
    case, sizes, dt = undamped(drift, "uniform"), (20, 8, 32), 0.2
    density = states(drift, case, sizes, 175, dt, 5)[-2:].sum(axis=-1)
    first, last = np.fft.fftn(density, axes=(1, 2, 3))
    error = 0.0
    for i, j, k in MODES:
        measured = 1j * np.log(last[j, k, i] / first[j, k, i])  # in t = 1
        theory = itg_root(2 * np.pi / drift.LENGTH * i,
                          2 * np.pi / drift.WIDTH * j,
                          2 * np.pi / drift.WIDTH * k, case.gradient)
        error = max(error, abs(measured - theory) / abs(theory.imag))
    return error


def spectral(drift, density):
    """phi and its derivative along y, from the density n(x, y, z)."""
    n = len(density)
    k = 2 * np.pi / drift.WIDTH * np.fft.fftfreq(n, 1 / n)
    k_x, k_y = k[:, None, None], k[:, None]
    spectrum = np.fft.fftn(density)
    response = np.broadcast_to(1 + k_x**2 + k_y**2, density.shape).copy()
    response[:, 0, 0] -= 1  # electrons do not respond to zonal flows
    response[0, 0, 0] = np.inf
    phi = spectrum / response
    return np.fft.ifftn(phi).real, np.fft.ifftn(1j * k_y * phi).real


def balance_error(drift):
    """Of the free energy: its change minus what the heat flux brings.

    In turbulence, over several turnover times, relative to the change.
    """
    drift.NOISE = 1.0
    case, sizes, dt = undamped(drift), (16, 6, 16), 0.05
    _, _, v = drift.grid(*sizes)
    dv, x = v[1] - v[0], np.arange(16) / 16
    F = np.exp(-v**2 / 2)
    F /= F.sum() * dv
    bump = np.exp(8 * (np.cos(2 * np.pi * (x - 3 / 8)) - 1))
    kappa = case.gradient * (case.elsewhere + (1 - case.elsewhere) * bump)
    energies, gains = [], []
    for f in states(drift, case, sizes, 60, dt):
        density = f.sum(axis=-1) * dv
        phi, phi_y = spectral(drift, density)
        energies.append(np.sum(f**2 / F) * dv / 2 + np.sum(phi * density) / 2)
        flux = -phi_y * (f @ (v**2 - 1) / 2) * dv
        gains.append(np.sum(kappa * flux.sum(axis=(1, 2))))
    change = energies[-1] - energies[0]
    return abs(1 - simpson(gains, dx=dt) / change)


def starting(drift, density):
    """Let the module's plasmas start from a spectral density(plasma)."""
    right = drift.Plasma

    def plasma(*arguments):
        plasma = right(*arguments)
        plasma.initial = lambda rng: density(plasma)
        return plasma

    drift.Plasma = plasma


def drifts(drift):
    """Relative changes of mass and momentum of turbulence that has both."""
    def moving(plasma):
        wave = np.cos(2 * np.pi * np.arange(12) / 12)
        v = drift.grid(*sizes)[2].reshape(-1, 1, 1, 1)
        return plasma.maxwellian * plasma.to_spectrum(
            np.broadcast_to(wave[:, None] + wave, plasma.shape) + 1 + v)

    sizes = 12, 6, 16
    starting(drift, moving)
    f = states(drift, undamped(drift), sizes, 40, 0.1, 10)
    f = f.mean(axis=(1, 2, 3))
    moments = np.stack([f.sum(axis=-1), f @ drift.grid(*sizes)[2]])
    return np.abs(moments / moments[:, :1] - 1).max(axis=1)


def mass_drift(drift):
    return drifts(drift)[0]


def momentum_drift(drift):
    return drifts(drift)[1]


def advection_error(drift):
    """n = cos(k x) + cos(k y) and no gradient: E x B drift as on paper."""
    plasma = drift.Plasma(drift.Case(0.0, 1.0), 16, 4, 16)
    x = 2 * np.pi * np.arange(16) / 16
    k = 2 * np.pi / drift.WIDTH
    n = np.cos(x)[:, None] + np.cos(x)
    f = plasma.maxwellian * plasma.to_spectrum(
        np.broadcast_to(n, plasma.shape))
    exact = -np.outer(np.sin(x), np.sin(x)) / (1 + k**2)
    rate = plasma.to_space(plasma.tendency(f)) / plasma.maxwellian
    return np.abs(rate - exact).max()


def damping_error(drift):
    """Zonal flows decay at the rates of heating and diffusion only."""
    case = drift.Case(4.0, 1.0, diffusion=100.0, heating=0.1)
    wave = np.cos(2 * np.pi * np.arange(12) / 12)[:, None]
    starting(drift, lambda plasma: plasma.maxwellian * plasma.to_spectrum(
        np.broadcast_to(wave, plasma.shape)))
    first, last = states(drift, case, (12, 4, 16), 20, 0.1, 20)
    rate = 0.1 + 100 * (2 * np.pi / drift.WIDTH)**4
    return np.abs(last - first * np.exp(-2 * rate)).max() / first.max()


def order_error(drift):
    """Difference to 4 of the order in dt."""
    drift.NOISE = 1.0
    ends = [states(drift, drift.CASES["steep_zone"], (12, 4, 16), n, 4 / n,
                   n)[-1] for n in (10, 20, 40)]
    return abs(4 - np.log2(np.linalg.norm(ends[0] - ends[1])
                           / np.linalg.norm(ends[1] - ends[2])))


TOLERANCES = {growth_error: 2e-3, balance_error: 1e-7, mass_drift: 1e-12,
              momentum_drift: 1e-12, advection_error: 1e-14,
              damping_error: 1e-12, order_error: 0.1}


@pytest.mark.parametrize("check", TOLERANCES)
def test_physics(drift, check):
    assert check(drift) < TOLERANCES[check]


# Wrong physics: what may happen to the operators of a plasma

def scale(name, factor):
    def mistake(plasma):
        setattr(plasma, name, factor * getattr(plasma, name))
    mistake.__name__ = f"{name} * {factor}"
    return mistake


def streaming_backwards(plasma):
    plasma.linear = plasma.linear.conj()


def leak(plasma):
    plasma.linear = plasma.linear - 1e-9


def damped_more(plasma):
    plasma.linear = plasma.linear + 0.001 * plasma.linear.real


def zonal_electrons(plasma):
    zonal = plasma.potential_of_density[0, 1:, 0]
    plasma.potential_of_density[0, 1:, 0] = zonal / (1 + zonal)


def aliased(plasma):
    plasma.kept = np.ones_like(plasma.kept)


def density_gradient(plasma):
    plasma.gradient = plasma.gradient - 0.1 * plasma.maxwellian


@pytest.mark.parametrize("check, mistake", [
    (growth_error, scale("gradient", 0.98)),
    (growth_error, scale("gradient", -1)),
    (growth_error, scale("acceleration", 0)),
    (growth_error, scale("acceleration", -1)),
    (growth_error, scale("potential_of_density", 0.98)),
    (growth_error, streaming_backwards),
    (growth_error, density_gradient),
    (balance_error, scale("gradient", 0.99)),
    (balance_error, scale("acceleration", 0)),
    (balance_error, zonal_electrons),
    (balance_error, aliased),
    (mass_drift, leak),
    (momentum_drift, leak),
    (advection_error, scale("ik_x", -1)),
    (advection_error, scale("ik_y", 0.99)),
    (advection_error, zonal_electrons),
    (damping_error, damped_more),
], ids=lambda value: value.__name__)
def test_wrong_physics_is_noticed(drift, check, mistake):
    right = drift.Plasma

    def wrong(*arguments):
        plasma = right(*arguments)
        mistake(plasma)
        return plasma

    drift.Plasma = wrong
    assert not check(drift) < 5 * TOLERANCES[check]


def test_low_order_is_noticed(drift):
    drift.integrating_factor_rk4 = lambda f, tendency, half, full, dt: (
        full * (f + dt * tendency(f)))
    assert not order_error(drift) < 5 * TOLERANCES[order_error]


# The dataset

SMALL = {"n": 12, "n_z": 4, "n_v": 16, "n_snapshots": 4}


@pytest.fixture
def small(drift):
    """As users get it, but for the spin-up."""
    drift.PRECISION, drift.SPIN_UP = np.float32, 2
    return drift


def read(field):
    with h5py.File(field.path) as file:
        return file["field"][:]


def test_single_precision_suffices(drift):
    """Before chaos makes two turbulent runs differ."""
    case = drift.CASES["steep_zone"]
    double = states(drift, case, (12, 4, 16), 50, 0.2, 50)[-1]
    drift.PRECISION = np.float32
    single = states(drift, case, (12, 4, 16), 50, 0.2, 50)[-1]
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, double, atol=1e-4 * double.std())


@pytest.mark.parametrize("name, least, most", [("steep_zone", 8, 1e3),
                                               ("uniform", 1, 3)])
def test_turbulence_lives_in_the_steep_zone(drift, name, least, most):
    """Energy of the slabs of four ranks, once it has saturated."""
    f = states(drift, drift.CASES[name], (20, 6, 16), 600, drift.DT, 20)
    energy = np.mean(f**2, axis=(2, 3, 4)).reshape(-1, 4, 5).mean(axis=2)
    late = energy[20:]
    assert late.max() < 10 * late.mean()
    slabs = late.mean(axis=0)
    assert least < slabs.max() / slabs.min() < most
    if name == "steep_zone":
        assert np.argmax(slabs) == 1


def test_same_seed_same_bits(small):
    field = get_field(small, **SMALL)
    first = read(field)
    field.path.unlink()
    np.testing.assert_array_equal(read(get_field(small, **SMALL)), first)
    assert not np.array_equal(
        read(get_field(small, base_seed=1, **SMALL)), first)


def test_snapshots_follow_the_spin_up(small):
    field = get_field(small, **SMALL)
    expected = list(small.simulate(
        small.CASES["steep_zone"], 12, 4, 16, 5 * small.EVERY, small.DT,
        small.EVERY, np.random.default_rng(field.settings["seed"])))[2:]
    np.testing.assert_array_equal(read(field), expected)


def test_partitions_and_blocks_share_one_file(small):
    samples = get_field(small, **SMALL)
    features = get_field(small, partition="features", n_ranks=4,
                         decomposition="blocks", **SMALL)
    assert samples.path == features.path
    assert (samples.n_samples, samples.n_features) == (4 * 144, 64)
    assert (features.n_samples, features.n_features) == (4, 144 * 64)
    assert [len(features.cells(rank)) for rank in range(4)] == [36] * 4
