"""Draw the figure at the top of the README from a results file.

    python examples/figure.py outputs/<run>.parquet
"""
import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from benchopt.benchmark import Benchmark

ROOT = Path(__file__).resolve().parents[1]
PLOTLY_MARKERS = "osDPX^v<>"


def draw(ax, traces, solvers):
    """Curves of the methods, and labelled lines that are not methods."""
    for trace in traces:
        x, y, colour = trace["x"], trace["y"], trace["color"]
        if trace["label"].endswith(", certified"):
            ax.plot(x, y, color=colour, ls=":", marker="o", mfc="none",
                    label=trace["label"])
        elif trace["label"] not in solvers and x[0] < x[-1]:
            ax.plot(x, y, color=colour, ls=":", zorder=0,
                    label=trace["label"].replace(": ", ":\n"))
        elif trace["label"] not in solvers:
            ax.axvline(x[0], color=colour, ls="--", zorder=0)
            ax.annotate(trace["label"], (x[0], 0.07), (-5, 0), rotation=90,
                        xycoords=("data", "axes fraction"), color=colour,
                        textcoords="offset points", ha="right", va="bottom",
                        fontsize="small")
        elif trace["marker"] >= len(PLOTLY_MARKERS):  # spread of one point
            ax.plot(x, y, color=colour)
        else:
            # A single point is not hidden by a curve that begins there.
            ax.plot(x, y, color=colour, label=trace["label"],
                    marker=PLOTLY_MARKERS[trace["marker"]],
                    zorder=3 if len(x) == 1 else 2)
            if "y_low" in trace:
                ax.fill_between(x, trace["y_low"], trace["y_high"],
                                color=colour, alpha=0.3, lw=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--dataset", default=(
        "vlasov-poisson[case=two_stream]"))
    parser.add_argument("--command", help="that gave the results", default=(
        "benchopt run . --config configs/quick.yml"))
    parser.add_argument("--output", type=Path, default=(
        ROOT / "docs" / "error_vs_communication.png"))
    arguments = parser.parse_args()

    df = pd.read_parquet(arguments.results)
    runs = df[df["dataset_name"] == arguments.dataset]
    if runs.empty:
        parser.error(f"choose a dataset of {sorted(set(df['dataset_name']))}")
    one = runs.iloc[0]
    plot = next(plot for plot in Benchmark(ROOT).get_plots()
                if plot.name == "error_vs_communication")
    selection = dict(dataset=arguments.dataset, objective=one.objective_name,
                     error=plot.options["error"][0],
                     cost=plot.options["cost"][0])
    labels = plot.get_metadata(df, **selection)

    figure, ax = plt.subplots(figsize=(11, 6), layout="constrained")
    draw(ax, plot.plot(df, **selection), set(runs["solver_name"]))
    ax.set(xscale="log", yscale="log", xlabel=labels["xlabel"],
           ylabel=labels["ylabel"].replace("<br>", "\n"))
    ax.grid(color="#e0e0e0")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    figure.suptitle(labels["title"])
    ax.set_title(
        f"{one.run_date[:10]}, {one['system-cpus']} x "
        f"{one['system-processor']}: {arguments.command}",
        fontsize="small", family="monospace", color="#555555")
    figure.savefig(arguments.output, dpi=130)


if __name__ == "__main__":
    main()
