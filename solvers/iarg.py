import numpy as np

from benchmark_utils.methods.linalg import orthonormal
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """IARG-PCA: a token carries basis and gradient sum from rank to rank.

    Each rank replaces its last gradient G_i = (I - W W') C_i W in the sum and
    makes a step. The step is relative: step / P divided by the Rayleigh matrix
    W'C W, which the token carries. For k = 1 this is the constant step
    c / (P lambda_1) of the paper; for k > 1, our extension, the rate does not
    deteriorate with the ratio of lambda_1 to lambda_k.
    <b>Round:</b> one epoch, which visits every rank once: P messages of
    (2 d + k) k floats, one after the other.
    <b>Guarantee:</b> exact for any partition, linear: about
    exp(-step (1 - lambda_{k+1} / lambda_k)) per epoch; step = 1 is stable
    however the variance is distributed among ranks.
    <b>Fails when:</b> latency matters, as only one rank works at a time; a
    step &gt; 2 oscillates or diverges.
    <b>Reference:</b> Wang, Jiao, Wai &amp; Gu 2023, AISTATS (PMLR 206),
    7492-7510: cyclic order, as in the authors' program.
    """

    name = "iarg"
    replicated = False
    parameters = {"step": [1.0]}

    @staticmethod
    def rounds(comm, data, n_components, rng, step):
        comm.declare(send="ring")
        P, rank, d = comm.size, comm.rank, data.n_features
        token = np.zeros((2 * d + n_components, n_components))
        token[:d] = data.random_basis(n_components, rng)
        W, gradient, rayleigh = np.split(token, [d, 2 * d])  # views
        own = np.zeros((d + n_components, n_components))
        sum_is_complete = rank == P - 1
        while True:
            yield W.copy()
            if rank > 0:
                comm.Recv(token, rank - 1)
            Y = data.local_covariance(W)
            local = np.vstack([Y - W @ (W.T @ Y), W.T @ Y])
            token[d:] += local - own
            own = local
            if sum_is_complete:
                move = np.linalg.solve(rayleigh.T, gradient.T).T
                # Positive diagonal in QR: kept gradients stay in the frame.
                W[:] = orthonormal(W + step / P * move)
            if P > 1:
                comm.Send(token, (rank + 1) % P)
                if rank == 0:
                    comm.Recv(token, P - 1)
            sum_is_complete = True
