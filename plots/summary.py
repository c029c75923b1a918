from functools import partial

import numpy as np
from benchopt import BasePlot

from benchmark_utils.plotting import (
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
# Characters that are not seen: a blank where no line breaks, one as wide as
# a digit, and one of no width that keeps its neighbours together.
NO_BREAK, FIGURE_SPACE, WORD_JOINER = "\u00a0", "\u2007", "\u2060"


def cells(heading, values, text, best=None):
    """Texts that benchopt's page shows as they are and sorts by their values.

    It sorts texts as texts: hence leading blanks, which HTML hides, more of
    them for less. It rounds what reads as a number, breaks lines at blanks
    and hyphens, and cuts headings wider than the cells: hence the rest.
    """
    ranks = values.rank(method="dense", ascending=False, na_option="top")
    width = max(7, len(heading) + 2)
    texts = [text(value).ljust(width, FIGURE_SPACE).replace(" ", NO_BREAK)
             .replace("-", "-" + WORD_JOINER) + WORD_JOINER
             for value in values]
    return [" " * int(rank)
            + (f"**{text}**" if value == best < np.inf else text)
            for rank, value, text in zip(ranks, values, texts, strict=True)]


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
        columns = [cells("error", table[ERROR], SCIENTIFIC)]
        columns += [
            cells(heading, table[heading], readable_bytes,
                  best=min(table[heading], default=None))
            for heading in TARGETS]
        columns += [
            cells(heading, table[column],
                  partial(readable, unit=unit) if unit else SCIENTIFIC)
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
