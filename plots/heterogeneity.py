from functools import partial

import pandas as pd

from benchmark_utils.results.curves import against
from benchmark_utils.results.page import PagePlot
from benchmark_utils.results.select import select, without_parameter
from benchmark_utils.results.statistics import medians, one_each, reaching
from benchmark_utils.results.style import styles
from benchmark_utils.results.text import (
    INTERPOLATED,
    not_reached,
    repetitions,
)

# Parameters of datasets that make ranks differ.
KNOBS = {
    "heterogeneity": "heterogeneity: fraction of the cells that stay in "
                     "their domain; the others are reassigned at random",
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


class Plot(PagePlot):
    """How do costs change as the ranks' data become more different?"""

    name = "heterogeneity"
    type = "scatter"
    options = {"sweep": lambda df: list(sweeps(df)), "objective": ...,
               "cost": [*TARGETS, FINAL_ERROR]}

    def tables(self, df, sweep, objective, cost):
        """Cost of every method, and its reasons, at every value."""
        _, values = sweeps(df)[sweep]
        for dataset, value in values.items():
            runs = select(df, dataset, objective)
            yield value, (
                medians(one_each(runs, "last")[ERROR]).to_frame("cost")
                if cost == FINAL_ERROR
                else reaching(TARGETS[cost], runs, BYTES, ERROR))

    def plot(self, df, sweep, objective, cost):
        return against(self.tables(df, sweep, objective, cost), styles(df))

    def get_metadata(self, df, sweep, objective, cost):
        knob, values = sweeps(df)[sweep]
        final = cost == FINAL_ERROR
        note = cost if final else f"{cost} of subspace error"
        if values.nunique() == 1:
            note += "; one value only: configs/heterogeneity.yml has several"
        missing = "" if final else not_reached(
            table for _, table in self.tables(df, sweep, objective, cost))
        runs = df[df["dataset_name"].isin(values.index)]
        return dict(
            title=f"{objective} of {sweep}\n{repetitions(runs)}; {note}"
                  + ("" if final else f"\n{INTERPOLATED}"),
            xlabel=f"{KNOBS[knob]}<br>{missing}",
            ylabel="subspace error" if final else "bytes, all ranks (B)",
            scale="semilog-y")
