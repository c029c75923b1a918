"""Many ranks in one process, one of them at a time, and how they meet."""
from collections import defaultdict, deque

from greenlet import getcurrent, greenlet


class RanksWait(RuntimeError):
    """Simulated ranks wait for one another, or call different collectives."""


class Scheduler:
    """Runs one function on all ranks, each in a greenlet of its own.

    Parameters
    ----------
    size : int
        Number of ranks.

    Attributes
    ----------
    running : int
        The rank that runs.
    """

    def __init__(self, size):
        self.size = size
        self.ready, self.waiting = deque(), {}
        self.running = None

    def run(self, function):
        """Results of function(rank) for all ranks.

        Raises
        ------
        RanksWait
            Nobody can go on.
        Exception
            That of the first rank that fails; its number is in ``rank``.
        """
        results = [None] * self.size

        def start(rank):
            try:
                results[rank] = function(rank)
            except BaseException as error:
                error.rank = rank
                raise

        ranks = [greenlet(start) for _ in range(self.size)]
        self.waiting.clear()
        self.ready = deque(range(self.size))
        while self.ready:
            self.running = rank = self.ready.popleft()
            # Arguments are those of a greenlet's start only.
            ranks[rank].switch(*() if ranks[rank] else (rank,))
        if self.waiting:
            rank, (call, *_) = next(iter(self.waiting.items()))
            raise RanksWait(
                f"{len(self.waiting)} of {self.size} ranks wait and no "
                f"message comes: rank {rank} in {call}. Do all ranks call the "
                "same collectives, and does every Recv have its Send?")
        return results

    def wait(self, *what):
        """Let other ranks run until somebody wakes this one."""
        rank = self.running
        self.waiting[rank] = what
        getcurrent().parent.switch()

    def wake(self, rank):
        self.waiting.pop(rank, None)
        self.ready.append(rank)


class Meeting:
    """A collective call that not all ranks have reached yet."""

    def __init__(self, call, size):
        self.call, self.n_missing = call, size
        self.values = [None] * size
        self.outcome = None


class Group:
    """What the ranks of one communicator have in common."""

    def __init__(self, scheduler):
        self.scheduler, self.size = scheduler, scheduler.size
        self.meeting = None
        self.boxes = defaultdict(deque)  # (from, to, tag) -> messages

    def meet(self, rank, call, value, combine):
        """Outcome of combine(the values of all ranks), computed once."""
        meeting = self.meeting
        if meeting is None:
            meeting = self.meeting = Meeting(call, self.size)
        elif meeting.call != call:
            raise RanksWait(
                f"rank {rank} calls {call[0]} while another rank is in "
                f"{meeting.call[0]}: all must call the same collectives in "
                "the same order, with the same root.")
        meeting.values[rank] = value
        meeting.n_missing -= 1
        if meeting.n_missing:
            self.scheduler.wait(*call)
            return meeting.outcome
        self.meeting = None
        meeting.outcome = combine(meeting.values)
        meeting.values = None
        for other in range(self.size):
            if other != rank:
                self.scheduler.wake(other)
        return meeting.outcome


class ControlComm:
    """Calls for objects that the world itself makes; nothing is counted.

    All ranks get the very same object: nobody may change it.
    """

    def __init__(self, group, rank):
        self.group, self.rank, self.size = group, rank, group.size

    def allgather(self, value):
        return self.group.meet(self.rank, ("allgather",), value, list)

    def gather(self, value):
        everything = self.allgather(value)
        return everything if self.rank == 0 else None

    def bcast(self, value, root=0):
        return self.group.meet(self.rank, ("bcast", root), value,
                               lambda values: values[root])

    def allreduce(self, value):
        return self.group.meet(self.rank, ("allreduce",), value, sum)
