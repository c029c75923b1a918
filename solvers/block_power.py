import numpy as np

from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """Block power (subspace) iteration with oversampling and Rayleigh-Ritz.

    <b>Round:</b> one allreduce of d(k+p) floats (samples), or of n(k+p) and
    (k+p)^2 floats and an allgather of (k+p)^2 (features).
    <b>Guarantee:</b> exact for any partition; the tangent of the angle falls
    by lambda_{k+p+1} / lambda_k per round.
    <b>Fails when:</b> the spectrum is flat after k, so the rate is near 1.
    <b>Reference:</b> Saad, Numerical Methods for Large Eigenvalue Problems,
    2011, sec. 5.2.
    """

    name = "block-power"
    partitions = ("samples", "features")
    parameters = {"oversampling": [10]}
    choices = {"oversampling": 0}

    @staticmethod
    def rounds(comm, data, n_components, rng, oversampling):
        size = min(n_components + oversampling,
                   data.n_features, data.n_samples)
        W = data.random_basis(size, rng)
        while True:
            yield W[:, :n_components]
            Y = data.covariance(comm, W)
            ritz = np.linalg.eigh(data.inner(comm, W, Y))[1][:, ::-1]
            # Leading Ritz vectors first: QR keeps the nested spans.
            W = data.orthonormalize(comm, Y @ ritz)
