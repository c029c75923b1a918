import numpy as np

from benchmark_utils.compression.integers import IntegerCoder
from benchmark_utils.compressor import Codec, Compressor


class Lorenzo(Codec):
    """Rounds, then codes the differences of neighbouring integers."""

    def __init__(self, geometry, error):
        super().__init__(geometry, error)
        self.coder = IntegerCoder(geometry.shape)
        self.last = np.zeros(geometry.shape, np.int64)

    def encode(self, batch):
        q = self.rounded(batch)
        before, self.last = self.last, q[-1]
        q = np.diff(q, axis=0, prepend=before[None])
        for axis in self.geometry.smooth[1:]:
            q = np.diff(q, axis=axis, prepend=0)
        return self.coder.encode(q)

    def decode(self, message):
        q = self.coder.decode(message)
        for axis in self.geometry.smooth[1:]:
            q = np.cumsum(q, axis=axis)
        q[0] += self.last
        q = np.cumsum(q, axis=0)
        self.last = q[-1]
        return q * self.step


class Solver(Compressor):
    """Lorenzo prediction: rounding, then differences to the neighbours.

    <b>Round:</b> one batch; nothing is sent.
    <b>Guarantee:</b> no value is off by more than error &middot; &radic;3
    times the RMS of the field; the RMS error is at most <i>error</i>.
    <b>Fails when:</b> large errors are allowed: neighbours then differ by less
    than the rounding noise, which adds up in every difference.
    <b>Reference:</b> Ibarria et al. 2003, Comput. Graph. Forum 22(3); on
    integers, as here: Tao et al. 2017, IPDPS, arXiv 1706.03791.
    """

    name = "lorenzo"
    Codec = Lorenzo
