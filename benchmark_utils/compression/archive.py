"""What a compressor leaves behind, and the loop that all compressors share."""
from functools import partial

import numpy as np

from benchmark_utils.methods.method import SOLVERS, Method, load_plugin


class Codec:
    """Base class of codecs; nothing but bytes goes from encode to decode.

    A codec works on batches in their layout on the grid: arrays of shape
    ``(steps, *geometry.shape)``, see
    :class:`~benchmark_utils.fields.geometry.Geometry`. It may keep
    earlier data: the decoder, another object, gets all messages in order.

    Parameters
    ----------
    geometry : Geometry
        The shape of a time step, its smooth axes, the scale of the field.
    error : float
        Requested RMS error over the RMS of the whole field.

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
    for message in messages(comm, data, encoder):
        archive.messages.append(message)
        yield archive


def messages(comm, data, encoder):
    """Yield the bytes of every batch of the stream.

    Raises
    ------
    ValueError
        A batch has NaN or infinite values.
    """
    for number, batch in enumerate(data.batches()):
        check_finite(batch, f"batch {number} of rank {comm.rank}")
        yield bytes(encoder.encode(data.geometry.array(batch)))


def check_finite(values, name):
    """Raise ValueError if values of this name are NaN or infinite."""
    if not np.isfinite(values).all():
        raise ValueError(f"{name} has NaN or infinite values: a compressor of "
                         "bounded error cannot store them.")


def load_solver(name):
    """Class of a compressor of this project, by its name.

    Raises
    ------
    ValueError
        There is no such compressor.
    """
    path = SOLVERS / f"{name.replace('-', '_')}.py"
    module = path.exists() and load_plugin(
        path, "benchmark_utils.compressor", Codec=Codec, Compressor=Method)
    if not module or not hasattr(module, "Compressor"):
        raise ValueError(f"There is no compressor {name!r}: see "
                         "docs/compression.rst.")
    return module.Solver


def load_codec(name):
    """The codec of such a class; ValueError if it has none."""
    solver = load_solver(name)
    if not hasattr(solver, "Codec"):
        raise ValueError(f"The compressor {name!r} does not code batch by "
                         "batch: choose another one.")
    return solver.Codec
