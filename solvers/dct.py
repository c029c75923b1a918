import numpy as np
from scipy.fft import dctn, idctn

from benchmark_utils.compression.integers import IntegerCoder
from benchmark_utils.compressor import Codec, Compressor


class Cosines(Codec):
    """Transforms a batch in space and time, one batch after the other."""

    def __init__(self, geometry, error):
        super().__init__(geometry, error)
        self.coders = {}  # one for each number of steps

    def coder(self, n_steps):
        return self.coders.setdefault(
            n_steps, IntegerCoder((n_steps, *self.geometry.shape)))

    def encode(self, batch):
        waves = dctn(batch.astype(float), axes=self.geometry.smooth,
                     norm="ortho")
        return np.uint16(len(batch)).tobytes() + self.coder(
            len(batch)).encode([self.rounded(waves)])

    def decode(self, message):
        n_steps = int(np.frombuffer(message[:2], np.uint16)[0])
        waves = self.coder(n_steps).decode(message[2:])[0] * self.step
        return idctn(waves, axes=self.geometry.smooth, norm="ortho")


class Solver(Compressor):
    """Discrete cosine transform of whole batches in space and time.

    <b>Round:</b> one batch; nothing is sent.
    <b>Guarantee:</b> the RMS error is about <i>error</i> or less: most
    coefficients are zero, and rounding then leaves less.
    <b>Fails when:</b> fronts or thin filaments need all wavenumbers.
    <b>Reference:</b> Ahmed, Natarajan &amp; Rao 1974, IEEE Trans. Comput.
    C-23(1).
    """

    name = "dct"
    Codec = Cosines
