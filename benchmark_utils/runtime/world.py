"""What a solver asks of a world of ranks; the choice of one."""
from typing import Protocol

from benchmark_utils.runtime.mpi_world import MPIWorld
from benchmark_utils.runtime.simulated_world import SimulatedWorld


class World(Protocol):
    """A fresh set of ranks that obey commands.

    Attributes
    ----------
    provenance : dict
        On what the ranks run: MPI library, threads, hosts, versions.

    Raises
    ------
    WorldError
        In every method: one sentence, with the failing rank's traceback or
        the end of the ranks' output. No process is left.
    """

    provenance: dict

    def load(self, rounds, field, n_components, parameters, seed=0,
             one_pass=False, **options):
        """Have the ranks take a method and read their data.

        The arguments are those of :class:`benchmark_utils.runtime.run.Run`.
        """

    def call(self, command, argument=None):
        """Have all ranks carry out a command; return rank 0's reply.

        ``advance``, n: make up to n rounds; how many the method had left.
        ``result``: the present estimate's scores, costs and messages.
        ``pictures``: of the present estimate.
        ``stored``, k: bytes and errors of its k leading components; not of
        simulated ranks, as one cannot code for all.
        ``modes``: of the present estimate, see ``scoring/modes.py``.
        ``free``: forget the method and its data.
        """

    def waits(self):
        """Whether the ranks are there and wait for a command."""

    def close(self):
        """End the ranks. Never raises."""


def start_world(n_ranks, ranks="processes") -> World:
    """MPI processes, or ranks that are simulated in one."""
    return (SimulatedWorld if ranks == "simulated" else MPIWorld)(n_ranks)
