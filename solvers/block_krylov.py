import numpy as np

from benchmark_utils.methods.dual import (
    basis_of,
    replicated_covariance,
    replicated_size,
)
from benchmark_utils.methods.linalg import orthonormal, orthonormal_against
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """Block Lanczos with thick restart and Rayleigh-Ritz.

    <b>Round:</b> one allreduce of d b floats (samples), or of n b floats and
    an allgather of k^2 (features); b = block_size, k by default. All other
    computation is replicated.
    <b>Memory:</b> d m or n m floats, m = restart_length k.
    <b>Guarantee:</b> exact for any partition; between restarts the error is
    at most that of the best polynomial filter of its degree: after t rounds
    1 / T_{t-1}(2 lambda_k / lambda_{b+1} - 1) times that at the start.
    <b>Fails when:</b> the spectrum is flat after k, and then gracefully.
    <b>Reference:</b> Wu &amp; Simon 2000, SIAM J. Matrix Anal. Appl. 22(2)
    (restart); Li &amp; Zhang 2015, Numer. Math. 131 (rate); Chen et al. 2025,
    arXiv 2508.06486 (any b up to k needs the same products, up to
    logarithms).
    """

    name = "block-krylov"
    partitions = ("samples", "features")
    parameters = {"block_size": [None], "restart_length": [8]}

    @staticmethod
    def rounds(comm, data, n_components, rng, block_size, restart_length):
        k, N = n_components, replicated_size(data)
        yield data.random_basis(k, rng)
        b = min(block_size or k, N)
        longest = min(max(restart_length * k, k + 2 * b), N)
        start = orthonormal(rng.standard_normal((N, max(b, k))))
        V, H, block = np.empty((N, 0)), np.empty((0, 0)), start[:, :b]
        while True:
            Y = replicated_covariance(comm, data, block)
            V = np.hstack([V, block])
            # H = V'CV: its old part is known, C V gives the new rows.
            overlap = V.T @ Y
            m = len(H)
            H = np.block([[H, overlap[:m]], [overlap[:m].T, overlap[m:]]])
            H = (H + H.T) / 2
            values, ritz = np.linalg.eigh(H)
            values, ritz = values[::-1], ritz[:, ::-1]
            Z = V @ ritz[:, :k]
            if Z.shape[1] < k:  # first rounds of a block smaller than k
                Z = np.hstack([Z, orthonormal_against(
                    Z, start[:, Z.shape[1]:k])])
            yield basis_of(comm, data, Z)
            size = V.shape[1]
            if size == N:
                return  # V is the whole space, the Ritz basis exact
            block = orthonormal_against(V, (Y - V @ overlap)[:, :N - size])
            if size + b > longest < N:
                kept = longest // 2
                V, H = V @ ritz[:, :kept], np.diag(values[:kept])
