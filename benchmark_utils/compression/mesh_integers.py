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
N_BEFORE = 2  # steps that predict the next one
UNIT = 32  # of the weights of a prediction, which take a byte each


class MeshCoder(IntegerCoder):
    """One end of a channel for coefficients on a mesh, coarse ones first.

    Arrays have the shape (steps, n). A step that comes alone is predicted from
    the two before it, with weights that are sent: the best ones in the least
    squares, for each of five groups from coarse to fine; the rest is coded. A
    context is the mean magnitude of what was coded nearby, of this step and of
    the one before, times the usual ratio of a level to what is around it.

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
        n = len(known)
        self.groups = np.split(known, [n >> 4, n >> 3, n >> 2, n >> 1])
        self.before = []

    def encode(self, q, alone=False):
        """Bytes of integers; ``alone`` if they are those of one step."""
        q = np.asarray(q).astype(np.int64)
        before = self.before if alone else []
        weights = np.zeros((len(self.groups), len(before)), np.int8)
        for own, group in zip(weights, self.groups, strict=True):
            A = np.array([each[:, group].ravel() for each in before]).T
            own[:] = np.rint(UNIT * np.linalg.lstsq(
                A.astype(float), q[:, group].ravel())[0]).clip(
                    -128, 127) if before else 0
        message = super().encode(q - self._predicted(weights))
        self._keep(q, alone)
        return bytes([alone]) + weights.tobytes() + message

    def decode(self, message):
        """The integers of a message."""
        alone = message[0]
        shape = len(self.groups), len(self.before) * alone
        end = 1 + shape[0] * shape[1]
        q = super().decode(message[end:]) + self._predicted(
            np.frombuffer(message[1:end], np.int8).reshape(shape))
        self._keep(q, alone)
        return q

    def _predicted(self, weights):
        """Whole numbers, the same on both sides."""
        per_point = np.zeros((*self.shape, weights.shape[1]), np.int64)
        for group, own in zip(self.groups, weights, strict=True):
            per_point[group] = own
        return (sum(w * each for w, each in zip(
            per_point.T, self.before, strict=False)) + UNIT // 2) // UNIT

    def _keep(self, q, alone):
        self.before = [q, *self.before][:N_BEFORE] if alone else []

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
