"""Statistics of repetitions, on three unequal ones with an outlier."""
import json

import numpy as np
import pandas as pd
import pytest

from benchmark_utils.results.curves import NO_MARKER, curves
from benchmark_utils.results.select import modelled, select
from benchmark_utils.results.statistics import (
    Reason,
    cost_of_run,
    costs_to_reach,
    medians,
    one_each,
    reaching,
    reason,
    spread,
)
from benchmark_utils.results.text import (
    band,
    cost_cell,
    not_reached,
    why_not_at,
)

INF = np.inf
PLAIN = {"a": {}}  # no style


def make_runs(errors, solver="a", rounds=None, ended=None, seconds=30.0):
    """Rows of a results file: a list of errors for each repetition.

    A round costs 10, or 10 more in each next repetition; the last row has
    what ended the run.
    """
    rows = []
    for repetition, of_run in enumerate(errors):
        for number, error in enumerate(of_run):
            stop_val = rounds[number] if rounds else number + 1
            last = number + 1 == len(of_run)
            rows.append(dict(
                solver_name=solver, idx_rep=repetition, stop_val=stop_val,
                time=seconds * stop_val / (rounds or [len(of_run)])[-1],
                sent=10 * (repetition + 1) * stop_val, error=error,
                final_results={"ended": ended} if last and ended else np.nan))
    return pd.DataFrame(rows)


def test_median_and_range_of_few():
    """Neither the mean (37) nor quantiles of three (2.8 to 82)."""
    band = spread([[1, 100, 10], [5, 5, 8]])
    np.testing.assert_array_equal(band.median, [10, 5])
    np.testing.assert_array_equal(band.low, [1, 5])
    np.testing.assert_array_equal(band.high, [100, 8])


def test_quantiles_of_many():
    values = np.append(np.arange(10.0), 1e6)[None]
    low, median, high = spread(values)
    assert (low, median, high) == ([1], [5], [9])
    assert spread(values[:, :9]).high == [8]  # of nine the largest
    assert spread(np.arange(10.0)[None]).high == pytest.approx([8.1])


def test_medians_by_method_also_of_arrays():
    index = pd.MultiIndex.from_product(
        [["a"], range(3)], names=["solver_name", "idx_rep"])
    assert medians(pd.Series([1.0, 100.0, 10.0], index))["a"] == 10
    of_ranks = pd.Series([np.array([1, 7]), np.array([100, 8]),
                          np.array([10, 60])], index)
    assert medians(of_ranks)["a"].tolist() == [10, 8]


def test_first_and_last_evaluation():
    runs = make_runs([[3e-1, 2e-1, 1e-1], [6e-1]]).sample(
        frac=1, random_state=0)
    assert one_each(runs, "first")["error"].tolist() == [3e-1, 6e-1]
    assert one_each(runs, "last")["error"].tolist() == [1e-1, 6e-1]


@pytest.mark.parametrize("errors, cost", [
    ([1e-1, 1e-3, 1e-4], 20),
    ([1e-2, 1e-3], 10),  # at the target is enough
    ([1e-1, 1e-3, 1e-1, 1e-3, 1e-3], 40),  # the last crossing
    ([1e-1, 1e-3, 1e-1], INF),  # a dip is none
    ([np.nan, 1e-3], 20),
    ([1.0], INF), ([0.0], 10)])
def test_cost_of_a_run_in_which_every_round_was_evaluated(errors, cost):
    rounds = np.arange(1, len(errors) + 1)
    assert cost_of_run(1e-2, rounds, 10 * rounds, np.array(errors)) == cost


@pytest.mark.parametrize("target, cost", [
    (1e-2, 25), (1e-1, 20), (1e-3, 30),
    # 3.01 tenths of the way in logarithms: four rounds of ten. An
    # interpolation of the errors themselves gives 30 or 29.
    (10 ** -1.602, 24), (10 ** -1.6, 23), (10 ** -1.01, 21)])
def test_cost_between_evaluated_rounds(target, cost):
    """Whole rounds, from which on log(error) is at most the target's."""
    assert cost_of_run(target, [10, 20, 30], [10, 20, 30],
                       [1.0, 1e-1, 1e-3]) == pytest.approx(cost)


def test_an_error_of_zero_can_be_interpolated():
    assert cost_of_run(1e-8, [1, 11], [10, 20], [1.0, 0.0]) \
        == pytest.approx(15)


