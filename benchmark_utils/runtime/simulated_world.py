"""Driver side of simulated ranks: one process, watched like real ones."""
from benchmark_utils.runtime.mpi_world import MPIWorld


class SimulatedWorld(MPIWorld):
    """A world whose ranks are all in one process of its own.

    It has no MPI library, and its ranks no time of their own; see
    ``docs/simulated_ranks.rst``.

    Parameters
    ----------
    n_ranks : int
        As the field that is loaded has.
    """

    def __init__(self, n_ranks):
        super().__init__(1)
        self.n_ranks = n_ranks
        self.provenance |= dict(mpi_library="none, simulated ranks",
                                ranks_per_host=n_ranks)
