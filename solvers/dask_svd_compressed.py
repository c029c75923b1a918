import numpy as np

from benchmark_utils.methods.pool import pooled_estimate
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """dask's svd_compressed of all the data, on rank 0 with P threads.

    <b>Round:</b> one, a gather of all n d numbers as they are stored and of
    one per rank; a broadcast (samples) or scatter (features) of d k floats.
    <b>Computes:</b> a randomized SVD in float64, four chunks per thread;
    threads share memory, so nothing is sent between them.
    <b>Guarantee:</b> that of randomized-svd; iterator = <i>power</i>, dask's
    default, loses the weaker modes after many passes.
    <b>Reference:</b> dask 2026.8; Halko et al. 2011, SIAM Rev. 53(2).
    """

    name = "dask-svd-compressed"
    requirements = ["pip::dask[array]"]
    partitions = ("samples", "features")
    parameters = {"iterator": ["QR"], "power_passes": [4]}
    choices = {"iterator": ("QR", "power"), "power_passes": 0}

    @staticmethod
    def warm_up_rank(shape, dtype, n_components, **_):
        import dask.array
        dask.array.ones((4, 4)).sum().compute(scheduler="threads")

    @staticmethod
    def rounds(comm, data, n_components, rng, iterator, power_passes):
        import dask.array as da
        seed = int(rng.integers(2 ** 31))

        def factor(X):
            chunks = [-1, -1]  # along the longer axis
            chunks[np.argmax(X.shape)] = -(-max(X.shape) // (4 * comm.size))
            V = da.linalg.svd_compressed(
                da.from_array(X.astype(float, copy=False), tuple(chunks)),
                min(n_components, *X.shape), iterator=iterator,
                n_power_iter=power_passes, seed=da.random.RandomState(seed))
            return V[2].T.compute(scheduler="threads", num_workers=comm.size)

        yield data.unit_basis(n_components)
        yield pooled_estimate(comm, data, n_components, factor)
