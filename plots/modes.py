from textwrap import fill

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.spatial import Delaunay

from benchmark_utils.results.page import PagePlot
from benchmark_utils.results.style import colour, picture

ERROR = "objective_subspace_error"
HOLD = 10  # times that an animation, to begin with, shows the last estimate
LABEL = 32  # characters in a line of an axis label
# Steps of a colour, by the number of axes: curves need few.
SHADES = {1: 5, 2: 15}


def axis_label(name, unit):
    text = name if unit in ("1", "unknown") else f"{name} ({unit})"
    return fill(text, LABEL)


def drawn(axis):
    """Label of an axis, its points in increasing order, and that order.

    Longitudes that wrap are unwrapped, to begin within -180..180. Points
    without (finite, different) coordinates are numbered.
    """
    name, unit, points = axis
    points = np.asarray(points, float)
    if "degrees_e" in unit.lower() or name.lower().startswith("lon"):
        if np.isfinite(points).all() and not _is_monotonic(points):
            points = np.unwrap(points, period=360)
            points -= 360 * np.floor((points.min() + 180) / 360)
    if not np.isfinite(points).all() or len(np.unique(points)) < len(points):
        name, unit, points = f"{name}, by number", "1", np.arange(len(points))
    order = np.argsort(points)
    return axis_label(name, unit), points[order], order


def _is_monotonic(points):
    steps = np.diff(points)
    return (steps > 0).all() or (steps < 0).all()


def line_plot(figure, axes, exact):
    """Draw a mode on one axis; what moves, and how to show another mode."""
    label, x, order = drawn(axes[0])
    exact = exact[order]
    ax = figure.subplots()
    ax.plot(x, exact, color="#cccccc", lw=6, label="exact")
    line, = ax.plot(x, exact, label="estimate", animated=True)
    height = 1.4 * np.nanmax(abs(exact))  # room for the legend
    ax.set(xlabel=label, ylim=(-height, height), yticks=[0])
    ax.locator_params(axis="x", nbins=5)
    legend = ax.legend(loc="lower right", ncols=2)
    legend.set_animated(True)

    def show(values, style):
        line.set_ydata(values[order])
        for each in (line, legend.legend_handles[1]):
            each.set_color(style)
    return (line, legend), show


def map_plot(figure, axes, exact):
    """The same on two axes, the exact mode above the estimate."""
    shape = [len(coordinates) for _, _, coordinates in axes]
    # An x, or a longitude, belongs below a map; else the last axis does.
    upright = "x" in axes[0][0] or axes[0][0].startswith("lon")

    (y_label, y, rows), (x_label, x, columns) = map(
        drawn, axes[::-1] if upright else axes)

    def oriented(values):
        values = values.reshape(shape)
        return (values.T if upright else values)[np.ix_(rows, columns)]

    limit = np.nanmax(abs(exact))
    for number, ax in enumerate(figure.subplots(2, sharex=True)):
        mesh = ax.pcolormesh(x, y, oriented(exact), cmap="RdBu_r",
                             vmin=-limit, vmax=limit, animated=number == 1)
        ax.set_facecolor("#cccccc")  # no value there; white is zero
        ax.set_title(("exact", "estimate")[number], fontsize="medium")
    figure.supylabel(y_label, fontsize="medium")  # once: it may be long
    ax.set_xlabel(x_label)
    return (mesh,), lambda values, _: mesh.set_array(oriented(values))


def mesh_plot(figure, axes, exact):
    """The same at scattered points, each with its two coordinates."""
    (x_label, x), (y_label, y) = (
        (axis_label(name, unit), points) for name, unit, points in axes)
    triangles = Delaunay(np.stack([x, y], axis=1)).simplices
    limit = np.nanmax(abs(exact))
    for number, ax in enumerate(figure.subplots(2, sharex=True)):
        mesh = ax.tripcolor(x, y, triangles, exact, shading="gouraud",
                            cmap="RdBu_r", vmin=-limit, vmax=limit,
                            animated=number == 1)
        ax.set_title(("exact", "estimate")[number], fontsize="medium")
    figure.supylabel(y_label, fontsize="medium")
    ax.set_xlabel(x_label)
    return (mesh,), lambda values, _: mesh.set_array(values)


