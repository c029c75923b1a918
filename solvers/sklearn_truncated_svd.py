import numpy as np

from benchmark_utils.methods.pool import pooled_estimate
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """scikit-learn's randomized TruncatedSVD of all the data on rank 0.

    <b>Round:</b> one, a gather of all n d numbers as they are stored and of
    one per rank; a broadcast (samples) or scatter (features) of d k floats.
    <b>Computes:</b> in float64 what PCA(svd_solver="randomized") does, which
    would subtract the mean first.
    <b>Memory:</b> the whole field on rank 0; only this rank computes.
    <b>Guarantee:</b> that of randomized-svd with the same power passes.
    <b>Reference:</b> scikit-learn 1.9; Halko, Martinsson &amp; Tropp 2011,
    SIAM Rev. 53(2).
    """

    name = "sklearn-truncated-svd"
    requirements = ["pip::scikit-learn"]
    partitions = ("samples", "features")
    parameters = {"power_passes": [5], "oversampling": [10]}
    choices = {"oversampling": 0}

    @staticmethod
    def warm_up_rank(shape, dtype, n_components, **_):
        from sklearn.decomposition import TruncatedSVD
        TruncatedSVD(1).fit(np.eye(3))

    @staticmethod
    def rounds(comm, data, n_components, rng, power_passes, oversampling):
        from sklearn.decomposition import TruncatedSVD
        yield data.unit_basis(n_components)
        model = TruncatedSVD(
            min(n_components, data.n_features, data.n_samples),
            n_iter=power_passes, n_oversamples=oversampling,
            random_state=int(rng.integers(2 ** 31)))
        yield pooled_estimate(
            comm, data, n_components,
            lambda X: model.fit(X.astype(float, copy=False)).components_.T)
