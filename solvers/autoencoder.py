import numpy as np

from benchmark_utils.compression import autoencoder as network
from benchmark_utils.compression.archive import Archive, Codec, messages
from benchmark_utils.compression.parts import join, split
from benchmark_utils.compression.patches import Patches, common_klt, klt
from benchmark_utils.compressor import Compressor
from benchmark_utils.methods.pool import broadcast_bytes


class Autoencoder(Codec):
    """KLT of patches, and a network on both sides of the rounding."""

    def __init__(self, model, geometry, error, encoder=None):
        super().__init__(geometry, error)
        basis, weights = split(model)
        self.patches = Patches(geometry)
        self.sides = self.patches.sides
        self.forward, self.backward = klt(basis, self.sides)
        self.weights = network.tensors(
            network.unpack_weights(weights, self.sides))
        self.coder, self.encoder = self.patches.coder(), encoder

    def encode(self, batch):
        images = self.patches.images(batch.astype(float)) / self.step
        added = network.correction_of_latents(
            self.encoder, *network.tensors([images[:, None]]), self.sides)
        z = self.patches.cut(images) @ self.forward + np.moveaxis(
            added.cpu().numpy(), 1, -1)
        return self.patches.encode(self.coder, np.rint(z).astype(np.int64))

    def decode(self, message):
        q = self.patches.decode(self.coder, message)
        added = network.correction_of_images(
            self.weights, *network.tensors([np.moveaxis(q, -1, 1)]),
            self.sides)[:, 0].cpu().numpy()
        return self.patches.batch(self.step * (
            self.patches.joined(q @ self.backward) + added))


class Solver(Compressor):
    """Convolutional autoencoder around patch-klt, one model for all ranks.

    In training, noise replaces rounding, and a learned Laplace distribution
    the coder; messages are coded as in patch-klt.
    <b>Round:</b> first the training: 500 allreduces of a gradient of about
    18,000 float32, and a broadcast of the weights, stored once; then a batch.
    <b>Memory:</b> it keeps its block, twice. <b>Guarantee:</b> none.
    <b>Fails when:</b> sent bytes, or seconds, matter.
    <b>Reference:</b> Theis, Shi, Cunningham &amp; Huszar 2017, ICLR, arXiv
    1703.00395; torch 2.13.
    """

    name = "autoencoder"
    requirements = ["pip::torch==2.13.0"]
    one_pass = False

    @staticmethod
    def warm_up_rank(*_, **__):
        network.tensors([np.zeros(1)])

    @staticmethod
    def rounds(comm, data, n_components, rng, error):
        geometry, patches = data.geometry, Patches(data.geometry)
        archive = Archive(lambda model: Autoencoder(model, geometry, error))
        yield archive
        basis = common_klt(comm, data, (error * geometry.scale) ** 2)
        data.count_pass()
        images = patches.images(geometry.array(data.X).astype(
            float)) / Codec(geometry, error).step
        encoder, decoder = network.train(
            comm, patches, images, klt(basis, patches.sides), rng,
            data.local_rng)
        archive.shared = broadcast_bytes(
            comm, join([basis, network.pack_weights(decoder)]))
        codec = Autoencoder(archive.shared, geometry, error,
                            network.tensors(encoder))
        for message in messages(comm, data, codec):
            archive.messages.append(message)
            yield archive
