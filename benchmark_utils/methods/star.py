"""Arrays between rank 0 and the others, rounded and entropy coded.

A message is the integers round(x / step), so an entry is off by at most half
a step. Step 0 sends float64 instead.
"""
import numpy as np

from benchmark_utils.methods.coding import Coder


class Star:
    """Coded messages of one kind of array each way.

    Parameters
    ----------
    comm : MPI communicator
    coded : bool
        False: messages are float64, and steps do not matter.
    """

    def __init__(self, comm, coded=True):
        self.comm, self.coded = comm, coded
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
            Not used at rank 0.
        steps : float, or array of shape (b,)

        Returns
        -------
        What rank 0 gets from this rank; at rank 0 all of that, a list.
        """
        comm, q, message = self.comm, None, np.empty(0, np.uint8)
        if not self.root:
            message, own = self._pack(self.up, x, steps)
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

    def broadcast(self, x, steps):
        """What all ranks get of rank 0's x (N, b), elsewhere any such array.

        Communication: a broadcast of 4 bytes and one of the message.
        """
        size, shape = np.zeros(1, np.int32), x.shape
        if self.root:
            message, own = self._pack(self.down, x, steps)
            size[0] = len(message)
        self.comm.Bcast(size)
        if not self.root:
            message = np.empty(size[0], np.uint8)
        self.comm.Bcast(message)
        return own if self.root else self._unpack(
            self.down, message, shape, steps)

    def _pack(self, coder, x, steps):
        if not self.coded:
            return np.ascontiguousarray(x).view(np.uint8).ravel(), x
        q = np.rint(x / steps)
        return coder.encode(q), q * steps

    def _unpack(self, coder, message, shape, steps):
        if not self.coded:
            return message.view(float).reshape(shape).copy()
        return coder.decode(message, shape) * steps
