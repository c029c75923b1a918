from functools import partial

from benchopt import BasePlot

from benchmark_utils.results.plotting import (
    FIGURE_SPACE,
    cells,
    cost_to_reach,
    one_each,
    readable,
    readable_bytes,
    select,
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


class Plot(BasePlot):
    """One row per method: what it reaches and what that costs."""

    name = "summary"
    type = "table"
    options = {"dataset": ..., "objective": ...}

    def plot(self, df, dataset, objective):
        runs = select(df, dataset, objective)
        table = one_each(runs, "last").groupby("solver_name").median(
            numeric_only=True)
        for heading, target in TARGETS.items():
            table[heading] = cost_to_reach(target, runs, BYTES, ERROR)
        order = ["≤ 1e-3", "≤ 1e-1", ERROR]  # the error of those that never
        table = table.sort_values(order)
        columns = [cells("error", table[ERROR], table[ERROR].map(SCIENTIFIC))]
        columns += [
            cells(heading, table[heading], table[heading].map(readable_bytes),
                  best=min(table[heading], default=None))
            for heading in TARGETS]
        columns += [
            cells(heading, table[column], table[column].map(
                partial(readable, unit=unit) if unit else SCIENTIFIC))
            for heading, (column, unit) in FINAL.items()]
        names = [f"{place}. {solver}".rjust(len(solver) + 4, FIGURE_SPACE)
                 for place, solver in enumerate(table.index, start=1)]
        return [list(row) for row in zip(names, *columns, strict=True)]

    def get_metadata(self, df, dataset, objective):
        return dict(
            title=title(select(df, dataset, objective), dataset, objective,
                        "≤ 1e-3: bytes until the subspace error is that small"
                        "\nworst rank: excess error on its own data at the end"
                        ),
            columns=["method", "error", *TARGETS, *FINAL],
            default_order_column="method")
