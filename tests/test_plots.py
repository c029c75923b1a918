"""The dashboard: every option on results of a real run, the page, colours."""
import json
import re
import subprocess
import sys
from base64 import b64decode
from copy import deepcopy
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from benchopt.plotting.helpers import update_plot_data_style
from conftest import (
    CONFIG,
    DATASET,
    LIBRARIES,
    OBJECTIVE,
    ROOT,
    SOLVERS,
    ending,
    first_options,
)
from PIL import Image

from benchmark_utils.fields.difficulty import MEASURES
from benchmark_utils.results.page import compressed, stored_once
from benchmark_utils.results.style import COLOURS, colour
from benchmark_utils.results.text import readable_bytes
from benchmark_utils.scoring.metrics import METRICS, subspace_bytes

IN_THE_LAST_ROW = {"modes", "rate_distortion", "compressors"}


def traces(plot, results, **options):
    return {trace["label"]: trace for trace in plot.plot(
        results, **first_options(plot, results) | options)}


def visible(cell):
    """Text of a cell without its blanks and invisible characters."""
    return cell.replace("\u2060", "").strip(" \u2007*")


@pytest.fixture(scope="module")
def drawn(benchmark, results):
    """Every picture of the page by kind, and the options of the kinds."""
    return benchmark.get_plot_data(results, CONFIG["plots"])


def test_every_option_gives_a_picture(drawn):
    kinds, _ = drawn
    pictures = {name: picture for combinations in kinds.values()
                for name, picture in combinations.items()}
    assert len(kinds) == len(CONFIG["plots"]) and len(pictures) > 50
    for name, picture in pictures.items():
        if "moment error" in name:  # of kinetic fields only
            continue
        n_pictures = {"domains": 2, "modes": 3, "difficulty": 1, "stream": 2}
        assert len(picture["data"]) >= n_pictures.get(
            name.split("_")[0], 6), name
        if picture["type"] == "table":
            assert {len(row) for row in picture["data"]} \
                == {len(picture["columns"])}
        if picture["type"] == "bar_chart":
            assert all(np.min(bar["y"]) > 0 and np.isfinite(bar["y"]).all()
                       for bar in picture["data"])
        if picture["type"] != "scatter":
            continue
        for trace in picture["data"]:
            values = [value for key, value in trace.items()
                      if key[:2] in ("x", "y", "x_", "y_")]
            assert {len(value) for value in values} == {len(trace["x"])}
            assert np.isfinite(values).all()
            assert min([1, *trace["x"], *trace["y"]]) > 0
        assert any(trace["x"] for trace in picture["data"])


def test_pictures_fit_into_a_page(drawn):
    kinds, options = drawn
    json.dumps(update_plot_data_style(kinds), allow_nan=False)
    for choices in options.values():
        for values in choices.values():
            assert not set('<>&"') & set("".join(map(str, values)))


def test_a_page_stores_what_is_shared_once(drawn):
    kinds = {kind: drawn[0][kind] for kind in (
        "error_vs_communication", "cost_to_accuracy", "summary")}
    before = len(json.dumps(kinds))
    stored = stored_once(deepcopy(kinds))
    once = json.loads(stored["once"])

    def read(place):  # as page.js does
        keys, *values = once[place]
        return dict(zip(once[keys], map(once.__getitem__, values),
                        strict=True))

    for kind in "error_vs_communication", "cost_to_accuracy":
        for name, picture in kinds[kind].items():
            again = read(stored[kind][name])
            again["data"] = [read(trace) for trace in again["data"]]
            for trace, same in zip(picture.pop("data"), again.pop("data"),
                                   strict=True):
                numbers = {key: pytest.approx(value, rel=1e-3)
                           for key, value in trace.items()
                           if isinstance(value, list)}
                assert same == trace | numbers
            assert again == picture
    assert stored["summary"] == kinds["summary"]
    assert len(set(map(json.dumps, once))) == len(once)
    assert len(json.dumps(stored)) < before / 2


def test_animations_are_compressed_without_loss():
    """Also how long a frame stays, and a single picture."""
    shades = [0.2, 0.2, 0.8]
    frames = [np.full((9, 7, 3), shade) for shade in shades]
    for image, durations in (frames, [400, 200]), (frames[0], [0]):
        with Image.open(BytesIO(b64decode(
                compressed(image).split(",")[1]))) as stored:
            assert stored.format == "WEBP"
            assert stored.n_frames == len(durations)
            for number, duration in enumerate(durations):
                stored.seek(number)
                np.testing.assert_array_equal(
                    stored.convert("RGB"), int(255 * (0.8 if number else 0.2)))
                if len(durations) > 1:
                    assert stored.info["duration"] == duration


