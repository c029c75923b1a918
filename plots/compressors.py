import numpy as np
import pandas as pd

from benchmark_utils.results.page import PagePlot
from benchmark_utils.results.rates import archives, at_error
from benchmark_utils.results.text import FIGURE_SPACE, cells

TARGETS = {"1e-1": 1e-1, "1e-2": 1e-2, "1e-3": 1e-3}
COLUMNS = {
    "bits": ("bits_per_value", "{:.3g}"),
    "moments too": ("bits_per_value", "{:.3g}"),
    "with sent": ("output_bits", "{:.3g}"),
    "moments": ("moment_error", "{:.1e}"),
    "gradient": ("gradient_error", "{:.1e}"),
    "worst": ("worst_domain_field_error", "{:.1e}"),
    "encode": ("encode_s_per_gb", "{:.0f}"),
    "decode": ("decode_s_per_gb", "{:.0f}"),
}


def known(points, heading):
    """Points whose error is the field's, or the larger one of two."""
    if heading != "moments too":
        return points
    return points.assign(field_error=points[
        ["field_error", "moment_error"]].max(axis=1, skipna=False))


class Plot(PagePlot):
    """One row per method: the cost of a field error, and other errors."""

    name = "compressors"
    type = "table"
    options = {"dataset": ..., "at": list(TARGETS)[1:] + ["1e-1"]}

    def plot(self, df, dataset, at):
        table = pd.DataFrame({
            method: {heading: at_error(
                known(points, heading), TARGETS[at], column)
                     for heading, (column, _) in COLUMNS.items()}
            for method, points in archives(df, dataset).groupby("method")},
            index=list(COLUMNS)).T
        table = table.sort_values("bits", na_position="last")
        columns = [cells(
            table[heading], ["not reached" if np.isnan(bits) else
                             "none" if np.isnan(value) else
                             form.format(value) for value, bits
                             in zip(table[heading], table["bits"],
                                    strict=True)],
            best=table[heading].min())
            for heading, (_, form) in COLUMNS.items()]
        names = [f"{place}. {method}".rjust(len(method) + 4, FIGURE_SPACE)
                 for place, method in enumerate(table.index, start=1)]
        return [list(row) for row in zip(names, *columns, strict=True)]

    def get_metadata(self, df, dataset, at):
        return dict(
            title=f"{dataset}: archives with a field error of {at}\n"
                  "interpolated between settings, or numbers of components"
                  "<br>moments too: bits at which the errors of field and "
                  f"moments are at most {at}; encode, decode: s per GB",
            columns=["method", *COLUMNS], default_order_column="method")
