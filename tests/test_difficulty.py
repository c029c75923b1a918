"""Difficulty of fields: against numpy, known answers, the knob, the page."""
import importlib.util
import re
from copy import copy

import h5py
import numpy as np
import pytest
from conftest import ROOT, get_field, load_dataset, spectrum_array
from scipy.linalg import subspace_angles

from benchmark_utils.fields import difficulty, reading
from benchmark_utils.fields.difficulty import MEASURES, load_difficulty

K = 3


def leading(A, k=K):
    return np.linalg.svd(A, full_matrices=False)[2][:k].T


def mean_squared_sine(U, V):
    return np.mean(np.sin(subspace_angles(U, V)) ** 2)


def expected(field):
    """All measures, from the whole matrix by singular value decompositions."""
    with h5py.File(field.path) as file:
        X = file["field"][:].astype(float).reshape(
            field.n_samples, field.n_features)

    def split(field):
        owners = field.owners()
        if field.partition == "samples":
            return [X[np.tile(owners, field.n_steps) == rank]
                    for rank in range(field.n_ranks)]
        return [X[:, field.columns(rank)].T for rank in range(field.n_ranks)]

    def differences(parts):
        whole = np.concatenate(parts)
        C = whole.T @ whole / len(whole)
        return [np.mean([np.linalg.norm(A.T @ A / len(A) - C, 2)
                         for A in parts]) / np.linalg.norm(C, 2),
                np.mean([mean_squared_sine(leading(A), leading(whole))
                         for A in parts]),
                np.ptp(np.log([(A ** 2).sum() / len(A) for A in parts]))]

    def cut(A):
        _, s, V = np.linalg.svd(A, full_matrices=False)
        return (V[:4 * K].T * s[:4 * K]**2) @ V[:4 * K]

    whole = np.concatenate(split(field))
    missed = whole.T @ whole - sum(map(cut, split(field)))
    values, V = np.linalg.eigh(whole.T @ whole)
    outside = V[:, :-K]
    nu = np.linalg.eigvals(np.linalg.solve(
        np.diag(values[-K] - values[:-K]),
        outside.T @ missed @ outside)).real.max()
    dealt = copy(field)
    dealt.heterogeneity = 0.0
    here, floor = differences(split(field)), differences(split(dealt))
    variances = np.linalg.svd(X, compute_uv=False) ** 2
    shares = variances[variances > 0] / variances.sum()
    steps = np.arange(len(X)) // (len(X) // field.n_steps)
    third = field.n_steps // 3
    return {
        "eigengap": 1 - variances[K] / variances[K - 1],
        "model_error": np.linalg.norm(missed, 2) / values[-K],
        "contraction": nu / (1 + nu),
        "effective_rank": np.prod(shares ** -shares),
        "covariance_distance": here[0],
        "covariance_distance_floor": floor[0],
        "subspace_distance": here[1],
        "subspace_distance_floor": floor[1],
        "energy_ratio": np.exp(here[2]),
        "energy_ratio_floor": np.exp(floor[2]),
        "drift": mean_squared_sine(
            leading(X[steps < third]),
            leading(X[steps >= field.n_steps - third]))}


SPLITS = [
    dict(n_ranks=1), dict(n_ranks=3), dict(n_ranks=4, weights=(8, 4, 2, 1)),
    dict(n_ranks=2, heterogeneity=0.5, seed=7), dict(n_ranks=3, batch=5)]


@pytest.mark.parametrize("partition", ["samples", "features"])
@pytest.mark.parametrize("split", SPLITS)
def test_measures_are_those_of_numpy(split, partition, make_field,
                                     monkeypatch):
    """In one piece and streamed in small blocks."""
    array = spectrum_array(20, 30, 6)
    field = make_field(array, partition=partition, **split)
    exact = expected(field)
    assert load_difficulty(field, K) == pytest.approx(exact, abs=1e-12)
    monkeypatch.setattr(reading, "BLOCK_BYTES", 4000)
    assert difficulty._measure(field, K) == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("partition", ["samples", "features"])
def test_blocks(partition, make_field):
    array = np.random.default_rng(1).standard_normal((12, 6, 8, 5)) \
        * np.geomspace(1, 3, 8)[:, None]
    field = make_field(array, n_space=2, n_ranks=4, partition=partition,
                       decomposition="blocks")
    assert load_difficulty(field, K) == pytest.approx(expected(field))


