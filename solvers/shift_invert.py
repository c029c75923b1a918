import numpy as np

from benchmark_utils.methods.certificate import Certified
from benchmark_utils.methods.davidson import (
    SearchSpace,
    shifted_inverse,
    shifted_solve,
)
from benchmark_utils.methods.linalg import leading_factor
from benchmark_utils.methods.merging import broadcast_basis, gather_factors
from benchmark_utils.methods.messages import messages_in
from benchmark_utils.methods.model_certificate import corrected_bound
from benchmark_utils.methods.ritz import ModelBeside
from benchmark_utils.solver import MPISolver

BLOCKS = 8  # of the search space before it restarts with two


class Solver(MPISolver):
    """Shift-and-invert, preconditioned by a model of rank r = m k.

    Rank 0 applies the inverse of theta - C to residuals, with C replaced by a
    model: its own (<i>first</i>), that of each rank, averaging the results as
    DANE does (<i>average</i>), or the sum of all models (<i>merged</i>).
    <b>Round:</b> a reduce of d k floats and a broadcast of (d + s) k floats,
    s &lt;= 8 k the size of the search space, and of 16 k^2 in every sixth;
    average: also a broadcast of (2 d + 1) k + 1 and a reduce of d k. The first
    round: a gather of d r + 1 floats per rank (merged) and a broadcast of d k.
    messages = <i>float32</i>: 4 bytes per float, and no certificate.
    <b>Memory:</b> d s floats per rank, at rank 0 also d (s + r P).
    <b>Guarantee:</b> exact for any partition, in O(sqrt(1 + mu / gap)) rounds
    per digit, mu = ||C - model||: for merged at most the mean variance that
    the ranks truncate; where that is below the gap, the error is certified.
    <b>Fails when:</b> with first and average, ranks differ: mu is then near
    lambda_1, and local models save no rounds; float32: in practice the error
    stops near 1e-7.
    <b>Reference:</b> Garber, Shamir &amp; Srebro 2017, ICML (PMLR 70), arXiv
    1702.08169; Shamir, Srebro &amp; Zhang 2014, ICML (DANE); as a block:
    Sleijpen &amp; van der Vorst 1996, SIAM J. Matrix Anal. Appl. 17(2).
    """

    name = "shift-invert"
    parameters = {"preconditioner": ["merged"], "rank_factor": [2],
                  "messages": ["float64"]}
    choices = {"preconditioner": ("merged", "first", "average"),
               "messages": ("float64", "float32")}

    @staticmethod
    def rounds(comm, data, n_components, rng, preconditioner, rank_factor,
               messages):
        comm = messages_in(comm, messages)
        k, d, n = n_components, data.n_features, data.n_samples
        root, share = comm.rank == 0, len(data.X) / n
        yield data.unit_basis(k)
        rank = min(rank_factor * k, d)
        F, missed = data.nystrom_factor(rank, data.local_rng)
        F = F / np.sqrt(n)  # F F' sums to C over ranks
        if preconditioner == "merged":
            F, missed = gather_factors(comm, F, rank, missed / n)
            F = leading_factor(F.T, d) if root else None  # loses nothing
        else:
            F = F / np.sqrt(share)
        estimate = broadcast_basis(comm, F, k, d)
        space = SearchSpace(comm, estimate, BLOCKS * k)
        yield estimate
        while space.block.shape[1]:  # else the space is everything
            Y = data.local_covariance(space.block)
            T, ritz, bound = None, space.rayleigh_ritz(Y), 1.0
            if preconditioner == "average":
                own = share * shifted_inverse(F, *space.share(ritz))
                T = np.empty_like(own) if root else None
                comm.Reduce(own, T)
            elif root:
                values, U, residual = ritz
                model = ModelBeside(F, U)
                T = shifted_solve(model, values, residual)
            estimate = space.expand(T)
            if root and preconditioner == "merged" and messages == "float64":
                bound = corrected_bound(*ritz, model, estimate, missed.sum())
            yield Certified(estimate, bound)
