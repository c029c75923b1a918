from benchmark_utils.compression.bits import (
    bit_information,
    kept_bits,
    round_bits,
    shuffled,
    unshuffled,
)
from benchmark_utils.compressor import Codec, Compressor


class BitRounding(Codec):
    """Keeps the leading bits of floats, as many as each batch needs."""

    def __init__(self, geometry, information):
        super().__init__(geometry, error=1.0)
        self.information = information

    def encode(self, batch):
        information = sum(bit_information(batch, axis)
                          for axis in self.geometry.smooth
                          if batch.shape[axis] > 1)
        return shuffled(round_bits(batch, kept_bits(
            information, self.information, batch.dtype)))

    def decode(self, message):
        return unshuffled(message, self.geometry.dtype).reshape(
            -1, *self.geometry.shape)


class Solver(Compressor):
    """Bit rounding: keep the bits that hold the wanted share of information.

    A bit's information is its mutual information with the same bit of a
    neighbour. After three bits without any, further bits are taken for traces
    of an earlier rounding. The bytes are coded in planes, by deflate.
    <b>Round:</b> one batch, with its own number of bits; nothing is sent.
    <b>Guarantee:</b> every value has the same relative precision.
    <b>Fails when:</b> values are anomalies around zero, of all magnitudes:
    relative precision is then of no use.
    <b>Reference:</b> Kl&ouml;wer et al. 2021, Nat. Comput. Sci. 1(11).
    """

    name = "bit-rounding"
    parameters = {"information": [0.9, 0.99, 0.999]}
    Codec = BitRounding
