"""The base class of datasets: parameters, names, realisations, sources."""
import h5py
import numpy as np
import pytest
from conftest import ROOT, get_field, get_instance, load_dataset, load_module

from benchmark_utils.dataset import FieldDataset

# Small fields of every dataset whose physics has random content.
RANDOM = {
    "drift_kinetic": dict(n=12, n_z=4, n_v=16, n_snapshots=3),
    "gray_scott": dict(n=32, patch=8, n_snapshots=2),
    "simulated": dict(n_samples=400, n_features=40),
    "sphere_vorticity": dict(subdivisions=2, n_snapshots=2),
    "template_dataset": {},
    "vlasov_2d2v": dict(n_x=8, n_v=16, n_snapshots=3),
    "vlasov_poisson": dict(n_x=16, n_v=32, n_snapshots=3),
    "vorticity_2d": dict(n=32, patch=8, n_snapshots=2, case="decaying"),
}
CERTAIN = {"burgers", "hdf5_file", "ncep_air", "ukmo_scenarios"}


def read(field):
    with h5py.File(field.path) as file:
        return file["field"][:]


class Plane(FieldDataset):
    """Two axes of space, white noise."""

    name = "plane"
    parameters = {"n": [6]}
    n_space = 2
    background = "none"

    def coordinates(self):
        return [("time", "1", np.arange(3)), ("x", "1", np.arange(self.n)),
                ("y", "1", np.arange(4)), ("v", "1", np.arange(2))]

    def snapshots(self, rng):
        yield rng.standard_normal((3, self.n, 4, 2))


@pytest.fixture
def plane(tmp_path, monkeypatch):
    """A module that holds nothing but the dataset, as get_field wants it."""
    monkeypatch.setattr(Plane, "folder", staticmethod(lambda: tmp_path))

    class Module:
        Dataset = Plane
    return Module


def test_shared_parameters():
    assert list(Plane.parameters) == [
        "n", "n_ranks", "ranks", "partition", "decomposition",
        "heterogeneity", "batch", "realisation"]
    assert Plane.test_parameters == {"partition": ["samples", "features"]}

    class Line(Plane):
        n_space, is_random = 1, False
        parameters = {"n": [6], "batch": [5]}
        partitions = ("features",)
    assert Line.parameters == {
        "n": [6], "batch": [5], "n_ranks": [4], "ranks": ["processes"],
        "partition": ["features"], "heterogeneity": [1.0]}
    assert Line.test_parameters == {"partition": ["features"]}


def test_every_dataset_has_what_makes_sense(benchmark):
    datasets = {dataset.name.replace("-", "_"): dataset
                for dataset in benchmark.get_datasets()}
    assert {name for name, dataset in datasets.items()
            if "realisation" not in dataset.parameters} == CERTAIN
    assert datasets.keys() | {"template_dataset"} == RANDOM.keys() | CERTAIN
    assert {name for name, dataset in datasets.items()
            if "decomposition" not in dataset.parameters} == {
        "burgers", "simulated", "sphere_vorticity", "vlasov_poisson"}


def test_names(benchmark):
    """As before there was a base class; new parameters show if changed."""
    datasets = {each.name: each for each in benchmark.get_datasets()}

    def name(key, **parameters):
        return str(datasets[key].get_instance(**parameters))

    assert name("simulated", n_features=60, n_ranks=2) == \
        "simulated[n_ranks=2,n_features=60]"
    assert name("vlasov-poisson", n_ranks=2) == \
        "vlasov-poisson[case=two_stream,n_ranks=2]"
    assert name("vlasov-2d2v", n_ranks=8, decomposition="blocks",
                heterogeneity=0.5, partition="features") == (
        "vlasov-2d2v[case=two_beams,n_ranks=8,partition=features,"
        "decomposition=blocks,heterogeneity=0.5]")
    assert name("simulated", realisation=1) == "simulated[realisation=1]"


@pytest.mark.parametrize("realisation", [-1, 1.5])
def test_realisations_are_counted(realisation, tmp_path):
    module = load_dataset("simulated", tmp_path)
    field = get_instance(module, realisation=realisation).get_data()["field"]
    assert f"realisation is {realisation}: give a whole number" \
        in field.skip_reason()


@pytest.mark.parametrize("name", RANDOM)
def test_realisations_differ(name, tmp_path):
    module = load_dataset(name, tmp_path)
    first, again, other, seed = (
        get_field(module, base_seed=base_seed, **RANDOM[name],
                  realisation=realisation)
        for base_seed, realisation in [(0, 0), (0, 0), (0, 1), (1, 1)])
    assert first.path == again.path
    contents = [read(field) for field in (first, other, seed)]
    assert all(np.isfinite(values).all() for values in contents)
    for i, j in [(0, 1), (0, 2), (1, 2)]:
        assert not np.array_equal(contents[i], contents[j])
    # Another draw of the same physics, dealt alike.
    assert np.linalg.norm(contents[1]) == pytest.approx(
        np.linalg.norm(contents[0]), rel=0.8)
    assert first.seed == other.seed != seed.seed


def test_realisation_0_is_the_seed(plane):
    field = get_field(plane)
    rng = np.random.default_rng(field.seed)
    np.testing.assert_array_equal(
        read(field), rng.standard_normal((3, 6, 4, 2)).astype("float32"))


def test_one_file_for_every_split(plane):
    first = get_field(plane)
    for split in (dict(n_ranks=2), dict(partition="features"),
                  dict(decomposition="blocks"), dict(heterogeneity=0.5),
                  dict(batch=2)):
        field = get_field(plane, **split)
        assert field.path == first.path
        for key, value in split.items():
            assert getattr(field, key) == value
    assert get_field(plane, n=8).path != first.path


def test_the_own_file_and_declared_sources_count(tmp_path, monkeypatch):
    """Editing either, or a constant, computes the field again."""
    text = (ROOT / "datasets" / "template_dataset.py").read_text()
    own = tmp_path / "my_wave.py"

    def path(text, sources=()):
        own.write_text(text)
        module = load_module(own)
        module.Dataset.folder = staticmethod(lambda: tmp_path)
        module.Dataset.sources = sources
        return get_field(module).path

    first = path(text)
    assert path(text) == first
    assert path(text.replace("-2 * v**2", "-3 * v**2")) != first
    assert path("FACTOR = 2\n" + text) != first
    assert path(text, (load_dataset,)) != first


def test_physics_modules_are_declared():
    """What a dataset imports of them is among its sources."""
    for file in (ROOT / "datasets").glob("*.py"):
        module = load_module(file)
        declared = {getattr(source, "__module__", source.__name__)
                    for source in module.Dataset.sources}
        used = {value.__module__ for value in vars(module).values()
                if getattr(value, "__module__", "").startswith(
                    "benchmark_utils.fields.physics")}
        assert used <= declared, file


@pytest.mark.parametrize("attribute", ["dtype", "rank_weights",
                                       "background"])
def test_parameters_with_the_name_of_an_attribute(attribute):
    """benchopt would silently keep the attribute."""
    with pytest.raises(TypeError, match="rename the parameter"):
        class Wrong(Plane):
            parameters = {attribute: ["float64"]}


def test_a_dataset_without_snapshots():
    class Empty(FieldDataset):
        name = "empty"

        def coordinates(self):
            return []

    with pytest.raises(TypeError, match="snapshots"):
        Empty.get_instance()


def test_unknown_partition(plane):
    with pytest.raises(ValueError, match="choose samples or features"):
        get_field(plane, partition="rows")
