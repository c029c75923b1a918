"""Which rows of a results file a plot shows, and on which axes."""
import re
from collections import namedtuple
from functools import partial

from benchmark_utils.comm.network import (
    NETWORKS,
    communication_seconds,
    compute_seconds,
)
from benchmark_utils.results.memo import once
from benchmark_utils.scoring.metrics import METRICS

ONE_PASS = 1 + 1e-9  # a sum over batches
# Parameters of datasets: the number of ranks, and what may grow with it.
RANKS, SIZES = "n_ranks", "n_ranks|n_x|n|n_samples"

Axis = namedtuple("Axis", "column title meaning unit", defaults=["1"])


def metric_axes(*keys):
    """Axes by label, for a drop-down list."""
    units = {key: METRICS[key].unit for key in keys}
    return {METRICS[key].label: Axis(
        f"objective_{key}",
        METRICS[key].label + (f" ({unit})" if unit != "1" else ""),
        METRICS[key].meaning, unit) for key, unit in units.items()}


ERRORS = metric_axes(*(key for key in METRICS if key.endswith("_error")))


@once
def select(df, dataset, objective):
    """Runs on one problem, without the random estimates they start from."""
    runs = df[(df["dataset_name"] == dataset)
              & (df["objective_name"] == objective) & (df["stop_val"] > 0)]
    # Simulated ranks have no time; that of their driver is meaningless.
    return runs.assign(
        rounds=runs["stop_val"], time=runs["time"].mask(simulated(runs))
    ).drop_duplicates(["solver_name", "idx_rep", "stop_val"], keep="last")


def simulated(runs):
    """Rows of simulated ranks; older results lack the column and have none."""
    return runs.get("objective_ranks", runs["solver_name"]) == "simulated"


@once
def streaming(runs):
    """Runs of methods that see every batch once and keep none."""
    # Older results record only how much was read, not what was kept.
    one_pass = runs.get("objective_one_pass", runs.groupby("solver_name")[
        "objective_samples_seen"].transform("max") <= ONE_PASS)
    return runs[one_pass.eq(True)]


def without_parameter(name, dataset):
    """Name of a dataset without the value of a parameter, or of ``a|b``."""
    return re.sub(rf"(?<=[\[,])({name})=[^,\]]*,?", "", dataset) \
        .replace(",]", "]").replace("[]", "")


@once
def scalings(df):
    """Datasets that differ in their number of ranks, by a common name.

    The same field (strong scaling), or one that grows (weak scaling). A file
    without any gives every dataset alone.

    Returns
    -------
    dict : name -> Series of the numbers of ranks by dataset name
    """
    ranks = df.drop_duplicates("dataset_name").set_index("dataset_name")[
        "objective_n_ranks"].sort_values()
    found = {}
    for parameters in RANKS, SIZES:
        for name, group in ranks.groupby(
                partial(without_parameter, parameters)):
            if len(group) > 1 and group.is_unique:
                found.setdefault(name, group)
    return found or {name: ranks[[name]] for name in ranks.index}


@once
def modelled(runs, name, ranks=None):
    """Put runs on a network: measured compute time and modelled calls.

    Parameters
    ----------
    runs : DataFrame
    name : str
        Key of ``NETWORKS``.
    ranks : int, optional
        Each with as much data as a measured rank; default: as many ranks.

    Returns
    -------
    runs : DataFrame
        With a column ``modelled_s``; without the runs that cannot be modelled
        on so many ranks.
    axis : Axis
    unknown : list of str
        Methods of the runs that are left out.
    """
    network, own = NETWORKS[name], runs["objective_compute_s"]
    # Older results do not have it.
    path = runs.get("objective_path_compute_s", own).fillna(own)
    runs = runs.assign(modelled_s=[
        compute_seconds(calls, *seconds, P, ranks or P)
        + communication_seconds(calls, network, P, ranks or P)
        for *seconds, calls, P in zip(
            own, path, runs["objective_calls"],
            runs["objective_n_ranks"], strict=True)])
    unknown = runs["modelled_s"].isna()
    axis = Axis("modelled_s", f"modelled time, {name} (s)",
                f"measured compute time + calls at "
                f"{1e6 * network.latency:g} µs and "
                f"{network.bandwidth / 1e6:,.0f} MB/s", "s")
    return runs[~unknown], axis, sorted(set(runs["solver_name"][unknown]))
