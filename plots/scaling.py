from benchmark_utils.results.curves import against
from benchmark_utils.results.page import PagePlot
from benchmark_utils.results.select import (
    metric_axes,
    scalings,
    select,
)
from benchmark_utils.results.statistics import reaching
from benchmark_utils.results.style import styles
from benchmark_utils.results.text import (
    INTERPOLATED,
    not_reached,
    repetitions,
)

COSTS = metric_axes("compute_s", "comm_bytes", "comm_bytes_max", "comm_hops",
                    "wall_s", "memory_mb")
TARGETS = {f"≤ {target}": float(target) for target in ("1e-2", "1e-3", "1e-6")}
ERROR = "objective_subspace_error"


class Plot(PagePlot):
    """How does the cost of an accuracy change with the number of ranks?

    Simulated ranks have no times.
    """

    name = "scaling"
    type = "scatter"
    options = {
        "problem": lambda df: list(scalings(df)), "objective": ...,
        "cost": lambda df: [label for label, axis in COSTS.items()
                            if df[axis.column].notna().any()],
        "accuracy": list(TARGETS)}

    def tables(self, df, problem, objective, cost, accuracy):
        """Cost of every method, and its reasons, on every number of ranks."""
        for dataset, n_ranks in scalings(df).get(problem, {}).items():
            yield n_ranks, reaching(
                TARGETS[accuracy], select(df, dataset, objective),
                COSTS[cost].column, ERROR)

    def plot(self, df, problem, objective, cost, accuracy):
        return against(
            self.tables(df, problem, objective, cost, accuracy), styles(df))

    def get_metadata(self, df, problem, objective, cost, accuracy):
        tables = dict(self.tables(df, problem, objective, cost, accuracy))
        ranks = "ranks" if len(tables) > 1 else \
            "ranks (configs/strong_scaling.yml has several)"
        datasets = dict(scalings(df).get(problem, {}))
        runs = df[df["dataset_name"].isin(list(datasets))]
        return dict(
            title=f"{objective} of {problem}\n{repetitions(runs)}; "
                  f"{INTERPOLATED}\n{cost} until the subspace error stays "
                  f"{accuracy}",
            xlabel=f"{ranks}<br>{not_reached(tables.values())}",
            ylabel=COSTS[cost].title,
            scale="semilog-y")
