"""Moments of a distribution function, kept by what is decoded.

Whatever a codec does, the moments of its error are stored beside its message,
and the decoded field is changed as little as possible to have them. Cells of
space are few against values, so this takes few bits.
"""
import numpy as np

from benchmark_utils.compression.archive import Codec
from benchmark_utils.compression.integers import IntegerCoder
from benchmark_utils.compression.parts import join, split

# Of the moments that independent errors of the same size would have: what the
# rounding of moments leaves of each.
LEFT = 0.1


class Moments:
    """One end of a channel for moments of errors.

    Parameters
    ----------
    geometry : Geometry
        With moments.
    """

    def __init__(self, geometry):
        self.geometry, self.weights = geometry, geometry.moments
        self.norms = np.linalg.norm(self.weights, axis=0)
        # The change of smallest norm with given moments is theirs times this.
        self.smallest = np.linalg.pinv(self.weights)
        self.cells = int(np.prod(geometry.shape)) // len(self.weights)
        self.coder = IntegerCoder((len(self.norms), 1, self.cells))

    def encode(self, error):
        """Bytes of the moments of an array (steps, *shape)."""
        rows = self.geometry.by_velocity(error)
        step = LEFT * np.sqrt(12 * np.square(rows).mean())
        q = np.rint(rows @ self.weights / (self.norms * (step or 1.0)))
        return np.float64(step).tobytes() + self.coder.encode(
            q.reshape(-1, 1, self.cells, len(self.norms)).swapaxes(1, 3)
            .swapaxes(2, 3))

    def decode(self, message, shape):
        """The smallest array with the moments of a message."""
        q = self.coder.decode(message[8:]).swapaxes(2, 3).swapaxes(1, 3)
        step = np.frombuffer(message[:8])[0]
        return (q.reshape(-1, len(self.norms)) * (self.norms * step)
                @ self.smallest).reshape(shape)


class MomentsDecoder:
    """What another decoder reads, with the moments stored beside it."""

    def __init__(self, geometry, decoder):
        self.moments, self.decoder = Moments(geometry), decoder

    def decode(self, message):
        message, moments = split(message)
        decoded = np.asarray(self.decoder.decode(message), float)
        return decoded + self.moments.decode(moments, decoded.shape)


class KeepsMoments(MomentsDecoder, Codec):
    """A codec, and the moments of what it loses.

    Parameters
    ----------
    geometry : Geometry
    new : function
        Without arguments; the codec of either end.
    """

    def __init__(self, geometry, new):
        super().__init__(geometry, new())
        self.encoder = new()

    def encode(self, batch):
        message = self.encoder.encode(batch)
        return join([message, self.moments.encode(
            batch - np.asarray(self.decoder.decode(message), float))])


def with_moments(archive, geometry, X):
    """An archive of all of a rank's rows, with the moments of what it loses.

    Parameters
    ----------
    archive : Archive
    geometry : Geometry
    X : array
        The rows.
    """
    new = archive.new_decoder
    shared = [archive.shared] if archive.shared else []
    decoder, moments = new(*shared), Moments(geometry)
    true, start, messages = geometry.array(X), 0, []
    for message in archive.messages:
        decoded = np.asarray(decoder.decode(message), float)
        batch = true[start:start + len(decoded)]
        messages.append(join([message, moments.encode(batch - decoded)]))
        start += len(decoded)
    archive.messages = messages
    archive.new_decoder = lambda *shared: MomentsDecoder(
        geometry, new(*shared))
    return archive
