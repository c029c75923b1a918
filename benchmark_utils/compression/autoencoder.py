"""A convolutional autoencoder around the KLT of patches, trained on ranks.

Everything is in units of the step of rounding. Coefficients of patches get a
correction that is computed from the field around them, and the decoded field
one that is computed from the integers around; both are 0 at first.

Theis et al. 2017, ICLR, arXiv 1703.00395; noise in the place of rounding:
Balle et al. 2017, ICLR, arXiv 1611.01704.
"""
import math

import numpy as np

from benchmark_utils.compression.parts import join, split
from benchmark_utils.methods.coding import Coder

HIDDEN = 8  # channels between two convolutions
ROUNDS, CROPS, WINDOW = 500, 4, 8  # of training; crops of 8 x 8 patches
RATE = 3e-3  # of Adam
# Of the rounds: noise in the place of rounding; then the decoder learns from
# the integers that it will get.
NOISY = 0.6
WEIGHT_STEP = 2.0 ** -8  # of the weights that are stored
# Bits that a squared error is worth, where it is that of rounding.
SLOPE = 6 / math.log(2)


def shapes(sides):
    """Of the weights of the encoder, and of the decoder."""
    kernel, n = [2 * side if side > 1 else 1 for side in sides], \
        math.prod(sides)
    return ([(HIDDEN, 1, *kernel), (HIDDEN,), (n, HIDDEN, 3, 3)],
            [(HIDDEN, n, 3, 3), (HIDDEN,), (HIDDEN, 1, *kernel)])


def correction_of_latents(weights, images, sides):
    """From images (n, 1, height, width): (n, latents, rows, columns)."""
    from torch.nn.functional import conv2d, leaky_relu
    first, bias, last = weights
    hidden = conv2d(images.asinh(), first, bias, stride=sides,
                    padding=[side // 2 for side in sides])
    return conv2d(leaky_relu(hidden, 0.1), last, padding=1)


def correction_of_images(weights, latents, sides):
    """From latents (n, latents, rows, columns): (n, 1, height, width)."""
    from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu
    first, bias, last = weights
    hidden = conv2d(latents.asinh(), first, bias, padding=1)
    return conv_transpose2d(leaky_relu(hidden, 0.1), last, stride=sides,
                            padding=[side // 2 for side in sides])


def bits(latents, log_scales):
    """Of integers with noise, by a Laplace law of a scale per latent."""
    from torch.nn.functional import softplus
    scale = softplus(log_scales)[:, None, None] + 1e-2
    far = latents.abs().clamp(min=0.5)
    outside = -(far - 0.5) / scale + (-(-1 / scale).expm1()).log() \
        - math.log(2)
    near = latents.abs().clamp(max=0.5)
    inside = (1 - ((near - 0.5) / scale).exp() / 2
              - ((-near - 0.5) / scale).exp() / 2).log()
    inner = latents.abs() < 0.5
    return -(outside * ~inner + inside * inner).sum() / math.log(2)


def device():
    import torch
    torch.set_num_threads(1)  # a rank has one
    return "cuda" if torch.cuda.is_available() else "cpu"


def tensors(arrays):
    """Of the type and on the device that training takes."""
    import torch
    return [torch.tensor(np.asarray(array, np.float32), device=device())
            for array in arrays]


def train(comm, patches, images, matrices, rng, local_rng):
    """Weights of encoder and decoder, the same on all ranks.

    Communication: an allreduce of the gradient in every round.

    Parameters
    ----------
    comm : MPI communicator
    patches : Patches
    images : array of shape (n, height, width)
        Of this rank, in units of the step.
    matrices : (array, array)
        Of :func:`~.patches.klt`.
    rng, local_rng : numpy.random.Generator
        The same on every rank; the rank's own.

    Returns
    -------
    lists of arrays
    """
    import torch
    sides, n = patches.sides, math.prod(patches.sides)
    forward, backward = tensors(matrices)
    start = []
    for shape in (*shapes(sides)[0], *shapes(sides)[1]):
        weights = rng.standard_normal(shape) / np.sqrt(
            max(1, np.prod(shape[1:])))
        # The corrections begin with 0: so do the last weights and biases.
        last = len(start) % 3 != 0
        start.append(0 * weights if last else weights)
    parameters = tensors([*start, np.zeros(n)])
    for weights in parameters:
        weights.requires_grad_()
    encoder, decoder, scales = parameters[:3], parameters[3:6], parameters[6]
    adam = torch.optim.Adam(parameters, lr=RATE)
    height, width = (min(WINDOW, count) for count in patches.counts)
    values = CROPS * height * width * n

    def crop():
        row, column = (side * local_rng.integers(1 + count - size)
                       for side, count, size in zip(
                           sides, patches.counts, (height, width),
                           strict=True))
        return images[local_rng.integers(len(images)),
                      row:row + height * sides[0],
                      column:column + width * sides[1]]

    for number in range(ROUNDS):
        for group in adam.param_groups:
            group["lr"] = RATE * (1 - number / ROUNDS)
        x, = tensors([[[crop()] for _ in range(CROPS)]])
        cut = x.reshape(CROPS, height, sides[0], width, sides[1]).transpose(
            2, 3).reshape(CROPS, height, width, n)
        z = (cut @ forward).permute(0, 3, 1, 2) \
            + correction_of_latents(encoder, x, sides)
        if number < NOISY * ROUNDS:
            noise, = tensors([local_rng.random(z.shape) - 0.5])
            z = z + noise
        else:
            z = z.detach().round()
        y = (z.permute(0, 2, 3, 1) @ backward).reshape(
            CROPS, height, width, *sides).transpose(2, 3).reshape(x.shape) \
            + correction_of_images(decoder, z, sides)
        loss = (bits(z, scales) + SLOPE * (x - y).square().sum()) / values
        adam.zero_grad()
        loss.backward()
        learning = [weights for weights in parameters
                    if weights.grad is not None]
        own = np.concatenate([weights.grad.cpu().numpy().ravel()
                              for weights in learning])
        mean = comm.sum(own) / comm.size
        ends = np.cumsum([weights.numel() for weights in learning])[:-1]
        for weights, gradient in zip(
                learning, np.split(mean, ends), strict=True):
            weights.grad = tensors([gradient.reshape(weights.shape)])[0]
        adam.step()
    return ([weights.detach().cpu().numpy() for weights in part]
            for part in (encoder, decoder))


def pack_weights(weights):
    """Bytes of weights, rounded to multiples of ``WEIGHT_STEP``."""
    return join([Coder().encode(np.rint(np.reshape(
        each, (len(each), -1)).T / WEIGHT_STEP)).tobytes()
        for each in weights])


def unpack_weights(message, sides):
    """The decoder's weights of :func:`pack_weights`."""
    return [Coder().decode(
        np.frombuffer(part, np.uint8), (math.prod(shape[1:]), shape[0])
    ).T.reshape(shape) * WEIGHT_STEP for part, shape in zip(
        split(message), shapes(sides)[1], strict=True)]
