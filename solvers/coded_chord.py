import numpy as np

from benchmark_utils.methods.chord import Chord, LocalOperator, basis_of
from benchmark_utils.methods.coding import short
from benchmark_utils.methods.linalg import orthonormal
from benchmark_utils.methods.star import Star
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """Chord."""

    name = "coded-chord"
    partitions = ("samples", "features")
    parameters = {"favour": ["bytes"], "coding": ["entropy"],
                  "rank_factor": [2], "rel": [0.05], "sigma": [0.144],
                  "momentum": [True], "gmin": [0.2], "e0": [0.1]}

    @staticmethod
    def rounds(comm, data, n_components, rng, favour, coding, rank_factor,
            rel, sigma, momentum, gmin, e0):
        k = n_components
        yield data.random_basis(k, rng)
        root, P, coded = comm.rank == 0, comm.size, coding == "entropy"
        C = LocalOperator(data)
        N = C.size
        r = min(rank_factor * k, N)
        F = C.factor(r)
        F = np.hstack([F, np.zeros((N, r - F.shape[1]))])
        variance = comm.sum(np.array([(F[:, 0]**2).sum(), (F[:, min(k, r) - 1]**2).sum()]))
        step = float(short(rel * np.sqrt(12 / N * max(variance[1], 1e-12 * variance[0]))))
        star = Star(comm, coded)
        factors = star.gather(F, step)
        if root:
            others = np.hstack(factors + [np.zeros((N, 0))])
            chord = Chord(np.hstack([F, others]), k, momentum)
            start = chord.start
        else:
            F, start = factors, np.empty((N, k))
        W = star.broadcast(start, 0.3 * sigma * np.sqrt(12 / N))
        weights = np.zeros(k, np.float32)
        if root:
            weights[:] = np.sqrt(12 / N / max(P - 1, 1)) / chord.gain
        comm.Bcast(weights)
        weights = weights.astype(float)
        sums = np.zeros((N, k))
        scale = float(short(sigma * e0))
        star = Star(comm, coded)
        last = None
        while True:
            yield basis_of(comm, data, orthonormal(W))
            product = C(W)
            new = star.gather(product - F @ (F.T @ W) - sums, scale * weights)
            scales = np.zeros(2, np.float32)
            move = W
            if root:
                sums += sum(new)
                Y = product + others @ (others.T @ W) + sums
                better, error = chord.step(W, Y)
                move = better - W
                error = max(error, 1e-17)
                shrink = min(max(error / last, gmin), 1) if last else 0.3
                last = error
                scales[:] = sigma * error, sigma * error * shrink
                import sys, os
                if os.environ.get("DBG"): print(f"err {error:.2e} shrink {shrink:.2f} rate {chord.rate:.3f}", file=open("/tmp/own/dbg","a"))
            else:
                sums += new
            comm.Bcast(scales)
            down, scale = scales.astype(float)
            W = W + star.broadcast(move, down * np.sqrt(12 / N))
