import numpy as np

from benchmark_utils.compression.integers import IntegerCoder
from benchmark_utils.compression.wavelets import Wavelet
from benchmark_utils.compressor import Codec, Compressor


class Wavelets(Codec):
    """Transforms every step in space, rounds, codes given neighbours."""

    def __init__(self, geometry, error):
        super().__init__(geometry, error)
        self.wavelet = Wavelet(
            geometry.shape, [axis - 1 for axis in geometry.smooth[1:]])
        self.coder = IntegerCoder(self.wavelet.coefficients)

    def encode(self, batch):
        return self.coder.encode([
            self.rounded(self.wavelet.forward(step)) for step in batch])

    def decode(self, message):
        return np.array([
            self.wavelet.inverse(step * self.step)
            for step in self.coder.decode(message)])


class Solver(Compressor):
    """Wavelets in space (CDF 9/7), rounded, coded given their neighbours.

    <b>Round:</b> one batch; nothing is sent.
    <b>Guarantee:</b> the RMS error is about <i>error</i> or less: most
    coefficients are zero, and rounding then leaves less.
    <b>Fails when:</b> there are few points along an axis, or cells are
    reassigned at random.
    <b>Reference:</b> Cohen, Daubechies &amp; Feauveau 1992, Commun. Pure
    Appl. Math. 45(5) (the wavelet); Shapiro 1993, IEEE Trans. Signal
    Process. 41(12) (neighbours predict the size).
    """

    name = "wavelet"
    requirements = ["pip::PyWavelets"]
    Codec = Wavelets
