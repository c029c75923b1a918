"""Arrays between rank 0 and the others, rounded and entropy coded.

A message is the integers round(x / step), so an entry is off by at most half
a step. Its length differs from message to message and travels before it, in
units so large that two bytes hold it.
"""
import numpy as np
from scipy.linalg import qr

from benchmark_utils.methods.coding import LARGEST, Coder
from benchmark_utils.methods.linalg import procrustes, spectral_norm

# The smallest mode that is resolved, in parts of the largest.
RESOLVED = 1e-5
MOST = 254  # of the codes of a bound in a byte; above: no bound
TRIED = 0.05  # tolerance at which the shorter of two factors is taken


def halves(numbers):
    """Upper halves (uint16) of float32: rounded up, to 8 bits."""
    above = np.nextafter(np.asarray(numbers, np.float32), np.float32(np.inf))
    return ((above.view(np.uint32) + 0xFFFF) >> 16).astype(np.uint16)


def floats(halves):
    """The numbers of :func:`halves`."""
    return (halves.astype(np.uint32) << 16).view(np.float32).astype(float)


def filled(message, x):
    """A message about x, filled up to whole units; bytes of a unit.

    So that two bytes hold its length: no entry takes more than 8 bytes.
    """
    unit = 1 + 9 * x.size // 0xFFFF
    return np.pad(message, (0, -len(message) % unit)), unit


