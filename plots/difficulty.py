from benchmark_utils.fields.difficulty import COLUMNS, MEASURES, readable
from benchmark_utils.results.page import PagePlot
from benchmark_utils.results.text import cells

# The others are axes of the chart "bytes_vs_difficulty"; a page has no room.
SHOWN = {key: label for key, label in COLUMNS.items()
         if key not in ("model_error", "contraction")}


class Plot(PagePlot):
    """One row per field: what makes it hard for any method."""

    name = "difficulty"
    type = "table"
    options = {"objective": ...}

    def plot(self, df, objective):
        fields = df[df["objective_name"] == objective].drop_duplicates(
            "dataset_name").set_index("dataset_name")
        measured = fields[[f"objective_field_{key}" for key in MEASURES]] \
            .set_axis(list(MEASURES), axis=1)
        texts = [readable(row) for row in measured.to_dict("records")]
        columns = [cells(measured[key], [text[key] for text in texts])
                   for key in SHOWN]
        return [list(row) for row in zip(fields.index, *columns, strict=True)]

    def get_metadata(self, df, objective):
        return dict(
            title=f"{objective}: the fields\nin brackets: the same with all "
                  "cells reassigned to ranks at random",
            columns=["field", *SHOWN.values()],
            default_order_column=SHOWN["covariance_distance"])
