"""The metrics: what they mean, and those of the costs.

Those of an estimate's accuracy stand beside its score.
"""
from collections import namedtuple

import numpy as np

Metric = namedtuple("Metric", "label unit meaning")

# key -> label, unit, meaning. Lower is better for every one.
METRICS = {
    "subspace_error": Metric(
        "subspace error", "1",
        "sine of the largest principal angle to the exact subspace"),
    "chordal_error": Metric(
        "chordal error", "1",
        "root mean square of the sines of all principal angles"),
    "excess_error": Metric(
        "excess error", "1",
        "reconstruction error above the optimum, over the total variance"),
    "reconstruction_error": Metric(
        "reconstruction error", "1",
        "variance that is not captured, over the total variance"),
    "worst_domain_error": Metric(
        "worst domain's excess error", "1",
        "largest excess error of a rank on its own data"),
    "consensus_error": Metric(
        "consensus error", "1",
        "sine of the largest angle between the subspaces of any two ranks"),
    "certified_error": Metric(
        "certified error", "1",
        "bound on the subspace error that the method itself proves; 1: none"),
    "comm_bytes": Metric(
        "bytes, all ranks", "B", "bytes sent by all ranks together"),
    "comm_bytes_max": Metric(
        "bytes, busiest rank", "B",
        "bytes sent or received by the busiest rank, whichever is more"),
    "comm_calls": Metric(
        "communication calls", "1",
        "number of communication calls (maximum over ranks)"),
    "comm_hops": Metric(
        "communication hops", "1",
        "latency steps on the critical path, the messages that wait for each "
        "other"),
    "comm_floor_ratio": Metric(
        "bytes over one float64 basis per rank", "1",
        "bytes over the cost of bringing one float64 basis to every rank"),
    "compute_s": Metric(
        "compute time", "s",
        "CPU time outside communication, of the slowest rank"),
    "path_compute_s": Metric(
        "compute time, critical path", "s",
        "CPU time outside communication on the critical path, where times of "
        "ranks that work in turn add up"),
    "comm_s": Metric(
        "communication time", "s",
        "wall clock inside communication, of the slowest rank"),
    "wall_s": Metric(
        "wall time", "s", "wall clock of the method, of the slowest rank"),
    "memory_mb": Metric(
        "memory", "MB",
        "peak memory above that before the method started (maximum over "
        "ranks)"),
    "samples_seen": Metric(
        "passes over the data", "1",
        "fraction of the stream consumed, or passes over the data"),
}


def basis_bytes(n_ranks, n_features, n_components, partition):
    """Bytes that bring one float64 basis to every rank, a unit of cost.

    Not a bound: messages of fewer bits need less. Under ``features`` the
    basis stays distributed, so no basis needs to be sent: 0.
    """
    rows = n_features if partition == "samples" else 0
    return (n_ranks - 1) * rows * n_components * 8


def subspace_bytes(error, n_ranks, n_features, n_components):
    """Bytes for P - 1 ranks to send, and receive, a subspace to an error.

    A reference for ``samples``, not a proven bound: see
    ``docs/lower_bounds.rst``. Vanishes at error 1.
    """
    freedom = n_components * (n_features - n_components)
    return 2 * (n_ranks - 1) * freedom * np.log2(1 / np.asarray(error)) / 8


def cost_metrics(unit, sent_bytes, received_bytes, calls, hops, compute_s,
                 path_compute_s, comm_s, wall_s, memory_mb, samples_seen):
    """Metrics from what the method cost each rank.

    Parameters
    ----------
    unit : int
        See :func:`basis_bytes`.
    others : arrays of shape (n_ranks,)
        See ``benchmark_utils/runtime/run.py``.

    Returns
    -------
    dict of keys of METRICS
    """
    return dict(
        comm_bytes=int(sent_bytes.sum()),
        comm_bytes_max=int(max(sent_bytes.max(), received_bytes.max())),
        comm_calls=int(calls.max()),
        comm_hops=int(hops.max()),
        comm_floor_ratio=sent_bytes.sum() / unit if unit else 0.0,
        compute_s=compute_s.max(),
        path_compute_s=path_compute_s.max(),
        comm_s=comm_s.max(),
        wall_s=wall_s.max(),
        memory_mb=memory_mb.max(),
        samples_seen=samples_seen.max(),
    )