class Scene:
    """All that stands still in the animations of one mode.

    Parameters
    ----------
    axes : list of (name, unit, coordinates)
        One or two.
    exact : array of shape (points,)
    scattered : bool
        The two axes are the coordinates of every point.
    """

    def __init__(self, axes, exact, scattered):
        # The page enlarges it without smoothing: smaller than shown, never
        # larger.
        figure = Figure(figsize=(3.7, 3.7), dpi=70, layout="constrained")
        self.canvas, self.shades = FigureCanvasAgg(figure), SHADES[len(axes)]
        self.caption = figure.suptitle("round", animated=True)
        plot = mesh_plot if scattered else (
            line_plot if len(axes) == 1 else map_plot)
        moving, self.show = plot(figure, axes, exact)
        self.moving = *moving, self.caption
        self.canvas.draw()
        self.still = self.canvas.copy_from_bbox(figure.bbox)

    def animation(self, learned, captions, style):
        """Frames of the mode, estimated from round to round.

        Parameters
        ----------
        learned : list of arrays of shape (points,)
        captions : list of str
        style : colour
            Of the method.

        Returns
        -------
        list of RGB arrays
        """
        frames = []
        for values, text in zip(learned, captions, strict=True):
            self.canvas.restore_region(self.still)
            self.show(values, style)
            self.caption.set_text(text)
            for artist in self.moving:
                self.canvas.figure.draw_artist(artist)
            frames.append(picture(self.canvas, self.shades))
        return HOLD * frames[-1:] + frames[:-1]


class Plot(PagePlot):
    """What the leading modes look like, estimated and exact."""

    name = "modes"
    type = "image"
    options = {"dataset": ..., "objective": ..., "solver": ...}
    scenes = None  # of the last problem

    def run(self, df, dataset, objective, solver):
        """Evaluations of the first repetition."""
        return df[(df["dataset_name"] == dataset)
                  & (df["objective_name"] == objective)
                  & (df["solver_name"] == solver) & (df["idx_rep"] == 0)]

    def plot(self, df, dataset, objective, solver):
        run = self.run(df, dataset, objective, solver)
        errors = run.set_index("stop_val")[ERROR]
        cards = []
        if self.scenes is None or self.scenes[0] != (dataset, objective):
            self.scenes = (dataset, objective), {}
        _, scenes = self.scenes
        for modes in run["final_results"].dropna():
            captions = [f"round {number}: subspace error {errors[number]:.0e}"
                        for number in modes["learned"]]
            learned = np.array(list(modes["learned"].values()), dtype=float)
            for j in range(learned.shape[-1]):
                exact = modes["exact"][:, j].astype(float)
                scene = exact.tobytes()
                if scene not in scenes:
                    scenes[scene] = Scene(modes["axes"], exact,
                                          modes.get("scattered", False))
                cards.append(dict(
                    label=f"mode {j + 1}: {modes['shares'][j]:.1%} of the "
                          "variance",
                    image=scenes[scene].animation(
                        learned[..., j], captions, colour(solver))))
        return cards

    def get_metadata(self, df, dataset, objective, solver):
        modes = self.run(df, dataset, objective, solver)[
            "final_results"].dropna()
        if modes.empty:
            return dict(title=f"{solver} has not run on {dataset}")
        slices = "".join(f", at {name} = {value:.3g}" for name, _, value
                         in modes.iloc[0]["slices"])
        return dict(title=f"{objective} of {dataset}{slices}: leading modes "
                          f"of {solver}, round by round, rotated to match the "
                          "exact modes (Procrustes)")
