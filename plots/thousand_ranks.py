from benchmark_utils.comm.network import NETWORKS
from benchmark_utils.results.curves import against
from benchmark_utils.results.memo import once
from benchmark_utils.results.page import PagePlot
from benchmark_utils.results.select import (
    Axis,
    metric_axes,
    modelled,
    scalings,
    select,
)
from benchmark_utils.results.statistics import medians, one_each
from benchmark_utils.results.style import styles
from benchmark_utils.results.text import listed, repetitions, world

PER_RANK = "bytes per rank"
MEASURED = metric_axes("subspace_error", "excess_error",
                       "worst_domain_error") | {
    PER_RANK: Axis("per_rank", "bytes per rank (B)",
                   "bytes sent by all ranks, divided by their number", "B"),
} | metric_axes("comm_bytes_max", "comm_hops")


@once
def shown(df, dataset, objective, quantity):
    """Runs with a column of the quantity, its axis, methods without it."""
    runs = select(df, dataset, objective)
    if quantity in NETWORKS:
        return modelled(runs, quantity)
    return runs.assign(per_rank=runs["objective_comm_bytes"]
                       / runs["objective_n_ranks"]), MEASURED[quantity], []


class Plot(PagePlot):
    """What happens to a method on thousands of ranks?"""

    name = "thousand_ranks"
    type = "scatter"
    options = {"problem": lambda df: list(scalings(df)), "objective": ...,
               "quantity": [*MEASURED, *NETWORKS]}

    def plot(self, df, problem, objective, quantity):
        tables = []
        for dataset, n_ranks in scalings(df).get(problem, {}).items():
            runs, axis, _ = shown(df, dataset, objective, quantity)
            tables.append((n_ranks, medians(
                one_each(runs, "last")[axis.column]).to_frame("cost")))
        return against(tables, styles(df))

    def get_metadata(self, df, problem, objective, quantity):
        datasets = dict(scalings(df).get(problem, {}))
        runs = df[df["dataset_name"].isin(list(datasets))]
        unknown = [solver for dataset in datasets for solver in shown(
            df, dataset, objective, quantity)[2]]
        _, axis, _ = shown(df, min(datasets, default=""), objective, quantity)
        several = "" if len(datasets) > 1 else \
            " (configs/thousand_ranks.yml has several)"
        return dict(
            title=f"{objective} of {problem}\n{repetitions(runs)}; at the end "
                  f"of the run, after at most {runs['stop_val'].max():.0f} "
                  f"rounds{world(runs)}",
            xlabel=f"ranks{several}" + listed(
                "<br>not modelled: ", unknown) * bool(unknown),
            ylabel=f"{axis.title}<br>{axis.meaning}", scale="loglog")
