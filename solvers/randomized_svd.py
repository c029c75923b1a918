import numpy as np

from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """Randomized SVD with q power passes.

    <b>Round:</b> q + 1 in all, each one allreduce of d(k+p) floats (samples)
    or n(k+p) floats (features) and one allgather of (k+p)^2.
    <b>Guarantee:</b> the mean of ||X - X U U'|| is at most 1 + c^(1/(2q+1))
    times the optimum, c = 1 + sqrt(k/(p-1)) + e sqrt((k+p)(min(n,d)-k)) / p.
    <b>Fails when:</b> modes rather than variance are wanted: the angle falls
    by lambda_{k+p+1} / lambda_k per round, and the number of rounds is fixed.
    <b>Reference:</b> Halko, Martinsson &amp; Tropp 2011, SIAM Rev. 53(2),
    algorithms 4.4 and 5.1, theorem 9.3 with corollary 10.10.
    """

    name = "randomized-svd"
    partitions = ("samples", "features")
    parameters = {"power_passes": [3], "oversampling": [10]}
    choices = {"power_passes": 0, "oversampling": 0}

    @staticmethod
    def rounds(comm, data, n_components, rng, power_passes, oversampling):
        size = min(n_components + oversampling,
                   data.n_features, data.n_samples)
        W = data.random_basis(size, rng)
        yield W[:, :n_components]
        for _ in range(power_passes + 1):
            # Q = orth(X W), then the left singular vectors of B' = X'Q. One
            # of the two is replicated, the other has its rows on the ranks.
            if data.partition == "samples":
                Q, _ = data.row_qr(comm, data.product(W))
                W, R = np.linalg.qr(comm.sum(data.T.product(Q)))
            else:
                Q, _ = np.linalg.qr(comm.sum(data.product(W)))
                W, R = data.row_qr(comm, data.T.product(Q))
            W = W @ np.linalg.svd(R)[0]
            yield W[:, :n_components]
