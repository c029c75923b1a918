import numpy as np
from scipy.linalg import polar

from benchmark_utils.methods.linalg import orthonormal
from benchmark_utils.methods.merging import broadcast_basis, merge_factors
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """Average of the ranks' own principal subspaces, without variances.

    <b>Round:</b> one. Align = projector: a gather and a broadcast of d k
    floats; procrustes: a broadcast of rank 0's basis and an allreduce of the
    bases rotated towards it, d k floats each.
    <b>Guarantee:</b> as accurate as pooled PCA for samples that are
    statistically similar on all ranks, if P is below about sqrt(n); for larger
    P there is a bias of order P / n.
    <b>Fails when:</b> ranks have strong directions of their own. Each of
    these counts as much as a common one, so the error is of order 1.
    <b>Reference:</b> Fan, Wang, Wang &amp; Zhu 2019, Ann. Statist. 47(6),
    Algorithm 1; Charisopoulos, Benson &amp; Damle 2021, SIAM J. Math. Data
    Sci. 3(4), Algorithm 1.
    """

    name = "projector-average"
    parameters = {"align": ["projector"]}
    choices = {"align": ("projector", "procrustes")}

    @staticmethod
    def rounds(comm, data, n_components, rng, align):
        yield data.unit_basis(n_components)
        n, d = len(data.X), data.n_features
        V = data.leading_basis(n_components, data.local_rng)
        if align == "projector":
            F, _ = merge_factors(comm, V * np.sqrt(n), n_components, "star")
            yield broadcast_basis(comm, F, n_components, d)
            return
        reference = np.zeros((d, n_components))
        if comm.rank == 0:
            reference[:, :V.shape[1]] = V
        comm.Bcast(reference)
        rotation = polar(V.T @ reference)[0]
        yield orthonormal(comm.sum(n * V @ rotation))
