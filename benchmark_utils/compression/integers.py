"""Arrays of integers as few bytes, each coded by what is known around it.

A step is sent in passes over every second point of its last two axes. The
magnitudes of the points that both sides already know, of this step and of the
one before, tell how large an integer will be: its *context*. Every context
has probabilities of its own, which are learned from what was sent.
"""
import math
from itertools import pairwise, product

import numpy as np
from constriction import stream

from benchmark_utils.methods.coding import (
    FIRST,
    LARGEST,
    MIDDLE,
    N_MAGNITUDES,
    N_SIZES,
    PIECE_BITS,
    PLACE_BITS,
    Coder,
)

Uniform = stream.model.Uniform
MAX_STEPS = 1 << 16
ZERO = N_MAGNITUDES - 1  # the symbol of 0
# Lowest context, and limits between contexts, two per octave of the mean
# magnitude.
LOWEST = MIDDLE - 14
LIMITS = 2.0 ** ((np.arange(LOWEST, N_SIZES - 1) - MIDDLE) / 2)
FINE, SMALL = 64, 4096  # small numbers are looked up
CONTEXTS = (LOWEST + np.searchsorted(
    LIMITS, np.arange(SMALL) / FINE, side="right")).astype(np.uint8)
INDICES = np.searchsorted(FIRST, np.arange(SMALL), side="right") - 1


class IntegerCoder(Coder):
    """One end of a channel for arrays of integers on a grid.

    The other end has a coder as well, which has seen the same messages in
    the same order.

    Parameters
    ----------
    shape : tuple of int
        Of one step.
    """

    def __init__(self, shape):
        super().__init__()
        self.shape, plane = tuple(shape), (1, 1, *shape)[-2:]
        self.plane = (math.prod(self.shape[:-2]), *plane)
        starts = [(0, 1) if n > 1 else (0,) for n in plane]
        strides = [2 if n > 1 else 1 for n in plane]
        # Opposite corners of a cell first: the others have more neighbours.
        places = sorted(product(*starts), key=lambda place: sum(place) % 2)
        self.places = [(slice(None), *map(
            lambda start, n, stride: slice(start, n, stride),
            place, plane, strides)) for place in places]
        # How much is known around a place, of this step and of the one before.
        known = np.zeros((1, *plane), np.int64)
        all_of_past = _padded(np.ones_like(known))
        self.weights = []
        for place in self.places:
            self.weights.append((2 * _near(_padded(known), place),
                                 _near(all_of_past, place)))
            known[place] = 1
        self.past = None

    def encode(self, q):
        """Bytes of integers q, shape (steps, *shape), |q| < LARGEST."""
        q = np.asarray(q).astype(np.int64)
        if abs(q).max(initial=0) >= LARGEST:
            raise OverflowError(
                f"an integer of {abs(q).max():.3g} is too large to code: the "
                "requested error is too small for the numbers.")
        coder = stream.queue.RangeEncoder()
        coder.encode(len(q), Uniform(MAX_STEPS))
        start = int(contexts_of(np.abs(q[:1]).mean() if q.size else 0.0))
        coder.encode(start, Uniform(N_SIZES))

        def send(values, groups):
            magnitude = abs(values)
            index = _indices(magnitude)
            symbols = (np.sign(values) * index + ZERO).astype(np.int32)
            for size, part in groups:
                coder.encode(symbols[part], self._model(size))
                self._learn(size, symbols[part])
            rest, bits = magnitude - FIRST[index], PLACE_BITS[index]
            for n in np.unique(bits[bits > 0]):
                plain = rest[bits == n]
                for low, width in _pieces(n):
                    coder.encode(((plain >> low) & ((1 << width) - 1)).astype(
                        np.int32), Uniform(1 << width))
            return values

        self._walk(q, start, send)
        words = coder.get_compressed().view(np.uint8)
        # The decoder puts the zeros at the end back.
        return words[:1 + np.flatnonzero(words).max(initial=-1)].tobytes()

    def decode(self, message):
        """The integers of a message, shape (steps, *shape)."""
        padded = np.zeros(-(-len(message) // 4) * 4, np.uint8)
        padded[:len(message)] = np.frombuffer(message, np.uint8)
        coder = stream.queue.RangeDecoder(padded.view(np.uint32))
        q = np.zeros((coder.decode(Uniform(MAX_STEPS)), *self.shape), np.int64)
        start = coder.decode(Uniform(N_SIZES))

        def receive(values, groups):
            signed = np.empty(len(values), np.int64)
            for size, part in groups:
                symbols = coder.decode(
                    self._model(size), part.stop - part.start)
                self._learn(size, symbols)
                signed[part] = symbols
            signed -= ZERO
            index = abs(signed)
            magnitude, bits = FIRST[index], PLACE_BITS[index]
            for n in np.unique(bits[bits > 0]):
                where = bits == n
                for low, width in _pieces(n):
                    magnitude[where] += coder.decode(
                        Uniform(1 << width),
                        int(where.sum())).astype(np.int64) << low
            return np.sign(signed) * magnitude

        self._walk(q, start, receive)
        return q

    def _walk(self, q, start, transfer):
        """Send or receive all integers, in the same order on both sides."""
        for step in q.reshape(len(q), *self.plane):
            magnitude = _padded(np.zeros_like(step))
            inside = magnitude[:, 1:-1, 1:-1]
            for place, (now, before) in zip(
                    self.places, self.weights, strict=True):
                total = 2 * _near(magnitude, place)
                if self.past is not None:
                    total += _near(self.past, place)
                    now = now + before
                mean = total / np.maximum(now, 1)
                contexts = np.where(
                    now > 0, contexts_of(mean), np.uint8(start))
                values = by_context(step[place], contexts, transfer)
                step[place], inside[place] = values, abs(values)
            self.past = magnitude


def by_context(values, contexts, transfer):
    """Send or receive values, those of one context after the other."""
    order = np.argsort(contexts, axis=None, kind="stable")
    ends = np.cumsum(np.bincount(contexts.ravel()))
    groups = [(size, slice(begin, end)) for size, (begin, end)
              in enumerate(pairwise([0, *ends])) if end > begin]
    values = values.copy()
    flat = values.reshape(-1)
    flat[order] = transfer(flat[order], groups)
    return values


def _padded(planes):
    return np.pad(planes, [(0, 0), (1, 1), (1, 1)])


def _near(padded, place):
    """Sums over the neighbours of a place along two axes, weights 1, 2, 1."""
    for axis, part in zip((1, 2), place[1:], strict=True):
        left, middle, right = (
            padded[(slice(None),) * axis + (slice(
                part.start + shift, part.stop + shift, part.step),)]
            for shift in range(3))
        padded = left + 2 * middle + right
    return padded


def contexts_of(mean):
    """Contexts of mean magnitudes: ratios of integers, so all agree."""
    fine = np.minimum(mean * FINE, SMALL - 1).astype(np.int64)
    contexts = CONTEXTS[fine]
    return np.where(fine < SMALL - 1, contexts, (LOWEST + np.searchsorted(
        LIMITS, mean, side="right")).astype(np.uint8)) if (
            fine == SMALL - 1).any() else contexts


def _indices(magnitude):
    """Indices of the symbols of magnitudes."""
    if magnitude.max(initial=0) < SMALL:
        return INDICES[magnitude]
    return np.searchsorted(FIRST, magnitude, side="right") - 1


def _pieces(n):
    """Bits that are sent plainly: (lowest, number) of each piece."""
    return [(low, min(PIECE_BITS, n - low)) for low in range(0, n, PIECE_BITS)]
