"""The plots of costs and errors against the number of ranks."""
import json

import pandas as pd
import pytest
from conftest import BENCHMARK

OBJECTIVE = "Distributed PCA[k=10]"


PLOTS = {plot.name: plot for plot in BENCHMARK.get_plots()}


@pytest.fixture
def plot():
    return PLOTS["scaling"]


def results(datasets):
    """Two methods, one of which never gets small errors."""
    rows = [
        dict(dataset_name=dataset, objective_name=OBJECTIVE, idx_rep=0,
             solver_name=solver, stop_val=stop_val, time=1.0,
             objective_n_ranks=n_ranks,
             objective_subspace_error=error ** stop_val,
             objective_compute_s=stop_val * 8 / n_ranks,
             objective_comm_bytes=stop_val * 100 * (n_ranks - 1))
        for dataset, n_ranks in datasets.items()
        for solver, error in (("block-power", 0.09), ("oja", 0.99))
        for stop_val in range(6)]
    return pd.DataFrame(rows)


STRONG = {"plasma[case=landau,n_ranks=1]": 1, "plasma[case=landau]": 4,
          "plasma[case=landau,n_ranks=8]": 8}
WEAK = {"plasma[n_x=128,n_v=256,n_ranks=1]": 1,
        "plasma[n_x=256,n_v=256,n_ranks=2]": 2}


def curve(plot, df, problem, cost):
    """Points of the only method that reaches the accuracy."""
    block_power, oja = plot.plot(df, problem, OBJECTIVE, cost, "≤ 1e-3")
    assert (block_power["label"], oja["label"]) == ("block-power", "oja")
    assert not oja["x"]
    return block_power["x"], block_power["y"]


def test_costs_to_an_accuracy(plot):
    df = results(STRONG)
    problem, = plot.options["problem"](df)
    assert problem == "plasma[case=landau]"
    assert curve(plot, df, problem, "compute time") \
        == ([1, 4, 8], [24, 6, 3])
    # One rank sends nothing, which a logarithmic axis cannot show.
    assert curve(plot, df, problem, "bytes, all ranks") \
        == ([4, 8], [900, 2100])
    about = plot.get_metadata(df, problem, OBJECTIVE, "compute time",
                              "≤ 1e-3")
    assert about["xlabel"].endswith("<br>not reached: oja")


@pytest.mark.parametrize("datasets, names", [
    (WEAK, ["plasma[n_v=256]"]),
    ({**STRONG, **WEAK}, ["plasma[case=landau]", "plasma[n_v=256]"]),
    # A size that grows on as many ranks is no scaling.
    ({"plasma": 4, "plasma[n_x=128]": 4}, ["plasma", "plasma[n_x=128]"]),
    # Datasets need not have such a parameter.
    ({"plasma": 4, "other": 2}, ["other", "plasma"]),
])
def test_problems(plot, datasets, names):
    assert sorted(plot.options["problem"](results(datasets))) == names


THOUSANDS = {"plasma[n_x=32,n_ranks=16,ranks=simulated]": 16,
             "plasma[n_x=8192,n_ranks=4096,ranks=simulated]": 4096}


@pytest.fixture
def simulated():
    """Results of simulated ranks, which gather 100 bytes at a root."""
    df = results(THOUSANDS)
    P = df["objective_n_ranks"]
    return df.assign(
        objective_ranks="simulated", objective_compute_s=float("nan"),
        objective_comm_bytes=df["stop_val"] * 100 * (P - 1),
        objective_comm_bytes_max=df["stop_val"] * 100 * (P - 1),
        objective_path_compute_s=2.0, objective_calls=[
            json.dumps([["gather", None, n, 100, stop_val]]) for n, stop_val
            in zip(P, df["stop_val"], strict=True)])


@pytest.mark.parametrize("quantity, few, many", [
    ("subspace error", 0.09 ** 5, 0.09 ** 5),
    ("bytes per rank", 500 * 15 / 16, 500 * 4095 / 4096),
    ("bytes, busiest rank", 500 * 15, 500 * 4095),
    # A tree has four levels, or twelve.
    ("1 GbE", 2 + 5 * (4 * 24e-6 + 1500 / 117.7e6),
     2 + 5 * (12 * 24e-6 + 409500 / 117.7e6)),
])
def test_thousands_of_ranks(simulated, quantity, few, many):
    plot = PLOTS["thousand_ranks"]
    problem, = plot.options["problem"](simulated)
    about = plot.get_metadata(simulated, problem, OBJECTIVE, quantity)
    assert "; simulated ranks, no times measured" in about["title"]
    assert "at most 5 rounds" in about["title"]
    block_power, _ = plot.plot(simulated, problem, OBJECTIVE, quantity)
    assert block_power["x"] == [16, 4096]
    assert block_power["y"] == pytest.approx([few, many])


def test_simulated_ranks_have_no_time(simulated):
    dataset = min(THOUSANDS)
    for time in "benchopt's clock", "compute time":
        assert not PLOTS["error_vs_time"].plot(
            simulated, dataset, OBJECTIVE, "subspace error", time,
            "as measured")
    bars = PLOTS["cost_to_accuracy"].plot(
        simulated, dataset, OBJECTIVE, "subspace error", "≤ 1e-2",
        "compute time")
    assert {bar["text"] for bar in bars} == {"not measured"}
