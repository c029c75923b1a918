from functools import partial

import pandas as pd

from benchmark_utils.results.not_run import not_run_note
from benchmark_utils.results.page import PagePlot
from benchmark_utils.results.select import select, streaming
from benchmark_utils.results.statistics import medians, one_each, reaching
from benchmark_utils.results.text import (
    FIGURE_SPACE,
    INTERPOLATED,
    cells,
    cost_cell,
    readable,
    title,
)

ERROR, BYTES = "objective_subspace_error", "objective_comm_bytes"
SCIENTIFIC = "{:.1e}".format
TARGETS = {"≤ 1e-1": 1e-1, "≤ 1e-3": 1e-3, "≤ 1e-6": 1e-6}
# At the end of a run; the last ones may need scrolling.
FINAL = {
    "time": ("objective_wall_s", "s"),
    "RAM": ("objective_memory_mb", "MB"),
    "passes": ("objective_samples_seen", "1"),
    "worst rank": ("objective_worst_domain_error", None),
    "CPU time": ("objective_compute_s", "s"),
}


class Plot(PagePlot):
    """One row per method: the accuracy that it reaches, and the costs."""

    name = "summary"
    type = "table"
    options = {"dataset": ..., "objective": ...}

    def plot(self, df, dataset, objective):
        runs = select(df, dataset, objective)
        ends = one_each(runs, "last")
        streams = set(streaming(runs)["solver_name"])
        table = pd.DataFrame({column: medians(ends[column]) for column in (
            ERROR, *(column for column, _ in FINAL.values()))})
        reached = {heading: reaching(target, runs, BYTES, ERROR)
                   for heading, target in TARGETS.items()}
        for heading, costs in reached.items():
            table[heading] = costs["cost"]
        # Methods that reach neither are ordered by their error.
        table = table.sort_values(["≤ 1e-3", "≤ 1e-1", ERROR])
        columns = [cells(table[ERROR], table[ERROR].map(SCIENTIFIC))]
        columns += [
            cells(table[heading],
                  [cost_cell(row) for row
                   in costs.reindex(table.index).itertuples()],
                  best=min(table[heading], default=None))
            for heading, costs in reached.items()]
        columns += [
            cells(table[column], table[column].map(
                partial(readable, unit=unit) if unit else SCIENTIFIC))
            for column, unit in FINAL.values()]
        columns.append(["yes" if solver in streams else "no"
                        for solver in table.index])
        names = [f"{place}. {solver}".rjust(len(solver) + 4, FIGURE_SPACE)
                 for place, solver in enumerate(table.index, start=1)]
        return [list(row) for row in zip(names, *columns, strict=True)]

    def get_metadata(self, df, dataset, objective):
        return dict(
            title=title(
                select(df, dataset, objective), dataset, objective,
                "≤ 1e-3: bytes until the subspace error stays at or below it\n"
                f"{INTERPOLATED}; worst rank: excess error on its own data "
                "at the end") + not_run_note(),
            columns=["method", "error", *TARGETS, *FINAL, "streams"],
            default_order_column="method")
