"""Check what simulated ranks do with single calls, right and wrong.

A program of its own, since a process that starts worlds must not start MPI.
Exits with an error if an assertion fails.
"""
import numpy as np
import pytest

from benchmark_utils.comm.scheduler import Group, RanksWait, Scheduler
from benchmark_utils.comm.simulated import SimulatedComm


def run(size, function):
    """Results of function(comm) on simulated ranks."""
    scheduler = Scheduler(size)
    group = Group(scheduler)
    return scheduler.run(lambda rank: function(SimulatedComm(group, rank)))


def ranks_that_wait_for_nothing_are_named():
    with pytest.raises(RanksWait, match="1 of 3 ranks wait .* rank 2 in Recv"):
        run(3, lambda comm: comm.rank == 2 and comm.Recv(np.empty(1), 0))
    with pytest.raises(RanksWait, match="while another rank is in Bcast"):
        run(2, lambda comm: comm.sum(np.ones(1)) if comm.rank
            else comm.Bcast(np.ones(1)))


def the_rank_that_fails_is_known():
    with pytest.raises(ZeroDivisionError) as failure:
        run(3, lambda comm: 1 / (comm.rank - 1))
    assert failure.value.rank == 1


def what_was_sent_may_be_overwritten():
    def program(comm):
        x = np.full(2, comm.rank + 1.0)
        everything = np.empty((comm.size, 2)) if comm.rank == 0 else None
        comm.Gather(x, everything)
        x[:] = 0
        comm.Bcast(x)
        return everything

    np.testing.assert_array_equal(
        run(3, program)[0], [[1, 1], [2, 2], [3, 3]])


def other_calls_are_refused():
    with pytest.raises(NotImplementedError, match="have no Scan: use"):
        run(1, lambda comm: comm.Scan(np.ones(1), np.ones(1)))


ranks_that_wait_for_nothing_are_named()
the_rank_that_fails_is_known()
what_was_sent_may_be_overwritten()
other_calls_are_refused()