@pytest.mark.parametrize("query", [
    "stop_val < 0", "stop_val == 0", "stop_val == 1",
    "stop_val == 1 and idx_rep == 0"])
def test_little_data_is_fine(plots, results, query):
    few = results.query(query)
    for name, plot in plots.items():
        if name in IN_THE_LAST_ROW or few.empty and any(
                map(callable, plot.options.values())):
            continue  # no data, no options
        shown = plot.plot(few, **first_options(plot, results))
        expected = len(few) if name == "difficulty" \
            else (few["stop_val"] > 0).any()
        assert bool(shown) == bool(expected), name
        assert plot.get_metadata(few, **first_options(plot, results))["title"]


def reference_lines(plot, results, **options):
    return {label.split(":")[0]: trace for label, trace in traces(
        plot, results, **options).items() if trace["color"] in (
            "#999999", "#444444")}


def test_a_basis_and_everything(plots, results):
    """Two ranks: one must be brought 60 x 10 numbers of 8 bytes."""
    plot = plots["error_vs_communication"]
    lines = reference_lines(plot, results)
    assert lines["one float64 basis per rank"]["x"] == [4800, 4800]
    assert lines["send all raw data"]["x"][0] == results.query(
        "solver_name == 'gather-all'")["objective_comm_bytes"].max()
    ratio = METRICS["comm_floor_ratio"].label
    assert traces(plot, results, cost=ratio)[
        "one float64 basis per rank: 1"]["x"] == [1, 1]
    on_four = results.assign(objective_n_ranks=4)
    for cost, sent in ("bytes, all ranks", 3 * 4800), (
            "bytes, busiest rank", 4800):
        lines = reference_lines(plot, on_four, cost=cost)
        assert lines["one float64 basis per rank"]["x"][0] == sent
    hops = METRICS["comm_hops"].label
    assert not reference_lines(plot, results, cost=hops)


def test_no_rank_needs_a_basis_under_features(plots, results):
    """Old results may have a ratio."""
    lines = reference_lines(plots["error_vs_communication"], results.assign(
        objective_partition="features"))
    assert set(lines) == {"send all raw data"}


def test_bytes_of_a_subspace():
    """Three ranks tell, and three are told, 10 (60 - 10) numbers."""
    assert subspace_bytes(0.5, 4, 60, 10) == 2 * 3 * 500 / 8
    assert subspace_bytes(2.0 ** -24, 2, 60, 10) == 2 * 500 * 24 / 8
    assert subspace_bytes(0.5, 1, 60, 10) == 0


def test_reference_for_an_error(plots, results):
    plot = plots["error_vs_communication"]
    [label] = [label for label in traces(plot, results) if "log2" in label]
    line = traces(plot, results)[label]
    assert line["note"].replace("<br>", " ").endswith(
        "a reference, not a proven bound")
    np.testing.assert_allclose(
        line["x"], 125 * np.log2(1 / np.array(line["y"])), rtol=1e-5)
    assert line["y"][0] == 0.1
    assert line["y"][-1] == pytest.approx(results[results["stop_val"] > 0][
        "objective_subspace_error"].min(), rel=1e-5)
    for other in dict(error="excess error"), dict(cost="bytes, busiest rank"):
        assert label not in traces(plot, results, **other)


def test_one_rank_sends_nothing(plots, results):
    silent = ending(results, None).assign(
        objective_comm_bytes=0, objective_comm_floor_ratio=0.0)
    plot = plots["error_vs_communication"]
    assert not traces(plot, silent)
    assert "0 is not shown" in plot.get_metadata(
        silent, **first_options(plot, results))["xlabel"]
    assert {visible(row[2]) for row in plots["summary"].plot(
        silent, DATASET, OBJECTIVE)} == {"0 B", "not reached"}


