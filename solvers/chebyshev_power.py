import numpy as np
from scipy.linalg import solve_triangular

from benchmark_utils.methods.dual import ReplicatedSide, next_ritz_value
from benchmark_utils.methods.linalg import orthonormal
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """Subspace iteration with a self-tuning Chebyshev filter.

    <b>Round:</b> like block power: one allreduce of d(k+p) floats (samples),
    or of n(k+p) floats and an allgather of k^2 (features); all other
    computation is replicated.
    <b>Guarantee:</b> exact for any partition; with x = 2 lambda_k / beta - 1
    the tangent of the angle falls by 1 / (x + sqrt(x^2 - 1)) per round, where
    the Ritz value beta tends to lambda_{k+p+1} from below. With a fixed beta
    it is never slower than block power, and beta is never over-estimated.
    <b>Fails when:</b> the spectrum is flat after k, so x is near 1.
    <b>Reference:</b> Saad, Numerical Methods for Large Eigenvalue Problems,
    2011, ch. 7; Rutishauser 1970, Numer. Math. 16.
    """

    name = "chebyshev-power"
    partitions = ("samples", "features")
    parameters = {"oversampling": [10]}
    choices = {"oversampling": 0}

    @staticmethod
    def rounds(comm, data, n_components, rng, oversampling):
        k, side = n_components, ReplicatedSide(comm, data)
        yield data.unit_basis(k)
        W = orthonormal(rng.standard_normal(
            (side.size, min(k + oversampling, side.size))))
        before, edge, last = np.zeros_like(W), 0.0, None
        while True:
            Y = side.covariance(W)
            values, ritz = np.linalg.eigh(W.T @ Y)
            values, ritz = values[::-1], ritz[:, ::-1]
            W, Y, before = W @ ritz, Y @ ritz, before @ ritz
            if last is not None:
                edge = max(edge, next_ritz_value(W, Y, *last, values))
            last = W, Y
            # Recurrence of the monic Chebyshev polynomials of the second
            # kind on [0, edge], where the roots stay while the edge grows;
            # QR gives both blocks the same scale.
            Q, R = np.linalg.qr(Y - edge / 2 * W - edge / 4 * before)
            if edge > 0:
                before = solve_triangular(R, edge / 4 * W.T, trans="T").T
            W = Q
            yield side.basis(W[:, :k])
