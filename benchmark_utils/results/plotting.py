"""What the plots share: styles of methods, curves, readable numbers."""
import colorsys
import re
import zlib
from collections import namedtuple
from textwrap import wrap

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from benchmark_utils.comm.network import NETWORKS, communication_seconds
from benchmark_utils.scoring.metrics import METRICS

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
    "sdot": "#ff69d2",
    "shift-invert": "#960087",
    "streaming-sketch": "#695a1e",
    "tsqr-svd": "#96c396",
}
N_MARKERS = 9  # plotly's circle, square, diamond, ...
NO_MARKER = 41  # one that plotly draws as nothing
SMALLEST_ERROR = 1e-16  # a logarithmic axis has no zero

# Characters that are not seen: a blank where no line breaks, one as wide as
# a digit, and one of no width that keeps its neighbours together.
NO_BREAK, FIGURE_SPACE, WORD_JOINER = "\u00a0", "\u2007", "\u2060"

Axis = namedtuple("Axis", "column title meaning unit", defaults=["1"])


def metric_axes(*keys):
    """Axes by label, for a drop-down list."""
    units = {key: METRICS[key].unit for key in keys}
    return {METRICS[key].label: Axis(
        f"objective_{key}",
        METRICS[key].label + (f" ({unit})" if unit != "1" else ""),
        METRICS[key].meaning, unit) for key, unit in units.items()}


ERRORS = metric_axes(*(key for key in METRICS if key.endswith("_error")))


def colour(solver):
    """Colour of a method, whatever its parameters.

    A method without an entry gets a dark colour that follows from its name;
    the entries are lighter. Always a text: the page needs four numbers.
    """
    method = solver.split("[")[0]
    hue = zlib.crc32(method.encode()) % 360 / 360
    return COLOURS.get(method, to_hex(colorsys.hls_to_rgb(hue, 0.25, 1.0)))


def styles(df):
    """Colour per method and marker per variant, for all solvers of a file."""
    variants = {}
    for solver in sorted(df["solver_name"].unique()):
        variants.setdefault(solver.split("[")[0], []).append(solver)
    return {solver: dict(color=colour(solver), marker=number % N_MARKERS)
            for solvers in variants.values()
            for number, solver in enumerate(solvers)}


def select(df, dataset, objective):
    """Runs on one problem, without the random estimates they start from."""
    runs = df[(df["dataset_name"] == dataset)
              & (df["objective_name"] == objective) & (df["stop_val"] > 0)]
    return runs.assign(rounds=runs["stop_val"]).drop_duplicates(
        ["solver_name", "idx_rep", "stop_val"], keep="last")


def listed(note, solvers, **options):
    """A note with names, in lines that fit above or below a figure."""
    return "<br>".join(wrap(note + ", ".join(sorted(set(solvers))), 110,
                            break_on_hyphens=False, **options))


def modelled(runs, name, ranks=None):
    """Put runs on a network: measured compute time and modelled calls.

    Parameters
    ----------
    runs : DataFrame
    name : str
        Key of ``NETWORKS``.
    ranks : int, optional
        Each with the data of one of the measured ranks, default: as many.

    Returns
    -------
    runs : DataFrame
        With a column ``modelled_s``; without the runs that cannot be modelled
        on so many ranks.
    axis : Axis
    note : str
        For the title.
    """
    network = NETWORKS[name]
    runs = runs.assign(modelled_s=[
        compute + communication_seconds(calls, network, P, ranks or P)
        for compute, calls, P in zip(
            runs["objective_compute_s"], runs["objective_calls"],
            runs["objective_n_ranks"], strict=True)])
    unknown = runs["modelled_s"].isna()
    axis = Axis("modelled_s", f"modelled time, {name} (s)",
                f"measured compute time + calls at "
                f"{1e6 * network.latency:g} µs and "
                f"{network.bandwidth / 1e6:,.0f} MB/s", "s")
    notes = []
    if ranks:
        notes.append(f"modelled on {ranks} ranks, each with the data of one "
                     "of these")
    if unknown.any():
        notes.append("not modelled: ")
    note = listed("; ".join(notes), runs["solver_name"][unknown],
                  max_lines=1, placeholder=" ...")
    return runs[~unknown], axis, note


def without_parameter(name, dataset):
    """Name of a dataset without the value of a parameter, or of ``a|b``."""
    return re.sub(rf"(?<=[\[,])({name})=[^,\]]*,?", "", dataset) \
        .replace(",]", "]").replace("[]", "")


def n_ranks(runs):
    """Ranks of a problem, NaN if its dataset has no such parameter."""
    return runs.get("p_dataset_n_ranks", runs["time"] * np.nan).max()


