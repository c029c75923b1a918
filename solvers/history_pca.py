import numpy as np

from benchmark_utils.methods.linalg import gram_product, orthonormal
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """Power steps on the new batch plus a rank-k memory of earlier ones.

    <b>Round:</b> one batch, <i>steps</i> allreduces of d k floats.
    <b>Memory:</b> d k and a batch per rank; sees each batch once.
    <b>Guarantee:</b> for independent samples the squared sine falls as 1 / n;
    there is no step size to choose.
    <b>Fails when:</b> the spectrum is flat after k or the stream drifts: a
    memory of rank k then retains its random start.
    <b>Reference:</b> Yang, Hsieh &amp; Wang 2018, arXiv 1802.05447,
    Algorithm 1, in sums instead of means over samples.
    """

    name = "history-pca"
    parameters = {"steps": [3]}
    one_pass = True

    @staticmethod
    def rounds(comm, data, n_components, rng, steps):
        U = data.random_basis(n_components, rng)
        yield U
        variances = np.zeros(n_components)
        for X in data.batches():
            memory, past = U, U * variances
            for _ in range(steps):
                new = comm.sum(gram_product(X, U))
                total = past @ (memory.T @ U) + new
                U = orthonormal(total)
            variances = np.linalg.norm(total, axis=0)
            yield U