@pytest.mark.parametrize("partition", ["samples", "features"])
def test_long_shared_axis(partition, make_field, monkeypatch):
    """Reduced to a few directions; what they miss is small here."""
    array = spectrum_array(12, 40, 60, decay=0.8)
    if partition == "features":
        array = array.reshape(-1, 60).T.reshape(60, 40, 12)
    field = make_field(array, n_ranks=3, partition=partition)
    exact = expected(field)
    monkeypatch.setattr(difficulty, "MAX_SHARED", 50)
    monkeypatch.setattr(difficulty, "N_DIRECTIONS", 25)
    measured = load_difficulty(field, K)
    assert measured == pytest.approx(exact, rel=0.02)
    assert measured != pytest.approx(exact, rel=1e-9)
    assert measured["effective_rank"] < exact["effective_rank"]


# Known answers

def test_ranks_that_are_alike(make_field):
    block = spectrum_array(15, 8, 5)
    measured = load_difficulty(
        make_field(np.tile(block, (1, 3, 1)), n_ranks=3), K)
    for key in ("covariance_distance", "subspace_distance"):
        assert measured[key] == pytest.approx(0, abs=1e-12)
    assert measured["energy_ratio"] == pytest.approx(1)
    assert measured["covariance_distance_floor"] > 0.01


def test_ranks_that_see_different_directions(make_field):
    """Three equal directions each, none in common; half of them are found."""
    array = np.zeros((1, 6, 6))
    array[0] = np.eye(6)
    measured = load_difficulty(make_field(array, n_ranks=2), 3)
    assert measured["effective_rank"] == pytest.approx(6)
    assert measured["eigengap"] == pytest.approx(0)
    # C = I / 6, C_r = I / 3 on half of the axis.
    assert measured["covariance_distance"] == pytest.approx(1)


@pytest.mark.parametrize("partition", ["samples", "features"])
def test_dead_rank(partition, make_field):
    array = spectrum_array(12, 12, 4)
    array[:, 8:] = 0
    measured = load_difficulty(
        make_field(array, n_ranks=3, partition=partition), K)
    assert measured["energy_ratio"] == np.inf
    assert 1 / 3 < measured["subspace_distance"] < 1
    assert np.isfinite([value for key, value in measured.items()
                        if key != "energy_ratio"]).all()


