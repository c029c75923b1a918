import numpy as np

from benchmark_utils.methods.chord import (
    Chord,
    LocalOperator,
    basis_of,
    levels,
    sum_operator,
)
from benchmark_utils.methods.linalg import (
    leading_eigenpairs,
    orthonormal,
)
from benchmark_utils.methods.star import Star, gather_rounded
from benchmark_utils.solver import MPISolver

# Rounding noise, relative to the error: fewest bytes, or fewest rounds.
NOISE = {"bytes": 1 / 7, "rounds": 1 / 256}
START = 0.05  # what rounding the factors may move of the basis
FEW = 4  # snapshots per component below which their Gram matrix is cheaper


class Solver(MPISolver):
    """Ours: chord iteration on a merged model, few-bit differences.

    The factors of all ranks, rounded with one step, give rank 0 a model M of
    the covariance C. Then ranks send what M does not predict and has not been
    sent, rank 0 applies the inverse of theta - M to the residual and sends
    what changes in the basis; all of it rounded, with steps that follow the
    error, and entropy coded. N = d (samples) or n (features).
    <b>Round:</b> two messages of N k integers per rank, together about 5 bits
    per number, and 4 k^2 bytes each way to orthonormalise (features); the
    first round: N r, r = m k, and N k integers. features with n &lt;= 4 k: one
    allreduce of n (n + 1) / 2 floats.
    <b>Memory:</b> N (r + 3 k) floats per rank and a covariance if it is
    smaller than the data; N r P at rank 0.
    <b>Guarantee:</b> with exact messages exact for any partition, at the rate
    rho = nu / (1 + nu) &lt;= mu / (mu + gap) per round, mu = ||C - M||;
    favour = <i>rounds</i>: rounds finer and adds momentum, about
    (1 - s) / (1 + s) with s^2 = 1 - rho.
    <b>Fails when:</b> latency, not bandwidth, is scarce: rounds are many.
    <b>Reference:</b> none for the method. Parts: merge: Himpe, Leibner &amp;
    Rave 2018, SIAM J. Sci. Comput. 40(5); difference coding: Richtarik,
    Sokolov &amp; Fatkhullin 2021, NeurIPS (EF21); correction: Sleijpen &amp;
    van der Vorst 1996, SIAM J. Matrix Anal. Appl. 17(2).
    """

    name = "coded-chord"
    partitions = ("samples", "features")
    parameters = {"favour": ["bytes"], "coding": ["entropy"],
                  "rank_factor": [2]}

    @staticmethod
    def rounds(comm, data, n_components, rng, favour, coding, rank_factor):
        k, root, noise = n_components, comm.rank == 0, NOISE[favour]
        yield data.random_basis(k, rng)
        C = LocalOperator(data)
        N = C.size
        if data.partition == "features" and N <= FEW * k:
            V = leading_eigenpairs(sum_operator(comm, C), k)[1]
            yield basis_of(comm, data, V)
            return
        unit = np.sqrt(12 / N)  # step of the entries, for columns of noise 1
        F = C.factor(min(rank_factor * k, N))
        factors = gather_rounded(comm, F, k, START, coding)
        W, sums, numbers = np.zeros((N, k)), np.zeros((N, k)), np.zeros(k + 1)
        if root:
            others = np.hstack([np.zeros((N, 0)), *factors])
            chord = Chord(np.hstack([F, others]), k, noise,
                          momentum=favour == "rounds")
            weights = unit / chord.gain / np.sqrt(comm.size)
            W, numbers = chord.start, [noise * chord.expected, *weights]
        else:
            F = factors
        W, (asked, *weights) = Star(comm, coding).broadcast(
            W, numbers, lambda sent: unit * levels(noise / 3, sent[1:]))
        weights, star = np.array(weights), Star(comm, coding)
        while True:
            yield basis_of(comm, data, orthonormal(W))
            product, move, numbers = C(W), W, (0, 0)
            # What the model does not predict, and rank 0 does not know yet.
            news = star.gather(product - F @ (F.T @ W) - sums,
                               weights * levels(asked, weights))
            sums += sum(news) if root else news
            if root:
                Y = product + others @ (others.T @ W) + sums
                move = chord.step(W, Y) - W
                numbers = noise * chord.error, noise * chord.expected
            move, (_, asked) = star.broadcast(
                move, numbers, lambda sent: unit * levels(sent[0], weights))
            W = W + move