def curve(runs, x, y, band):
    """Medians over repetitions after each round, and their 10-90 % band.

    A repetition that has stopped keeps its last values. A logarithmic axis
    has no zero: points with x = 0 are left out, errors are raised to 1e-16.

    Parameters
    ----------
    runs : DataFrame
        Of one solver on one problem.
    x, y : str
        Columns.
    band : "x" or "y"
        What the band spreads over.
    """
    low, median, high = {}, {}, {}
    for axis, column, smallest in ("x", x, 0), ("y", y, SMALLEST_ERROR):
        values = runs.pivot(index="stop_val", columns="idx_rep",
                            values=column).ffill().clip(lower=smallest)
        low[axis], median[axis], high[axis] = np.nanquantile(
            values, [0.1, 0.5, 0.9], axis=1)
    shown = median["x"] > 0
    points = {axis: median[axis] for axis in "xy"}
    if runs["idx_rep"].nunique() > 1:
        points |= {f"{band}_low": low[band], f"{band}_high": high[band]}
    # The page holds every curve of every option: eight digits are enough.
    return {key: [float(f"{value:.8g}") for value in values[shown]]
            for key, values in points.items()}


def curves(runs, style, x, y, band):
    """Traces of all solvers; a single point has a bar instead of a band."""
    traces = []
    for solver, of_solver in runs.groupby("solver_name"):
        trace = dict(label=solver, **style[solver],
                     **curve(of_solver, x, y, band))
        if len(trace["x"]) == 1 and f"{band}_low" in trace:
            ends = trace.pop(f"{band}_low") + trace.pop(f"{band}_high")
            traces.append({**trace, "x": 2 * trace["x"], "y": 2 * trace["y"],
                           band: ends, "marker": NO_MARKER})
        if trace["x"]:
            traces.append(trace)
    return traces


def costs_to_reach(target, runs, cost, error):
    """Cost at the first evaluation whose error is at most the target.

    Returns
    -------
    Series by solver and repetition, infinite if that never gets there.
    """
    repetition = ["solver_name", "idx_rep"]
    every = runs.groupby(repetition)[cost].max()
    reached = runs[runs[error] <= target].groupby(repetition)[cost].min()
    return reached.astype(float).reindex(every.index, fill_value=np.inf)


def cost_to_reach(target, runs, cost, error):
    """Medians of the repetitions by solver, infinite if half never reach."""
    return costs_to_reach(target, runs, cost, error).groupby(
        "solver_name").median()


def one_each(runs, keep):
    """The "first" or the "last" evaluation by solver and repetition."""
    run = ["solver_name", "idx_rep"]
    return runs.sort_values("stop_val").drop_duplicates(
        run, keep=keep).set_index(run).sort_index()


def vertical_line(label, x, grey, traces):
    """List of one trace as high as the others; empty if x means nothing."""
    heights = [y for trace in traces for y in trace["y"]]
    if not heights or not 0 < x < np.inf:
        return []
    return [dict(label=label, x=2 * [float(x)], y=[min(heights), max(heights)],
                 color=grey, marker=NO_MARKER)]


def title(runs, dataset, objective, note):
    """The problem, what is drawn of the repetitions, and a note."""
    ranks, repetitions = n_ranks(runs), runs["idx_rep"].nunique()
    where = "" if np.isnan(ranks) or "n_ranks=" in dataset \
        else f", {ranks:.0f} ranks"
    drawn = (f"median of {repetitions} repetitions" if repetitions > 1
             else "one repetition")
    dataset = re.sub(r"path=[^,\]]*/", "path=", dataset)  # the file's name
    return f"{objective} of {dataset}{where}\n{drawn}; {note}"


def labels(runs, dataset, objective, x, y):
    """Metadata of a plot of error axis y against cost axis x."""
    hidden = ", 0 is not shown" if (runs[x.column] == 0).any() else ""
    raised = (f", at least {SMALLEST_ERROR}"
              if (runs[y.column] < SMALLEST_ERROR).any() else "")
    return dict(title=title(runs, dataset, objective,
                            "band: 10-90 %; random start not shown"
                            if runs["idx_rep"].nunique() > 1
                            else "random start not shown"),
                xlabel=f"{x.title}: {x.meaning}{hidden}",
                ylabel=f"{y.title}{raised}<br>{y.meaning}",
                scale="loglog")


def readable_bytes(number):
    """1234567 -> 1.23 MB; what is never reached costs infinitely many."""
    if number == np.inf:
        return "never"
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"


def cells(heading, values, texts, best=None):
    """Texts that benchopt's page shows as they are and sorts by their values.

    It sorts texts as texts: hence leading blanks, which HTML hides, more of
    them for less. It rounds what reads as a number, breaks lines at blanks
    and hyphens, and cuts headings wider than the cells: hence the rest.
    """
    ranks = values.rank(method="dense", ascending=False, na_option="top")
    width = max(9, len(heading) + 3)
    texts = [text.ljust(width, FIGURE_SPACE).replace(" ", NO_BREAK)
             .replace("-", "-" + WORD_JOINER) + WORD_JOINER
             for text in texts]
    return [" " * int(rank)
            + (f"**{text}**" if value == best < np.inf else text)
            for rank, value, text in zip(ranks, values, texts, strict=True)]


def readable(number, unit):
    """A cost with its unit: 1234567 B -> 1.23 MB."""
    if unit in ("B", "MB"):
        return readable_bytes(number * {"B": 1, "MB": 1e6}[unit])
    return f"{number:.3g}" + (f" {unit}" if unit != "1" else "")


def draw(figure):
    """RGB array of a matplotlib figure, entries from 0 to 1."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3] / 255
