"""What a compressor leaves behind, and the loop that all compressors share."""
from functools import partial

import numpy as np


class Codec:
    """Base class of codecs; nothing but bytes goes from encode to decode.

    A codec works on batches as they lie on the grid: arrays of shape
    ``(steps, *geometry.shape)``, see
    :class:`~benchmark_utils.fields.geometry.Geometry`. It may keep what it
    has seen: the decoder, another object, gets all messages in their order.

    Parameters
    ----------
    geometry : Geometry
        The shape of a time step, its smooth axes, the scale of the field.
    error : float
        Wanted root mean square error over that of the whole field.

    Attributes
    ----------
    step : float
        Rounding to its multiples has that error: error * scale * sqrt(12).
    """

    def __init__(self, geometry, error):
        self.geometry = geometry
        self.step = error * geometry.scale * np.sqrt(12)

    def encode(self, batch):
        """Bytes that hold a batch; the batch must not be changed."""
        raise NotImplementedError

    def decode(self, message):
        """The array of a batch, from its message."""
        raise NotImplementedError

    def rounded(self, batch):
        """Multiples of the step, as integers (-0.0 is 0)."""
        return np.rint(batch / self.step).astype(np.int64)


class Archive:
    """Messages of one rank; only their bytes are stored.

    Parameters
    ----------
    new_decoder : function
        Without arguments, or of ``shared`` if that is given; what it returns
        has ``decode(message)``: an array (steps, *shape), perhaps of no step.
    shared : bytes, optional
        The same on every rank, stored once, by rank 0: a model, a basis.
    messages : list of bytes, optional
    """

    def __init__(self, new_decoder, shared=b"", messages=()):
        self.new_decoder, self.shared = new_decoder, shared
        self.messages = list(messages)


def compress(comm, data, n_components, rng, codec, **parameters):
    """Encode the stream, batch by batch; yield the growing archive."""
    new = partial(codec, data.geometry, **parameters)
    archive, encoder = Archive(new), new()
    yield archive  # nothing is stored: the background
    for number, batch in enumerate(data.batches()):
        if not np.isfinite(batch).all():
            raise ValueError(f"batch {number} of rank {comm.rank} has NaN or "
                             "infinite values: a compressor of bounded error "
                             "cannot store them.")
        archive.messages.append(bytes(
            encoder.encode(data.geometry.array(batch))))
        yield archive
