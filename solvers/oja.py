import numpy as np

from benchmark_utils.methods.linalg import gram_product, orthonormal
from benchmark_utils.solver import MPISolver

ROUNDING = 1e-12


class Solver(MPISolver):
    """Mini-batch Oja: a stochastic gradient step per batch, then QR.

    <b>Round:</b> one batch, an allreduce of d k floats.
    <b>Step:</b> oja: 2 / (t theta) in batch t, with theta the smallest nonzero
    variance in the basis, averaged over batches; adaoja: for every column, 1
    over the square root of the sum of its squared gradient norms so far.
    <b>Memory:</b> d k and a batch per rank; sees each batch once.
    <b>Guarantee:</b> for independent samples the squared sine falls like the
    step: as 1 / n for oja, if theta is below 4 gaps. For adaoja 1 / sqrt(n)
    is observed, not proven.
    <b>Fails when:</b> lambda_1 / gap is large, or successive batches are
    similar, as in a simulation. It is included as a slow reference.
    <b>Reference:</b> Oja 1982, J. Math. Biol. 15(3); Henriksen &amp; Ward
    2019, arXiv 1905.12115, AdaOja with a step per column.
    """

    name = "oja"
    parameters = {"variant": ["oja"]}
    choices = {"variant": ("oja", "adaoja")}
    one_pass = True

    @staticmethod
    def rounds(comm, data, n_components, rng, variant):
        U = data.random_basis(n_components, rng)
        yield U
        squares = np.full(n_components, np.finfo(float).tiny)
        least = 0.0
        for batch, X in enumerate(data.batches(), start=1):
            G = comm.sum(gram_product(X, U))
            squares += np.square(G).sum(axis=0)
            variances = np.linalg.eigvalsh(U.T @ G)
            # A batch of fewer rows than k has no variance in some directions.
            smallest = variances.min(
                where=variances > ROUNDING * variances[-1],
                initial=variances[-1])
            least += (smallest - least) / batch
            step = (1 / np.sqrt(squares) if variant == "adaoja"
                    else 2 / (batch * max(least, np.finfo(float).tiny)))
            U = orthonormal(U + step * G)
            yield U
