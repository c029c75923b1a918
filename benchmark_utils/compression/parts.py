"""Messages that consist of several."""
import numpy as np


def join(parts):
    """Bytes of several pieces of bytes."""
    return np.array([len(parts), *map(len, parts)], np.uint32).tobytes() \
        + b"".join(parts)


def split(message):
    """The pieces that :func:`join` has put together."""
    n = int(np.frombuffer(message[:4], np.uint32)[0])
    lengths = np.frombuffer(message[4:4 * (n + 1)], np.uint32).tolist()
    ends = 4 * (n + 1) + np.cumsum([0, *lengths])
    return [message[begin:end]
            for begin, end in zip(ends[:-1], ends[1:], strict=True)]