class Star:
    """Coded messages from and to rank 0, of one shape each way.

    Parameters
    ----------
    comm : MPI communicator
    coding : {"entropy", "float64"}
        ``float64``: nothing is rounded, and steps do not matter.
    splits : sequence of ints
        Of the rows into parts, see :class:`~.coding.Coder`.
    """

    def __init__(self, comm, coding="entropy", splits=()):
        self.comm, self.coded = comm, coding == "entropy"
        self.root, self.splits = comm.rank == 0, splits
        self.down = Coder(splits)
        # Rank 0 has a coder for each of the others.
        self.up = [Coder(splits) for _ in range(comm.size)] if self.root \
            else Coder(splits)

    def gather(self, x, steps, tell=False):
        """Bring the arrays of the other ranks to rank 0.

        Communication: a gather of 2 bytes per rank and one of the messages,
        which tell what they lack in a byte per part.

        Parameters
        ----------
        x : array of shape (N, b)
            At rank 0 only its shape matters.
        steps : float or array that broadcasts to x
            The same on every rank.
        tell : bool

        Returns
        -------
        array of shape (N, b) of what rank 0 gets from this rank; at rank 0 a
        list of all of these.
        lost : array of a float per part
            At rank 0, where ranks tell: bounds of the norm of what rounding
            took from the sum, in units of the steps.
        """
        comm = self.comm
        message, own = (np.empty(0, np.uint8), None) if self.root \
            else self._pack(self.up, x, steps)
        # Norms in parts of the largest possible one, rounded up.
        lost = np.zeros(1 + len(self.splits))
        most = np.sqrt([part.size for part in np.split(x, self.splits)]) / 2
        if tell and not self.root:
            codes = np.ceil(MOST / most.clip(1 / 2) * [
                spectral_norm(part) for part in np.split(
                    (x - own) / steps, self.splits)])
            message = np.append(
                codes.clip(max=MOST + 1).astype(np.uint8), message)
        message, unit = filled(message, x)
        sizes = np.zeros(comm.size, np.uint16) if self.root else None
        comm.Gather(np.array([len(message) // unit], np.uint16), sizes)
        if not self.root:
            comm.Gatherv(message, None)
            return own, lost
        sizes = unit * sizes.astype(int)
        everything = np.empty(sizes.sum(), np.uint8)
        comm.Gatherv(message, [everything, sizes])
        parts, sent = np.split(everything, np.cumsum(sizes)[:-1]), []
        for coder, part in list(zip(self.up, parts, strict=True))[1:]:
            if tell:
                codes, part = np.split(part, [len(lost)])
                lost += np.where(codes > MOST, np.inf, codes) * most / MOST
            sent.append(self._unpack(coder, part, x.shape, steps))
        return sent, lost

    def broadcast(self, x, numbers, steps, bound=None):
        """Bring rank 0's array and a few numbers to all ranks.

        Communication: a broadcast of 4 + 2 m bytes and one of the message.

        Parameters
        ----------
        x : array of shape (N, b)
            Elsewhere only its shape matters.
        numbers : sequence of m floats
            Not negative, sent as :func:`halves`. Elsewhere only their number
            matters.
        steps : callable
            Gives the steps, a float or an array that broadcasts to x, from
            the array of the numbers as rounded.
        bound : callable or None
            Gives, at rank 0, an error bound of the array as rounded.

        Returns
        -------
        array of shape (N, b), array of the m numbers as rounded, the bound
        """
        header = np.zeros(2 + len(numbers), np.uint16)
        message, unit = filled(np.empty(0, np.uint8), x)
        if self.root:
            header[1:-1] = halves(numbers)
            message, own = self._pack(
                self.down, x, steps(floats(header[1:-1])))
            message, _ = filled(message, x)
            header[0] = len(message) // unit
            header[-1:] = halves([bound(own) if bound else 1])
        self.comm.Bcast(header)
        rounded, bound = np.split(floats(header[1:]), [-1])
        if not self.root:
            message = np.empty(unit * int(header[0]), np.uint8)
        self.comm.Bcast(message)
        if not self.root:
            own = self._unpack(self.down, message, x.shape, steps(rounded))
        return own, rounded, min(1.0, bound.item())

    def _pack(self, coder, x, steps):
        if not self.coded:
            # Columns of zeros at the end are left out.
            width = 1 + np.flatnonzero(x.any(axis=0)).max(initial=-1)
            return np.ascontiguousarray(
                x[:, :width]).view(np.uint8).ravel(), x
        # What is too large is cut, and left to a later difference.
        # The other end gets a zero without a sign.
        q = np.rint(x / steps).clip(1 - LARGEST, LARGEST - 1) + 0.0
        return coder.encode(q), q * steps

    def _unpack(self, coder, message, shape, steps):
        if not self.coded:
            x, width = np.zeros(shape), message.size // (8 * max(shape[0], 1))
            x[:, :width] = message[:8 * shape[0] * width].view(
                float).reshape(shape[0], width)
            return x
        return coder.decode(message, shape) * steps


def nonzero_columns(F):
    """F without columns of zeros."""
    return F[:, F.any(axis=0)]


def shorter(F, step):
    """F, or F turned so that it has zeros, by what takes fewer bytes.

    F Q with an orthogonal Q is a factor of the same matrix. Turned to a
    triangle, rows in the order of pivots, as in a Cholesky decomposition, it
    is often more local: what the first rows tell of the others is not sent
    again.

    Parameters
    ----------
    F : array of shape (N, m), m at most N
    step : float
        For which bytes are counted.
    """
    order = qr(F.T, mode="r", pivoting=True)[1][:F.shape[1]]
    turned = F @ np.linalg.qr(F[order].T)[0]
    return min(F, turned, key=lambda F: len(Coder().encode(
        np.rint(F / step).clip(1 - LARGEST, LARGEST - 1))))


class RoundedFactors:
    """Factors of all ranks at rank 0, rounded with one absolute step.

    Strong modes get many bits, and modes that vanish in the rounding cost
    next to nothing ("reverse water-filling"). The first time a factor may be
    turned, see :func:`shorter`; later ones are turned like those before.

    Communication: an allreduce of 2 floats.

    Parameters
    ----------
    comm : MPI communicator
    F : array of shape (N, m)
        This rank's modes, strong ones first.
    rank : int
        Columns that travel; ranks with fewer fill up with zeros.
    truncated : float
        Largest eigenvalue of this rank's share that F leaves out.
    k : int
        The step is relative to the k-th mode.
    coding : {"entropy", "float64"}

    Attributes
    ----------
    own : array of shape (N, rank)
        What rank 0 has of this rank; at rank 0 its exact factor.
    others : array of shape (N, (P - 1) rank)
        The factors of the other ranks side by side, at rank 0.
    """

    def __init__(self, comm, F, truncated, rank, k, coding="entropy"):
        self.comm, self.k, N = comm, k, len(F)
        self.star, self.truncated = Star(comm, coding), truncated
        self.own = np.zeros((N, rank))
        self.others = np.zeros((N, (comm.size - 1) * rank))
        self.replace(F)

    def replace(self, F):
        """Take another factor instead, turned like the one of before.

        Communication: an allreduce of 2 floats.
        """
        N, m = F.shape
        self.F = np.zeros_like(self.own)
        self.F[:, :m] = F
        norms = np.append(np.linalg.norm(F, axis=0), np.zeros(1 - min(m, 1)))
        # Where a rank has fewer modes than k, its last one counts.
        largest, smallest = np.sqrt(self.comm.sum(
            norms[[0, min(self.k, len(norms)) - 1]] ** 2))
        self.unit = np.sqrt(12 / N) * (
            max(smallest, RESOLVED * largest) or 1.0)
        if self.comm.rank == 0:
            self.own = self.F
        elif self.own.any():
            self.F = self.F @ procrustes(self.F, self.own)
        elif self.star.coded:
            self.F[:, :m] = shorter(F, TRIED * self.unit)

    @property
    def all(self):
        """The factors of all ranks side by side, at rank 0."""
        return nonzero_columns(np.hstack([self.own, self.others]))

    def gather(self, tolerance):
        """Send what is missing, for a step that suits the tolerance.

        Rounding moves eigenvectors of about the k-th eigenvalue by about the
        tolerance. Communication: see :meth:`Star.gather`.
        """
        missing = self.F - self.own
        sent, _ = self.star.gather(missing, tolerance * self.unit)
        if not self.star.root:
            self.own = self.own + sent
        elif sent:
            self.others += np.hstack(sent)
