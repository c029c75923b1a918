import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmark_utils.results.page import PagePlot
from benchmark_utils.results.select import select
from benchmark_utils.results.statistics import medians, one_each
from benchmark_utils.results.style import draw
from benchmark_utils.results.text import title

ERRORS = "objective_domain_errors"
MOMENTS = {"at the end": "last", "after the first round": "first"}
MOST_TICKS = 16
SMALLEST = 1e-6  # smaller errors are white


def errors_by_rank(runs, moment):
    """Medians over repetitions: a row per solver, a column per rank."""
    return pd.DataFrame(dict(medians(one_each(runs, moment)[ERRORS]))).T


def shade(errors):
    """Decades above SMALLEST as a part of those up to 1, with the sign."""
    sizes = np.maximum(np.abs(errors), SMALLEST)
    return np.sign(errors) * (1 - np.log10(sizes) / np.log10(SMALLEST))


def heat_map(errors):
    """Picture of a table of errors: solvers by ranks."""
    # The page enlarges it without smoothing: smaller than shown, never larger.
    figure = Figure(figsize=(5, 5), dpi=100, layout="constrained")
    ax = figure.subplots()
    shades = shade(errors.to_numpy())
    ax.imshow(shades, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    if len(errors.columns) <= MOST_TICKS:  # else matplotlib's own
        ax.set_xticks(range(len(errors.columns)), errors.columns)
    ax.set_yticks(range(len(errors)), errors.index)
    ax.set_xlabel("rank, the owner of a subdomain")
    ax.tick_params(length=0, labelsize=10)
    if len(errors.columns) <= 8:  # more would not fit
        for (row, column), error in np.ndenumerate(errors.to_numpy()):
            shown = f"{error:.0e}".replace("e-0", "e-") \
                if shades[row, column] else "0"
            ax.text(column, row, shown, ha="center", va="center",
                    color="white" if abs(shades[row, column]) > 0.7
                    else "black")
    return draw(figure)


class Plot(PagePlot):
    """Excess error of every rank on its own data."""

    name = "domains"
    type = "image"
    options = {"dataset": ..., "objective": ...}

    def plot(self, df, dataset, objective):
        runs = select(df, dataset, objective)
        if runs.empty:
            return []
        tables = {moment: errors_by_rank(runs, keep)
                  for moment, keep in MOMENTS.items()}
        worst_last = tables["at the end"].max(axis=1).sort_values().index
        return [dict(label=moment, image=heat_map(errors.loc[worst_last]))
                for moment, errors in tables.items()]

    def get_metadata(self, df, dataset, objective):
        note = ("excess error of each rank on its own data, over their "
                "variance; blue: lower than with the globally optimal basis")
        return dict(title=title(select(df, dataset, objective), dataset,
                                objective, note).replace("\n", "; "))
