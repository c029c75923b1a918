"""What archives cost and lose, against the definitions; PCA as an archive."""
import numpy as np
import pytest
from conftest import spectrum_array

from benchmark_utils.fields.geometry import Structure, moments
from benchmark_utils.runtime.world import start_world
from benchmark_utils.scoring.field_errors import STORED, stored_metrics

K = 3


def stored(solver, field, n_rounds, n_components=K, cut=None, **parameters):
    """Metrics of STORED, and the subspace error, at the end of a run."""
    from benchmark_utils.scoring.estimates import evaluate
    defaults = {key: values[0] for key, values in solver.parameters.items()}
    world = start_world(field.n_ranks)
    try:
        world.load(solver.rounds, field, n_components,
                   {**defaults, **parameters}, one_pass=solver.one_pass,
                   yields=solver.yields)
        world.call("advance", n_rounds)
        result = world.call("result")
        metrics = evaluate(field, n_components, **result)
        return metrics | stored_metrics(
            field.n_samples * field.n_features,
            **world.call("stored", cut or n_components)["stored"])
    finally:
        world.close()


def waves(n_steps=12, shape=(24, 40), seed=0):
    """A smooth field with some noise, axes (t, x, v)."""
    rng = np.random.default_rng(seed)
    t, x, v = np.meshgrid(*(np.linspace(0, 1, n)
                            for n in (n_steps, *shape)), indexing="ij")
    field = sum(np.sin(2 * np.pi * (k * x + (5 - k) * v - t) + k) / k
                for k in range(1, 5)) * np.exp(-4 * (v - 0.5) ** 2)
    return field + 1e-3 * rng.standard_normal(field.shape)


@pytest.mark.parametrize("partition", ["samples", "features"])
@pytest.mark.parametrize("k", [2, 5])
def test_pca_as_an_archive(k, partition, solvers, make_field):
    """Rounding adds a tenth to the error of the projection (10 %)."""
    solver = solvers["block-power"]
    array = spectrum_array(40, 60, 24, decay=0.85)
    field = make_field(array, n_ranks=3, partition=partition)
    metrics = stored(solver, field, 60, k)
    assert metrics["field_error"] ** 2 == pytest.approx(
        1.1 * metrics["reconstruction_error"], rel=0.05)
    numbers = k * (field.n_samples + field.n_features)
    assert 0 < metrics["stored_bytes"] < 4 * numbers
    assert metrics["output_bytes"] == (
        metrics["stored_bytes"] + metrics["comm_bytes"])


@pytest.mark.parametrize("partition", ["samples", "features"])
def test_fewer_components(partition, solvers, make_field):
    """The leading ones of many are those that a run of few finds."""
    array = spectrum_array(40, 60, 24, decay=0.7)
    field = make_field(array, n_ranks=3, partition=partition)
    cut, few = (stored(solvers["gather-all"], field, 2, k, 2) for k in (5, 2))
    for key in "stored_bytes", "field_error", "worst_domain_field_error":
        assert cut[key] == pytest.approx(few[key], rel=1e-3), key


def test_the_basis_that_counts_is_the_worst(solvers, make_field):
    """Also of methods whose ranks disagree."""
    field = make_field(spectrum_array(20, 40, 16, decay=0.9), n_ranks=3)
    metrics = stored(solvers["deepca"], field, 3)
    assert metrics["consensus_error"] > 0
    assert metrics["field_error"] ** 2 == pytest.approx(
        1.1 * metrics["reconstruction_error"], rel=0.05)


