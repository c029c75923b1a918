import numpy as np

from benchmark_utils.compressor import Codec, Compressor


class Sz3(Codec):
    """An absolute bound that gives the RMS of uniformly distributed errors."""

    def __init__(self, geometry, error):
        super().__init__(geometry, error)
        # SZ3 takes four axes at most: the first ones are joined.
        self.shape = (-1, *geometry.shape[-3:])

    def encode(self, batch):
        from pysz import sz, szConfig, szErrorBoundMode
        array = np.ascontiguousarray(batch.reshape(self.shape))
        config = szConfig()
        config.errorBoundMode = szErrorBoundMode.ABS
        config.absErrorBound = self.step / 2
        message, _ = sz.compress(array, config)
        return np.uint16(len(batch)).tobytes() + message.tobytes()

    def decode(self, message):
        from pysz import sz
        n_steps = int(np.frombuffer(message[:2], np.uint16)[0])
        shape = n_steps, *self.geometry.shape
        array, _ = sz.decompress(
            np.frombuffer(message[2:], np.uint8), self.geometry.dtype,
            np.empty(shape, bool).reshape(self.shape).shape)
        return array.reshape(shape)


class Solver(Compressor):
    """SZ3: spline interpolation, rounded residuals, Huffman, zstd.

    <b>Round:</b> one batch; nothing is sent.
    <b>Guarantee:</b> according to SZ3, no value is off by more than
    <i>error</i> &middot; &radic;3 times the RMS of the field; the actual error
    is measured.
    <b>Fails when:</b> moments matter: errors of neighbours are correlated.
    <b>Reference:</b> Liang et al. 2023, IEEE Trans. Big Data 9(2), arXiv
    2111.02925; pysz 1.1.
    """

    name = "sz3"
    requirements = ["pip::pysz"]
    Codec = Sz3
