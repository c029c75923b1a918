
from benchmark_utils.compression.archive import Archive, Codec, messages
from benchmark_utils.compression.patches import Patches, common_klt, klt
from benchmark_utils.compressor import Compressor


class PatchKlt(Codec):
    """Rounds the coefficients of patches in a basis that all ranks share."""

    def __init__(self, basis, geometry, error):
        super().__init__(geometry, error)
        self.patches = Patches(geometry)
        self.forward, self.backward = klt(basis, self.patches.sides)
        self.coder = self.patches.coder()

    def encode(self, batch):
        patches = self.patches.cut(self.patches.images(batch.astype(float)))
        return self.patches.encode(
            self.coder, self.rounded(patches @ self.forward))

    def decode(self, message):
        q = self.patches.decode(self.coder, message)
        return self.patches.batch(self.patches.joined(
            q * self.step @ self.backward))


class Solver(Compressor):
    """Karhunen-Loeve transform of patches of 8 x 8 values, one for all ranks.

    <b>Round:</b> first an allreduce of the covariance of patches and a
    broadcast of its coded eigenvectors, which are stored once; then one batch
    per round.
    <b>Memory:</b> it keeps its block, which it reads twice.
    <b>Guarantee:</b> the RMS error is at most about <i>error</i>.
    <b>Fails when:</b> structures are larger than a patch. Its purpose is to be
    the starting point of the autoencoder.
    <b>Reference:</b> Theis, Shi, Cunningham &amp; Huszar 2017, ICLR, arXiv
    1703.00395 (the autoencoder).
    """

    name = "patch-klt"
    one_pass = False

    @staticmethod
    def rounds(comm, data, n_components, rng, error):
        geometry = data.geometry
        archive = Archive(lambda basis: PatchKlt(basis, geometry, error))
        yield archive
        archive.shared = common_klt(
            comm, data, (error * geometry.scale) ** 2)
        data.count_pass()
        encoder = archive.new_decoder(archive.shared)
        for message in messages(comm, data, encoder):
            archive.messages.append(message)
            yield archive
