from benchmark_utils.methods.linalg import leading_factor
from benchmark_utils.methods.pool import pooled_estimate
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """Gather all raw data on rank 0, which in situ reduction avoids.

    <b>Round:</b> one, a gather of all n d numbers as they are stored and of
    the ranks' numbers of rows, and a broadcast of d k floats.
    <b>Memory:</b> the whole field on rank 0.
    <b>Guarantee:</b> exact, like gram-eigh on one process.
    """

    name = "gather-all"

    @staticmethod
    def rounds(comm, data, n_components, rng):
        yield data.unit_basis(n_components)
        yield pooled_estimate(comm, data, n_components,
                              lambda X: leading_factor(X, n_components))
