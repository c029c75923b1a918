"""Pictures: what ranks pay, what modes look like, and how they get here."""
import h5py
import numpy as np
import pytest
from conftest import DATASET, OBJECTIVE, spectrum_array
from matplotlib.figure import Figure

from benchmark_utils.runtime.world import start_world
from benchmark_utils.scoring.pictures import (
    N_MODES,
    View,
    exact_pictures,
)

LOSSY = "low-rank-merge[rank_factor=1]"


def module(plot):
    """Globals of a plot's file."""
    return type(plot).plot.__globals__


def test_worst_domain_is_the_largest_error_of_a_rank(results):
    errors = np.stack(results["objective_domain_errors"])
    assert errors.shape == (len(results), 2)
    np.testing.assert_allclose(
        errors.max(axis=1).clip(min=0),
        results["objective_worst_domain_error"], atol=1e-15)


def test_errors_by_rank(plots, results):
    errors_by_rank = module(plots["domains"])["errors_by_rank"]
    runs = results[results["stop_val"] > 0].sort_values("stop_val")
    table = errors_by_rank(runs, "last")
    assert table.shape == (results["solver_name"].nunique(), 2)
    lossy = runs[runs["solver_name"] == LOSSY].groupby("idx_rep").last()
    np.testing.assert_allclose(table.loc[LOSSY], np.median(
        np.stack(lossy["objective_domain_errors"]), axis=0))
    assert abs(table.loc["gram-eigh"]).max() < 1e-12
    first = errors_by_rank(runs, "first")
    assert (first.loc["incremental-svd"]
            > table.loc["incremental-svd"]).all()


def test_shade(plots):
    shade = module(plots["domains"])["shade"]
    np.testing.assert_allclose(
        shade(np.array([1, 1e-3, 1e-6, 0, -1e-3])), [1, 0.5, 0, 0, -0.5],
        atol=1e-15)


def test_heat_map_shows_the_errors(plots, results):
    pictures = {item["label"]: item["image"] for item
                in plots["domains"].plot(results, DATASET, OBJECTIVE)}
    assert list(pictures) == ["at the end", "after the first round"]
    # Red, green and blue of a map's pixels: more red where ranks pay.
    def redness(image):
        return (image[..., 0] - image[..., 2]).mean()

    harmless = results.assign(objective_domain_errors=[
        0 * errors for errors in results["objective_domain_errors"]])
    grey = plots["domains"].plot(harmless, DATASET, OBJECTIVE)[1]["image"]
    assert redness(pictures["at the end"]) > redness(grey) + 0.01
    assert redness(pictures["after the first round"]) \
        > redness(pictures["at the end"])
    for image in pictures.values():
        assert image.shape[2] == 3 and 0 <= image.min() < image.max() <= 1


def test_modes_of_a_run(plots, results):
    last = results.dropna(subset="final_results").set_index(
        ["solver_name", "idx_rep"])["final_results"]
    assert len(last) == 3 * results["solver_name"].nunique()
    modes = last["gram-eigh", 0]
    assert [name for name, _, _ in modes["axes"]] == ["feature"]
    assert modes["exact"].shape == (60, N_MODES)
    learned = modes["learned"]
    assert list(learned) == [0, 1]
    np.testing.assert_allclose(learned[1], modes["exact"], atol=1e-3)
    assert abs(learned[0] - modes["exact"]).max() > 0.05
    assert list(last["incremental-svd", 1]["learned"]) == [0, 1, 2, 4, 6]
    assert 0 < modes["shares"].sum() < 1


def test_frames_follow_the_rounds(plots, results):
    plot = plots["modes"]
    cards = plot.plot(results, DATASET, OBJECTIVE, "incremental-svd")
    assert [card["label"][:6] for card in cards] == [
        "mode 1", "mode 2", "mode 3"]
    frames = cards[0]["image"]
    hold = module(plot)["HOLD"]
    assert len(frames) == hold + 4
    # The last estimate comes first, and stays; then they follow the rounds.
    assert all((frame == frames[0]).all() for frame in frames[:hold])
    assert all((frame != frames[0]).any() for frame in frames[hold:])
    absent = plot.get_metadata(results, DATASET, OBJECTIVE, "nobody")
    assert absent["title"] == f"nobody has not run on {DATASET}"


@pytest.mark.parametrize("names, below", [
    (("y", "x"), "x"), (("x", "v"), "x"), (("latitude", "longitude"),
                                           "longitude"), (("r", "theta"),
                                                          "theta")])
