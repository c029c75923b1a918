import numpy as np
from benchopt import BasePlot

from benchmark_utils.comm.network import NETWORKS
from benchmark_utils.results.plotting import (
    ERRORS,
    colour,
    costs_to_reach,
    metric_axes,
    modelled,
    one_each,
    readable,
    select,
    title,
)

MEASURED = metric_axes("comm_bytes", "comm_bytes_max", "wall_s", "compute_s",
                       "memory_mb", "samples_seen")
MODELLED = {f"time, {name}{where}": (name, ranks)
            for where, ranks in (("", None), (", 1024 ranks", 1024))
            for name in NETWORKS}
TARGETS = {f"≤ {target}": float(target)
           for target in ("1e-1", "1e-2", "1e-3", "1e-4", "1e-6")}
WHOLE_RUN = "the whole run"


def costed(df, dataset, objective, cost):
    """Runs, the axis of their costs, and a note on these."""
    runs = select(df, dataset, objective)
    if cost in MODELLED:
        return modelled(runs, *MODELLED[cost])
    return runs, MEASURED[cost], ""


class Plot(BasePlot):
    """What does an accuracy cost, and who never reaches it?"""

    name = "cost_to_accuracy"
    type = "bar_chart"
    options = {"dataset": ..., "objective": ...,
               "error": [name for name in ERRORS if name in (
                   "subspace error", "excess error",
                   "worst domain's excess error")],
               "accuracy": [*TARGETS, WHOLE_RUN],
               "cost": [*MEASURED, *MODELLED]}

    def plot(self, df, dataset, objective, error, accuracy, cost):
        runs, axis, _ = costed(df, dataset, objective, cost)
        error = ERRORS[error].column
        ends = one_each(runs, "last")
        costs = ends[axis.column] if accuracy == WHOLE_RUN else costs_to_reach(
            TARGETS[accuracy], runs, axis.column, error)
        table = costs.groupby("solver_name").median().to_frame("cost").assign(
            stops=ends[error].groupby("solver_name").median())
        reached = table["cost"][table["cost"] < np.inf]
        bars = []
        for solver, median, stops in table.sort_values(
                ["cost", "stops"]).itertuples():
            bar = dict(label=solver, color=colour(solver))
            if median == np.inf:  # as high as the highest, to be readable
                bar |= dict(y=[float(reached.max()) if len(reached) else 1.0],
                            text=f"never, stops at {stops:.1e}")
            else:
                values = costs[solver]
                bar |= dict(
                    label=f"{solver}: {readable(median, axis.unit)}",
                    y=(values if max(values) < np.inf
                       else values.clip(upper=median)).tolist())
            bars.append(bar)
        return bars

    def get_metadata(self, df, dataset, objective, error, accuracy, cost):
        goal = (f"cost of {accuracy}" if accuracy == WHOLE_RUN else
                f"until {ERRORS[error].title} {accuracy}; grey: never")
        _, axis, note = costed(df, dataset, objective, cost)
        heading = title(select(df, dataset, objective), dataset, objective,
                        goal)
        return dict(title="\n".join(filter(None, [heading, note])),
                    ylabel=axis.title, scale="log")
