import numpy as np

from benchmark_utils.methods.certificate import Certified
from benchmark_utils.methods.chord import basis_of
from benchmark_utils.methods.dual import FEW, basis_of_few, flat_and_few
from benchmark_utils.methods.merged_model import merged_model, model_factor
from benchmark_utils.methods.predicted import PredictedProduct
from benchmark_utils.methods.star import RoundedFactors
from benchmark_utils.solver import MPISolver

# Rounding noise of the basis, relative to its error: fewest bytes, or rounds.
NOISE = {"bytes": 1 / 6, "rounds": 1 / 256}


class Solver(MPISolver):
    """Ours: chord iteration on a merged model; differences in few bits.

    Rank 0 merges the ranks' factors of rank r = m k into a model M of C. Then
    ranks send what M does not predict, and rank 0 applies the inverse of
    theta - M and sends the change: entropy-coded integers, adaptive steps.
    <b>Round:</b> N k integers to rank 0 and (N - k) k from it, of about 2.5
    bits; N = d (samples) or n (features: and an allreduce of k (k+1) / 2
    floats). At first N r and up to 2 N k integers, twice r for flat spectra;
    features with n &lt;= 4 k, 13 k if flat: only a reduce of n (n+1) / 2
    floats, a broadcast of n k.
    <b>Memory:</b> N (r + 4 k) floats per rank, N r P at rank 0.
    <b>Guarantee:</b> once the error is small, a certified bound on it; with
    a <i>target</i> the method ends when the bound is below the target.
    Uncoded, exact for any partition, at the rate nu / (1 + nu) &lt;=
    mu / (mu + gap), mu = ||C - M||; favour = <i>rounds</i>: finer steps, and
    momentum.
    <b>Fails when:</b> latency, not bandwidth, is the bottleneck: many rounds.
    <b>Reference:</b> ours; its parts: Himpe, Leibner &amp; Rave 2018, SIAM J.
    Sci. Comput. 40(5) (merge); Richtarik, Sokolov &amp; Fatkhullin 2021,
    NeurIPS (differences); Sleijpen &amp; van der Vorst 1996, SIAM J. Matrix
    Anal. Appl. 17(2) (correction).
    """

    name = "coded-chord"
    partitions = ("samples", "features")
    parameters = {"favour": ["bytes"], "coding": ["entropy"],
                  "rank_factor": [4], "target": [0.0]}
    choices = {"favour": tuple(NOISE), "coding": ("entropy", "float64")}

    @staticmethod
    def rounds(comm, data, n_components, rng, favour, coding, rank_factor,
               target):
        k, root, noise = n_components, comm.rank == 0, NOISE[favour]
        yield data.unit_basis(k)
        n, features = data.n_samples, data.partition == "features"
        block = data.T if features else data
        N, bound, few = block.X.shape[1], 1.0, features and n <= FEW * k
        rank = min(rank_factor * k, N)
        if not few:
            F, truncated = model_factor(block, rank, k)
            few = features and flat_and_few(comm, n, k, F.shape[1] > rank)
        if few:
            yield Certified(*basis_of_few(comm, data, k))
            return
        factors = RoundedFactors(
            comm, F / np.sqrt(n), truncated / n, min(2 * rank, N), k, coding)
        chord, noise = merged_model(
            comm, factors, k, noise, favour == "rounds")
        product = PredictedProduct(
            comm, lambda W: block.gram_product(W) / n, factors, k, noise,
            coding, features)
        W, asked = product.start(chord)
        better, numbers = W, (0, 0)
        while True:
            yield Certified(basis_of(comm, data, W), bound)
            if bound <= target:
                return
            Y = product(asked, chord)
            if root:
                better = chord.step(W, Y)
                numbers = noise * chord.error, chord.asked
            W, asked, bound = product.move(better, numbers, chord)
