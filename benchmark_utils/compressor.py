"""Compressor: the base class of methods that store a field."""
from functools import partial

from benchmark_utils.compression.archive import Codec, compress
from benchmark_utils.solver import MPISolver, TargetReached

__all__ = ["Codec", "Compressor"]


class Compressor(MPISolver):
    """Base class of compressors: everything but the codec.

    Attributes
    ----------
    Codec : class
        With ``encode`` and ``decode``, see
        :class:`benchmark_utils.compression.archive.Codec`. The solver's
        parameters are arguments of its constructor.
    """

    # To the end of the stream: a subspace may be known before.
    stopping_criterion = TargetReached(
        1e-300, strategy="callback", key_to_monitor="subspace_error")
    partitions = ("samples", "features")
    parameters = {"error": [1e-1, 1e-2, 1e-3]}
    one_pass = True
    yields = "archive"

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "Codec" in vars(cls):
            cls.rounds = partial(compress, codec=cls.Codec)
            # The module that travels to the ranks with it.
            cls.rounds.__module__ = cls.Codec.__module__

    def get_next(self, stop_val):
        """Decoded data are scored only after 1, 2, 4, ... batches."""
        return 2 * stop_val or 1
