from benchopt import BasePlot

from benchmark_utils.results.curves import curves
from benchmark_utils.results.select import ERRORS, metric_axes, select
from benchmark_utils.results.style import styles
from benchmark_utils.results.text import labels

SEEN = metric_axes("samples_seen")["passes over the data"]
ONE_PASS = 1 + 1e-9  # a sum over batches


def first_pass(df, dataset, objective):
    """Runs of methods that need one pass; if none does, the first of all."""
    runs = select(df, dataset, objective)
    in_all = runs.groupby("solver_name")[SEEN.column].transform("max")
    one = runs[in_all <= ONE_PASS]
    return runs[runs[SEEN.column] <= ONE_PASS] if one.empty else one


class Plot(BasePlot):
    """How good is the answer while the data still stream in?"""

    name = "stream"
    type = "scatter"
    options = {"dataset": ..., "objective": ..., "error": list(ERRORS)}

    def plot(self, df, dataset, objective, error):
        return curves(first_pass(df, dataset, objective), styles(df),
                      SEEN.column, ERRORS[error].column, "y")

    def get_metadata(self, df, dataset, objective, error):
        return labels(
            first_pass(df, dataset, objective), dataset, objective,
            SEEN._replace(title="fraction of the stream consumed",
                          meaning="methods that need one pass"),
            ERRORS[error]) | dict(scale="semilog-y")
