from benchmark_utils.methods.linalg import orthonormal, procrustes
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """LocalPower: several power steps on local data between two sums.

    <b>Round:</b> an allreduce of d k floats; while a round has more than one
    local step, also a broadcast of d k floats, the basis to align with.
    <b>Guarantee:</b> the schedule <i>halve</i> is exact, with the rate of the
    power iteration, lambda_{k+1} / lambda_k per round, once a round has one
    step; <i>constant</i> stops at an error that grows with the largest
    distance of a rank's covariance from the mean.
    <b>Fails when:</b> the ranks' data differ: local steps then lead away from
    the common subspace, and the constant schedule stays there.
    <b>Reference:</b> Li, Wang, Chen &amp; Zhang 2021, ICML (PMLR 139), arXiv
    2002.08014: LocalPower with orthogonal Procrustes alignment and decaying p.
    """

    name = "local-power"
    parameters = {"local_steps": [4], "schedule": ["halve"]}
    choices = {"schedule": ("halve", "constant")}

    @staticmethod
    def rounds(comm, data, n_components, rng, local_steps, schedule):
        W = data.random_basis(n_components, rng)
        while True:
            yield W
            for _ in range(local_steps - 1):
                W = orthonormal(data.local_covariance(W))
            Y = data.local_covariance(W)
            if local_steps > 1:
                reference = W.copy()
                comm.Bcast(reference)
                Y = Y @ procrustes(W, reference)
            W = orthonormal(comm.sum(Y))
            if schedule == "halve":
                local_steps = max(1, local_steps // 2)
