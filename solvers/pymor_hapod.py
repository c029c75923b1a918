import numpy as np

from benchmark_utils.methods.pool import pooled_estimate
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """pyMOR's distributed HAPOD of all the data, in one process on rank 0.

    <b>Round:</b> one, a gather of all n d numbers as they are stored and of
    one per rank, and a scatter of d k floats.
    <b>Computes:</b> P PODs of equal numbers of samples and one of their modes,
    in float64, one after the other. MPI is disabled in pyMOR.
    <b>Tolerance:</b> RMS error relative to that of the zero subspace.
    <b>Guarantee:</b> the modes at the root have at most that error, and are no
    more than POD needs for omega times that error; k of them are kept.
    <b>Fails when:</b> there are many samples: the cost of a POD grows with the
    square of their number.
    <b>Reference:</b> pyMOR 2026.1; Himpe, Leibner &amp; Rave 2018, SIAM J.
    Sci. Comput. 40(5).
    """

    name = "pymor-hapod"
    requirements = ["pip::pymor"]
    partitions = ("features",)
    parameters = {"tolerance": [0.02], "omega": [0.5]}

    @staticmethod
    def warm_up_rank(shape, dtype, n_components, **_):
        from pymor.core.logger import set_log_levels
        set_log_levels({"pymor": "WARNING"})

    @staticmethod
    def rounds(comm, data, n_components, rng, tolerance, omega):
        from pymor.algorithms.hapod import dist_vectorarray_hapod
        from pymor.vectorarrays.numpy import NumpyVectorSpace

        def factor(X):
            X = X.astype(float, copy=False)
            error = tolerance * np.linalg.norm(X) / np.sqrt(len(X))
            modes, values, _ = dist_vectorarray_hapod(
                comm.size, NumpyVectorSpace.from_numpy(X.T), error, omega)
            return modes.to_numpy() * values

        yield data.unit_basis(n_components)
        yield pooled_estimate(comm, data, n_components, factor)
