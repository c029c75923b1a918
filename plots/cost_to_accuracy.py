import numpy as np

from benchmark_utils.comm.network import NETWORKS
from benchmark_utils.results.memo import once
from benchmark_utils.results.page import PagePlot
from benchmark_utils.results.select import (
    ERRORS,
    metric_axes,
    modelled,
    select,
)
from benchmark_utils.results.statistics import (
    medians,
    one_each,
    reached,
)
from benchmark_utils.results.style import colour
from benchmark_utils.results.text import (
    INTERPOLATED,
    on_ranks,
    readable,
    title,
    why_not_at,
)

MEASURED = metric_axes("comm_bytes", "comm_bytes_max", "wall_s", "compute_s",
                       "memory_mb", "samples_seen")
MODELLED = {f"time, {name}{where}": (name, ranks)
            for where, ranks in (("", None), (", 1024 ranks", 1024))
            for name in NETWORKS}
TARGETS = {f"≤ {target}": float(target)
           for target in ("1e-1", "1e-2", "1e-3", "1e-4", "1e-6")}
WHOLE_RUN = "the whole run"


@once
def costed(df, dataset, objective, cost):
    """Runs, the axis of their costs, and methods that have no such cost."""
    runs = select(df, dataset, objective)
    if cost in MODELLED:
        return modelled(runs, *MODELLED[cost])
    axis = MEASURED[cost]
    unknown = runs[axis.column].isna()  # times of simulated ranks
    return runs[~unknown], axis, sorted(set(runs["solver_name"][unknown]))


def highest(costs):
    """Grey bars are as high as the highest, so that their text is readable."""
    return float(max(costs)) if len(costs) else 1.0


def bar(row, axis, height):
    """Bar of a method, one of ``reached``."""
    style = dict(color=colour(row.solver))
    if row.cost == np.inf:
        return dict(label=row.solver, y=[height], text=why_not_at(row),
                    **style)
    label = f"{row.solver}: {readable(row.cost, axis.unit)}"
    if row.missed:
        label += f",<br>{row.missed} of {row.repetitions} not reached"
    # The page draws the median of y. A repetition that misses the target
    # counts as more expensive than all others: it gets no mark of its own, but
    # lies on that of the most expensive one, which leaves the median as it is.
    most = row.costs[row.costs < np.inf].max()
    return dict(label=label, y=row.costs.clip(max=most).tolist(), **style)


class Plot(PagePlot):
    """What does an accuracy cost, and why do methods fail to reach it?"""

    name = "cost_to_accuracy"
    type = "bar_chart"
    options = {"dataset": ..., "objective": ...,
               "error": [name for name in ERRORS if name in (
                   "subspace error", "excess error",
                   "worst domain's excess error")],
               "accuracy": [*TARGETS, WHOLE_RUN],
               "cost": [*MEASURED, *MODELLED]}

    def plot(self, df, dataset, objective, error, accuracy, cost):
        runs, axis, unknown = costed(df, dataset, objective, cost)
        if accuracy == WHOLE_RUN:
            costs = one_each(runs, "last")[axis.column]
            costs_of_all = medians(costs).sort_values()
            bars = [dict(label=f"{solver}: {readable(median, axis.unit)}",
                         color=colour(solver), y=costs[solver].tolist())
                    for solver, median in costs_of_all.items()]
        else:
            rows = reached(TARGETS[accuracy], runs, axis.column,
                           ERRORS[error].column)
            costs_of_all = [row.cost for row in rows if row.cost < np.inf]
            bars = [bar(row, axis, highest(costs_of_all)) for row in sorted(
                rows, key=lambda row: (row.cost, row.ends))]
        return bars + [dict(label=solver, y=[highest(costs_of_all)],
                            text="not modelled" if cost in MODELLED else
                            "not measured", color=colour(solver))
                       for solver in unknown]

    def get_metadata(self, df, dataset, objective, error, accuracy, cost):
        _, axis, _ = costed(df, dataset, objective, cost)
        goal = f"cost of {accuracy}" if accuracy == WHOLE_RUN else (
            f"{INTERPOLATED}\nuntil the {ERRORS[error].title} stays "
            f"{accuracy}")
        _, ranks = MODELLED.get(cost, (None, None))
        if ranks:
            goal += f"; {on_ranks(ranks)}"
        return dict(title=title(select(df, dataset, objective), dataset,
                                objective, goal),
                    ylabel=axis.title, scale="log")
