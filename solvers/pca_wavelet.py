from benchmark_utils.compression.archive import Archive, check_finite
from benchmark_utils.compression.coefficient_fields import CoefficientFields
from benchmark_utils.compression.common_basis import common_basis
from benchmark_utils.compressor import Compressor


class Solver(Compressor):
    """Ours: one PCA of all ranks, with its coefficients coded as fields.

    Coefficients of PCA are fields over time and cells (samples) or over cells
    (features), and as smooth as the data. Before rounding they are transformed
    by wavelets or cosines, whichever give fewer bytes on a rank. The number of
    components is that which the error needs.
    <b>Round:</b> one: ranks send rounded factors of their local PCA, of d K
    integers, and get the rounded basis, which is stored once.
    <b>Memory:</b> it keeps its block, which it reads twice.
    <b>Guarantee:</b> the RMS error is at most <i>error</i>, up to 20 % for
    truncation and the rounding of the basis.
    <b>Fails when:</b> structures move: PCA then needs many components.
    <b>Reference:</b> ours; after the transform coding of Du &amp; Fowler
    2007, IEEE Geosci. Remote Sens. Lett. 4(2).
    """

    name = "pca-wavelet"
    one_pass = False

    @staticmethod
    def rounds(comm, data, n_components, rng, error):
        geometry, samples = data.geometry, data.partition == "samples"
        n_steps = data.n_steps
        archive = Archive(lambda basis: CoefficientFields(
            basis, geometry, n_steps, error))
        yield archive
        check_finite(data.X, f"the block of rank {comm.rank}")
        block = data if samples else data.T
        rows, d = block.X.shape
        basis = common_basis(
            comm, block.leading_factor(d), rows, (error * geometry.scale) ** 2,
            geometry.columns(n_steps))
        data.count_pass()
        archive.shared = basis
        archive.messages = [archive.new_decoder(basis).encode(data.X)]
        yield archive
