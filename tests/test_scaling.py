"""The plot of costs against the number of ranks."""
import pandas as pd
import pytest
from conftest import BENCHMARK

OBJECTIVE = "Distributed PCA[k=10]"


@pytest.fixture(scope="module")
def plot():
    return next(plot for plot in BENCHMARK.get_plots()
                if plot.name == "scaling")


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
