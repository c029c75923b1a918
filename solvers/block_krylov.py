import numpy as np

from benchmark_utils.methods.certificate import Certified
from benchmark_utils.methods.dual import ReplicatedSide
from benchmark_utils.methods.krylov import KrylovSpace
from benchmark_utils.methods.linalg import orthonormal, orthonormal_against
from benchmark_utils.methods.messages import messages_in
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """Block Lanczos with thick restart and Rayleigh-Ritz.

    <b>Round:</b> one allreduce of d b floats (samples), or of n b floats and
    an allgather of k^2 (features); b = block_size, k by default. All other
    computation is replicated. The first round adds an allreduce of one float.
    messages = <i>float32</i>: sums of 4 bytes per float, and no certificate.
    <b>Memory:</b> d m or n m floats, m = restart_length k.
    <b>Guarantee:</b> exact for any partition; for b &gt;= k the tangent of the
    angle after t rounds is at most 1 / T_{t-1}(2 lambda_k / lambda_{b+1} - 1)
    times that at the start, times a constant that depends on the gap (T the
    Chebyshev polynomial; until the first restart). The error is certified
    once the variance outside the space is below the gap.
    <b>Fails when:</b> the spectrum is flat after k: it then needs many rounds;
    float32: in practice the error stops near 1e-7.
    <b>Reference:</b> Wu &amp; Simon 2000, SIAM J. Matrix Anal. Appl. 22(2)
    (restart); Li &amp; Zhang 2015, Numer. Math. 131 (rate); Chen et al. 2026,
    SODA, arXiv 2508.06486 (any b up to k needs the same number of products,
    up to logarithms).
    """

    name = "block-krylov"
    partitions = ("samples", "features")
    parameters = {"block_size": [None], "restart_length": [8],
                  "messages": ["float64"]}
    choices = {"block_size": 1, "messages": ("float64", "float32")}

    @staticmethod
    def rounds(comm, data, n_components, rng, block_size, restart_length,
               messages):
        k = n_components
        side = ReplicatedSide(messages_in(comm, messages), data)
        yield data.unit_basis(k)
        b = min(block_size or k, side.size)
        space = KrylovSpace(side.size, max(restart_length * k, k + 2 * b))
        start = orthonormal(rng.standard_normal((side.size, max(b, k))))
        block, trace = start[:, :b], side.trace()
        while True:
            space.add(block, side.covariance(block))
            Z = space.ritz_vectors(k)
            if Z.shape[1] < k:  # first rounds of a block smaller than k
                Z = np.hstack([Z, orthonormal_against(
                    Z, start[:, Z.shape[1]:k])])
            exact = messages == "float64"
            yield Certified(
                side.basis(Z), space.bound(k, trace) if exact else 1.0)
            if space.is_everything:
                return
            block = space.next_block()
