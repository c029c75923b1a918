"""Arrays between rank 0 and the others, rounded and entropy coded.

A message is the integers round(x / step), so an entry is off by at most half
a step. Its length differs from message to message and travels before it.
"""
import numpy as np

from benchmark_utils.methods.coding import LARGEST, Coder

# A step is at least this part of what the largest mode would need.
DYNAMIC_RANGE = 1e-5


class Star:
    """Coded messages from and to rank 0, of one shape each way.

    Parameters
    ----------
    comm : MPI communicator
    coding : {"entropy", "float64"}
        ``float64``: nothing is rounded, and steps do not matter.
    """

    def __init__(self, comm, coding="entropy"):
        self.comm, self.coded = comm, coding == "entropy"
        self.root = comm.rank == 0
        self.down = Coder()
        # Rank 0 has a coder for each of the others.
        self.up = [Coder() for _ in range(comm.size)] if self.root \
            else Coder()

    def gather(self, x, steps):
        """Bring the arrays of the other ranks to rank 0.

        Communication: a gather of 4 bytes per rank and one of the messages.

        Parameters
        ----------
        x : array of shape (N, b)
            At rank 0 only its shape matters.
        steps : float, or array of shape (b,)
            The same on every rank.

        Returns
        -------
        array of shape (N, b) of what rank 0 gets from this rank; at rank 0 a
        list of all of these.
        """
        comm = self.comm
        message, own = (np.empty(0, np.uint8), None) if self.root \
            else self._pack(self.up, x, steps)
        sizes = np.zeros(comm.size, np.int32) if self.root else None
        comm.Gather(np.array([len(message)], np.int32), sizes)
        if not self.root:
            comm.Gatherv(message, None)
            return own
        everything = np.empty(sizes.sum(), np.uint8)
        comm.Gatherv(message, (everything, sizes))
        parts = np.split(everything, np.cumsum(sizes)[:-1])
        return [self._unpack(coder, part, x.shape, steps)
                for coder, part in list(zip(self.up, parts, strict=True))[1:]]

    def broadcast(self, x, numbers, steps):
        """Bring rank 0's array and a few numbers to all ranks.

        Communication: a broadcast of 4 + 4 m bytes and one of the message.

        Parameters
        ----------
        x : array of shape (N, b)
            Elsewhere only its shape matters.
        numbers : sequence of m floats
            Sent as float32. Elsewhere only their number matters.
        steps : callable
            Gives the steps, a float or an array of shape (b,), from the
            array of the numbers as rounded.

        Returns
        -------
        array of shape (N, b), and array of the m numbers as rounded
        """
        header = np.zeros(1 + len(numbers), np.int32)
        if self.root:
            header[1:].view(np.float32)[:] = numbers
            rounded = header[1:].view(np.float32).astype(float)
            message, own = self._pack(self.down, x, steps(rounded))
            header[0] = len(message)
        self.comm.Bcast(header)
        if not self.root:
            rounded = header[1:].view(np.float32).astype(float)
            message = np.empty(header[0], np.uint8)
        self.comm.Bcast(message)
        if not self.root:
            own = self._unpack(self.down, message, x.shape, steps(rounded))
        return own, rounded

    def _pack(self, coder, x, steps):
        if not self.coded:
            x = np.ascontiguousarray(x)
            return x.view(np.uint8).ravel(), x
        # What is too large is cut, and left to a later difference.
        q = np.rint(x / steps).clip(1 - LARGEST, LARGEST - 1)
        return coder.encode(q), q * steps

    def _unpack(self, coder, message, shape, steps):
        if not self.coded:
            return message.view(float).reshape(shape)
        return coder.decode(message, shape) * steps


def gather_rounded(comm, F, k, tolerance, coding="entropy"):
    """Gather factors, all entries rounded with one absolute step.

    Strong modes get many bits, and modes that vanish in the rounding cost
    next to nothing ("reverse water-filling"). The step moves eigenvectors
    that belong to the k-th largest eigenvalue by about the tolerance.

    Communication: an allreduce of 2 floats, and see :meth:`Star.gather`.

    Parameters
    ----------
    F : array of shape (N, m)
        As many columns on every rank, in the order of their norms.

    Returns
    -------
    See :meth:`Star.gather`.
    """
    norms = np.linalg.norm(F, axis=0)
    # Where a rank has fewer modes, its last one.
    smallest = norms[:k][norms[:k] > 0][-1:].sum()
    largest, smallest = np.sqrt(comm.sum(
        np.array([norms[0], smallest]) ** 2))
    scale = max(smallest, DYNAMIC_RANGE * largest) or 1.0
    step = tolerance * scale * np.sqrt(12 / len(F))
    return Star(comm, coding).gather(F, step)
