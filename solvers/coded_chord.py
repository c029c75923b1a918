import numpy as np

from benchmark_utils.methods.chord import (
    Chord,
    LocalOperator,
    basis_of,
    sum_operator,
)
from benchmark_utils.methods.linalg import (
    adjoint_product,
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
    """Chord."""

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
            yield data.orthonormalize(comm, adjoint_product(data.X, V))
            return
        unit = np.sqrt(12 / N)  # entries' step for columns of noise 1
        F = C.factor(min(rank_factor * k, N))
        factors = gather_rounded(comm, F, k, START, coding)
        W, sums, weights = np.zeros((N, k)), np.zeros((N, k)), np.zeros(k)
        if root:
            others = np.hstack([*factors, np.zeros((N, 0))])
            chord = Chord(np.hstack([F, others]), k, noise,
                          momentum=favour == "rounds")
            W, weights = chord.start, unit / chord.gain / np.sqrt(comm.size)
        else:
            F = factors
        star = Star(comm, coding)
        W, weights = star.broadcast(W, 0.3 * noise * unit, weights)
        scale = noise * 0.1
        star = Star(comm, coding)
        while True:
            yield basis_of(comm, data, orthonormal(W))
            product, move = C(W), W
            # What the model does not predict, and rank 0 does not know yet.
            news = star.gather(product - F @ (F.T @ W) - sums,
                               scale * weights)
            sums += sum(news) if root else news
            scales = 0.0, 0.0
            if root:
                Y = product + others @ (others.T @ W) + sums
                move = chord.step(W, Y) - W
                scales = noise * chord.error * unit, noise * chord.expected
            move, (scale,) = star.broadcast(move, scales[0], scales[1:])
            W = W + move
