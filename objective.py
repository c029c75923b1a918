"""The problem that all methods solve, and how they are scored.

Data: a dataset gives one ``Field``, a file on disk with a partition of the
matrix X (n_samples x n_features) among ``n_ranks`` MPI ranks. X holds
anomalies, so PCA is the truncated SVD of X; nothing is centred again.

Result: each rank's orthonormal basis of the estimated leading subspace is
scored on the ranks; small arrays per rank come back, see
``benchmark_utils/scoring/subspace.py``. The metrics are those of
``benchmark_utils/scoring/metrics.py``. Also returned are the size of the
problem, how hard the field is (``benchmark_utils/fields/difficulty.py``) and
the calls whose time ``benchmark_utils/comm/network.py`` models on other
networks.
"""
import warnings
from numbers import Integral

import numpy as np
from benchopt import BaseObjective

from benchmark_utils.comm.network import busiest_calls
from benchmark_utils.fields.cache import FULL, MAKE_ROOM
from benchmark_utils.fields.difficulty import (
    load_difficulty,
    relative_eigengap,
)
from benchmark_utils.fields.reference import load_reference
from benchmark_utils.results import (  # noqa: F401  they amend benchopt
    interrupts,
    outputs,
    saving,
)
from benchmark_utils.results.not_run import NOT_RUN
from benchmark_utils.scoring.estimates import ESTIMATES, evaluate
from benchmark_utils.scoring.field_errors import stored_metrics
from benchmark_utils.scoring.pictures import exact_pictures

# The stored subspace must be exact to well below the errors it measures.
MAX_REFERENCE_ERROR = 1e-10
SMALL_GAP = 1e-3


class Objective(BaseObjective):
    """Leading k-dimensional principal subspace of data split among ranks."""

    name = "Distributed PCA"
    url = "https://github.com/benchopt/benchmark_distributed_pca"
    min_benchopt_version = "1.10"
    requirements = ["numpy", "scipy", "h5py", "mpi4py", "cloudpickle",
                    "constriction", "greenlet"]
    parameters = {"n_components": [10]}
    parameter_template = "k={n_components}"
    test_config = {"n_components": 3, "dataset": {"name": "simulated"}}

    def skip(self, field):
        reason = field.skip_reason() or self.refusal(field)
        if reason:
            NOT_RUN[str(self._dataset), str(self)] = reason
        return reason is not None, reason

    def refusal(self, field):
        """A sentence if the field has no such exact subspace, else None."""
        k = self.n_components
        if not isinstance(k, Integral) or k < 1:
            return f"n_components is {k!r}: give a whole number, 1 or more."
        try:
            rank = load_reference(field, k).rank
            if k <= rank:
                load_difficulty(field, k)
                return None
        except Exception as error:
            if getattr(error, "errno", None) in FULL:
                return (f"The exact subspace of k = {k} cannot be stored in "
                        f"{field.path.parent} ({error.strerror}): "
                        f"{MAKE_ROOM}.")
            return (f"The exact subspace of k = {k} cannot be computed "
                    f"({type(error).__name__}): {error}")
        return f"n_components = {k} is more than the rank {rank} of the field."

    def set_data(self, field):
        self.field = field
        k = self.n_components
        reference = load_reference(field, k)
        gap = relative_eigengap(reference, k)
        if gap < SMALL_GAP:
            warnings.warn(
                f"The relative eigengap at k = {k} is only {gap:.1e}: the "
                "leading subspace is ill-defined, use the excess error.",
                stacklevel=2)
        error = reference.subspace_error(k)
        if error > MAX_REFERENCE_ERROR:
            warnings.warn(
                "The exact subspace is accurate only to a sine of "
                f"{error:.1e}.",
                stacklevel=2)
        self.difficulty = load_difficulty(field, k)

    def get_objective(self):
        return dict(field=self.field, n_components=self.n_components)

    def evaluate_result(self, provenance, messages, one_pass, yields,
                        **result):
        field, k = self.field, self.n_components
        problem = dict(
            n_ranks=field.n_ranks, ranks=field.ranks,
            partition=field.partition,
            n_samples=field.n_samples, n_features=field.n_features,
            n_components=k, itemsize=field.dtype.itemsize)
        return {
            **evaluate(field, k, yields=yields, **result), **problem,
            "one_pass": one_pass, "yields": yields,
            "calls": busiest_calls(messages),
            **{f"field_{key}": value
               for key, value in self.difficulty.items()},
            **{f"world_{key}": value for key, value in provenance.items()}}

    def save_final_results(self, pictures, ended, stored, **result):
        """Why the run ended; pictures of exact modes and of each round's.

        Also what is stored at the end, by ``scoring/field_errors.py``, of all
        components and of fewer.
        """
        field = self.field
        cuts = {k: stored_metrics(field.n_samples * field.n_features, **each)
                for k, each in stored.items()}
        return dict(**exact_pictures(field), learned=pictures,
                    ended=ended.get("reason"),
                    stored=cuts.pop(self.n_components, {}), cuts=cuts)

    def get_one_result(self):
        """Scores of the exact subspace, at zero cost."""
        n_ranks, k = self.field.n_ranks, self.n_components
        costs = dict.fromkeys(
            ("sent_bytes", "received_bytes", "calls", "hops", "compute_s",
             "path_compute_s", "comm_s", "wall_s", "memory_mb",
             "samples_seen"), np.zeros(n_ranks))
        return dict(scores=ESTIMATES["subspace"].perfect(n_ranks, k),
                    bounds=dict(certified_error=np.ones(n_ranks)),
                    costs=costs, yields="subspace", one_pass=False,
                    pictures={}, ended={}, stored={}, messages=[{}] * n_ranks,
                    provenance={})
