

from benchmark_utils.comm.network import NETWORKS, OTHER_RANKS
from benchmark_utils.results.curves import curves
from benchmark_utils.results.page import PagePlot
from benchmark_utils.results.select import (
    ERRORS,
    Axis,
    metric_axes,
    modelled,
    select,
)
from benchmark_utils.results.style import styles
from benchmark_utils.results.text import labels, listed, on_ranks
from benchmark_utils.scoring.metrics import METRICS

# Every combination is stored in the page: the errors that decide.
SHOWN = [METRICS[key].label for key in (
    "subspace_error", "excess_error", "worst_domain_error")]
MEASURED = metric_axes(
    "wall_s", "compute_s", "path_compute_s", "comm_s") | {
    "benchopt's clock": Axis(
        "time", "benchopt's clock (s)",
        "wall clock of the process that drives the ranks"),
}
AS_MEASURED = "as measured"


def timed(df, dataset, objective, time, ranks):
    """Runs, the axis of their seconds, and a note on these."""
    runs = select(df, dataset, objective)
    if time in NETWORKS:
        runs, axis, unknown = modelled(
            runs, time, None if ranks == AS_MEASURED else int(ranks))
        notes = [] if ranks == AS_MEASURED else [f"modelled {on_ranks(ranks)}"]
        if unknown:
            notes.append("not modelled: ")
        return runs, axis, listed("; ".join(notes), unknown, max_lines=1,
                                  placeholder=" ...")
    return runs, MEASURED[time], "" if ranks == AS_MEASURED else (
        f"as measured, not for {ranks} ranks: choose a network")


class Plot(PagePlot):
    """How many seconds does an accuracy cost, here and on other networks?"""

    name = "error_vs_time"
    type = "scatter"
    options = {"dataset": ..., "objective": ..., "error": SHOWN,
               "time": [*MEASURED, *NETWORKS],
               "ranks": [AS_MEASURED, *map(str, OTHER_RANKS)]}

    def plot(self, df, dataset, objective, error, time, ranks):
        runs, axis, _ = timed(df, dataset, objective, time, ranks)
        return curves(runs, styles(df), axis.column, ERRORS[error].column, "x")

    def get_metadata(self, df, dataset, objective, error, time, ranks):
        runs, axis, note = timed(df, dataset, objective, time, ranks)
        metadata = labels(runs, dataset, objective, axis, ERRORS[error])
        return metadata | dict(
            title="\n".join(filter(None, [metadata["title"], note])))
