"""The side of X whose vectors every rank can hold, and its eigenproblem.

X'X and XX' have the same eigenvalues. One of them acts on vectors that are
replicated, so an eigensolver on that side is local computation but for its
products, and the other side follows from one product with X:

=============  ==================  ============  ===========================
partition      side                dimension N   basis U from eigenvectors Z
=============  ==================  ============  ===========================
``samples``    primal: X'X         n_features    Z
``features``   dual: XX'           n_samples     X'Z, made orthonormal
=============  ==================  ============  ===========================
"""
import numpy as np

from benchmark_utils.methods.certificate import exact_bound, sum_at_root

RESOLVED = 1e-8  # ratio of variances from which X'Z is orthogonal enough
# Snapshots per component up to which their Gram matrix takes fewer bytes than
# an iteration; if the spectrum is flat.
FEW, FEW_IF_FLAT = 4, 13
MOVING = 1e-6  # sine above which a direction of the last block has moved


class ReplicatedSide:
    """X'X / n_samples under ``samples``, XX' / n_samples under ``features``.

    Parameters
    ----------
    comm : MPI communicator
    data : PartitionedMatrix

    Attributes
    ----------
    size : int
        N, the length of a vector.
    """

    def __init__(self, comm, data):
        self.comm, self.data = comm, data
        self.primal = data.partition == "samples"
        self.size = data.n_features if self.primal else data.n_samples

    def covariance(self, Z):
        """Product of the operator with Z (N x b), the same on every rank.

        Communication: one allreduce of N * b floats.
        """
        block = self.data if self.primal else self.data.T
        return self.comm.sum(block.gram_product(Z)) / self.data.n_samples

    def trace(self):
        """Of the operator, the variance of all: one pass.

        Communication: one allreduce of a float.
        """
        own = np.array([self.data.squared_norm()])
        return self.comm.sum(own)[0] / self.data.n_samples

    def basis(self, Z):
        """The estimate U that belongs to orthonormal Z (N x k).

        Communication: none (samples), one allgather of k * k floats
        (features). The orthonormalisation does not rest on X'Z having
        orthogonal columns, which small eigenvalues lose.
        """
        if self.primal:
            return Z
        return self.data.orthonormalize(self.comm, self.data.T.product(Z))


def flat_and_few(comm, n, k, flat):
    """Whether n snapshots are few for the flat spectrum of a rank.

    Communication: an allreduce of a float, for n up to 13 k.
    """
    return n <= FEW_IF_FLAT * k and comm.max(float(flat)) > 0


def basis_of_few(comm, data, k):
    """Exact basis under ``features``, for few snapshots, and its error bound.

    Communication: a reduce of n (n + 1) / 2 floats and a broadcast of
    n k + 1, or an allreduce of the former where that is less; an allgather
    of k * k where mode k is weak.
    """
    n, alike = data.n_samples, data.n_samples < 2 * k
    upper = np.triu_indices(n)
    own = data.T.gram()[upper]
    total = comm.sum(own) if alike else sum_at_root(comm, own)
    message, bound = np.empty(n * k + 1), 1.0
    if total is not None:
        G = np.zeros((n, n))
        G[upper] = total
        values, Z = np.linalg.eigh(G, UPLO="U")
        values, Z = values[::-1], Z[:, :-k - 1:-1]
        bound = exact_bound(values, k, n)
        strong = values[k - 1] > RESOLVED * values[0]
        message[:] = [strong, *(
            Z / np.sqrt(values[:k]) if strong else Z).ravel()]
    if not alike:
        comm.Bcast(message)
    U = data.T.product(message[1:].reshape(n, k))
    return (U if message[0] else data.orthonormalize(comm, U)), bound


def next_ritz_value(W, Y, old, product, values):
    """Ritz value after those of W, from the present and the last block.

    Y = C W, product = C old, W'Y = diag(values). By Cauchy interlacing at
    most the eigenvalue of that index; 0 if the blocks agree.
    """
    overlap = W.T @ old
    moved, sines, V = np.linalg.svd(old - W @ overlap, full_matrices=False)
    moving = sines > MOVING
    moved = moved[:, moving]
    product = (product - Y @ overlap) @ V[moving].T / sines[moving]
    H = np.block([[np.diag(values), W.T @ product],
                  [product.T @ W, moved.T @ product]])
    ritz = np.r_[0, np.linalg.eigvalsh(H)][-1 - len(values)]
    return ritz if ritz > len(W) * np.finfo(float).eps * values[0] else 0.0
