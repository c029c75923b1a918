"""Compressors as a user runs them: own, the template, the page."""
import sys

import numpy as np
import pandas as pd
import pytest
from benchopt.results import read_results
from conftest import BENCHMARK, COMPRESSORS, benchopt, first_options
from test_benchopt import code_block
from test_review import nodes, parsed, words

from benchmark_utils.results.rates import archives, at_error
from benchmark_utils.scoring.field_errors import STORED

DATA = "vlasov-poisson[case=two_stream,n_x=64,n_v=48,n_snapshots=12," \
    "batch=4,n_ranks=2]"


@pytest.fixture(scope="module")
def stored(copy, tmp_path_factory):
    """Results of a run of everything that stores a field, and its page."""
    own = tmp_path_factory.mktemp("elsewhere") / "my_compressor.py"
    own.write_text(code_block("docs/own_method.rst", "Compressors"))
    done = benchopt(
        copy, "run", ".", "-d", DATA, "-s", str(own),
        "-s", "solvers/template_compressor.py", "-s", "gram-eigh",
        "-s", "wavelet", "-s", "lossless",
        "-o", "Distributed PCA[n_components=[2,6]]", "--output", "stored",
        "--no-display", "-n", "100")
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = copy / "outputs"
    page = next(outputs.glob("*_stored.html")).read_text()
    return read_results(outputs / "stored.parquet"), page


def test_all_are_on_the_page(stored):
    results, page = stored
    dataset, = set(results["dataset_name"])
    table = archives(results, dataset)
    own = {"my-compressor", "template-compressor", "gram-eigh"}
    assert set(table["method"]) == own | {"wavelet", "lossless"}
    plots = {plot.name: plot for plot in BENCHMARK.get_plots()}
    options = first_options(plots["rate_distortion"], results) \
        | dict(dataset=dataset)
    for error in plots["rate_distortion"].options["error"]:
        traces = plots["rate_distortion"].plot(
            results, **options | dict(error=error))
        assert {trace["label"] for trace in traces} > own | {"wavelet"}
        for trace in traces:
            assert len(trace["x"]) == len(trace["y"]) > 1
            assert np.isfinite([*trace["x"], *trace["y"]]).all()
    assert any(label["label"].startswith("lossless") for label in traces)
    for at in plots["compressors"].options["at"]:
        rows = plots["compressors"].plot(results, dataset, at)
        assert len(rows) == len(own) + 2
        if at == "1e-2":
            assert rows[0][0].strip() == "1. wavelet"
    for name in own:
        assert name in page


def test_what_is_stored(stored):
    """The columns of STORED; lossless loses nothing; more k, less error."""
    results, _ = stored
    table = archives(results, results["dataset_name"].iloc[0])
    assert set(STORED) < set(table)
    assert table[list(STORED)].notna().all(axis=None)
    lossless = table[table["method"] == "lossless"]
    assert (lossless["field_error"] == 0).all()
    assert (lossless["bits_per_value"] < 32).all()
    pca = table[table["method"] == "gram-eigh"]
    assert len(pca) == 4  # of 2 and 6 components, and their first 1 and 5
    assert pca["bits_per_value"].is_monotonic_increasing
    assert pca["field_error"].is_monotonic_decreasing
    assert (pca["output_bytes"] > pca["stored_bytes"]).all()
    codecs = table[table["method"] != "gram-eigh"]
    assert (table["worst_domain_field_error"] >= table["field_error"]).all()
    assert (codecs["encode_s_per_gb"] > 0).all()


def test_interpolation():
    """Along bits = 1 / error, up to a quarter of a decade outside."""
    error = np.array([1e-1, 1e-2, 1e-3])
    points = pd.DataFrame(dict(field_error=error, bits_per_value=1 / error,
                               moment_error=np.nan))
    for goal in 3e-2, 1e-2, 0.17, 6e-4:
        assert at_error(points, goal, "bits_per_value") == pytest.approx(
            1 / goal)
    for goal in 0.19, 5e-4:
        assert np.isnan(at_error(points, goal, "bits_per_value"))
    assert np.isnan(at_error(points, 1e-2, "moment_error"))
    assert np.isnan(at_error(points[:1], 5e-2, "bits_per_value"))
    assert at_error(points[:1], 1e-1, "bits_per_value") == pytest.approx(10)


def test_bits_that_keep_the_moments_too():
    """At the larger of both errors; none where moments are not known."""
    plot = next(plot for plot in BENCHMARK.get_plots()
                if plot.name == "compressors")
    known = sys.modules[plot.__module__].known
    error = np.array([1e-1, 1e-2, 1e-3])
    points = pd.DataFrame(dict(field_error=error, bits_per_value=1 / error,
                               moment_error=10 * error))
    both = known(points, "moments too")
    assert at_error(both, 1e-2, "bits_per_value") == pytest.approx(1e3)
    assert known(points, "bits") is points
    unknown = known(points.assign(moment_error=np.nan), "moments too")
    assert np.isnan(at_error(unknown, 1e-2, "bits_per_value"))


def test_table_of_compressors():
    section = next(
        section for section in nodes(parsed("compression.rst"), "section")
        if section[0].astext() == "Compressors")
    table = {}
    for row in nodes(nodes(section, "tbody")[0], "row"):
        name, knob, *_ = map(words, row)
        table[name] = knob
    assert table == {
        name: next(iter(solver.parameters), "none")
        for name, solver in COMPRESSORS.items()}
