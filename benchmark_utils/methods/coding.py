"""Arrays of integers as few bytes.

An entropy coder (a range coder of the library constriction) spends about
-log2(p) bits on a symbol of probability p. The probabilities come from a
:class:`Coder`, which sender and receiver keep alike: a two-sided geometric
law of the column's size, corrected by what earlier messages contained. They
are ratios of integers, so all ranks compute the same ones.
"""
from functools import cache

import numpy as np
from constriction import stream

Categorical, Uniform = stream.model.Categorical, stream.model.Uniform

# A magnitude below DIRECT is a symbol of its own. From there on four symbols
# share an octave, and the place within a symbol's range is sent as plain bits.
DIRECT = 16
OCTAVES = 28
N_MAGNITUDES = DIRECT + 4 * OCTAVES
LARGEST = DIRECT << OCTAVES  # magnitudes stay below
_OCTAVE, _QUARTER = np.divmod(np.arange(N_MAGNITUDES - DIRECT), 4)
# First magnitude of every symbol, and the bits of the place in its range.
FIRST = np.append(np.arange(DIRECT), (4 + _QUARTER) << (_OCTAVE + 2))
PLACE_BITS = np.append(np.zeros(DIRECT, int), _OCTAVE + 2)
N_SIZES = 64  # classes of the mean magnitude of a column, two to an octave
MIDDLE = 20  # the class of a mean magnitude of 1
PRIOR = 32  # weight of the geometric law, in observed symbols
ONE = 1 << 60  # of the fixed-point numbers
FORGET = 1 << 14  # observed symbols after which old ones count half
PIECE_BITS = 16  # plain bits that are coded at once
WORD = ">u4"  # of a message: the last bytes are the least of a word


