from benchopt import BasePlot

from benchmark_utils.plotting import (
    ERRORS,
    curves,
    labels,
    metric_axes,
    select,
    styles,
)

SEEN = metric_axes("samples_seen")["passes over the data"]


def first_pass(df, dataset, objective):
    """Evaluations that have not used any sample twice."""
    runs = select(df, dataset, objective)
    return runs[runs[SEEN.column] <= 1]


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
                          meaning="the first pass over the data"),
            ERRORS[error]) | dict(scale="semilog-y")
