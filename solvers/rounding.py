from benchmark_utils.compression.integers import IntegerCoder
from benchmark_utils.compressor import Codec, Compressor


class Rounding(Codec):
    """Rounds, then codes integers given the magnitude of neighbours."""

    def __init__(self, geometry, error):
        super().__init__(geometry, error)
        self.coder = IntegerCoder(geometry.shape)

    def encode(self, batch):
        return self.coder.encode(self.rounded(batch))

    def decode(self, message):
        return self.coder.decode(message) * self.step


class Solver(Compressor):
    """Rounding to a grid, entropy coded: the baseline.

    <b>Round:</b> one batch; nothing is sent.
    <b>Guarantee:</b> no value is off by more than <i>error</i> &middot;
    &radic;3 times the RMS of the field; the RMS error is at most
    <i>error</i> for values spread over several steps.
    <b>Fails when:</b> neighbours are alike: it uses only their magnitude.
    <b>Reference:</b> Gersho 1979, IEEE Trans. Inf. Theory 25(4).
    """

    name = "rounding"
    Codec = Rounding