def test_titles_say_what_varies_and_what_a_band_is(plots, results):
    def title(runs, plot="error_vs_communication"):
        return plots[plot].get_metadata(
            runs, **first_options(plots[plot], results))["title"]

    assert "\nmedian of 3 random starts on one field, band: min to max of " \
        "3; round 0 not shown" in title(results)
    alone = results.query("idx_rep == 0")
    for name in ("error_vs_communication", "error_vs_time", "stream"):
        assert "\none random start; round 0 not shown" in title(alone, name)
        assert len(title(results, name).split("\n")[1]) <= 90
    for name in ("cost_to_accuracy", "summary", "scaling", "heterogeneity"):
        assert "\nmedian of 3 random starts on one field; " in title(
            results, name)
        assert "band" not in title(results, name)
    ten = pd.concat([results.query("idx_rep == 0").assign(idx_rep=number)
                     for number in range(10)])
    assert ", band: 10-90 %; " in title(ten)
    some = pd.concat([ten, alone.assign(solver_name="one-more")])
    assert ", band: 10-90 %, min to max if fewer than 10; " in title(some)


def test_costs_say_that_they_are_interpolated(plots, results):
    for name in ("cost_to_accuracy", "scaling", "heterogeneity", "summary"):
        assert "interpolated in log error" in plots[name].get_metadata(
            results, **first_options(plots[name], results))["title"]


def test_summary(plots, results):
    plot = plots["summary"]
    columns = plot.get_metadata(results, DATASET, OBJECTIVE)["columns"]
    rows = {visible(row[0]).split(". ")[1]: dict(zip(columns, row,
                                                     strict=True))
            for row in plot.plot(results, DATASET, OBJECTIVE)}
    assert list(rows) == sorted(rows, key=lambda name: rows[name]["method"])
    exact = rows["gram-eigh"]
    assert visible(exact["≤ 1e-6"]) == readable_bytes(60 * 61 * 8)
    assert visible(exact["passes"]) == "1"
    assert {name for name, row in rows.items() if row["streams"] == "yes"} \
        == {"gram-eigh", "incremental-svd"}
    for ended, cell in ("method done", "stalls"), (
            "round limit", "> 1 rounds"):
        cells = [visible(row[4]) for row in plot.plot(
            ending(results, ended), DATASET, OBJECTIVE)
            if "rank_factor=1" in row[0]]
        assert cells == [cell]
    # The page sorts texts: blanks in front must put them in order.
    errors = sorted(row["error"] for row in rows.values())
    assert errors == sorted(errors, key=lambda cell: float(visible(cell)))
    best = [row["≤ 1e-1"] for row in rows.values() if "**" in row["≤ 1e-1"]]
    assert best and min(row["≤ 1e-1"] for row in rows.values()) in best
    failed = plot.plot(results.assign(objective_subspace_error=1.0),
                       DATASET, OBJECTIVE)
    assert "**" not in str(failed)


@pytest.mark.parametrize("number, text", [
    (0, "0 B"), (999.4, "999 B"), (999.5, "1 kB"), (122880, "123 kB"),
    (50454552, "50.5 MB"), (2e15, "2e+03 TB")])
def test_readable_bytes(number, text):
    assert readable_bytes(number) == text


def test_difficulty(plots, results):
    plot = plots["difficulty"]
    [row] = plot.plot(results, OBJECTIVE)
    columns = plot.get_metadata(results, OBJECTIVE)["columns"]
    assert columns[0] == "field" and row[0] == DATASET
    assert len(row) == len(columns) == len(set(columns))
    cells = dict(zip(columns, map(visible, row), strict=True))
    measured = {key: results[f"objective_field_{key}"].unique()
                for key in MEASURES}
    for key, values in measured.items():
        assert len(values) == 1, "a field has one difficulty"
        shown = "({:.3g})" if key.endswith("_floor") else "{:.3g}"
        if key in ("model_error", "contraction"):  # in another chart
            assert MEASURES[key].label not in cells
            continue
        cell = cells[MEASURES[key.removesuffix("_floor")].label]
        assert shown.format(values[0]) in cell.split(" ")


def test_all_metrics_are_shown(plots):
    offered = {value for plot in plots.values()
               for values in plot.options.values()
               if isinstance(values, list) for value in values}
    final = sys.modules[type(plots["summary"]).__module__].FINAL
    columns = {column for column, _ in final.values()}
    for key, metric in METRICS.items():
        assert metric.label in offered or f"objective_{key}" in columns, key


@pytest.mark.parametrize("ranks, steps, sent", [
    ("as measured", 1, 9600), ("64", 12, 2 * 63 / 64 * 9600)])
