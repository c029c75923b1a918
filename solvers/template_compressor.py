# Copy this file to solvers/<your_compressor>.py, or anywhere: `benchopt run`
# accepts `-s path/to/your_compressor.py`. Nothing else needs to change.
import numpy as np

from benchmark_utils.compression.integers import IntegerCoder
from benchmark_utils.compressor import Codec, Compressor


class MyCodec(Codec):
    # `geometry` says where values lie: geometry.shape is the shape of a time
    # step on this rank, geometry.smooth the axes of a batch along which
    # neighbours are similar (0, the time, first), geometry.scale the RMS of
    # the whole field. The other arguments are the solver's parameters.
    def __init__(self, geometry, error):
        # Sets self.geometry, and self.step: the distance of rounded values
        # that leaves an RMS error of `error`, in units of the scale.
        super().__init__(geometry, error)
        # Codes arrays of integers (steps, *shape); or return bytes of your
        # own, for example of zlib.
        self.coder = IntegerCoder(geometry.shape)
        self.last = np.zeros(geometry.shape, np.int64)

    # A batch is an array (steps, *geometry.shape) of the field's type. It
    # must not be changed. What the codec stores takes memory on the rank.
    def encode(self, batch):
        q = self.rounded(batch)  # multiples of self.step, integers
        changes = np.diff(q, axis=0, prepend=self.last[None])
        self.last = q[-1]
        return self.coder.encode(changes)

    # Called on another object, which has seen nothing but the messages, in
    # their order. Returns the array of the batch.
    def decode(self, message):
        q = np.cumsum(self.coder.decode(message), axis=0) + self.last
        self.last = q[-1]
        return q * self.step


class Solver(Compressor):
    """One line that says what the compressor does.

    <b>Round:</b> one batch; nothing is sent.
    <b>Guarantee:</b> what is guaranteed about the error.
    <b>Fails when:</b> the case in which a user should take another one.
    <b>Reference:</b> authors, year, journal.
    """  # benchopt shows this text for the curve's legend entry

    # The file name with hyphens.
    name = "template-compressor"

    # One parameter; each of its values is a point of the curve.
    parameters = {"error": [1e-1, 1e-2, 1e-3]}

    Codec = MyCodec
