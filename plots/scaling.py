from functools import partial

import numpy as np
import pandas as pd
from benchopt import BasePlot

from benchmark_utils.results.plotting import (
    cost_to_reach,
    listed,
    metric_axes,
    select,
    styles,
    without_parameter,
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
        "p_dataset_n_ranks"].dropna().sort_values()
    found = {}
    for parameters in RANKS, SIZES:
        for name, group in ranks.groupby(
                partial(without_parameter, parameters)):
            if len(group) > 1 and group.is_unique:
                found.setdefault(name, group)
    return found or {name: ranks[[name]] for name in ranks.index}


class Plot(BasePlot):
    """What does an accuracy cost on more and more ranks?"""

    name = "scaling"
    type = "scatter"
    options = {
        "problem": lambda df: list(problems(df)), "objective": ...,
        "cost": list(COSTS), "accuracy": list(TARGETS)}

    def points(self, df, problem, objective, cost, accuracy):
        """Cost of every solver (columns) on every number of ranks."""
        return pd.DataFrame({
            n_ranks: cost_to_reach(
                TARGETS[accuracy], select(df, dataset, objective),
                COSTS[cost].column, ERROR)
            for dataset, n_ranks in problems(df).get(problem, {}).items()}).T

    def plot(self, df, problem, objective, cost, accuracy):
        style, traces = styles(df), []
        for solver, costs in self.points(
                df, problem, objective, cost, accuracy).items():
            # A logarithmic axis shows neither 0 nor what is never reached.
            shown = costs[(costs > 0) & (costs < np.inf)]
            traces.append(dict(label=solver, **style[solver],
                               x=shown.index.tolist(), y=shown.tolist()))
        return traces

    def get_metadata(self, df, problem, objective, cost, accuracy):
        points = self.points(df, problem, objective, cost, accuracy)
        never = points.columns[(points == np.inf).all()]
        ranks = "ranks" if len(points) > 1 else \
            "ranks (configs/strong_scaling.yml has several)"
        if len(never):
            ranks += "<br>" + listed("never reach it: ", never)
        return dict(
            title=f"{objective} of {problem}\n{cost} to a subspace error "
                  f"{accuracy}",
            xlabel=ranks, ylabel=COSTS[cost].title, scale="semilog-y")
