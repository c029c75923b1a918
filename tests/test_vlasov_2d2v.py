"""The simulation against dispersion relations and conservation laws.

Each check is a function that returns an error, so that a test can also show
that it is large when a term of the physics is wrong.
"""
import h5py
import numpy as np
import pytest
from conftest import get_field, load_dataset
from dispersion import fitted_frequency, landau_root, two_stream_root


@pytest.fixture
def vlasov(tmp_path):
    return load_dataset("vlasov_2d2v", tmp_path)


# Checks: each runs the module's simulation and returns an error

def potential(f, case):
    """Fourier coefficients of phi, from Poisson's equation."""
    n, dv = len(f), 2 * case.v_max / f.shape[2]
    charge = np.fft.fft2(1 - f.sum(axis=(2, 3)) * dv**2, norm="forward")
    k = 2 * np.pi / case.length * np.fft.fftfreq(n, 1 / n)
    k2 = k[:, None]**2 + k**2
    k2[0, 0] = 1  # the charge is zero there
    return charge / k2, k2


def landau_error(vlasov):
    """Largest relative error of frequency and damping of three waves."""
    waves = (1, 0), (0, 1), (1, 1)
    case = vlasov.CASES["landau"]._replace(
        waves=tuple((*wave, 1e-3) for wave in waves))
    dt, error = 0.1, 0.0
    phi = np.array([potential(f, case)[0] for f in vlasov.simulate(
        case, 12, 32, 120, dt, 1, np.random.default_rng(0))])[60:]
    for i, j in waves:
        measured = fitted_frequency(phi[:, i, j], dt)
        theory = landau_root(0.5 * np.hypot(i, j))
        error = max(error, abs(measured.real / theory.real - 1),
                    abs(measured.imag / theory.imag - 1))
    return error


def two_beams_everywhere(x, y, v_x, v_y):
    """Beams along y in a uniform plasma."""
    def beam(drift):
        return np.exp(-((v_y - drift)**2 + v_x**2) / 2) / (4 * np.pi)
    return beam(3) + beam(-3)


def growth_error(vlasov):
    """Largest relative error of two growth rates, along and across y."""
    case = vlasov.CASES["two_beams"]._replace(
        background=two_beams_everywhere, length=12 * np.pi,
        waves=((0, 1, 1e-6), (1, 1, 1e-6)))
    *_, first, last = (np.abs(potential(f, case)[0]) for f in vlasov.simulate(
        case, 12, 32, 160, 0.25, 20, np.random.default_rng(0)))  # until t = 40
    k = 2 * np.pi / case.length
    along = two_stream_root(k, 3, 1).imag
    # The beams' velocities along an oblique wave are less.
    oblique = two_stream_root(np.sqrt(2) * k, 3 / np.sqrt(2), 1).imag
    return max(abs(np.log(last[wave] / first[wave]) / 5 / rate - 1)
               for wave, rate in (((0, 1), along), ((1, 1), oblique)))


def drifts(vlasov):
    """Largest changes of mass, momentum and energy until t = 10, relative.

    The waves are large: they trap particles.
    """
    case = vlasov.CASES["two_beams"]._replace(
        background=two_beams_everywhere, length=12 * np.pi, v_max=14.0,
        waves=((0, 1, 0.1), (1, 1, 0.1)))
    _, v = vlasov.grid(case, 8, 64)
    v_x, v_y = v[:, None], v
    means = []
    for f in vlasov.simulate(case, 8, 64, 50, 0.2, 10,
                             np.random.default_rng(0)):
        density = f.mean(axis=(0, 1)) * (v[1] - v[0])**2
        phi, k2 = potential(f, case)
        energy = (np.sum(density * (v_x**2 + v_y**2))
                  + np.sum(k2 * np.abs(phi)**2))
        means.append([density.sum(), np.sum(density * v_x),
                      np.sum(density * v_y), energy])
    change = np.abs(np.array(means) - means[0]).max(axis=0)
    return change[0], change[1:3].max(), change[3] / means[0][3]


def mass_drift(vlasov):
    return drifts(vlasov)[0]


def momentum_drift(vlasov):
    return drifts(vlasov)[1]


def energy_drift(vlasov):
    return drifts(vlasov)[2]


def order_error(vlasov):
    """Difference to 2 of the order in dt."""
    case = vlasov.CASES["landau"]._replace(waves=((1, 0, 0.1), (1, 1, 0.1)))
    ends = [list(vlasov.simulate(case, 16, 32, n, 4 / n, n,
                                 np.random.default_rng(0)))[-1]
            for n in (10, 20, 40)]
    return abs(2 - np.log2(np.linalg.norm(ends[0] - ends[1])
                           / np.linalg.norm(ends[1] - ends[2])))


TOLERANCES = {landau_error: 5e-3, growth_error: 5e-3, mass_drift: 1e-12,
              momentum_drift: 1e-10, energy_drift: 1e-3, order_error: 0.15}