@pytest.mark.parametrize("partition", ["samples", "features"])
def test_errors_from_their_definitions(partition, make_field):
    """A codec whose error is known: it loses every third column."""
    array, ranks = waves(), 2
    field = make_field(array, n_ranks=ranks, partition=partition,
                       structure=Structure(velocity=("y",)), batch=5)
    lossy = array.copy()
    lossy[..., ::3] = 0
    lossy[10:] = 0  # the last two steps are not stored

    class Loses:
        parameters, one_pass, yields = {}, True, "archive"

        @staticmethod
        def rounds(comm, data, n_components, rng):
            import numpy as np

            from benchmark_utils.compression.archive import Archive

            class Decoder:
                def decode(self, message):
                    return np.frombuffer(message).reshape(
                        -1, *data.geometry.shape)

            archive = Archive(Decoder)
            for X in data.batches():
                kept = data.geometry.array(X).copy()
                kept[..., ::3] = 0
                archive.messages.append(kept.tobytes())
                yield archive

    metrics = stored(Loses, field, 2)
    error, parts = array - lossy, [field.cells(r) for r in range(ranks)]
    norm = np.linalg.norm
    weights = moments([np.arange(40)])
    steps = [np.linalg.norm([norm(np.diff(values[:, part], axis=axis))
                             for part in parts for axis in (1, 2)])
             for values in (error, array)]
    power = np.array([
        [power[..., low:2 * low].sum() for low in (1, 2, 4, 8, 16)]
        for power in (abs(np.fft.rfft(values)) ** 2
                      for values in (lossy, array))])
    power[:, -1] = [abs(np.fft.rfft(values)[..., 16:] ** 2).sum()
                    for values in (lossy, array)]
    expected = dict(
        field_error=norm(error) / norm(array),
        largest_field_error=abs(error).max() / np.ptp(array),
        worst_domain_field_error=max(
            norm(error[:, part]) / norm(array[:, part]) for part in parts),
        gradient_error=steps[0] / steps[1],
        spectrum_error=abs(np.log10(power[0] / power[1])).max(),
        moment_error=max(norm(error @ w) / norm(array @ w)
                         for w in weights.T),
        stored_bytes=8 * 10 * 24 * 40, bits_per_value=64 * 10 / 12)
    for key, value in expected.items():
        assert metrics[key] == pytest.approx(value, rel=1e-6), key
    assert set(STORED) <= set(metrics)
    # The subspace is that of what is read back.
    X = lossy.reshape(-1, 40) if partition == "samples" \
        else lossy.reshape(12, -1)
    own = np.linalg.svd(X, full_matrices=False)[2][:K].T
    true = np.linalg.svd(array.reshape(X.shape),
                         full_matrices=False)[2][:K].T
    sine = norm(own - true @ (true.T @ own), 2)
    assert metrics["subspace_error"] == pytest.approx(sine, rel=1e-6)


@pytest.mark.parametrize("heterogeneity", [1, 0])
def test_geometry(make_field, heterogeneity):
    """Tiles are put together, categories follow the time."""
    plane = np.arange(2 * 3 * 8 * 12).reshape(2, 3, 8, 12)  # t, substance
    cut = plane.reshape(2, 3, 2, 4, 3, 4).transpose(0, 2, 4, 1, 3, 5)
    field = make_field(cut, n_space=2, n_ranks=2, structure=Structure(
        (("x", "u"), ("y", "v")), ("z",)), heterogeneity=heterogeneity)
    for rank in range(2):
        geometry = field.geometry(rank)
        rows = field.reader(rank).read(0, 2)
        array = geometry.array(rows)
        np.testing.assert_array_equal(geometry.rows(array), rows)
        if heterogeneity:
            assert geometry.smooth == (0, 2, 3)
            np.testing.assert_array_equal(
                array, plane[:, :, 4 * rank:4 * rank + 4])
        else:
            assert geometry.shape == (3, 3, 4, 4)
            assert geometry.smooth == (0, 3, 4)


def test_moments():
    """Of a drifting Maxwellian: density, momenta, energy."""
    v, w = np.linspace(-9, 9, 91), np.linspace(-8, 8, 81)
    f = 3 * np.exp(-(v[:, None] - 1) ** 2 / 2 - w ** 2 / 2) / (2 * np.pi)
    np.testing.assert_allclose(
        f.ravel() @ moments([v, w]), [3, 3, 0, 4.5], atol=1e-12)
