import numpy as np

from benchmark_utils.methods.chord import Chord, basis_of
from benchmark_utils.methods.linalg import factor_of_gram
from benchmark_utils.methods.narrow import (
    NarrowSum,
    merged_factor,
    narrow_covariance,
)
from benchmark_utils.solver import MPISolver

NOISE = 1e-3  # of rounding, relative to the error of the basis, at most


class Solver(MPISolver):
    """Ours: chord iteration with sums in the network, for many ranks.

    A tree merges factors of rank r = m k into a model M, sent to all ranks;
    favour = <i>rounds</i>: M is the leading part of a sum of all C_i in
    float32, which is one call, and where most errors are below 1e-6.
    A round sums the changes of the products C_i W, as integers of a common
    step, and every rank applies the inverse of theta - M, with momentum: no
    rank computes or sends more than the others.
    <b>Round:</b> an allreduce of N k integers of 4 bytes; N = d (samples) or
    n (features: and an allreduce of k (k+1) / 2 floats). At first log2(P)
    levels and a broadcast of N r integers of 2 bytes and r of 4 bytes;
    <i>rounds</i>: instead an allreduce of N (N+1) / 2 floats of 4 bytes.
    <b>Memory:</b> N (r + 6 k) floats per rank; <i>rounds</i>: 3 N^2 more.
    <b>Guarantee:</b> without rounding, exact for any partition, at the rate
    nu / (1 + nu) &lt;= mu / (mu + gap), mu = ||C - M||, or better with
    momentum; steps shrink with the changes, so rounding leaves no floor. It
    certifies nothing: the merge does not tell what it truncates.
    <b>Fails when:</b> P^2 lambda_1 / gap nears 2^32: four bytes are too few;
    latency is large: for gram-eigh one sum is enough, and also here with
    favour = <i>rounds</i>, unless lambda_1 / gap exceeds some hundreds.
    <b>Reference:</b> ours; its parts: Himpe, Leibner &amp; Rave 2018, SIAM J.
    Sci. Comput. 40(5) (merge); Richtarik, Sokolov &amp; Fatkhullin 2021,
    NeurIPS (differences); Polyak 1964, USSR Comput. Math. Math. Phys. 4(5)
    (momentum).
    """

    name = "reduced-chord"
    partitions = ("samples", "features")
    parameters = {"favour": ["bytes"], "rank_factor": [4]}
    choices = {"favour": ("bytes", "rounds")}

    @staticmethod
    def rounds(comm, data, n_components, rng, favour, rank_factor):
        k, n = n_components, data.n_samples
        comm.declare(send="tree")
        yield data.unit_basis(k)
        block = data if data.partition == "samples" else data.T
        rank = min(rank_factor * k, block.X.shape[1])
        C = narrow_covariance(comm, block.gram() / n) \
            if favour == "rounds" else None
        F = factor_of_gram(C, rank) if C is not None else merged_factor(
            comm, block.leading_factor(rank) / np.sqrt(n), rank)
        chord = Chord(F, k, NOISE, momentum=True)
        W = chord.leading(k)
        # Neither lowers the largest eigenvalue, so M bounds all C_i.
        product = NarrowSum(comm, lambda W: block.gram_product(W) / n,
                            np.linalg.norm(F, 2) ** 2)
        while True:
            yield basis_of(comm, data, W)
            W = chord.step(W, product(W))
