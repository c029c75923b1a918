import numpy as np

from benchmark_utils.methods.linalg import leading_eigenpairs
from benchmark_utils.solver import MPISolver

# Below this ratio of variances X'V has columns that are far from orthogonal.
SMALL = 1e-8


class Solver(MPISolver):
    """Method of snapshots: eigh of the n x n correlations of all snapshots.

    <b>Round:</b> one, an allreduce of n(n+1)/2 floats; also an allgather of
    k^2 if mode k has less than 1e-8 of the variance of mode 1.
    <b>Memory:</b> n x n per rank; the cost does not depend on d.
    <b>Guarantee:</b> exact for any partition, down to modes of relative size
    1e-8 (correlations square the condition number).
    <b>Fails when:</b> there are many snapshots, or weaker modes are wanted.
    <b>Reference:</b> Sirovich 1987, Quart. Appl. Math. 45(3), part I.
    """

    name = "method-of-snapshots"
    partitions = ("features",)

    @staticmethod
    def rounds(comm, data, n_components, rng):
        yield data.unit_basis(n_components)
        n = data.n_samples
        upper = np.triu_indices(n)
        C = np.zeros((n, n))
        C[upper] = comm.sum(data.T.gram()[upper])
        variance, V = leading_eigenpairs(C, n_components)
        if variance[-1] > SMALL * variance[0]:
            yield data.T.product(V / np.sqrt(variance))
        else:
            yield data.orthonormalize(comm, data.T.product(V))
