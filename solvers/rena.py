import numpy as np

from benchmark_utils.compression.clusters import (
    cluster_means,
    components,
    grid_edges,
    nearest_agglomeration,
)
from benchmark_utils.compression.integers import IntegerCoder
from benchmark_utils.compressor import Codec, Compressor

# Mean square of rounding the means, over what clusters leave out.
ROUNDED = 0.05


class Rena(Codec):
    """Clusters of cells with similar values, new ones for every batch."""

    def __init__(self, geometry, share):
        super().__init__(geometry, error=1.0)
        self.axes = [axis - 1 for axis in geometry.smooth[1:]]
        self.edges = grid_edges(geometry.shape, self.axes)
        self.n = int(np.prod(geometry.shape))
        self.k = max(components(self.edges, self.n)[1],
                     round(share * self.n))
        self.borders = IntegerCoder((len(self.edges),))
        self.coder = IntegerCoder((self.k,))

    def encode(self, batch):
        values = batch.reshape(len(batch), -1).T.astype(float)
        cut = np.diff(nearest_agglomeration(
            values, self.edges, self.k)[self.edges])[:, 0] != 0
        labels, k = components(self.edges[~cut], self.n)
        means, _ = cluster_means(values, labels, k)
        step = np.sqrt(12 * ROUNDED * np.square(
            values - means[labels]).mean() + 1e-12 * np.square(means).mean())
        q = np.rint(means.T / (step or 1.0)).astype(np.int64)
        borders = self.borders.encode(cut[None])
        head = np.float64(step).tobytes() + np.uint32(len(borders)).tobytes()
        return head + borders + self.coder.encode(
            np.diff(q, axis=0, prepend=0))

    def decode(self, message):
        step, end = np.frombuffer(message[:8])[0], 12 + int(
            np.frombuffer(message[8:12], np.uint32)[0])
        cut = self.borders.decode(message[12:end])[0] != 0
        labels, _ = components(self.edges[~cut], self.n)
        means = np.cumsum(self.coder.decode(message[end:]), axis=0) * step
        return means[:, labels].reshape(-1, *self.geometry.shape)


class Solver(Compressor):
    """ReNA: clusters of neighbouring cells, and their means.

    <b>Round:</b> one batch, with clusters of its own; nothing is sent.
    <b>Parameter:</b> <i>share</i>, the number of clusters over that of cells.
    <b>Guarantee:</b> none; time is linear in the number of cells.
    <b>Fails when:</b> an error of a few per cent is wanted: a piecewise
    constant field converges slowly to a smooth one.
    <b>Reference:</b> Hoyos-Idrobo, Varoquaux, Kahn &amp; Thirion 2019, IEEE
    Trans. Pattern Anal. Mach. Intell. 41(3), arXiv 1609.04608.
    """

    name = "rena"
    parameters = {"share": [0.02, 0.1, 0.3]}
    Codec = Rena
