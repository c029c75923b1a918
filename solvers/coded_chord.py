import numpy as np

from benchmark_utils.methods.chord import (
    basis_of,
    levels,
    merged_model,
    sum_symmetric,
)
from benchmark_utils.methods.linalg import leading_eigenpairs, orthonormal
from benchmark_utils.methods.star import RoundedFactors, Star
from benchmark_utils.solver import MPISolver

# Rounding noise, relative to the error: fewest bytes, or fewest rounds.
NOISE = {"bytes": 1 / 7, "rounds": 1 / 256}
FEW = 4  # snapshots per component below which their Gram matrix is cheaper


class Solver(MPISolver):
    """Ours: chord iteration on a merged model, in differences of few bits.

    The ranks' factors of rank r = m k give rank 0 a model M of C. Then ranks
    send what M does not predict, rank 0 applies the inverse of theta - M and
    sends what changes: integers of adaptive steps, entropy coded.
    <b>Round:</b> N k integers to and from rank 0, of about 2.5 bits; N = d
    (samples) or n (features: and an allreduce of k (k+1) / 2 floats). At first
    N r and N k integers; features with n &lt;= 4 k: only an allreduce of
    n (n+1) / 2 floats.
    <b>Memory:</b> N (r + 3 k) floats per rank, N r P at rank 0.
    <b>Guarantee:</b> uncoded exact for any partition, rate nu / (1 + nu)
    &lt;= mu / (mu + gap) per round, mu = ||C - M||; favour = <i>rounds</i>:
    finer, and with momentum.
    <b>Fails when:</b> latency, not bandwidth, is scarce: rounds are many.
    <b>Reference:</b> ours; its parts: Himpe, Leibner &amp; Rave 2018, SIAM J.
    Sci. Comput. 40(5) (merge); Richtarik, Sokolov &amp; Fatkhullin 2021,
    NeurIPS (differences); Sleijpen &amp; van der Vorst 1996, SIAM J. Matrix
    Anal. Appl. 17(2) (correction).
    """

    name = "coded-chord"
    partitions = ("samples", "features")
    parameters = {
        "favour": ["bytes"], "coding": ["entropy"], "rank_factor": [2]}

    @staticmethod
    def rounds(comm, data, n_components, rng, favour, coding, rank_factor):
        k, root, noise = n_components, comm.rank == 0, NOISE[favour]
        yield data.random_basis(k, rng)
        n, block = data.n_samples, data
        if data.partition == "features":
            block = data.T
            if n <= FEW * k:
                C = sum_symmetric(comm, block.gram())
                yield basis_of(comm, data, leading_eigenpairs(C, k)[1])
                return
        N = block.X.shape[1]
        unit, rank = np.sqrt(12 / N), min(rank_factor * k, N)
        F, others, chord = merged_model(comm, RoundedFactors(
            comm, block.leading_factor(rank) / np.sqrt(n), rank, k, coding),
            k, noise, momentum=favour == "rounds")
        W, sums, numbers = np.zeros((N, k)), np.zeros((N, k)), np.zeros(k + 1)
        if root:
            weights = unit / chord.gain / np.sqrt(comm.size)
            W, numbers = chord.start, [noise * chord.expected, *weights]
        W, (asked, *weights) = Star(comm, coding).broadcast(
            W, numbers, lambda sent: unit * levels(noise / 3, sent[1:]))
        weights, star = np.array(weights), Star(comm, coding)
        while True:
            yield basis_of(comm, data, orthonormal(W))
            product, move, numbers = block.gram_product(W) / n, W, (0, 0)
            # What the model does not predict, and rank 0 does not know yet.
            new = product - F @ (F.T @ W) - sums
            news = star.gather(new, weights * levels(asked, weights))
            sums += sum(news) if root else news
            if root:
                Y = product + others @ (others.T @ W) + sums
                move = chord.step(W, Y) - W
                numbers = noise * chord.error, noise * chord.expected
            move, (_, asked) = star.broadcast(
                move, numbers, lambda sent: unit * levels(sent[0], weights))
            W = W + move
