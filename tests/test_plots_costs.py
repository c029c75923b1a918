"""Plots of costs: to an accuracy, in the first pass, against heterogeneity."""
import numpy as np
import pandas as pd
import pytest
from conftest import DATASET, OBJECTIVE, ending

from benchmark_utils.results.style import COLOURS
from benchmark_utils.results.text import readable, readable_bytes

LOSSY = "low-rank-merge[rank_factor=1]"


def bars(plots, results, accuracy="≤ 1e-6", cost="bytes, all ranks",
         error="subspace error"):
    return {bar["label"].split(":")[0]: bar for bar
            in plots["cost_to_accuracy"].plot(
                results, DATASET, OBJECTIVE, error, accuracy, cost)}


def test_bars_are_the_bytes_to_an_accuracy(plots, results):
    shown = bars(plots, results)
    exact = shown["gram-eigh"]
    assert exact["label"] == f"gram-eigh: {readable_bytes(60 * 61 * 8)}"
    assert exact["y"] == [60 * 61 * 8] * 3
    assert exact["color"] == COLOURS["gram-eigh"] and "text" not in exact
    assert shown["gather-all"]["y"] == results.query(
        "solver_name == 'gather-all' and stop_val > 0").groupby("idx_rep")[
            "objective_comm_bytes"].min().tolist()
    assert list(shown).index("gram-eigh") < list(shown).index(LOSSY)


def test_a_bar_says_where_a_method_stops(plots, results):
    shown = bars(plots, results)
    stops = results.query(
        "solver_name == @LOSSY and stop_val > 0")["objective_subspace_error"]
    assert shown[LOSSY]["text"] == f"stalls at {stops.median():.1e}"
    assert shown[LOSSY]["y"] == [max(
        np.median(bar["y"]) for bar in shown.values() if "text" not in bar)]
    failed = bars(plots, ending(results, None).assign(
        objective_subspace_error=1.0))
    assert {bar["text"] for bar in failed.values()} \
        == {"not reached, ends at 1.0e+00"}


@pytest.mark.parametrize("ended, texts", [
    ("method done", {"stalls at 1.0e+00"}),
    ("time limit", {"not within 9.5 s, ends at 1.0e+00"}),
    # A method that made one round has shown no flat curve.
    ("round limit", {"not within 1 rounds, ends at 1.0e+00",
                     "stalls at 1.0e+00 for 5 rounds",
                     "stalls at 1.0e+00 for 6 rounds"})])
def test_a_bar_says_why_a_method_stops(plots, results, ended, texts):
    failed = ending(results, ended).assign(
        objective_subspace_error=1.0, time=9.5)
    assert {bar["text"] for bar in bars(plots, failed).values()} == texts


def unequal_bar(plots, *errors):
    """The bar of a method whose repetitions cost 100, 200 and 300 kB."""
    runs = pd.DataFrame([dict(
        dataset_name=DATASET, objective_name=OBJECTIVE, stop_val=1, time=1.0,
        solver_name="oja", idx_rep=number, objective_subspace_error=error,
        objective_comm_bytes=1e5 * (1 + number))
        for number, error in enumerate(errors)])
    [bar] = bars(plots, runs).values()
    return bar


def test_a_repetition_that_misses_is_no_success(plots):
    """Its mark is that of another one, and the median stays what it is."""
    last = unequal_bar(plots, 0, 0, 1)
    assert last["label"] == "oja: 200 kB,<br>1 of 3 not reached"
    assert set(last["y"]) == {1e5, 2e5} and np.median(last["y"]) == 2e5
    middle = unequal_bar(plots, 0, 1, 0)
    assert middle["label"] == "oja: 300 kB,<br>1 of 3 not reached"
    assert set(middle["y"]) == {1e5, 3e5} and np.median(middle["y"]) == 3e5
    most = unequal_bar(plots, 1, 0, 1)
    assert most["label"] == "oja"
    assert most["text"] == "2 of 3: not reached, ends at 1.0e+00"
    even = unequal_bar(plots, 0, 0, 0, 1)
    assert even["label"] == "oja: 250 kB,<br>1 of 4 not reached"
    assert set(even["y"]) == {1e5, 2e5, 3e5} and np.median(even["y"]) == 2.5e5
    none = unequal_bar(plots, 0, 0, 0)
    assert none["label"] == "oja: 200 kB" and none["y"] == [1e5, 2e5, 3e5]


@pytest.mark.parametrize("cost, key", [
    ("memory", "memory_mb"), ("compute time", "compute_s"),
    ("wall time", "wall_s"), ("bytes, busiest rank", "comm_bytes_max"),
    ("passes over the data", "samples_seen")])
def test_bars_of_the_whole_run(plots, results, cost, key):
    shown = bars(plots, results, "the whole run", cost)
    for solver, runs in results.groupby("solver_name"):
        assert shown[solver]["y"] == runs.groupby("idx_rep")[
            f"objective_{key}"].max().tolist()
    heights = [np.median(bar["y"]) for bar in shown.values()]
    assert heights == sorted(heights)


@pytest.mark.parametrize("cost, steps, sent", [
    ("time, 1 GbE", 1, 60 * 61 / 2 * 8),
    ("time, 1 GbE, 1024 ranks", 20, 2 * 1023 / 1024 * 60 * 61 / 2 * 8)])
