import numpy as np

from benchmark_utils.compressor import Codec, Compressor

LOOSEST = 12  # tolerances are powers of two; 2^12 times the wanted error


class Zfp(Codec):
    """The loosest tolerance that meets the error, batch by batch."""

    def __init__(self, geometry, error):
        super().__init__(geometry, error)
        self.wanted = error * geometry.scale
        # zfp takes four axes at most: the first ones are joined.
        self.shape = (-1, *geometry.shape[-3:])

    def encode(self, batch):
        import zfpy
        array = np.ascontiguousarray(batch.reshape(self.shape))
        tolerance = 2.0 ** (LOOSEST + np.floor(np.log2(self.wanted)))
        while True:
            message = zfpy.compress_numpy(array, tolerance=tolerance)
            error = array - zfpy.decompress_numpy(message)
            if np.sqrt(np.square(error, dtype=float).mean()) <= self.wanted \
                    or tolerance < self.wanted / 4:
                return message
            tolerance /= 2

    def decode(self, message):
        import zfpy
        return zfpy.decompress_numpy(message).reshape(
            -1, *self.geometry.shape)


class Solver(Compressor):
    """zfp: blocks of 4 x 4 x ... values, cosine-like transform, bit planes.

    <b>Round:</b> one batch; nothing is sent. Several tolerances are tried,
    since the actual error of zfp is 1/25 to 1/140 of its tolerance.
    <b>Guarantee:</b> the RMS error of a batch is at most <i>error</i>.
    <b>Fails when:</b> axes are shorter than four points; it also conflicts
    with some versions of numcodecs, which then cannot be imported.
    <b>Reference:</b> Lindstrom 2014, IEEE Trans. Vis. Comput. Graph. 20(12);
    zfpy 1.0.1.
    """

    name = "zfp"
    requirements = ["pip::zfpy"]
    Codec = Zfp
