from functools import partial

import numpy as np
import pandas as pd
from benchopt import BasePlot

from benchmark_utils.results.plotting import (
    cost_to_reach,
    listed,
    one_each,
    select,
    styles,
    without_parameter,
)

# Parameters of datasets that make ranks differ.
KNOBS = {
    "heterogeneity": "heterogeneity: part of the cells that stay in their "
                     "domain; the others are dealt at random",
    "rank_specific": "rank_specific: variance along directions that only one "
                     "rank has",
}
BYTES, ERROR = "objective_comm_bytes", "objective_subspace_error"
TARGETS = {f"bytes to {target}": float(target)
           for target in ("1e-1", "1e-2", "1e-3", "1e-6")}
FINAL_ERROR = "final error"


def sweeps(df):
    """Datasets of several ranks that differ in one knob only, by name.

    A file without any gives every dataset, as a sweep of one value.

    Returns
    -------
    dict : name -> (knob, Series of the knob's values by dataset name)
    """
    datasets = df.drop_duplicates("dataset_name").set_index("dataset_name")
    shared = datasets[datasets["objective_n_ranks"] > 1]
    datasets = datasets if shared.empty else shared
    several, single = {}, {}
    for knob in KNOBS:
        values = datasets.get(f"p_dataset_{knob}",
                              pd.Series(dtype=float)).dropna().sort_values()
        for name, group in values.groupby(partial(without_parameter, knob)):
            kind = several if group.nunique() > 1 else single
            kind[f"{name}, {knob}"] = knob, group
    return several or single


class Plot(BasePlot):
    """Where do methods cross when the ranks' data become more different?"""

    name = "heterogeneity"
    type = "scatter"
    options = {"sweep": lambda df: list(sweeps(df)), "objective": ...,
               "cost": [*TARGETS, FINAL_ERROR]}

    def points(self, df, sweep, objective, cost):
        """Cost of every solver (columns) at every value of the knob."""
        _, values = sweeps(df)[sweep]
        rows = {}
        for dataset, value in values.items():
            runs = select(df, dataset, objective)
            rows[value] = (
                one_each(runs, "last")[ERROR].groupby("solver_name").median()
                if cost == FINAL_ERROR
                else cost_to_reach(TARGETS[cost], runs, BYTES, ERROR))
        return pd.DataFrame(rows).T

    def plot(self, df, sweep, objective, cost):
        style, traces = styles(df), []
        for solver, column in self.points(
                df, sweep, objective, cost).items():
            reached = column[(column > 0) & (column < np.inf)]
            traces.append(dict(label=solver, **style[solver],
                               x=reached.index.tolist(),
                               y=reached.tolist()))
        return traces

    def get_metadata(self, df, sweep, objective, cost):
        knob, values = sweeps(df)[sweep]
        points = self.points(df, sweep, objective, cost)
        never = points.columns[(points == np.inf).all()]
        note = cost if cost == FINAL_ERROR else f"{cost} of subspace error"
        if values.nunique() == 1:
            note += "; one value only: configs/heterogeneity.yml has several"
        return dict(
            title=f"{objective} of {sweep}\n{note}",
            xlabel=KNOBS[knob] + "<br>" + (
                listed("never reach it: ", never) if len(never) else ""),
            ylabel=("subspace error" if cost == FINAL_ERROR
                    else "bytes, all ranks (B)"),
            scale="semilog-y")