def test_bars_of_modelled_seconds(plots, results, cost, steps, sent):
    """Compute time, and one allreduce of half a symmetric matrix."""
    compute = results.query("solver_name == 'gram-eigh' and stop_val > 0")
    seconds = np.array(bars(plots, results, cost=cost)["gram-eigh"]["y"])
    np.testing.assert_allclose(
        seconds - compute.groupby("idx_rep")["objective_path_compute_s"].min(),
        steps * 24e-6 + sent / 117.7e6, rtol=1e-6)


@pytest.mark.parametrize("number, unit, text", [
    (1.5, "MB", "1.5 MB"), (0.01234, "s", "0.0123 s"), (12.0, "1", "12"),
    (1500, "B", "1.5 kB")])
def test_readable(number, unit, text):
    assert readable(number, unit) == text


def streams(plots, results):
    return {trace["label"]: trace for trace in plots["stream"].plot(
        results, DATASET, OBJECTIVE, "subspace error")}


def test_stream_shows_methods_of_one_pass(plots, results):
    """Not gather-all, which reads the data once, too, but holds them."""
    shown = streams(plots, results)
    assert set(shown) == {"incremental-svd", "gram-eigh"}
    # 20 batches of which 6 are evaluated.
    np.testing.assert_allclose(
        shown["incremental-svd"]["x"][:3], [0.05, 0.1, 0.15])
    assert all(max(trace["x"]) < 1.001 for trace in shown.values())


def test_stream_of_older_results_goes_by_passes(plots, results):
    older = results.drop(columns="objective_one_pass")
    shown = streams(plots, older)
    assert {"incremental-svd", "gather-all"} < set(shown)
    assert "block-power" not in shown


def test_stream_without_such_methods_says_so(plots, results):
    several = results.query("solver_name == 'block-power'")
    assert not streams(plots, several)
    assert "no method of this run streams" in plots["stream"].get_metadata(
        several, DATASET, OBJECTIVE, "subspace error")["xlabel"]


@pytest.fixture
def sweep(results):
    """The same results at three values of a knob; bytes grow with it."""
    frames = []
    for value, name in (0.0, "rank_specific=0.0"), (1.0, None), (
            3.0, "rank_specific=3.0"):
        dataset = DATASET if name is None else DATASET[:-1] + f",{name}]"
        frames.append(results.assign(
            dataset_name=dataset, p_dataset_rank_specific=value,
            objective_comm_bytes=results["objective_comm_bytes"]
            * (1 + value)))
    return pd.concat(frames, ignore_index=True)


def test_heterogeneity(plots, sweep):
    plot = plots["heterogeneity"]
    [name] = plot.options["sweep"](sweep)
    assert name == f"{DATASET}, rank_specific"
    shown = {trace["label"]: trace for trace in plot.plot(
        sweep, name, OBJECTIVE, "bytes to 1e-6")}
    assert shown["gram-eigh"]["x"] == [0, 1, 3]
    np.testing.assert_allclose(
        shown["gram-eigh"]["y"], 60 * 61 * 8 * np.array([1, 2, 4]))
    assert shown[LOSSY]["x"] == []
    labels = plot.get_metadata(sweep, name, OBJECTIVE, "bytes to 1e-6")
    assert LOSSY in labels["xlabel"] and "gram-eigh" not in labels["xlabel"]
    final = {trace["label"]: trace for trace in plot.plot(
        sweep, name, OBJECTIVE, "final error")}
    assert len(final[LOSSY]["y"]) == 3 and min(final[LOSSY]["y"]) > 1e-6


def test_one_value_of_a_knob_is_shown_as_such(plots, results):
    plot = plots["heterogeneity"]
    names = plot.options["sweep"](results)
    assert f"{DATASET}, heterogeneity" in names
    for name in names:
        assert any(trace["x"] for trace in plot.plot(
            results, name, OBJECTIVE, "final error"))
        assert "one value only" in plot.get_metadata(
            results, name, OBJECTIVE, "final error")["title"]


def test_a_family_forgets_one_parameter_only(plots, sweep):
    other = sweep.assign(dataset_name="burgers[n_ranks=2]",
                         p_dataset_rank_specific=np.nan,
                         p_dataset_heterogeneity=np.nan)
    options = plots["heterogeneity"].options["sweep"]
    assert options(pd.concat([sweep, other])) == options(sweep)
    assert len(options(sweep.assign(dataset_name=[
        name.replace("n_ranks=2", "n_ranks=4") if value > 1 else name
        for name, value in zip(sweep["dataset_name"],
                               sweep["p_dataset_rank_specific"],
                               strict=True)]))) == 1


def test_bytes_against_the_difficulty_of_fields(plots, results):
    """In units of one float64 basis for every rank but one."""
    harder = results.assign(
        dataset_name="harder",
        objective_field_contraction=2 * results["objective_field_contraction"],
        objective_comm_bytes=3 * results["objective_comm_bytes"])
    both = pd.concat([harder, results], ignore_index=True)
    traces = plots["bytes_vs_difficulty"].plot(
        both, objective=OBJECTIVE, measure="contraction", accuracy="≤ 1e-6")
    shown = {trace["label"]: trace for trace in traces}
    first = results.iloc[0]
    unit = (first["objective_n_ranks"] - 1) * 8 * 60 \
        * first["objective_n_components"]
    np.testing.assert_allclose(
        shown["gram-eigh"]["y"], 60 * 61 * 8 * np.array([1, 3]) / unit)
    assert shown["gram-eigh"]["x"][1] == 2 * shown["gram-eigh"]["x"][0]
    assert shown[LOSSY]["x"] == []