@pytest.mark.parametrize("partition", ["samples", "features"])
def test_drift(partition, make_field):
    """From directions to others, or along the same ones."""
    rng = np.random.default_rng(0)
    early, late = np.zeros((2, 9, 4, 6))
    early[..., :3] = rng.standard_normal((9, 4, 3))
    late[..., 3:] = rng.standard_normal((9, 4, 3))
    turned = make_field(np.concatenate([early, late]), n_ranks=2,
                        partition=partition)
    still = make_field(np.concatenate([early] * 3), n_ranks=2,
                       partition=partition)
    assert load_difficulty(turned, K)["drift"] == pytest.approx(1)
    assert load_difficulty(still, K)["drift"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("n_steps", [1, 2, 4])
def test_few_steps(n_steps, make_field):
    """Thirds of one step, of lower rank than k under ``features``."""
    for partition in ("samples", "features"):
        field = make_field(spectrum_array(n_steps, 9, 4), n_ranks=2,
                           partition=partition)
        measured = load_difficulty(field, min(K, n_steps))
        assert np.isfinite(list(measured.values())).all()
        assert (measured["drift"] < 1e-12) == (n_steps == 1)


def test_too_many_components(make_field):
    with pytest.raises(ValueError, match="7 is more than the rank 5"):
        load_difficulty(make_field(spectrum_array(9, 8, 5), n_ranks=2), 7)


# The file and the results

def test_computed_once_for_every_split(make_field, monkeypatch):
    calls = []
    measure = difficulty._measure
    monkeypatch.setattr(difficulty, "_measure", lambda *args: (
        calls.append(1), measure(*args))[1])
    array = spectrum_array(9, 12, 5)
    field = make_field(array, n_ranks=2)
    first = load_difficulty(field, K)
    assert load_difficulty(make_field(array, n_ranks=2, batch=3), K) == first
    assert len(calls) == 1
    others = [dict(n_ranks=3), dict(partition="features"), dict(seed=1),
              dict(heterogeneity=0.5), dict(weights=(2, 1))]
    for split in others:
        load_difficulty(make_field(array, **dict(n_ranks=2) | split), K)
    load_difficulty(field, K - 1)
    assert len(calls) == 2 + len(others)
    stored = [path for path in field.path.parent.iterdir()
              if path not in (field.path, field.reference_path)]
    for path in stored:
        path.write_bytes(path.read_bytes()[:100])
    assert load_difficulty(field, K) == first


def test_results_have_the_measures(benchmark, make_field):
    objective = benchmark.get_benchmark_objective().get_instance(
        n_components=K)
    field = make_field(spectrum_array(9, 12, 5), n_ranks=2)
    objective.set_data(field)
    row = objective.evaluate_result(**objective.get_one_result())
    assert {key.removeprefix("field_"): value for key, value in row.items()
            if key.startswith("field_")} == load_difficulty(field, K)
    assert list(MEASURES) == list(load_difficulty(field, K))


# The knob, on a plasma whose domains differ

@pytest.fixture(scope="module")
def covariance_distance(tmp_path_factory):
    """Mean over five dealings, as a function of the knob."""
    plasma = get_field(
        load_dataset("vlasov_poisson", tmp_path_factory.mktemp("knob")),
        case="inhomogeneous", n_x=512, n_v=64)

    def distance(heterogeneity):
        distances = []
        for seed in range(5):
            field = copy(plasma)
            field.heterogeneity, field.seed = heterogeneity, seed
            distances.append(load_difficulty(field, 8)["covariance_distance"])
        return np.mean(distances)
    return distance


def nonlinearity(distance):
    """Largest deviation of the distance from h times that of the domains.

    Not near h = 0, where the floor of the dealt cells is reached.
    """
    domain = distance(1.0)
    assert distance(0.0) < 0.1 * domain
    return max(abs(distance(h) / (h * domain) - 1) for h in (0.25, 0.5, 0.75))


def test_distance_is_linear_in_heterogeneity(covariance_distance):
    """Within 15 %."""
    assert nonlinearity(covariance_distance) < 0.15


def test_another_knob_is_not_linear(covariance_distance):
    for power in (0.5, 2):
        assert nonlinearity(
            lambda h, power=power: covariance_distance(h ** power)) > 0.15


# The page of the documentation

@pytest.fixture(scope="module")
def script():
    path = ROOT / "examples" / "difficulty.py"
    spec = importlib.util.spec_from_file_location("docs_difficulty", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def generated(part):
    page = (ROOT / "docs" / "datasets.rst").read_text()
    return page.split(f".. begin {part}\n\n")[1].split(
        f"\n\n.. end {part}\n")[0]


def rows_of_the_page():
    """First two columns -> the others."""
    lines = generated("difficulty").splitlines()
    rows = [re.split("  +", line) for line in lines]
    return {tuple(row[:2]): row[2:] for row in rows if row[0][:2] == "``"}


def test_page_is_complete(script, benchmark):
    """Run examples/difficulty.py if this fails."""
    assert generated("measures") == script.measures()
    rows = rows_of_the_page()
    assert list(rows) == [tuple(script.row(*field))
                          for field in script.fields()]
    assert generated("difficulty") == script.table(
        [[*field, *figures] for field, figures in rows.items()])
    page = (ROOT / "docs" / "datasets.rst").read_text()
    for dataset in benchmark.get_datasets():
        assert f"\n``{dataset.name}``\n---" in page


@pytest.mark.parametrize("name, parameters", [
    ("simulated", {"partition": "samples"}),
    ("simulated", {"partition": "features"}),
    ("ukmo-scenarios", {"case": "a1b", "partition": "features"})])
def test_figures_of_the_page(name, parameters, script, tmp_path):
    """Three digits of a field that is quick."""
    dataset = load_dataset(name.replace("-", "_"), tmp_path).Dataset
    shown = rows_of_the_page()[tuple(script.row(dataset, parameters))]
    measured = script.texts(dataset, parameters)
    numbers = [[float(word.strip("()")) for text in texts
                for word in text.split()] for texts in (shown, measured)]
    np.testing.assert_allclose(*numbers, rtol=0.02)
    assert len(numbers[0]) == len(MEASURES)
