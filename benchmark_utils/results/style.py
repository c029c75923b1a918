"""Colours and markers: the same for a method in all charts."""
import colorsys
import zlib

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from benchmark_utils.results.memo import once

# One colour per method, at least 28 apart in CIELAB; keep it when adding one.
COLOURS = {
    "block-power": "#0072b2",
    "gather-all": "#d55e00",
    "gram-eigh": "#e69f00",
    "incremental-svd": "#cc79a7",
    "low-rank-merge": "#009e73",
    "apmos": "#3cd24b",
    "block-krylov": "#2d00ff",
    "chebyshev-power": "#00c3e1",
    "coded-chord": "#000000",
    "deepca": "#ff005a",
    "drgta": "#961e3c",
    "fast-pca": "#f06978",
    "fdot": "#b4a55a",
    "frequent-directions": "#873c00",
    "hapod": "#5a8700",
    "history-pca": "#f0a587",
    "iarg": "#780fc3",
    "local-power": "#2d69ff",
    "method-of-snapshots": "#965a4b",
    "oja": "#ff4bff",
    "projector-average": "#b4c32d",
    "quantized-power": "#007878",
    "randomized-svd": "#9678d2",
    "reduced-chord": "#00b400",
    "sdot": "#ff69d2",
    "shift-invert": "#960087",
    "streaming-sketch": "#695a1e",
    "tsqr-svd": "#96c396",
    "autoencoder": "#ffaa00",
    "bit-rounding": "#b4000f",
    "dct": "#ff0000",
    "exact-moments": "#7800ff",
    "gather-compressed": "#96b4ff",
    "lorenzo": "#002d00",
    "lossless": "#003c4b",
    "mesh-wavelet": "#00d2aa",
    "patch-klt": "#787869",
    "pca-wavelet": "#5a3c5a",
    "rena": "#d278ff",
    "rounding": "#3c0000",
    "sz3": "#d20078",
    "tucker": "#b4b4c3",
    "wavelet": "#00004b",
    "zfp": "#001e96",
}
N_MARKERS = 9  # plotly's circle, square, diamond, ...


def colour(solver):
    """Colour of a method, whatever its parameters.

    A method without an entry gets a dark colour that follows from its name;
    the entries are lighter. Always a text: the page needs four numbers.
    """
    method = solver.split("[")[0]
    hue = zlib.crc32(method.encode()) % 360 / 360
    return COLOURS.get(method, to_hex(colorsys.hls_to_rgb(hue, 0.25, 1.0)))


@once
def styles(df):
    """Colour per method and marker per variant, for all solvers of a file."""
    variants = {}
    for solver in sorted(df["solver_name"].unique()):
        variants.setdefault(solver.split("[")[0], []).append(solver)
    return {solver: dict(color=colour(solver), marker=number % N_MARKERS)
            for solvers in variants.values()
            for number, solver in enumerate(solvers)}


def draw(figure):
    """RGB array of a matplotlib figure, entries from 0 to 1."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return picture(canvas)


def picture(canvas, shades=15):
    """What a canvas shows, in so many steps of red, green and blue.

    Fewer than the 255 that there are make a page small.
    """
    pixels = np.asarray(canvas.buffer_rgba())[..., :3] / 255
    return np.round(pixels * shades) / shades
