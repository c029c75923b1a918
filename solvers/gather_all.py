import numpy as np

from benchmark_utils.methods.linalg import leading_factor
from benchmark_utils.methods.merging import broadcast_basis
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """Gather all raw data on rank 0, a cost that in situ reduction avoids.

    <b>Round:</b> one, a gather of all n d numbers as they are stored and of
    the ranks' numbers of rows, and a broadcast of d k floats.
    <b>Memory:</b> the whole field on rank 0.
    <b>Guarantee:</b> exact, like gram-eigh on one process.
    """

    name = "gather-all"

    @staticmethod
    def rounds(comm, data, n_components, rng):
        yield data.random_basis(n_components, rng)
        block = data.X
        data.count_pass()
        rows = np.empty(comm.size, int)
        comm.Gather(np.array([len(block)]), rows)
        F = None
        if comm.rank == 0:
            pooled = np.empty((data.n_samples, data.n_features), block.dtype)
            comm.Gatherv(block, [pooled, rows * data.n_features])
            F = leading_factor(pooled, n_components)
        else:
            comm.Gatherv(block, None)
        yield broadcast_basis(comm, F, n_components, data.n_features)
