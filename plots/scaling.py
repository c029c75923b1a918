from functools import partial

from benchmark_utils.results.curves import against
from benchmark_utils.results.page import PagePlot
from benchmark_utils.results.select import (
    metric_axes,
    select,
    without_parameter,
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
# Parameters of datasets: the number of ranks, and what may grow with it.
RANKS, SIZES = "n_ranks", "n_ranks|n_x|n|n_samples"


def problems(df):
    """Datasets that differ in their number of ranks, by a common name.

    The same field (strong scaling), or one that grows (weak scaling). A file
    without any gives every dataset alone.

    Returns
    -------
    dict : name -> Series of the numbers of ranks by dataset name
    """
    ranks = df.drop_duplicates("dataset_name").set_index("dataset_name")[
        "objective_n_ranks"].sort_values()
    found = {}
    for parameters in RANKS, SIZES:
        for name, group in ranks.groupby(
                partial(without_parameter, parameters)):
            if len(group) > 1 and group.is_unique:
                found.setdefault(name, group)
    return found or {name: ranks[[name]] for name in ranks.index}


class Plot(PagePlot):
    """What does an accuracy cost on more and more ranks?"""

    name = "scaling"
    type = "scatter"
    options = {
        "problem": lambda df: list(problems(df)), "objective": ...,
        "cost": list(COSTS), "accuracy": list(TARGETS)}

    def tables(self, df, problem, objective, cost, accuracy):
        """Cost of every method, and its reasons, on every number of ranks."""
        for dataset, n_ranks in problems(df).get(problem, {}).items():
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
        datasets = dict(problems(df).get(problem, {}))
        runs = df[df["dataset_name"].isin(list(datasets))]
        return dict(
            title=f"{objective} of {problem}\n{repetitions(runs)}; "
                  f"{INTERPOLATED}\n{cost} until the subspace error stays "
                  f"{accuracy}",
            xlabel=f"{ranks}<br>{not_reached(tables.values())}",
            ylabel=COSTS[cost].title,
            scale="semilog-y")
