from benchmark_utils.results.curves import curves
from benchmark_utils.results.page import PagePlot
from benchmark_utils.results.select import (
    ERRORS,
    metric_axes,
    select,
    streaming,
)
from benchmark_utils.results.style import styles
from benchmark_utils.results.text import labels

SEEN = metric_axes("samples_seen")["passes over the data"]


class Plot(PagePlot):
    """How accurate is the answer while the data still stream in?"""

    name = "stream"
    type = "scatter"
    options = {"dataset": ..., "objective": ..., "error": list(ERRORS)}

    def plot(self, df, dataset, objective, error):
        return curves(streaming(select(df, dataset, objective)), styles(df),
                      SEEN.column, ERRORS[error].column, "y")

    def get_metadata(self, df, dataset, objective, error):
        runs = streaming(select(df, dataset, objective))
        meaning = "methods that see every batch once and keep none" \
            if len(runs) else "no method of this run streams; " \
            "configs/streaming.yml has several"
        return labels(
            runs, dataset, objective,
            SEEN._replace(title="fraction of the stream consumed",
                          meaning=meaning),
            ERRORS[error]) | dict(scale="semilog-y")
