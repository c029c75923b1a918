import numpy as np

from benchmark_utils.results.curves import curves, line, vertical_line
from benchmark_utils.results.memo import once
from benchmark_utils.results.page import PagePlot
from benchmark_utils.results.select import (
    ERRORS,
    Axis,
    metric_axes,
    select,
)
from benchmark_utils.results.statistics import SMALLEST_ERROR
from benchmark_utils.results.style import styles
from benchmark_utils.results.text import labels, readable_bytes
from benchmark_utils.scoring.metrics import (
    METRICS,
    basis_bytes,
    subspace_bytes,
)

COSTS = metric_axes(
    *(key for key in METRICS if key.startswith("comm_") and key != "comm_s")
) | {
    "rounds": Axis("rounds", "rounds",
                   "communication phases, or batches of a stream"),
} | metric_axes("samples_seen")


# Errors that are sines of angles, as the reference for a subspace needs. The
# reference line starts where a number takes a few bits: an earlier start would
# stretch the axis.
ANGLES = {"objective_subspace_error", "objective_chordal_error"}
LARGEST = 0.1
BOUND = "objective_certified_error"
OPEN_MARKER = 100  # an open circle


@once
def problem(runs):
    """Ranks, features, components and partition of a problem's runs."""
    return runs.iloc[0][["objective_n_ranks", "objective_n_features",
                         "objective_n_components", "objective_partition"]]


def byte_lines(runs, column, traces):
    """One float64 basis for every rank, where ranks need it; all raw data."""
    P, d, k, partition = problem(runs)
    basis = basis_bytes(P, d, k, partition)
    units = {"objective_comm_bytes": basis,
             "objective_comm_bytes_max": basis / max(1, P - 1),
             "objective_comm_floor_ratio": min(basis, 1)}
    if column not in units:
        return []
    readable = "{:.3g}".format if column.endswith("ratio") else readable_bytes
    raw = runs.loc[runs["solver_name"] == "gather-all", column].max()
    return [
        *vertical_line(f"one float64 basis per rank: "
                       f"{readable(units[column])}", units[column], "#999999",
                       traces),
        *vertical_line(f"send all raw data: {readable(raw)}", raw, "#444444",
                       traces)]


def reference(runs, column, error):
    """Bytes to send, and receive, a subspace to each of the errors."""
    P, d, k, partition = problem(runs)
    if column != "objective_comm_bytes" or error not in ANGLES \
            or partition != "samples":
        return []
    smallest = max(runs[error].min(), SMALLEST_ERROR)
    errors = np.geomspace(LARGEST, min(smallest, LARGEST), 25)
    return line("2(P-1)(dk-k²) log2(1/error) bits",
                "2(P-1)(dk-k²)<br>log2(1/error) bits:<br>a reference, not<br>"
                "a proven bound", subspace_bytes(errors, P, d, k), errors,
                "#999999")


@once
def proving(runs):
    """Runs of methods that prove a bound below 1."""
    return runs[runs.groupby("solver_name")[BOUND].transform("min") < 1]


def certified(runs, style, cost):
    """Bounds that methods prove on their error: another curve for each."""
    style = {solver: each | dict(marker=OPEN_MARKER)
             for solver, each in style.items()}
    return [{**trace, "label": f"{trace['label']}, certified"} for trace
            in curves(proving(runs), style, cost, BOUND, None)]


class Plot(PagePlot):
    """How many bytes, messages, rounds or passes does an accuracy cost?"""

    name = "error_vs_communication"
    type = "scatter"
    options = {"dataset": ..., "objective": ...,
               "error": list(ERRORS), "cost": list(COSTS)}

    def plot(self, df, dataset, objective, error, cost):
        runs = select(df, dataset, objective)
        axes = COSTS[cost].column, ERRORS[error].column
        traces = curves(runs, styles(df), *axes, "y")
        bounds = certified(runs, styles(df), axes[0]) \
            if axes[1] == "objective_subspace_error" else []
        return traces and [*traces, *bounds,
                           *byte_lines(runs, axes[0], traces),
                           *reference(runs, *axes)]

    def get_metadata(self, df, dataset, objective, error, cost):
        return labels(select(df, dataset, objective), dataset, objective,
                      COSTS[cost], ERRORS[error])
