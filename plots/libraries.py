import pandas as pd

from benchmark_utils.results.page import PagePlot
from benchmark_utils.results.select import select
from benchmark_utils.results.statistics import medians, one_each
from benchmark_utils.results.text import cells, readable, title

COSTS = {
    "time": ("objective_wall_s", "s"),
    "CPU time": ("objective_compute_s", "s"),
    "RAM": ("objective_memory_mb", "MB"),
    "bytes": ("objective_comm_bytes", "B"),
}
ERRORS = {"error": "objective_subspace_error",
          "excess": "objective_excess_error"}


class Plot(PagePlot):
    """Costs and errors of every run, fastest first, with libraries."""

    name = "libraries"
    type = "table"
    options = {"dataset": ..., "objective": ...}

    def plot(self, df, dataset, objective):
        ends = one_each(select(df, dataset, objective), "last")
        shown = ERRORS | {heading: column
                          for heading, (column, _) in COSTS.items()}
        table = pd.DataFrame({heading: medians(ends[column])
                              for heading, column in shown.items()})
        table = table.sort_values("time")
        columns = [cells(table[heading], table[heading].map("{:.1e}".format))
                   for heading in ERRORS]
        columns += [cells(table[heading],
                          [readable(value, unit) for value in table[heading]],
                          best=table[heading].min())
                    for heading, (_, unit) in COSTS.items()]
        return [list(row) for row in zip(table.index, *columns, strict=True)]

    def get_metadata(self, df, dataset, objective):
        return dict(
            title=title(
                select(df, dataset, objective), dataset, objective,
                "at the end of the run; CPU time: of the slowest rank, "
                "excluding communication"),
            columns=["method", *ERRORS, *COSTS],
            default_order_column="time")
