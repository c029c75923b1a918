"""The planted subspace is the one that PCA finds."""
import sys

import h5py
import numpy as np
import pytest
from benchopt.utils.run_context import RunContext
from conftest import BENCHMARK

from benchmark_utils.fields.difficulty import load_difficulty
from benchmark_utils.fields.reference import load_reference

Simulated = next(dataset for dataset in BENCHMARK.get_datasets()
                 if dataset.name == "simulated")


def get_field(tmp_path, monkeypatch, **parameters):
    monkeypatch.setattr(Simulated, "folder", staticmethod(lambda: tmp_path))
    dataset = Simulated.get_instance(
        **{key: values[0] for key, values in Simulated.parameters.items()}
        | parameters)
    RunContext(base_seed="0", dataset_name=str(dataset)).attach(
        None, dataset, None)
    return dataset.field()


def planted_error(field, planted, n_features):
    """Sine of the largest angle between what is planted and what is found."""
    basis, _ = sys.modules[Simulated.__module__].draw_directions(
        field.n_ranks, n_features, planted, np.random.default_rng(field.seed))
    load_reference(field)
    with h5py.File(field.reference_path) as file:
        found = file["basis"][:, :planted]
    return np.linalg.norm(found - basis @ (basis.T @ found), 2)


def relative_gap(field, k=10):
    values = load_reference(field).eigenvalues
    return 1 - values[k] / values[k - 1]


@pytest.mark.parametrize("partition", ["samples", "features"])
@pytest.mark.parametrize("rank_specific", [0.0, 1.0, 3.0])
def test_gap_is_where_it_was_planted(rank_specific, partition, tmp_path,
                                     monkeypatch):
    field = get_field(tmp_path, monkeypatch, partition=partition,
                      rank_specific=rank_specific)
    assert relative_gap(field) == pytest.approx(0.5, abs=0.12)
    others = [relative_gap(field, k) for k in range(11, 20)]
    assert max(others) < 0.3


def test_spiked_sets_of_the_literature(tmp_path, monkeypatch):
    """d = 200, 16 ranks of 400 rows, five variances 0.8 ** j."""
    ratios = []
    for rank_specific in (0.0, 1.0, 3.0):
        field = get_field(
            tmp_path, monkeypatch, n_ranks=16, n_samples=6400, planted=5,
            eigengap=None, rank_specific=rank_specific)
        ratios.append(1 - relative_gap(field, 5))
    assert ratios == pytest.approx([0.06, 0.35, 0.9], abs=0.09)


def test_heterogeneity_comes_from_the_knobs(tmp_path, monkeypatch):
    def distance(**knobs):
        field = get_field(tmp_path, monkeypatch, n_samples=8000, decay=1.0,
                          **knobs)
        return load_difficulty(field, 10)["covariance_distance"]

    alike = distance(rank_specific=0.0)
    domain = distance(rank_specific=3.0)
    half = distance(rank_specific=3.0, heterogeneity=0.5)
    dealt = distance(rank_specific=3.0, heterogeneity=0.0)
    assert domain > 2 * alike
    assert dealt < half < domain
    assert dealt < 0.5 * domain


def test_imbalance(tmp_path, monkeypatch):
    field = get_field(tmp_path, monkeypatch, imbalance=4.0)
    sizes = [len(field.cells(rank)) for rank in range(4)]
    assert sum(sizes) == 80
    assert sizes[0] / sizes[-1] == pytest.approx(4, rel=0.2)
    assert relative_gap(field) == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("profile, decay, ratios", [
    ("exponential", 0.5, [1, 0.5, 0.25, 0.125]),
    ("polynomial", 2.0, [1, 1 / 4, 1 / 9, 1 / 16]),
    ("step", 0.2, [1, 1, 0.2, 0.2]),
    ("step", 1.0, [1, 1, 1, 1]),
])
@pytest.mark.parametrize("knobs", [
    dict(), dict(rank_specific=3.0),
    dict(last_rank_energy=1e-6, imbalance=3.0)])
def test_profiles(profile, decay, ratios, knobs, tmp_path, monkeypatch):
    """The variances are as told, and those of the leading subspace."""
    field = get_field(tmp_path, monkeypatch, n_samples=8000, n_features=60,
                      planted=4, profile=profile, decay=decay, **knobs)
    values = load_reference(field).eigenvalues
    assert relative_gap(field, 4) == pytest.approx(0.5, abs=0.15)
    np.testing.assert_allclose(values[:4] / values[0], ratios, rtol=0.15)
    assert planted_error(field, 4, 60) < 0.2


@pytest.mark.parametrize("partition", ["samples", "features"])
def test_nearly_dead_rank(partition, tmp_path, monkeypatch):
    alive, dead = (load_difficulty(get_field(
        tmp_path, monkeypatch, partition=partition, **knobs), 10)
        for knobs in ({}, {"last_rank_energy": 1e-6}))
    assert alive["energy_ratio"] < 1.1
    assert dead["energy_ratio"] == pytest.approx(1e6, rel=0.1)
    assert dead["energy_ratio_floor"] < 1.5
    assert dead["covariance_distance"] > 2 * alive["covariance_distance"]
    assert dead["eigengap"] == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("knobs", [
    {}, {"last_rank_energy": 1e-6}, {"profile": "polynomial"},
    {"profile": "step", "decay": 0.3}])
def test_guard_is_tight(knobs, tmp_path, monkeypatch):
    """What it refuses is wrong indeed, what it lets pass is right."""
    module = sys.modules[Simulated.__module__]
    draw = {"n_samples": 8000, "planted": 4, "n_features": 60,
            "eigengap": None} | knobs
    with monkeypatch.context() as patch:
        right = get_field(tmp_path, patch, **draw, rank_specific=0.3)
        with pytest.raises(ValueError, match="not the leading one"):
            get_field(tmp_path, patch, **draw, rank_specific=4.0)
        # Without the guard: the same data, wrong subspace.
        patch.setattr(module, "variances",
                      lambda profile, *others: profile)
        wrong = get_field(tmp_path, patch, **draw, rank_specific=4.0)
    assert planted_error(right, 4, 60) < 0.3
    assert planted_error(wrong, 4, 60) > 0.9


@pytest.mark.parametrize("parameters, message", [
    ({"eigengap": None, "rank_specific": 5.0}, "not the leading one"),
    ({"profile": "polynomial", "decay": 2.0, "eigengap": None},
     "not the leading one"),
    ({"profile": "flat"}, "not one of exponential, polynomial, step"),
    ({"n_samples": 1601}, "not a multiple of n_steps"),
])
def test_refused_settings(parameters, message, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=message):
        get_field(tmp_path, monkeypatch, **parameters)
