"""Fields cut into patches, and the transform that they learn."""
import math

import numpy as np

from benchmark_utils.compression.archive import check_finite
from benchmark_utils.compression.common_basis import pack, unpack
from benchmark_utils.compression.integers import IntegerCoder
from benchmark_utils.methods.pool import broadcast_bytes

SIDE = 8  # of a patch, along the two longest smooth axes
# Of the noise of coefficients: what rounding the basis adds; its largest step,
# which leaves it nearly orthonormal.
ROUNDED, COARSEST = 0.02, 2.0 ** -6


class Patches:
    """From arrays (steps, *shape) to images, and to patches of images.

    Images have the two longest smooth axes, filled up by the last value to
    multiples of the sides of a patch.

    Parameters
    ----------
    geometry : Geometry

    Attributes
    ----------
    sides : tuple of int
        Of a patch, ``SIDE`` or 1 where there is no axis.
    """

    def __init__(self, geometry):
        shape = geometry.shape
        smooth = sorted((axis - 1 for axis in geometry.smooth[1:]),
                        key=lambda axis: -shape[axis])[:2]
        self.others = [axis for axis in range(len(shape))
                       if axis not in smooth]
        self.order = [*self.others, *sorted(smooth)]
        self.shape, self.n_axes = shape, len(smooth)
        self.lengths = tuple(([1, 1] + [
            shape[axis] for axis in sorted(smooth)])[-2:])
        self.sides = tuple(
            SIDE if 2 - place <= self.n_axes else 1 for place in range(2))
        self.counts = tuple(-(-n // side) for n, side in zip(
            self.lengths, self.sides, strict=True))
        self.n_images = math.prod(shape[axis] for axis in self.others)

    def images(self, batch):
        """Array (steps * images, height, width)."""
        images = np.moveaxis(batch, [1 + axis for axis in self.order],
                             range(1, batch.ndim))
        images = images.reshape(-1, *self.lengths)
        return np.pad(images, [(0, 0), *(
            (0, n * side - length) for n, side, length in zip(
                self.counts, self.sides, self.lengths, strict=True))],
            mode="edge")

    def batch(self, images):
        """The inverse of :meth:`images`."""
        height, width = self.lengths
        images = images[:, :height, :width].reshape(
            -1, *(self.shape[axis] for axis in self.order))
        return np.moveaxis(images, range(1, images.ndim),
                           [1 + axis for axis in self.order])

    def cut(self, images):
        """Patches (images, rows, columns, values of a patch)."""
        (rows, columns), (high, wide) = self.counts, self.sides
        return images.reshape(-1, rows, high, columns, wide).swapaxes(
            2, 3).reshape(-1, rows, columns, high * wide)

    def joined(self, patches):
        """The inverse of :meth:`cut`."""
        (rows, columns), (high, wide) = self.counts, self.sides
        return patches.reshape(-1, rows, columns, high, wide).swapaxes(
            2, 3).reshape(-1, rows * high, columns * wide)

    def coder(self):
        """For integers (images, rows, columns, values), latents first."""
        return IntegerCoder((math.prod(self.sides), self.n_images,
                             *self.counts))

    def encode(self, coder, q):
        return coder.encode(np.moveaxis(q.reshape(
            -1, self.n_images, *q.shape[1:]), -1, 1))

    def decode(self, coder, message):
        q = np.moveaxis(coder.decode(message), 1, -1)
        return q.reshape(-1, *q.shape[2:])


def common_klt(comm, data, noise):
    """Coded eigenvectors of the patches of all ranks, strong ones first.

    Communication: one reduce of a covariance of patches, and a broadcast of
    the coded basis.

    Parameters
    ----------
    comm : MPI communicator
    data : PartitionedMatrix
    noise : float
        Mean square of what rounding of the coefficients loses.

    Returns
    -------
    bytes
        For :func:`klt`.
    """
    patches, gram, n = Patches(data.geometry), 0.0, 0
    for number, batch in enumerate(data.stored_batches(1)):
        check_finite(batch, f"time step {number} of rank {comm.rank}")
        flat = patches.cut(patches.images(data.geometry.array(batch).astype(
            float)))
        flat = flat.reshape(-1, flat.shape[-1])
        gram, n = gram + flat.T @ flat, n + len(flat)
    total = comm.sum(np.append(gram.ravel(), n))
    gram, n = total[:-1].reshape(gram.shape), total[-1]
    message = None
    if comm.rank == 0:
        variances, V = np.linalg.eigh(gram / n)
        variances = np.maximum(variances[::-1], noise)
        steps = np.sqrt(12 * ROUNDED * noise / variances)
        message = pack(V[:, ::-1], np.minimum(steps, COARSEST).astype(
            np.float32).astype(float), patches.sides)
    return broadcast_bytes(comm, message)


def klt(message, sides):
    """Matrices that take patches to coefficients, and back."""
    V = unpack(message, sides)
    return np.linalg.pinv(V).T, V.T