def test_costs_and_their_median():
    """The mean would be 4 / 3 of it; rows may come in any order."""
    runs = pd.concat([
        make_runs([[1.0, 1e-3], [1.0, 1e-3], [1.0, 1.0, 1e-3]]),
        make_runs([[1.0], [1.0], [1e-3]], "b")]).sample(
            frac=1, random_state=0)
    costs = costs_to_reach(1e-2, runs, "sent", "error")
    assert costs["a"].tolist() == [20, 40, 90]
    assert costs["b"].tolist() == [INF, INF, 30]
    table = reaching(1e-2, runs, "sent", "error")
    assert table["cost"].to_dict() == {"a": 40, "b": INF}
    assert table["missed"].to_dict() == {"a": 0, "b": 2}
    ends = reaching(1e-2, make_runs([[0.5], [0.9], [0.6]]), "sent", "error")
    assert ends["ends"].tolist() == [0.6]


def test_one_repetition_in_three_misses():
    runs = make_runs([[1.0, 1e-3], [1.0, 1e-3], [1.0, 0.5]])
    [row] = reaching(1e-2, runs, "sent", "error").itertuples()
    assert (row.cost, row.missed, row.repetitions) == (40, 1, 3)
    assert cost_cell(row) == "40 B, 2/3"
    assert not_reached([reaching(1e-2, runs, "sent", "error")]) \
        == "reached only in some repetitions: a"


SLOW, STUCK = 0.9 ** np.arange(1, 31), np.r_[0.5, 0.1, np.full(8, 2e-3)]


@pytest.mark.parametrize("errors, ended, why, text, cell", [
    (STUCK, "method done", Reason("method done"), "stalls at 2.0e-03",
     "stalls"),
    (SLOW, "round limit", Reason("round limit", 30),
     "not within 30 rounds, ends at 4.2e-02", "> 30 rounds"),
    (STUCK, "round limit", Reason("flat", 10),
     "stalls at 2.0e-03 for 10 rounds", "stalls"),
    (STUCK, "time limit", Reason("time limit", 12.5),
     "not within 12.5 s, ends at 2.0e-03", "> 12.5 s"),
    (STUCK[:3], "round limit", Reason("round limit", 3),
     "not within 3 rounds, ends at 2.0e-03", "> 3 rounds"),
    (STUCK, None, Reason("unknown"), "not reached, ends at 2.0e-03",
     "not reached"),
    # At 1e-8, which is not at the end of what another error asks.
    (STUCK, "converged", Reason("unknown"), "not reached, ends at 2.0e-03",
     "not reached"),
])
def test_why_a_run_ended(errors, ended, why, text, cell):
    runs = make_runs([errors], ended=ended, seconds=12.5)
    np.testing.assert_equal(reason(runs, range(len(errors)), "error"), why)
    [row] = reaching(1e-6, runs, "sent", "error").itertuples()
    assert (why_not_at(row), cost_cell(row)) == (text, cell)
    short = text.split(" at ")[0].split(",")[0]
    assert not_reached([reaching(1e-6, runs, "sent", "error")]) \
        == "not reached: a" + (
            "" if short == "not reached" else f" ({short})")


def test_flat_is_less_than_a_factor_of_two_in_the_last_half():
    def kind(*errors):
        return reason(make_runs([errors], ended="round limit"),
                      range(len(errors)), "error").kind

    assert kind(1.0, 0.5, 0.1, 0.07, 0.051) == "flat"
    assert kind(1.0, 0.5, 0.1, 0.07, 0.05) == "round limit"
    assert kind(1.0, 0.1, 0.1, 0.1) == "flat"
    assert kind(0.1, 0.1, 0.1) == "round limit"  # too few to tell


def test_repetitions_that_end_for_different_reasons():
    """The page says what holds for all that miss the target."""
    parts = [make_runs([STUCK], ended=ended, seconds=seconds).assign(
        idx_rep=number) for number, (ended, seconds) in enumerate([
            ("method done", 5.0), ("time limit", 30.0),
            ("time limit", 20.0)])]
    [row] = reaching(1e-6, pd.concat(parts), "sent", "error").itertuples()
    assert row.why == Reason("time limit", 20.0)
    dips = make_runs([[1.0, 1e-3], STUCK, STUCK], ended="method done")
    [row] = reaching(1e-2, dips.query("stop_val < 3"), "sent",
                     "error").itertuples()
    assert why_not_at(row) == "2 of 3: not reached, ends at 1.0e-01"