def test_orientation_of_a_map(plots, names, below):
    figure = Figure()
    axes = [(names[0], "m", np.arange(4.0)), (names[1], "1", np.arange(6.0))]
    values = np.arange(24.0)
    (mesh,), show = module(plots["modes"])["map_plot"](figure, axes, values)
    assert figure.axes[1].get_xlabel().split(" ")[0] == below
    show(2 * values, "red")
    shown = np.asarray(mesh.get_array()).reshape(mesh.get_coordinates().shape[
        0] - 1, -1)
    rows = names.index(below) == 1
    np.testing.assert_array_equal(
        shown, 2 * values.reshape(4, 6) if rows else
        2 * values.reshape(4, 6).T)


LONGITUDES = np.roll(np.arange(0.0, 360, 60), 3)  # 180..300, 0..120
GAP = np.array([1.0, np.nan, 3, 4, 5, 6])


@pytest.mark.parametrize("name, unit, points, label, order, shown", [
    ("longitude", "degrees_east", LONGITUDES, "longitude (degrees_east)",
     range(6), np.arange(-180, 180, 60)),
    ("lon", "1", LONGITUDES, "lon", range(6), np.arange(-180, 180, 60)),
    ("x", "degrees_east", np.arange(180.0, 540, 60), "x (degrees_east)",
     range(6), np.arange(180, 540, 60)),
    ("lat", "degrees_north", np.arange(50.0, -10, -10),
     "lat (degrees_north)", [5, 4, 3, 2, 1, 0], np.arange(0, 60, 10)),
    ("depth", "m", GAP, "depth, by number", range(6), range(6)),
    ("lon", "1", GAP, "lon, by number", range(6), range(6)),
    ("x", "m", np.zeros(6), "x, by number", range(6), range(6)),
    ("x", "m", np.array([1.0, 3, 2, 4, 5, 6]), "x (m)",
     [0, 2, 1, 3, 4, 5], np.arange(1, 7)),
])
def test_axes_are_drawn_in_their_order(plots, name, unit, points, label,
                                       order, shown):
    found = module(plots["modes"])["drawn"]((name, unit, points))
    assert found[0] == label
    np.testing.assert_array_equal(found[1], shown)
    np.testing.assert_array_equal(found[2], order)
    # And both kinds of pictures can be drawn of it.
    values = np.arange(24.0)
    figure = Figure()
    axes = [("y", "m", np.arange(4.0)), (name, unit, points)]
    (mesh,), show = module(plots["modes"])["map_plot"](figure, axes, values)
    show(values, "red")
    np.testing.assert_array_equal(
        mesh.get_array(), values.reshape(4, 6)[:, list(order)])
    (line, legend), show = module(plots["modes"])["line_plot"](
        Figure(), axes[1:], values[:6])
    show(values[:6], "red")
    np.testing.assert_array_equal(line.get_xdata(), shown)
    np.testing.assert_array_equal(line.get_ydata(), values[:6][list(order)])
    assert line.get_color() == legend.legend_handles[1].get_color() == "red"


@pytest.mark.parametrize("partition, heterogeneity", [
    ("samples", 1.0), ("features", 1.0), ("features", 0.5)])
def test_modes_are_turned_towards_the_exact_ones(
        make_field, partition, heterogeneity):
    field = make_field(spectrum_array(40, 9, 8), n_ranks=3,
                       partition=partition, heterogeneity=heterogeneity)
    with h5py.File(field.reference_path, "r") as file:
        basis = file["basis"][()]

    def rounds(comm, data, n_components, rng, exact, field):
        # The right subspace in another basis.
        Q = np.linalg.qr(rng.standard_normal(2 * (n_components,)))[0]
        U = exact[:, :n_components] @ Q
        yield U if data.partition == "samples" else U[
            field.columns(comm.rank)]

    world = start_world(field.n_ranks)
    try:
        world.load(rounds, field, 5, dict(exact=basis, field=field), 0, False)
        world.call("advance", 1)
        learned = world.call("pictures")
    finally:
        world.close()
    exact = exact_pictures(field)["exact"]
    assert learned.shape == exact.shape == (field.n_features, N_MODES)
    np.testing.assert_allclose(learned, exact, atol=1e-3)


def test_long_axes_are_thinned_and_others_sliced(make_field):
    array = np.random.default_rng(0).standard_normal((3, 5, 100, 70))
    field = make_field(array, n_space=3, partition="features", n_ranks=2)
    view = View(field)
    points, columns = view.points, view.columns
    assert [len(each) for each in points.values()] == [1, 64, 64]
    assert points["y"][0] == 0 and points["y"][-1] == 99
    assert (np.diff(columns) > 0).all()
    index = np.unravel_index(columns, array.shape[1:])
    assert set(index[0]) == {2}
    pictures = exact_pictures(field)
    assert [(name, value) for name, _, value in pictures["slices"]] == [
        ("x", 2.0)]
    assert [len(each) for _, _, each in pictures["axes"]] == [64, 64]
    with h5py.File(field.reference_path, "r") as file:
        np.testing.assert_allclose(
            pictures["exact"], file["basis"][:, :N_MODES][columns],
            atol=1e-3)
