from benchopt import BasePlot

from benchmark_utils.results.plotting import (
    ERRORS,
    Axis,
    curves,
    labels,
    metric_axes,
    n_ranks,
    readable_bytes,
    select,
    styles,
    vertical_line,
)
from benchmark_utils.scoring.metrics import METRICS

COSTS = metric_axes(
    *(key for key in METRICS if key.startswith("comm_") and key != "comm_s")
) | {
    "rounds": Axis("rounds", "rounds",
                   "communication phases, or batches of a stream"),
} | metric_axes("samples_seen")


def byte_lines(runs, column, traces):
    """What any method must send at least, and what all raw data weigh."""
    sent = runs[runs["objective_comm_floor_ratio"] > 0]
    floor = (sent["objective_comm_bytes"]
             / sent["objective_comm_floor_ratio"]).median()
    floors = {"objective_comm_bytes": floor,
              "objective_comm_bytes_max": floor / n_ranks(runs),
              "objective_comm_floor_ratio": 1.0}
    if column not in floors:
        return []
    readable = "{:.3g}".format if column.endswith("ratio") else readable_bytes
    raw = runs.loc[runs["solver_name"] == "gather-all", column].max()
    return [
        *vertical_line(f"floor: {readable(floors[column])}", floors[column],
                       "#999999", traces),
        *vertical_line(f"ship everything: {readable(raw)}", raw, "#444444",
                       traces)]


class Plot(BasePlot):
    """How many bytes, messages, rounds or passes does an accuracy cost?"""

    name = "error_vs_communication"
    type = "scatter"
    options = {"dataset": ..., "objective": ...,
               "error": list(ERRORS), "cost": list(COSTS)}

    def plot(self, df, dataset, objective, error, cost):
        runs, column = select(df, dataset, objective), COSTS[cost].column
        traces = curves(runs, styles(df), column, ERRORS[error].column, "y")
        return traces + byte_lines(runs, column, traces)

    def get_metadata(self, df, dataset, objective, error, cost):
        return labels(select(df, dataset, objective), dataset, objective,
                      COSTS[cost], ERRORS[error])
