from benchopt import BasePlot

from benchmark_utils.plotting import (
    cells,
    cost_to_reach,
    readable_bytes,
    select,
    title,
)

ERROR, BYTES = "objective_subspace_error", "objective_comm_bytes"
SCIENTIFIC, SECONDS = "{:.1e}".format, "{:.3g} s".format
TARGETS = {"≤ 1e-1": 1e-1, "≤ 1e-3": 1e-3, "≤ 1e-6": 1e-6}
# At the end of a run; the last ones may need scrolling.
FINAL = {
    "time": ("objective_wall_s", SECONDS),
    "worst domain": ("objective_worst_domain_error", SCIENTIFIC),
    "RAM": ("objective_memory_mb", lambda mb: readable_bytes(1e6 * mb)),
    "passes": ("objective_samples_seen", "{:.3g}".format),
    "CPU time": ("objective_compute_s", SECONDS),
}


class Plot(BasePlot):
    """One row per method: what it reaches and what that costs."""

    name = "summary"
    type = "table"
    options = {"dataset": ..., "objective": ...}

    def plot(self, df, dataset, objective):
        runs = select(df, dataset, objective).sort_values("stop_val")
        table = runs.groupby(["solver_name", "idx_rep"]).last().groupby(
            "solver_name").median(numeric_only=True)
        for heading, target in TARGETS.items():
            table[heading] = cost_to_reach(target, runs, BYTES, ERROR)
        table = table.sort_values([*TARGETS, ERROR])  # decides among "never"
        columns = [cells("error", table[ERROR], table[ERROR].map(SCIENTIFIC))]
        columns += [
            cells(heading, table[heading], table[heading].map(readable_bytes),
                  best=min(table[heading], default=None))
            for heading in TARGETS]
        columns += [cells(heading, table[column], table[column].map(text))
                    for heading, (column, text) in FINAL.items()]
        return [list(row) for row in zip(table.index, *columns, strict=True)]

    def get_metadata(self, df, dataset, objective):
        return dict(
            title=title(select(df, dataset, objective), dataset, objective,
                        "costs of the whole run\n≤ 1e-3: bytes sent until "
                        "the subspace error is that small"),
            columns=["method", "error", *TARGETS, *FINAL],
            default_order_column="≤ 1e-3")
