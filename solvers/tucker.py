import numpy as np

from benchmark_utils.compression.integers import IntegerCoder
from benchmark_utils.compression.parts import join, split
from benchmark_utils.compressor import Codec, Compressor
from benchmark_utils.methods.coding import Coder

SHARE = 0.05  # of the core's rounding noise: that of all factors together


class Tucker(Codec):
    """A batch as a small core times one basis per axis, all rounded."""

    def encode(self, batch):
        core, bases = batch.astype(float), []
        for axis in range(batch.ndim):
            rows = np.moveaxis(core, axis, 0).reshape(core.shape[axis], -1)
            bases.append(np.linalg.eigh(rows @ rows.T)[1][:, ::-1])
            core = along(bases[-1].T, core, axis)
        core = self.rounded(core)
        # The rest of the core is zero.
        ranks = [1 + place.max(initial=0) for place in core.nonzero()]
        core = core[tuple(map(slice, ranks))]
        head = np.array([len(batch), *ranks], np.uint16).tobytes()
        return join([head, IntegerCoder(core.shape).encode([core]), *[
            Coder().encode(np.rint(U[:, :rank] / step)).tobytes()
            for U, rank, step in zip(bases, ranks, self.steps(
                core, batch.shape), strict=True)]])

    def decode(self, message):
        head, core, *bases = split(message)
        n_steps, *ranks = np.frombuffer(head, np.uint16).tolist()
        core = IntegerCoder(ranks).decode(core)[0]
        shape = n_steps, *self.geometry.shape
        array = core * self.step
        for axis, (U, step) in enumerate(zip(
                bases, self.steps(core, shape), strict=True)):
            U = Coder().decode(np.frombuffer(U, np.uint8),
                               (shape[axis], ranks[axis])) * step
            array = along(U, array, axis)
        return array

    def steps(self, core, shape):
        """Steps of a basis: finer for columns with larger coefficients."""
        noise = SHARE * np.prod(shape, dtype=float) / len(shape)
        for axis, n in enumerate(shape):
            others = tuple(i for i in range(core.ndim) if i != axis)
            energy = np.square(core.astype(float)).sum(axis=others)
            yield np.sqrt(noise / (n * max(1, len(energy))
                                   * np.maximum(energy, 1)))


def along(A, array, axis):
    """The product of a matrix with an array along one axis."""
    return np.moveaxis(np.tensordot(A, array, (1, axis)), 0, axis)


class Solver(Compressor):
    """Tucker decomposition of every batch, by higher-order SVD.

    <b>Round:</b> one batch; nothing is sent.
    <b>Guarantee:</b> the RMS error is at most about <i>error</i>, from the
    rounding of the core, plus 5 % from that of the bases.
    <b>Fails when:</b> structures move, or batches are small: every batch
    stores its bases.
    <b>Reference:</b> De Lathauwer, De Moor &amp; Vandewalle 2000, SIAM J.
    Matrix Anal. Appl. 21(4).
    """

    name = "tucker"
    Codec = Tucker
