import numpy as np
from scipy.fft import dct, idct

from benchmark_utils.compression.mesh_integers import MeshCoder
from benchmark_utils.compression.mesh_wavelets import MeshWavelet
from benchmark_utils.compressor import Codec, Compressor


class MeshWavelets(Codec):
    """Wavelets over the mesh; over the steps of a batch cosines."""

    def __init__(self, geometry, error):
        super().__init__(geometry, error)
        self.wavelet = MeshWavelet(geometry.mesh)
        self.coder = MeshCoder(self.wavelet, geometry.mesh.points)
        self.steps = self.step / self.wavelet.norms

    def _fields(self, array):
        """Fields on the mesh (n, points); other axes go to the first."""
        return np.moveaxis(array, 1, -1).reshape(-1, array.shape[1])

    def encode(self, batch):
        fields = self._fields(dct(batch.astype(float), axis=0, norm="ortho"))
        return self.coder.encode([
            np.rint(self.wavelet.forward(each) / self.steps)
            for each in fields], alone=len(batch) == 1)

    def decode(self, message):
        points, *others = self.geometry.shape
        fields = np.array([self.wavelet.inverse(q * self.steps)
                           for q in self.coder.decode(message)])
        return idct(np.moveaxis(fields.reshape(-1, *others, points), -1, 1),
                    axis=0, norm="ortho")


class Solver(Compressor):
    """Lifting wavelets on a mesh, cosines over the steps of a batch.

    A batch of one step is predicted from the two before.
    <b>Round:</b> one batch; nothing is sent.
    <b>Guarantee:</b> the RMS error is about <i>error</i> or less.
    <b>Fails when:</b> a rank has few points, or neighbours differ.
    <b>Reference:</b> Sweldens 1998, SIAM J. Math. Anal. 29(2) (lifting);
    Valette &amp; Prost 2004, IEEE Trans. Vis. Comput. Graph. 10(2)
    (irregular meshes).
    """

    name = "mesh-wavelet"
    test_config = {"dataset": {"name": "sphere-vorticity"}}
    Codec = MeshWavelets

    def skip(self, field, n_components):
        if field.heterogeneity < 1 or field.mesh() is None:
            return True, (f"{self.name} needs a field on a mesh, in patches: "
                          "choose sphere-vorticity with heterogeneity=1, or, "
                          "on grids, the compressor wavelet.")
        return super().skip(field, n_components)
