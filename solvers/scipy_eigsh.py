from inspect import signature

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from benchmark_utils.methods.dual import ReplicatedSide
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """SciPy's eigsh (ARPACK) with a distributed operator.

    <b>Round:</b> one of m products, each an allreduce of d floats (samples)
    or n floats (features); at the end, for features, an allgather of k^2.
    <b>Computes:</b> implicitly restarted Lanczos for X'X (samples) or XX'
    (features), the same on every rank; scipy.sparse.linalg.svds is this call.
    A product reads the block twice, in float64.
    <b>Guarantee:</b> exact for any partition; residuals below
    <i>tolerance</i> times the eigenvalues (0: machine precision).
    <b>Fails when:</b> latency matters: there is one vector per message.
    <b>Reference:</b> SciPy 1.17; Lehoucq et al. 1998, ARPACK Users' Guide.
    """

    name = "scipy-eigsh"
    requirements = ["pip::scipy"]
    partitions = ("samples", "features")
    parameters = {"tolerance": [0.0]}

    @staticmethod
    def rounds(comm, data, n_components, rng, tolerance):
        yield data.unit_basis(n_components)
        side = ReplicatedSide(comm, data)
        block, N = data if side.primal else data.T, side.size
        C = LinearOperator((N, N), dtype=float, matvec=lambda z: comm.sum(
            block.T.product(block.product(z.reshape(N, 1)))))
        # From SciPy 1.17 on restarts are random: alike on all ranks.
        random = {"rng": rng} if "rng" in signature(eigsh).parameters else {}
        # It refuses k = N, where every basis is exact.
        yield side.basis(np.eye(N) if n_components >= N else eigsh(
            C, n_components, tol=tolerance, v0=rng.standard_normal(N),
            **random)[1][:, ::-1])