@pytest.mark.parametrize("check", TOLERANCES)
def test_physics(vlasov, check):
    assert check(vlasov) < TOLERANCES[check]


# Wrong physics: what a function of the module would return by mistake

def opposite(E):
    return -E


def swapped(E):
    return E[::-1]


def only_along_x(E):
    return E * [[[1]], [[0]]]


def weak(E):
    return 0.95 * E


def misplaced(E):
    return np.roll(E, 1, axis=1)


def late(E):
    late.before, E = E, getattr(late, "before", E)
    return E


def leaking(factors):
    return factors * (1 - 1e-12)


def too_far(factors):
    """As if dt were 2 % longer, of a short shift."""
    return factors**1.02


@pytest.mark.parametrize("check, function, mistake", [
    (landau_error, "electric_field", opposite),
    (landau_error, "electric_field", swapped),
    (landau_error, "electric_field", only_along_x),
    (landau_error, "shift_factors", too_far),
    (growth_error, "electric_field", weak),
    (energy_drift, "electric_field", only_along_x),
    (energy_drift, "electric_field", opposite),
    (momentum_drift, "electric_field", misplaced),
    (mass_drift, "shift_factors", leaking),
    (order_error, "electric_field", late),
])
def test_checks_notice_wrong_physics(vlasov, check, function, mistake):
    right = getattr(vlasov, function)
    setattr(vlasov, function, lambda *args: mistake(right(*args)))
    assert not check(vlasov) < 3 * TOLERANCES[check]


@pytest.mark.parametrize("forgotten", [0, 1, 2, 3])
def test_checks_notice_a_forgotten_axis(vlasov, forgotten):
    shift = vlasov.shift

    def forgetful(f, factors, axis):
        return f if axis == forgotten else shift(f, factors, axis)

    vlasov.shift = forgetful
    assert not landau_error(vlasov) < 3 * TOLERANCES[landau_error]


# Initial states

@pytest.mark.parametrize("name", ["landau", "two_beams"])
def test_background_is_neutral_and_velocities_suffice(vlasov, name):
    case = vlasov.CASES[name]
    f0 = vlasov.background(case, 16, 32)
    density = f0.sum(axis=(2, 3)) * (2 * case.v_max / 32)**2
    np.testing.assert_allclose(density, 1, rtol=1e-6)
    *_, f = vlasov.simulate(case, 16, 32, 100, case.duration / 100, 100,
                            np.random.default_rng(0))
    assert np.abs(f[:, :, 0]).max() < 1e-3 * f.max()
    assert np.abs(f[:, :, :, 0]).max() < 1e-3 * f.max()
    assert -f[f < 0].sum() < 0.05 * f.sum()  # splines undershoot


def test_beams_are_on_different_ranks(vlasov):
    f0 = vlasov.background(vlasov.CASES["two_beams"], 16, 32)
    _, v = vlasov.grid(vlasov.CASES["two_beams"], 16, 32)
    flow = f0.sum(axis=2) @ v / f0.sum(axis=(2, 3))
    assert flow[:8].mean() > 0.5 and flow[8:].mean() < -0.5


# The dataset

SMALL = {"n_x": 6, "n_v": 16, "n_snapshots": 8}


def read(field):
    with h5py.File(field.path) as file:
        return file["field"][:]


def test_same_seed_same_bits(vlasov):
    field = get_field(vlasov, **SMALL)
    first = read(field)
    field.path.unlink()
    np.testing.assert_array_equal(read(get_field(vlasov, **SMALL)), first)
    assert not np.array_equal(
        read(get_field(vlasov, base_seed=1, **SMALL)), first)


@pytest.mark.parametrize("name", ["landau", "two_beams"])
def test_field_holds_anomalies(vlasov, name):
    case = vlasov.CASES[name]
    anomalies = read(get_field(vlasov, case=name, **SMALL))
    assert anomalies.shape == (8, 6, 6, 16, 16)
    # At t = 0 only the waves differ from the background ...
    f0 = vlasov.background(case, 6, 16)
    waves = anomalies[0, :, :, 8, 8] / f0[:, :, 8, 8]
    np.testing.assert_allclose(anomalies[0], waves[..., None, None] * f0,
                               atol=1e-7)
    assert 0 < np.abs(waves).max() <= sum(wave[2] for wave in case.waves)
    # ... and mass is conserved, so anomalies have none.
    mass = anomalies.sum(axis=(1, 2, 3, 4)) / f0.sum()
    assert np.abs(mass).max() < 1e-5


def test_partitions_and_blocks_share_one_file(vlasov):
    samples = get_field(vlasov, **SMALL)
    features = get_field(vlasov, partition="features", n_ranks=4,
                         decomposition="blocks", **SMALL)
    assert samples.path == features.path
    assert (samples.n_samples, samples.n_features) == (8 * 36, 256)
    assert (features.n_samples, features.n_features) == (8, 36 * 256)
    assert [len(features.cells(rank)) for rank in range(4)] == [9] * 4
