"""Integers at the points of a mesh, coded by what is known around each."""
import numpy as np
from scipy.spatial import KDTree

from benchmark_utils.compression.integers import (
    IntegerCoder,
    by_context,
    contexts_of,
)

N_PASSES = 3  # over the points of a level
N_NEAR = 6  # known points that tell how large an integer will be


class MeshCoder(IntegerCoder):
    """One end of a channel for coefficients on a mesh, coarse ones first.

    Arrays have the shape (steps, n). A context is the mean magnitude of
    coefficients nearby, of this step and of the one before, times the usual
    ratio of a level to what is around it.

    Parameters
    ----------
    wavelet : MeshWavelet
    points : array of shape (n, 3)
    """

    def __init__(self, wavelet, points):
        super().__init__((len(points),))
        known = wavelet.coarse
        self.passes = [(known, np.zeros((len(known), 0), int))]
        for odd, *_ in reversed(wavelet.levels):
            for first in range(min(N_PASSES, len(odd))):
                own = odd[first::N_PASSES]
                near = KDTree(points[known]).query(
                    points[own], range(1, 1 + min(N_NEAR, len(known))))[1]
                self.passes.append((own, known[near]))
                known = np.append(known, own)
        # Of each pass so far: magnitudes, and those around.
        self.totals = np.ones((len(self.passes), 2), np.int64)

    def _walk(self, q, start, transfer):
        for step in q:
            magnitude = np.zeros(len(step), np.int64)
            for (own, near), totals in zip(self.passes, self.totals,
                                           strict=True):
                around, weight = 2 * magnitude[near].sum(axis=1), (
                    2 * near.shape[1])
                if self.past is not None:
                    around += self.past[near].sum(axis=1) + (
                        6 * self.past[own])
                    weight += near.shape[1] + 6
                contexts = contexts_of(
                    around * (totals[0] / totals[1]) / weight) if weight \
                    else np.full(len(own), start, np.uint8)
                step[own] = by_context(step[own], contexts, transfer)
                magnitude[own] = abs(step[own])
                totals += (magnitude[own].sum() * max(weight, 1),
                           around.sum() if weight else 1)
            self.past = magnitude
