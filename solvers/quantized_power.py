import numpy as np

from benchmark_utils.methods.linalg import orthonormal, procrustes
from benchmark_utils.methods.quantization import quantized_sum
from benchmark_utils.methods.start import merged_start
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """Power iteration whose messages are integers of a few bits.

    Ranks send the change since the last round (<i>difference</i>), rounded to
    b bits; the integers are summed exactly.
    <b>Round:</b> an alltoall of b bits and an allgather of about
    b + log2(P) bits per number, d k numbers in words of 64 bits, and an
    allreduce of k float32. Two controls: coding = <i>float64</i>, an allreduce
    of d k floats; start = <i>merged</i>, that of coded-chord.
    <b>Memory:</b> 2 d k floats more than the power iteration.
    <b>Guarantee:</b> difference: exact, with the rate of the power iteration,
    lambda_{k+1} / lambda_k per round, if 2^-b lambda_1 is below the gap; in
    practice also for gaps far below that.
    <b>Fails when:</b> coding = <i>naive</i>: it stops at an error of the order
    of the rounding, 2^-b lambda_1 / gap.
    <b>Reference:</b> differences: Mishchenko et al. 2024, Optim. Methods
    Softw. (DIANA); Richtarik, Sokolov &amp; Fatkhullin 2021, NeurIPS (EF21);
    quantised PCA: Alimisis et al. 2021, NeurIPS, arXiv 2110.14391.
    """

    name = "quantized-power"
    parameters = {"coding": ["difference"], "bits": [4], "start": ["random"]}
    choices = {"coding": ("difference", "naive", "float64"),
               "start": ("random", "merged")}

    @staticmethod
    def rounds(comm, data, n_components, rng, coding, bits, start):
        # Parts of the sum get smaller and wider with P.
        comm.declare(allgather="unknown")
        W = data.random_basis(n_components, rng)
        own, total = np.zeros_like(W), np.zeros_like(W)
        if start == "merged":
            yield W
            W, own, total = merged_start(
                comm, data, n_components,
                "float64" if coding == "float64" else "entropy")
        while True:
            yield W
            Y = data.local_covariance(W)
            if coding == "naive":
                W = orthonormal(quantized_sum(comm, Y, bits)[1])
                continue
            if coding == "float64":
                total = comm.sum(Y)
            else:
                change, total_change = quantized_sum(comm, Y - own, bits)
                own, total = own + change, total + total_change
            # A basis that turns inside its span would change for nothing.
            Q = orthonormal(total)
            W = Q @ procrustes(Q, W)
