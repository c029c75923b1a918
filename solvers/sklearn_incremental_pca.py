import numpy as np

from benchmark_utils.methods.streaming import merged_estimates
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """scikit-learn's IncrementalPCA on every rank, their factors merged.

    <b>Round:</b> one batch, by partial_fit in float64. Every
    <i>merge_every</i> batches, and at the end, a gather of d (r + 1) + 1
    floats per rank and a broadcast of d k, r = m k.
    <b>Computes:</b> the SVD of the last r modes stacked on the batch. The
    library subtracts the mean of the data so far, which no method here does:
    the mean, times the square root of the number of rows, is therefore one
    more column of the factor. The first call needs r rows; until then batches
    are collected.
    <b>Memory:</b> d r and a batch per rank; sees each batch once.
    <b>Guarantee:</b> none; exact if every rank's data have rank r or less.
    <b>Reference:</b> scikit-learn 1.9; Ross, Lim, Lin &amp; Yang 2008, Int. J.
    Comput. Vis. 77.
    """

    name = "sklearn-incremental-pca"
    requirements = ["pip::scikit-learn"]
    parameters = {"rank_factor": [2], "merge_every": [5]}
    one_pass = True

    @staticmethod
    def warm_up_rank(shape, dtype, n_components, **_):
        from sklearn.decomposition import IncrementalPCA
        IncrementalPCA(1).partial_fit(np.eye(3))

    @staticmethod
    def rounds(comm, data, n_components, rng, rank_factor, merge_every):
        from sklearn.decomposition import IncrementalPCA
        rank = min(rank_factor * n_components, data.n_features)
        model = IncrementalPCA(min(rank, data.shape[0]))
        waiting = []

        def update(F, X):
            waiting.append(X)
            rows = np.concatenate(waiting, dtype=float)
            started = hasattr(model, "components_")
            if not started and len(rows) < model.n_components:
                return rows.T, 0.0
            waiting.clear()
            model.partial_fit(rows)
            mean = np.sqrt(model.n_samples_seen_) * model.mean_
            return np.column_stack([
                model.components_.T * model.singular_values_, mean]), 0.0

        U = data.unit_basis(n_components)
        yield U
        yield from merged_estimates(comm, data, U, rank + 1, merge_every,
                                    update, certify=False)
