"""Curves of errors against costs, as the page draws them."""
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark_utils.results.memo import once
from benchmark_utils.results.statistics import (
    SMALLEST_ERROR,
    Interval,
    after_each_round,
    spread,
)

NO_MARKER = 41  # one that plotly draws as nothing


@dataclass
class Curve:
    """Points after each round, with a band along one axis.

    Attributes
    ----------
    x, y : Interval
        Medians are the points.
    band : "x", "y" or None
        What the band spreads over.
    """
    x: Interval
    y: Interval
    band: str | None = None

    def as_plotly(self, **style):
        """Traces; none without a point, two where one point has a bar."""
        points = dict(x=self.x.median.tolist(), y=self.y.median.tolist())
        if not points["x"]:
            return []
        if not self.band:
            return [{**style, **points}]
        low, _, high = map(np.ndarray.tolist, getattr(self, self.band))
        if len(low) > 1:
            return [{**style, **points, f"{self.band}_low": low,
                     f"{self.band}_high": high}]
        # The page draws no band of a single point: a line across it.
        bar = {axis: 2 * values for axis, values in points.items()}
        bar[self.band] = low + high
        return [{**style, **bar, "marker": NO_MARKER}, {**style, **points}]


def curve(x, y, band):
    """Medians over repetitions after each round, and their band.

    A logarithmic axis has no zero: points with x = 0 are left out, errors are
    raised to ``SMALLEST_ERROR``.

    Parameters
    ----------
    x, y : arrays by round (rows) and repetition (columns)
    band : "x" or "y"
    """
    several = x.shape[1] > 1
    x, y = spread(x), spread(np.maximum(y, SMALLEST_ERROR))
    shown = x.median > 0
    return Curve(*(Interval(*(ends[shown] for ends in axis))
                   for axis in (x, y)), band if several else None)


@once
def known(runs, column):
    """Rows that have a value: simulated ranks have no times."""
    return runs[runs[column].notna()]


def curves(runs, style, x, y, band):
    """Traces of all solvers."""
    runs = known(runs, x)
    xs, ys = after_each_round(runs, x), after_each_round(runs, y)
    return [trace for solver in xs
            for trace in curve(xs[solver], ys[solver], band).as_plotly(
                label=solver, **style[solver])]


def against(tables, style):
    """Traces of costs against a parameter of the problem.

    Parameters
    ----------
    tables : iterable of (value, DataFrame by solver with a column ``cost``)
    style : dict from :func:`~benchmark_utils.results.style.styles`
    """
    tables = list(tables)
    costs = pd.DataFrame(  # values may be equal
        [table["cost"] for _, table in tables],
        index=[value for value, _ in tables])
    traces = []
    for solver, column in costs.items():
        # A logarithmic axis shows neither 0 nor what is not reached.
        shown = column[(column > 0) & (column < np.inf)]
        traces.append(dict(label=solver, **style[solver],
                           x=shown.index.tolist(), y=shown.tolist()))
    return traces


def line(label, note, x, y, grey):
    """List of one trace that is not a method; empty if it cannot be drawn.

    The page writes the note beside it.
    """
    x, y = np.broadcast_arrays(x, y)
    if not x.size or not (np.isfinite(x) & (x > 0)).all():
        return []
    return [dict(label=label, note=note, x=x.tolist(), y=y.tolist(),
                 color=grey, marker=NO_MARKER)]


def vertical_line(label, x, grey, traces):
    """A line as high as the other traces."""
    heights = [y for trace in traces for y in trace["y"]]
    ends = [min(heights), max(heights)] if heights else []
    return line(label, label, x, ends, grey)
