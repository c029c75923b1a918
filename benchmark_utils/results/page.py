"""Plots on benchopt's page, with everything that names something in sight.

benchopt 1.10 puts its style sheets and scripts into every page of results;
ours, ``page.css`` and ``page.js``, follow them. They leave the pages of other
benchmarks as they are.
"""
from pathlib import Path

from benchopt import BasePlot
from benchopt.plotting.generate_html import STATIC

for theirs, ours in (("hover_index.css", "page.css"),
                     ("result.js", "page.js")):
    text = Path(__file__).with_name(ours).read_text(encoding="utf-8")
    if text not in STATIC[theirs]:  # this module may be imported again
        STATIC[theirs] += text


class PagePlot(BasePlot):
    """Plot of such a page."""
