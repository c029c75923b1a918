from benchmark_utils.results.curves import vertical_line
from benchmark_utils.results.page import PagePlot
from benchmark_utils.results.rates import ERRORS, RATES, archives
from benchmark_utils.results.statistics import SMALLEST_ERROR
from benchmark_utils.results.style import colour
from benchmark_utils.results.text import wrapped

LOSSLESS = "lossless"


def shown(table, error):
    """The error, or the field error for fields without moments."""
    known = table[ERRORS[error].column].notna().any()
    return ERRORS[error if known else "field error"]


class Plot(PagePlot):
    """How few bits does a field need, and what error remains?"""

    name = "rate_distortion"
    type = "scatter"
    options = {"dataset": ..., "error": list(ERRORS), "rate": list(RATES)}

    def plot(self, df, dataset, error, rate):
        table = archives(df, dataset)
        key, bits = shown(table, error).column, RATES[rate].column
        traces = []
        for number, (method, points) in enumerate(table.groupby("method")):
            points = points.dropna(subset=[key])
            if method != LOSSLESS and len(points):
                traces.append(dict(
                    label=method, color=colour(method), marker=number % 9,
                    x=points[bits].tolist(),
                    y=points[key].clip(lower=SMALLEST_ERROR).tolist()))
        lines = []
        if traces:
            raw = table["raw_bits"].max()
            lines += vertical_line(f"raw data: {raw:.0f} bits", raw,
                                   "#444444", traces)
        for value in table.loc[table["method"] == LOSSLESS, bits]:
            lines += vertical_line(f"{LOSSLESS}: {value:.1f} bits", value,
                                   "#999999", traces)
        return traces + lines

    def get_metadata(self, df, dataset, error, rate):
        table = archives(df, dataset)
        error = shown(table, error)
        notes = ["points: settings of a codec, or numbers of components of a "
                 "PCA method"]
        if error.column == "field_error" and table["moment_error"].notna() \
                .any():
            notes.append("equal field errors may hide moment errors that "
                         "differ tenfold: see error = moment error")
        if not table["compressor"].any():
            notes.append("these are all PCA methods; with compressors: "
                         "configs/rate_distortion.yml")
        return dict(
            title=f"{dataset}: what is stored at the end of a run\n"
            + "<br>".join(map(wrapped, notes)),
            xlabel=f"{RATES[rate].title}: {RATES[rate].meaning}",
            ylabel=f"{error.title}<br>{error.meaning}",
            scale="loglog")
