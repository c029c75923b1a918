"""Plots on benchopt's page, with everything that names something in sight.

benchopt 1.10 puts its style sheets and scripts into every page of results;
ours, ``page.css`` and ``page.js``, follow them. They leave the pages of other
benchmarks as they are.
"""
from pathlib import Path

from benchopt import BasePlot
from benchopt.plotting import generate_html
from benchopt.plotting.helpers import update_plot_data_style

OWN = "cost_to_accuracy"  # a chart that tells our pages, also to page.js


class PagePlot(BasePlot):
    """Plot of such a page."""


def stored_once(plots):
    """Store lists of numbers, which most options share, once.

    Curves and bars get their places in ``plots["lists"]``, which ``page.js``
    reads again.
    """
    places = {}
    for pictures in plots.values():
        for picture in pictures.values():
            if picture["type"] not in ("scatter", "bar_chart"):
                continue
            for trace in picture["data"]:
                for key, value in trace.items():
                    if isinstance(value, list):
                        trace[key] = places.setdefault(
                            tuple(value), len(places))
    return {**plots, "lists": list(places)}


def styled(plots, plotly=True):
    """What benchopt puts into a page."""
    plots = update_plot_data_style(plots, plotly)
    return stored_once(plots) if OWN in plots else plots


generate_html.update_plot_data_style = styled
for theirs, ours in (("hover_index.css", "page.css"),
                     ("result.js", "page.js")):
    text = Path(__file__).with_name(ours).read_text(encoding="utf-8")
    if text not in generate_html.STATIC[theirs]:  # imported again
        generate_html.STATIC[theirs] += text