@cache
def geometric(size):
    """Weights of the symbols, integers, for columns of one size class.

    The law is P(|q| >= x) = r^x with the mean magnitude r / (1 - r), in
    fixed-point arithmetic: no rounding differs between machines.
    """
    # The mean magnitude is 2^((size - MIDDLE) / 2), here in units of 2^-17.
    mean = (181 if size % 2 else 128) << (int(size) // 2)
    ratio = ONE * mean // (mean + (1 << 17))
    tails, tail, power = [], ONE, ratio
    for first in FIRST:
        if first >= DIRECT and (first & (first - 1)) == 0:
            # Ranges of 4 from the first octave on, then twice as wide.
            for _ in range(2 if first == DIRECT else 1):
                power = power * power // ONE
        tails.append(tail)
        tail = tail * power // ONE
    weights = -np.diff(np.array(tails + [tail], object))
    weights = (weights * (PRIOR << 16) // ONE).astype(np.int64)
    two_sided = np.append(weights[:0:-1], weights)
    two_sided[:N_MAGNITUDES - 1] //= 2
    two_sided[N_MAGNITUDES:] //= 2
    return two_sided + 16


@cache
def size_model(last):
    """Of a column's size class, near the last one."""
    distance = abs(np.arange(N_SIZES) - last)
    return Categorical(1.0 / (1 << np.minimum(2 * distance, 12)),
                       perfect=False)


class Coder:
    """One end of a channel for arrays of integers.

    The other end has a coder as well, which has seen the same messages in
    the same order.

    Parameters
    ----------
    splits : sequence of ints
        Rows at which a new part begins, whose columns have sizes of their own.
    """

    def __init__(self, splits=()):
        self.seen = {}  # size class -> how often each symbol has come
        self.splits = list(splits)
        self.sizes = [None] * (1 + len(self.splits))

    def _model(self, size):
        weights = geometric(size) + (self.seen.get(size, 0) << 16)
        return Categorical(weights / weights.sum(), perfect=False)

    def _learn(self, size, symbols):
        new = np.bincount(symbols, minlength=2 * N_MAGNITUDES - 1)
        seen = self.seen.get(size, 0) + new
        self.seen[size] = seen // 2 if seen.sum() > FORGET else seen

    def _pieces(self, size, n):
        """Slices of n symbols, growing: each is coded by what came before."""
        start, known = 0, np.sum(self.seen.get(size, 0))
        while start < n:
            stop = min(n, 4 * (known + start) + 64)
            yield slice(start, stop)
            start = stop

    def encode(self, q):
        """Bytes (uint8) of integers q of shape (n, k), |q| < LARGEST."""
        q = np.asarray(q).astype(np.int64)
        if abs(q).max(initial=0) >= LARGEST:
            raise OverflowError(
                f"an integer of {abs(q).max():.3g} is too large to code: "
                "the step is too small for the numbers.")
        coder = stream.queue.RangeEncoder()
        self.sizes = [
            self._encode(coder, part, last) for part, last in zip(
                np.split(q, self.splits), self.sizes, strict=True)]
        return _bytes(coder)

    def _encode(self, coder, q, last):
        """Code a part; size classes of its columns, from the last ones."""
        magnitude = abs(q)
        sizes = _size_class(magnitude)
        # Neighbours are alike at first, later a column is like the last one.
        if last is None:
            last = [MIDDLE, *sizes][:len(sizes)]
        for size, before in zip(sizes, last, strict=True):
            coder.encode(int(size), size_model(int(before)))
        large = magnitude >= DIRECT
        index = np.searchsorted(FIRST, magnitude[large], side="right") - 1
        symbols = q.astype(np.int32)
        symbols[large] = np.where(q[large] < 0, -index, index)
        symbols += N_MAGNITUDES - 1
        for size in sorted(set(sizes.tolist()) - {0}):
            some = symbols[:, sizes == size].ravel()
            for piece in self._pieces(size, some.size):
                coder.encode(some[piece], self._model(size))
                self._learn(size, some[piece])
        place, bits = magnitude[large] - FIRST[index], PLACE_BITS[index]
        for n in np.unique(bits):
            rest = place[bits == n]
            for low in range(0, n, PIECE_BITS):
                width = min(PIECE_BITS, n - low)
                piece = (rest >> low) & ((1 << width) - 1)
                coder.encode(piece.astype(np.int32), Uniform(1 << width))
        return sizes

    def decode(self, message, shape):
        """The integers of the given shape that a message holds."""
        n, k = shape
        padded = np.zeros(-(-len(message) // 4) * 4, np.uint8)
        padded[:len(message)] = message
        coder = stream.queue.RangeDecoder(
            padded.view(WORD).astype(np.uint32))
        parts, self.sizes = zip(*[
            self._decode(coder, (rows, k), last) for rows, last in zip(
                np.diff([0, *self.splits, n]), self.sizes, strict=True)],
            strict=True)
        return np.concatenate(parts)

    def _decode(self, coder, shape, last):
        """The integers of a part, and the size classes of its columns."""
        n, k = shape
        sizes = [MIDDLE]
        for column in range(k):
            before = sizes[-1] if last is None else last[column]
            sizes.append(int(coder.decode(size_model(int(before)))))
        sizes = np.array(sizes[1:], int)
        q = np.zeros((n, k), int)
        for size in sorted(set(sizes.tolist()) - {0}):
            columns = sizes == size
            some = np.empty(n * columns.sum(), np.int64)
            for piece in self._pieces(size, some.size):
                some[piece] = coder.decode(
                    self._model(size), piece.stop - piece.start)
                self._learn(size, some[piece])
            q[:, columns] = some.reshape(n, -1) - (N_MAGNITUDES - 1)
        large = abs(q) >= DIRECT
        if not large.any():
            return q, sizes
        index = abs(q[large])
        magnitude, bits = FIRST[index], PLACE_BITS[index]
        for n_bits in np.unique(bits):
            where = bits == n_bits
            for low in range(0, n_bits, PIECE_BITS):
                width = min(PIECE_BITS, n_bits - low)
                magnitude[where] += coder.decode(
                    Uniform(1 << width), where.sum()).astype(np.int64) << low
        q[large] = np.where(q[large] < 0, -magnitude, magnitude)
        return q, sizes


def _bytes(coder):
    """The fewest bytes that stand for what an encoder has coded.

    All numbers of an interval do; that with most zeros at its end is taken,
    and the decoder puts them back.
    """
    words = coder.get_compressed().astype(WORD)
    length = coder.pos()[1][1] >> 32  # of the interval, in last words
    if len(words):
        last = int(words[-1])
        for bits in 8, 16, 24:
            up = -(-last >> bits) << bits
            if up - last < length and up >> 32 == 0:
                words[-1] = up
    message = words.view(np.uint8)
    return message[:1 + np.flatnonzero(message).max(initial=-1)].copy()


def _size_class(magnitude):
    """Class of the mean magnitude of every column, from integers alone.

    Columns of zeros, and only they, are in class 0.
    """
    n = max(1, len(magnitude))
    # Twice the logarithm: the bits of the square.
    bits = [((int(total) ** 2 << 22) // n ** 2).bit_length()
            for total in magnitude.sum(axis=0)]
    return np.clip(np.array(bits, int) - 2, 1, N_SIZES - 1) * magnitude.any(
        axis=0)
