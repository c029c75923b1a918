"""The metrics: what they mean and how they follow from the ranks' scores."""
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
    "comm_bytes": Metric(
        "bytes, all ranks", "B", "bytes sent by all ranks together"),
    "comm_bytes_max": Metric(
        "bytes, busiest rank", "B",
        "bytes sent by the rank that sends most"),
    "comm_calls": Metric(
        "communication calls", "1",
        "number of communication calls (maximum over ranks)"),
    "comm_hops": Metric(
        "communication hops", "1",
        "latency steps of the rank that makes most"),
    "comm_floor_ratio": Metric(
        "bytes over one float64 basis per rank", "1",
        "bytes over those that bring one float64 basis to every rank"),
    "compute_s": Metric(
        "compute time", "s",
        "CPU time outside communication, of the slowest rank"),
    "comm_s": Metric(
        "communication time", "s",
        "wall clock inside communication, of the slowest rank"),
    "wall_s": Metric(
        "wall time", "s", "wall clock of the method, of the slowest rank"),
    "memory_mb": Metric(
        "memory", "MB",
        "peak memory above the level before the method (maximum over ranks)"),
    "samples_seen": Metric(
        "passes over the data", "1",
        "fraction of the stream consumed, or passes over the data"),
}


def basis_bytes(n_ranks, n_features, n_components, partition):
    """Bytes that bring one float64 basis to every rank: a unit, not a bound.

    ``samples``: every rank but one receives n_features x k numbers.
    ``features``: 0, the basis stays distributed.
    """
    return (n_ranks - 1) * n_features * n_components * 8 \
        if partition == "samples" else 0


def subspace_bytes(error, n_ranks, n_features, n_components):
    """Bytes for P - 1 ranks to tell, and be told, a subspace to an error.

    A reference for ``samples``, not a proven bound: see
    ``docs/lower_bounds.rst``. Vanishes at error 1.
    """
    freedom = n_components * (n_features - n_components)
    return 2 * (n_ranks - 1) * freedom * np.log2(1 / np.asarray(error)) / 8


def domain_errors(captured, captured_reference, variance):
    """Excess error of every rank on its own data, shape (n_ranks,).

    Negative where an estimate suits a rank better than the optimum of all.
    """
    return (captured_reference - captured) / np.where(variance, variance, 1)


def evaluate(basis, residual_gram, consensus_error, captured,
             captured_reference, variance, sent_bytes, calls, hops, compute_s,
             comm_s, wall_s, memory_mb, samples_seen, **_):
    """Metrics from the ranks' scores and costs.

    Parameters
    ----------
    basis : int
        See :func:`basis_bytes`.
    residual_gram : array of shape (n_ranks, k, k)
        Of each rank's estimate. The worst rank's error counts.
    others : arrays of shape (n_ranks,)
        See ``scoring.py`` and ``rank.py``; ``network.py`` for the messages.

    Returns
    -------
    dict of the keys of METRICS
    """
    sines = np.sqrt(np.linalg.eigvalsh(residual_gram).clip(0, 1))
    chordal = np.sqrt((sines ** 2).mean(axis=1))
    missed = domain_errors(captured, captured_reference, variance)
    total = variance.sum()
    return dict(
        subspace_error=sines.max(),
        chordal_error=chordal.max(),
        # Rounding may leave -1e-16, which a logarithmic axis cannot show.
        excess_error=max(
            0.0, (captured_reference - captured).sum() / total),
        reconstruction_error=1 - captured.sum() / total,
        worst_domain_error=max(0.0, missed.max()),
        consensus_error=consensus_error.max(),
        comm_bytes=int(sent_bytes.sum()),
        comm_bytes_max=int(sent_bytes.max()),
        comm_calls=int(calls.max()),
        comm_hops=int(hops.max()),
        # No rank needs a basis of another one: no ratio.
        comm_floor_ratio=sent_bytes.sum() / basis if basis else 0.0,
        compute_s=compute_s.max(),
        comm_s=comm_s.max(),
        wall_s=wall_s.max(),
        memory_mb=memory_mb.max(),
        samples_seen=samples_seen.max(),
    )