def test_modelled_time(ranks, steps, sent, plots, results):
    """Measured compute time, and an allreduce of 60 x 20 numbers a round."""
    plot, options = plots["error_vs_time"], dict(time="1 GbE", ranks=ranks)
    first = traces(plot, results, **options)["block-power"]["x"][0]
    compute = results.query("solver_name == 'block-power' and stop_val == 1")[
        "objective_path_compute_s"].median()
    assert first - compute == pytest.approx(
        steps * 24e-6 + sent / 117.7e6, rel=1e-4)
    title = plot.get_metadata(
        results, **first_options(plot, results) | options)["title"]
    assert ("modelled on 64 ranks" in title) == (ranks == "64")


def test_what_cannot_be_modelled_is_named(plots, results):
    plot, options = plots["error_vs_time"], dict(time="10 GbE", ranks="1024")
    unknown = results["objective_calls"].where(
        results["solver_name"] != "gram-eigh",
        '[["send", null, 2, 100, 1]]')
    some = results.assign(objective_calls=unknown)
    assert "gram-eigh" not in traces(plot, some, **options)
    assert "not modelled: gram-eigh" in plot.get_metadata(
        some, **first_options(plot, some) | options)["title"]
    assert "gram-eigh" in traces(plot, some, time="10 GbE")
    for accuracy in "≤ 1e-3", "the whole run":
        bars = plots["cost_to_accuracy"].plot(
            some, DATASET, OBJECTIVE, "subspace error", accuracy,
            "time, 10 GbE, 1024 ranks")
        bar, = [bar for bar in bars if "gram-eigh" in bar["label"]]
        assert bar["text"] == "not modelled"


def test_one_colour_per_method(plots, results):
    assert set(SOLVERS) - set(LIBRARIES) <= set(COLOURS)
    assert len(set(COLOURS.values())) == len(COLOURS)
    assert colour("my-method") == colour("my-method[step=2]")
    assert re.fullmatch("#[0-9a-f]{6}", colour("my-method"))
    assert colour("my-method") != colour("your-method")
    for name in ("error_vs_communication", "error_vs_time"):
        shown = traces(plots[name], results)
        one, two = (shown[f"low-rank-merge{parameters}"]
                    for parameters in ("[rank_factor=1]", ""))
        assert one["color"] == two["color"] == COLOURS["low-rank-merge"]
        assert one["marker"] != two["marker"]
        # The tooltip appears where a label is the solver's name.
        assert set(results["solver_name"]) <= set(shown)


def test_views(plots, results):
    assert set(CONFIG) == {"plots", "plot_configs"}
    assert list(CONFIG["plot_configs"]) == [
        "Fewest bytes", "To 1e-3", "Fastest", "Modelled: 1 GbE, 1024 ranks",
        "Error per rank", "Heterogeneity", "One pass", "Modes", "Libraries",
        "Summary", "Compression"]
    for name in plots:  # the page tells options apart by these names
        assert not [other for other in plots
                    if other != name and other.startswith(name)]
    for view in CONFIG["plot_configs"].values():
        kind = view["plot_kind"]
        for key, value in view.items():
            if key.startswith(kind):
                option = key.removeprefix(f"{kind}_")
                assert value in plots[kind].options[option]
        hidden = view.get("table_hidden_columns", [])
        assert set(hidden) <= set(plots["summary"].get_metadata(
            results, DATASET, OBJECTIVE)["columns"])


def test_page(outputs, results):
    page = next(outputs.glob("*_test.html")).read_text()
    for text in (*CONFIG["plots"], *CONFIG["plot_configs"],
                 *results["solver_name"].unique()):
        assert text in page


def test_figure_of_the_readme(outputs, tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "figure.py",
         outputs / "test.parquet", "--dataset", DATASET,
         "--output", tmp_path / "figure.png"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_certified_errors_are_drawn(plots, results):
    """One more curve for every method that proves something, above its own."""
    curves = traces(plots["error_vs_communication"], results)
    certified = {label.removesuffix(", certified") for label in curves
                 if label.endswith(", certified")}
    assert {name.split("[")[0] for name in certified} == {"low-rank-merge"}
    for name in certified:
        error, bound = curves[name], curves[f"{name}, certified"]
        assert error["x"] == bound["x"] and error["color"] == bound["color"]
        assert (np.array(bound["y"]) >= error["y"]).all()
        assert error["marker"] != bound["marker"]
