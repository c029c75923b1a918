import numpy as np

from benchmark_utils.methods.linalg import gram, leading_eigenpairs
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """Exact covariance: the sum of all ranks' Gram matrices, then eigh.

    <b>Round:</b> one, an allreduce of d(d+1)/2 floats.
    <b>Memory:</b> d x d per rank; sees each batch once.
    <b>Guarantee:</b> exact for any partition, down to modes of relative size
    1e-8 (the Gram matrix squares the condition number).
    <b>Reference:</b> Golub &amp; Van Loan, Matrix Computations, sec. 8.6.
    """

    name = "gram-eigh"
    one_pass = True

    @staticmethod
    def rounds(comm, data, n_components, rng):
        yield data.unit_basis(n_components)
        upper = np.triu_indices(data.n_features)
        C = np.zeros((data.n_features, data.n_features))
        C[upper] = comm.sum(gram(data.batches(), data.n_features)[upper])
        yield leading_eigenpairs(C, n_components)[1]
