"""What methods store at the end of a run, and how far that is from the field.

The points of a codec's curve differ in its parameter, those of a PCA method in
the number of components.
"""
import numpy as np
import pandas as pd

from benchmark_utils.results.memo import once
from benchmark_utils.results.select import Axis, without_parameter
from benchmark_utils.scoring.field_errors import STORED

KNOBS = "error|information|share"
RATES = {
    "stored": Axis(
        "bits_per_value", "stored bits per value",
        "bits of the archive over the number of values of the field", "bit"),
    "stored and sent": Axis(
        "output_bits", "stored and sent bits per value",
        "bits that leave the ranks over the number of values", "bit"),
}
ERRORS = {metric.label: Axis(key, metric.label, metric.meaning, metric.unit)
          for key, metric in STORED.items() if key.endswith("_error")}
FARTHEST = 0.25  # decades of error beyond the last point


@once
def archives(df, dataset):
    """Medians over repetitions, a row for each point of a curve.

    Returns
    -------
    DataFrame
        Columns: the keys of ``STORED``, ``output_bits``, ``raw_bits``, and
        ``method``, the name of the curve, and ``compressor``, false for PCA
        methods. In order of bits.
    """
    rows, ends = [], df[df["dataset_name"] == dataset]
    if "final_results" in ends and "objective_yields" in ends:
        ends = ends.dropna(subset=["final_results"])
        own = set(ends["objective_n_components"])
        for run in ends.to_dict("records"):
            final = run["final_results"]
            rows += _row(run, run["objective_name"], final.get("stored"))
            for k, stored in final.get("cuts", {}).items():
                # A run of so many components has sent less.
                rows += _row(run, k, stored) if k not in own else []
    columns = [*STORED, "output_bits", "raw_bits", "compressor"]
    table = pd.DataFrame(rows, columns=[*columns, "method", "setting"])
    table[columns] = table[columns].astype(float)
    return table.groupby(["method", "setting"]).median().reset_index(
        "method").sort_values("bits_per_value")


def _row(run, setting, stored):
    """List of the row of a run, empty if it has stored nothing."""
    if not stored or not stored.get("stored_bytes"):
        return []
    method = run["solver_name"]
    compressor = run["objective_yields"] == "archive"
    if compressor:  # the same for any k
        method, setting = without_parameter(KNOBS, method), method
    return [dict(
        {key: stored.get(key) for key in STORED}, method=method,
        setting=setting, compressor=compressor,
        raw_bits=8 * run["objective_itemsize"],
        output_bits=stored["bits_per_value"] * stored["output_bytes"]
        / stored["stored_bytes"])]


def at_error(points, error, column):
    """A quantity where the field error has a value.

    Its logarithm is interpolated in the logarithm of the error, and
    extrapolated by at most a quarter of a decade.

    Parameters
    ----------
    points : DataFrame
        Of one method, from :func:`archives`.

    Returns
    -------
    float
        NaN where that is too far away, or the quantity is not known.
    """
    points = points[(points["field_error"] > 0) & (points[column] > 0)] \
        .sort_values("field_error").drop_duplicates("field_error")
    x, y = np.log10(points[["field_error", column]].to_numpy()).T
    goal = np.log10(error)
    if not len(x) or not x[0] - FARTHEST <= goal <= x[-1] + FARTHEST:
        return np.nan
    if len(x) == 1:
        return 10 ** y[0] if x[0] == goal else np.nan
    i = np.clip(np.searchsorted(x, goal), 1, len(x) - 1)
    slope = (y[i] - y[i - 1]) / (x[i] - x[i - 1])
    return 10 ** (y[i - 1] + slope * (goal - x[i - 1]))
