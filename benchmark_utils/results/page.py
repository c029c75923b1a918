"""Plots on benchopt's page, with everything that names something in sight.

benchopt 1.10 puts its style sheets and scripts into every page of results;
ours, ``page.css`` and ``page.js``, follow them. They leave the pages of other
benchmarks as they are.
"""
import json
from base64 import b64encode
from io import BytesIO
from math import isfinite
from pathlib import Path

import numpy as np
from benchopt import BasePlot
from benchopt.plotting import generate_html
from benchopt.plotting.helpers import update_plot_data_style
from PIL import Image

OWN = "cost_to_accuracy"  # a chart that tells our pages, also to page.js
FRAME_MS = 200


class PagePlot(BasePlot):
    """Plot of such a page."""


def compressed(image):
    """A picture, or a list of them, an animation, as lossless WebP.

    Parameters
    ----------
    image : array of shape (height, width, 3), or list of such arrays
        From 0 to 1.

    Returns
    -------
    str
        A data URI, half as long as that of a PNG or GIF.
    """
    frames = image if isinstance(image, list) else [image]
    pictures = [Image.fromarray((np.clip(frame, 0, 1) * 255).astype(np.uint8))
                for frame in frames]
    file = BytesIO()
    pictures[0].save(
        file, "WebP", save_all=True, append_images=pictures[1:],
        duration=FRAME_MS, loop=0, lossless=True, quality=75, method=4,
        minimize_size=True)
    return "data:image/webp;base64," + b64encode(file.getvalue()).decode()


def stored_once(plots):
    """Store what most options share, curves and words of figures, once.

    A figure, a trace, a list of numbers or a text gets a place in a list, as
    its value; a figure or a trace as the place of its keys, then those of its
    values. ``page.js`` reads the list, which is JSON in ``plots["once"]``.
    """
    places = {}

    def place(value):
        if isinstance(value, dict):
            value = [place(list(value)), *map(place, value.values())]
        elif isinstance(value, list):
            value = list(map(short, value))
        return places.setdefault(packed(value), len(places))

    pictures = {name: {
        options: place({**picture, "data": [
            place(trace) for trace in picture["data"]]})
        if picture["type"] in ("scatter", "bar_chart") else picture
        for options, picture in of_plot.items()}
        for name, of_plot in plots.items()}
    return {**pictures, "once": f"[{','.join(places)}]"}


def short(value):
    """Four digits are more than a figure shows; no number is a gap in it."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.4g}") if isfinite(value) else None


def packed(value):
    """JSON without blanks."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def styled(plots, plotly=True):
    """What benchopt puts into a page."""
    if OWN not in plots:
        return update_plot_data_style(plots, plotly)
    cards = [card for of_plot in plots.values()
             for picture in of_plot.values() if picture["type"] == "image"
             for card in picture["data"]]
    # benchopt would make GIFs of them.
    images = [card.pop("image", None) for card in cards]
    plots = update_plot_data_style(plots, plotly)
    for card, image in zip(cards, images, strict=True):
        card["image"] = None if image is None else compressed(image)
    return stored_once(plots)


generate_html.update_plot_data_style = styled
for theirs, ours in (("hover_index.css", "page.css"),
                     ("result.js", "page.js")):
    text = Path(__file__).with_name(ours).read_text(encoding="utf-8")
    if text not in generate_html.STATIC[theirs]:  # imported again
        generate_html.STATIC[theirs] += text