def test_notes_join_methods_of_one_reason():
    table = pd.concat([
        reaching(1e-6, make_runs([errors], solver, ended=ended,
                                 seconds=seconds), "sent", "error")
        for solver, errors, ended, seconds in [
            ("b", STUCK, "round limit", 1), ("a", STUCK, "method done", 1),
            ("d", SLOW, "time limit", 40), ("c", SLOW, "time limit", 30),
            ("e", [1e-7], "converged", 1)]])
    assert not_reached([table]) \
        == "not reached: a, b (stalls); c, d (not within 30 s)"
    # Those that reach it somewhere are told by their points.
    assert not_reached([table, table.assign(cost=1.0, missed=0)]) == ""


def test_a_curve_is_the_median_of_three():
    """A repetition that has stopped keeps its last values."""
    runs = make_runs([[1e-1, 0], [1e-2, 1e-3, 1e-5], [1e-3, 1e-4]])
    points, = curves(runs, PLAIN, "sent", "error", "y")
    assert points["x"] == [20, 40, 60]
    np.testing.assert_allclose(points["y"], [1e-2, 1e-4, 1e-5])
    np.testing.assert_allclose(points["y_low"], [1e-3, 1e-16, 1e-16])
    np.testing.assert_allclose(points["y_high"], [1e-1, 1e-3, 1e-4])
    across, = curves(runs, PLAIN, "sent", "error", "x")
    assert across["x_low"] == [10, 20, 20]
    assert across["x_high"] == [30, 60, 60]


def test_one_point_has_a_bar_one_repetition_none():
    runs = make_runs([[1e-1], [1e-3], [1e-2]])
    bar, point = curves(runs, {"a": {"marker": 3}}, "sent", "error", "y")
    assert point == dict(label="a", x=[20], y=[1e-2], marker=3)
    assert bar == dict(label="a", x=[20, 20], y=[1e-3, 1e-1],
                       marker=NO_MARKER)
    alone, = curves(runs.query("idx_rep == 1"), PLAIN, "sent", "error", "y")
    assert alone == dict(label="a", x=[20], y=[1e-3])
    assert curves(runs.assign(sent=0), PLAIN, "sent", "error", "y") == []


def test_what_a_band_is_called():
    def called(n):
        return band(make_runs(n * [[1.0]]))

    assert [called(1), called(3), called(9), called(10)] == [
        "", ", band: min to max of 3", ", band: min to max of 9",
        ", band: 10-90 %"]
    assert band(pd.concat([make_runs(3 * [[1.0]]), make_runs(
        12 * [[1.0]], "b")])) == ", band: 10-90 %, min to max if fewer than 10"


def test_random_starts_and_doubles_are_left_out():
    """A merged file may have a run twice: the later one counts."""
    runs = make_runs([[1.0, 0.5]], rounds=[0, 1]).assign(
        dataset_name="d", objective_name="o")
    twice = pd.concat([runs, runs.assign(error=[1.0, 0.25])])
    assert select(twice, "d", "o")[["rounds", "error"]].values.tolist() \
        == [[1, 0.25]]
    assert select(twice, "other", "o").empty


@pytest.mark.parametrize("growth, on_path, seconds", [
    (None, None, 1.0), (None, 1.5, 1.5),
    ("ring", 4.0, 64.0),  # a token: one second on each of the ranks
    ("chain", 1.6, 1 + 63 * 0.2)])
def test_compute_time_of_a_token(growth, on_path, seconds):
    """Four ranks of a second each, modelled on 64; as on four by itself."""
    runs = pd.DataFrame([dict(
        solver_name="a", objective_compute_s=1.0, objective_n_ranks=4,
        objective_calls=json.dumps([["send", growth, 4, 0, 4]] if growth
                                   else []))])
    if on_path:
        runs["objective_path_compute_s"] = on_path
    on_more, _, _ = modelled(runs, "shared memory", 64)
    assert on_more["modelled_s"].tolist() == pytest.approx([seconds], rel=1e-3)
    as_measured, _, _ = modelled(runs, "shared memory")
    assert as_measured["modelled_s"].tolist() == pytest.approx(
        [on_path or 1.0], rel=1e-3)
