import numpy as np

from benchmark_utils.methods.hapod import Modes, hapod
from benchmark_utils.methods.merging import certified_basis
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """Hierarchical approximate POD: as many modes as an error bound needs.

    <b>Round:</b> one: an allreduce of 1 float, d K + 3 numbers on each of the
    P - 1 edges of the tree, with K the modes that the local tolerance needs,
    and a broadcast of d k floats.
    <b>Tolerance:</b> relative to the error of every rank's best k modes on its
    own data, which no common basis of k modes can beat.
    <b>Guarantee:</b> the modes at the root have at most that RMS error, and
    are no more than POD needs for omega times that error; k of them are kept.
    The sine of the angle is below T / (2 (gap - T)), certified, with T the sum
    of the largest truncated variances.
    <b>Fails when:</b> the variance beyond k is large but spread out (noise):
    the modes may rotate, and a small tolerance sends nearly all the data.
    <b>Reference:</b> Himpe, Leibner &amp; Rave 2018, SIAM J. Sci. Comput.
    40(5), Algorithm 1, theorems on error and number of modes.
    """

    name = "hapod"
    parameters = {"topology": ["star"], "tolerance": [0.5], "omega": [0.5]}
    choices = {"topology": ("star", "chain", "tree")}

    @staticmethod
    def rounds(comm, data, n_components, rng, topology, tolerance, omega):
        comm.declare(send=topology)
        yield data.unit_basis(n_components)
        modes = Modes(data, min(2 * n_components, data.n_features),
                      data.local_rng)
        missed, = comm.sum(np.array([modes.neglected(n_components)]))
        error = tolerance * np.sqrt(missed / data.n_samples)
        F, missed = hapod(
            comm, modes.within, len(data.X), topology, error, omega)
        yield certified_basis(
            comm, F, missed, n_components, data.n_features)
