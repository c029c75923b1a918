"""The simulation against dispersion relations and conservation laws.

Each check is a function that returns an error, so that a test can also show
that it is large when a term of the physics is wrong.
"""
import importlib.util
from pathlib import Path

import h5py
import numpy as np
import pytest
from benchopt.utils.run_context import RunContext
from dispersion import fitted_frequency, landau_root, two_stream_root

PATH = Path(__file__).parents[1] / "datasets" / "vlasov_poisson.py"


@pytest.fixture
def vlasov():
    """The dataset's module, loaded afresh so that a test may break it."""
    spec = importlib.util.spec_from_file_location("vlasov_poisson", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("k, omega", [(0.3, 1.1598 - 0.0126j),
                                      (0.4, 1.2850 - 0.0661j),
                                      (0.5, 1.4156 - 0.1533j)])
def test_landau_root_published(k, omega):
    np.testing.assert_allclose(landau_root(k), omega, atol=1e-4)


# Checks: each runs the module's simulation and returns an error

def field_modes(f, case):
    """Fourier coefficients 1, 2, ... of E, from Gauss's law."""
    dv = 2 * case.v_max / f.shape[1]
    charge = np.fft.rfft(1 - f.sum(axis=1) * dv, norm="forward")[1:]
    k = 2 * np.pi / case.length * np.arange(1, len(charge) + 1)
    return charge / (1j * k)


def landau_error(vlasov):
    """Relative error of frequency and damping rate at k = 0.5."""
    case, dt = vlasov.CASES["landau"], 0.1
    E = np.array([field_modes(f, case)[0] for f in vlasov.simulate(
        case, 32, 128, 300, dt, 1, np.random.default_rng(0))])[100:]
    measured, theory = fitted_frequency(E, dt), landau_root(0.5)
    return max(abs(measured.real / theory.real - 1),
               abs(measured.imag / theory.imag - 1))


def growth_error(vlasov):
    """Largest relative error of the growth rates of waves 2 to 6."""
    case = vlasov.CASES["two_stream"]._replace(amplitude=1e-10)
    E = np.abs([field_modes(f, case)[1:6] for f in vlasov.simulate(
        case, 64, 256, 450, 0.1, 50, np.random.default_rng(0))])
    measured = np.log(E[9] / E[7]) / 10  # from t = 35 to t = 45
    theory = [two_stream_root(2 * np.pi / case.length * m, 2.4, 0.5).imag
              for m in range(2, 7)]
    return np.max(np.abs(measured / theory - 1))


def drifts(vlasov):
    """Largest changes of mass, momentum and energy until t = 40, relative."""
    case = vlasov.CASES["two_stream"]
    _, v = vlasov.grid(case, 256, 256)
    means = []
    for f in vlasov.simulate(case, 256, 256, 400, 0.1, 10,
                             np.random.default_rng(0)):
        density = f.mean(axis=0) * (v[1] - v[0])
        field_energy = np.sum(np.abs(field_modes(f, case))**2)
        means.append([density.sum(), density @ v,
                      density @ v**2 / 2 + field_energy])
    return np.abs(np.array(means) - means[0]).max(axis=0) / [1, 1, means[0][2]]


def mass_drift(vlasov):
    return drifts(vlasov)[0]


def momentum_drift(vlasov):
    return drifts(vlasov)[1]


def energy_drift(vlasov):
    return drifts(vlasov)[2]


def order_error(vlasov):
    """Difference to 2 of the order in dt."""
    case = vlasov.CASES["landau"]._replace(amplitude=0.1)
    ends = [list(vlasov.simulate(case, 64, 256, n, 8 / n, n,
                                 np.random.default_rng(0)))[-1]
            for n in (40, 80, 160)]
    return abs(2 - np.log2(np.linalg.norm(ends[0] - ends[1])
                           / np.linalg.norm(ends[1] - ends[2])))


TOLERANCES = {landau_error: 5e-3, growth_error: 5e-3, mass_drift: 1e-12,
              momentum_drift: 1e-12, energy_drift: 5e-4, order_error: 0.05}


@pytest.mark.parametrize("check", TOLERANCES)
def test_physics(vlasov, check):
    assert check(vlasov) < TOLERANCES[check]


# Wrong physics: what a function of the module would return by mistake

def opposite(E):
    return -E


def absent(E):
    return 0 * E


def weak(E):
    return 0.98 * E


def misplaced(E):
    return np.roll(E, 1)


def late(E):
    late.before, E = E, getattr(late, "before", E)
    return E


def leaking(factors):
    return factors * (1 - 1e-12)


@pytest.mark.parametrize("check, function, mistake", [
    (landau_error, "electric_field", opposite),
    (landau_error, "electric_field", absent),
    (landau_error, "electric_field", weak),
    (growth_error, "electric_field", opposite),
    (growth_error, "electric_field", absent),
    (growth_error, "electric_field", weak),
    (energy_drift, "electric_field", opposite),
    (energy_drift, "electric_field", weak),
    (momentum_drift, "electric_field", misplaced),
    (mass_drift, "shift_factors", leaking),
    (order_error, "electric_field", late),
])
def test_checks_notice_wrong_physics(vlasov, check, function, mistake):
    right = getattr(vlasov, function)
    setattr(vlasov, function, lambda *args: mistake(right(*args)))
    assert check(vlasov) > 4 * TOLERANCES[check]


# Numerics and initial states

def test_shift_moves_whole_cells_and_interpolates(vlasov):
    n, cells = 64, np.array([3.0, -2.0, 0.4])
    theta = 2 * np.pi / n * np.arange(n)
    shifted = vlasov.shift(np.tile(np.sin(2 * theta), (3, 1)),
                           vlasov.shift_factors(cells, n))
    exact = np.sin(2 * (theta - 2 * np.pi / n * cells[:, None]))
    np.testing.assert_allclose(shifted[:2], exact[:2], atol=1e-13)
    np.testing.assert_allclose(shifted[2], exact[2], atol=1e-5)


@pytest.mark.parametrize("name", ["landau", "two_stream", "inhomogeneous"])
def test_background_is_neutral_and_velocities_suffice(vlasov, name):
    case = vlasov.CASES[name]
    f0 = vlasov.background(case, 128, 128)
    np.testing.assert_allclose(f0.sum(axis=1) * 2 * case.v_max / 128, 1,
                               rtol=1e-6)
    *_, f = vlasov.simulate(case, 256, 256, 400, 0.1, 400,
                            np.random.default_rng(0))
    assert np.abs(f[:, 0]).max() < 1e-7
    assert f.min() > -0.2  # splines undershoot in filaments
    assert -f[f < 0].sum() < 0.01 * f.sum()


def test_two_stream_has_an_eigengap_at_ten(vlasov):
    case = vlasov.CASES["two_stream"]
    f0 = vlasov.background(case, 256, 256)
    C = sum((f - f0).T @ (f - f0) for f in vlasov.simulate(
        case, 256, 256, 400, 0.1, 5, np.random.default_rng(0)))
    eigenvalues = np.linalg.eigvalsh(C)[::-1]
    assert eigenvalues[10] < 0.95 * eigenvalues[9]
    assert eigenvalues[20] < 0.8 * eigenvalues[9]


# The dataset

@pytest.fixture
def get_field(vlasov, tmp_path):
    """Field of a small dataset, as benchopt gets it."""
    vlasov.Dataset.folder = staticmethod(lambda: tmp_path)

    def get_field(base_seed=0, **parameters):
        dataset = vlasov.Dataset.get_instance(
            n_x=16, n_v=32, n_snapshots=8, **parameters)
        RunContext().set_run_context("objective", dataset, "solver",
                                     repetition=0, base_seed=base_seed)
        return dataset.field()

    return get_field


def read(field):
    with h5py.File(field.path) as file:
        return file["field"][:], file["axes/v"][:]


def test_same_seed_same_bits(get_field):
    field = get_field(base_seed=0)
    first, _ = read(field)
    field.path.unlink()
    np.testing.assert_array_equal(read(get_field(base_seed=0))[0], first)
    assert not np.array_equal(read(get_field(base_seed=1))[0], first)


@pytest.mark.parametrize("case", ["landau", "two_stream", "inhomogeneous"])
def test_field_holds_anomalies(vlasov, get_field, case):
    anomalies, v = read(get_field(case=case))
    assert anomalies.shape == (8, 16, 32)
    # At t = 0 only the waves differ from the background ...
    f0 = vlasov.background(vlasov.CASES[case], 16, 32)
    waves = (anomalies[0] / f0)[:, np.argmin(np.abs(v - 2))]
    np.testing.assert_allclose(anomalies[0], waves[:, None] * f0, atol=1e-9)
    assert 0 < np.abs(waves).max() < 0.03
    # ... and mass is conserved, so anomalies have none.
    assert np.abs(anomalies.sum(axis=(1, 2))).max() < 1e-5


def test_ranks_and_partitions_share_one_file(get_field):
    samples = get_field(partition="samples", n_ranks=2)
    features = get_field(partition="features", n_ranks=4, heterogeneity=0.5)
    assert samples.path == features.path
    assert (samples.n_samples, samples.n_features) == (8 * 16, 32)
    assert (features.n_samples, features.n_features) == (8, 16 * 32)
