"""What a method may yield, and how it is scored.

A method declares the kind of its estimates, ``yields = "subspace"``. For each
kind there is one class of scores:

- made on every rank from (comm, field, data, n_components), before the method
  starts;
- called with an estimate, it returns this rank's numbers and small arrays, or
  raises a ValueError that says what is wrong with the estimate;
- ``pictures(estimate)`` are small arrays for the page, at rank 0;
- ``stored(estimate, k)``, called at the end: this rank's bytes and errors of
  what the estimate, or its k leading components, leave behind, see
  ``stored.py``; an archive is the same for all k, and asked once;
- ``metrics(**scores)``, static, makes metrics of the numbers of all ranks,
  and ``perfect(n_ranks, n_components)`` gives the scores of the exact answer.

Scoring runs on the ranks in parallel, neither timed nor counted.
"""
from benchmark_utils.scoring.archive import ArchiveScore
from benchmark_utils.scoring.metrics import basis_bytes, cost_metrics
from benchmark_utils.scoring.subspace import SubspaceScore

ESTIMATES = {"subspace": SubspaceScore, "archive": ArchiveScore}


def evaluate(field, n_components, scores, bounds, costs, yields="subspace",
             **_):
    """Metrics of a result of :meth:`benchmark_utils.runtime.run.Run.result`.

    Parameters
    ----------
    field : Field
    n_components : int
    scores, bounds, costs : dicts of arrays, an entry per rank
    yields : str
        Key of ``ESTIMATES``.

    Returns
    -------
    dict of the keys of ``METRICS``, and ``domain_errors``
    """
    unit = basis_bytes(field.n_ranks, field.n_features, n_components,
                       field.partition)
    return {**ESTIMATES[yields].metrics(**scores),
            **{key: each.min() for key, each in bounds.items()},
            **cost_metrics(unit, **costs)}
