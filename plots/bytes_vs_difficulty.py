from benchmark_utils.fields.difficulty import MEASURES
from benchmark_utils.results.curves import against
from benchmark_utils.results.page import PagePlot
from benchmark_utils.results.select import select
from benchmark_utils.results.statistics import reaching
from benchmark_utils.results.style import styles
from benchmark_utils.results.text import (
    INTERPOLATED,
    not_reached,
    repetitions,
)
from benchmark_utils.scoring.metrics import basis_bytes

BYTES, ERROR = "objective_comm_bytes", "objective_subspace_error"
TARGETS = {f"≤ {target}": float(target) for target in ("1e-2", "1e-3", "1e-6")}
LABELS = {measure.label: key for key, measure in MEASURES.items()
          if not key.endswith("_floor")}


class Plot(PagePlot):
    """What makes a field expensive, and for which methods?"""

    name = "bytes_vs_difficulty"
    type = "scatter"
    options = {
        "objective": ..., "measure": ["contraction", *(
            label for label in LABELS if label != "contraction")],
        "accuracy": list(TARGETS)}

    def tables(self, df, objective, measure, accuracy):
        """Bytes of every method in units of one basis, field by field."""
        key = f"objective_field_{LABELS[measure]}"
        fields = df[(df["objective_name"] == objective) & (df[key] > 0)] \
            .drop_duplicates("dataset_name").sort_values(key)
        for field in fields.to_dict("records"):
            table = reaching(
                TARGETS[accuracy],
                select(df, field["dataset_name"], objective), BYTES, ERROR)
            # Under ``features`` the vectors sent are as long as a time series.
            length = field[
                "objective_n_features"
                if field["objective_partition"] == "samples"
                else "objective_n_samples"]
            table["cost"] /= basis_bytes(
                max(2, field["objective_n_ranks"]), length,
                field["objective_n_components"], "samples")
            yield field[key], table

    def plot(self, df, objective, measure, accuracy):
        return against(
            self.tables(df, objective, measure, accuracy), styles(df))

    def get_metadata(self, df, objective, measure, accuracy):
        runs = df[df["objective_name"] == objective]
        missing = not_reached(
            table for _, table in self.tables(
                df, objective, measure, accuracy))
        return dict(
            title=f"{objective}: bytes to a subspace error {accuracy}, all "
                  f"fields\n{repetitions(runs)}\n{INTERPOLATED}",
            xlabel=f"{measure} of the field (docs/datasets.rst)<br>{missing}",
            ylabel="bytes, all ranks, in units of one float64 basis per "
                   "rank (1)",
            scale="loglog")
