"""Products with C at rank 0, from what its model does not predict."""
import numpy as np

from benchmark_utils.methods.certificate import rounding
from benchmark_utils.methods.chord import levels
from benchmark_utils.methods.frame import Frame, alike
from benchmark_utils.methods.model_certificate import Lacking, certified_model
from benchmark_utils.methods.star import Star, floats, halves, nonzero_columns

# Noise asked of a product below which the model is certified: the first one,
# and once more with a basis that hardly changes any more.
CERTIFIED = np.inf, 1e-3
# Contrast below which one of the k modes that follow the basis is a guard.
# Under features errors in the rest count less, and weak guards help as well.
GUARDED = {"samples": 0.45, "features": 0.9}
# Rounding of the guards times their contrast: what the model then mixes of
# them and the rest is a part of their gap. The most, and times sqrt(N), as the
# noise that they catch of a product.
GUARD_NOISE = 0.16, 2.0
# Noise of the product along the basis, in parts of the noise that is asked
# for, times the gap: an error of second order.
INSIDE = 0.015


class PredictedProduct:
    """C W at rank 0 and a better W on all ranks, by coded differences.

    Messages are in the coordinates of a :class:`~.frame.Frame`. Along the
    guards rounding is finer, as it is amplified most there. Along W it is
    of second order, and what is sent once hardly changes; a better basis has
    no coordinates there. Guards of like contrast are one group; those of
    a flat spectrum are all alike.

    Parameters
    ----------
    comm : MPI communicator
    share : callable
        W -> this rank's share of C W.
    factors : RoundedFactors
        Of which rank 0's model consists.
    k : int
        Columns of W.
    noise : float
        Of the rounding of a basis, relative to its error.
    coding : {"entropy", "float64"}
    dual : bool
        Whether the error is that of X'W.
    """

    def __init__(self, comm, share, factors, k, noise, coding, dual):
        self.comm, self.share, self.factors = comm, share, factors
        self.k, self.noise, self.coding = k, noise, coding
        self.own, self.others = map(
            nonzero_columns, (factors.own, factors.others))
        self.known, self.certificate = 0.0, None
        self.to_certify, self.dual = list(CERTIFIED), dual
        self.beside = len(factors.own) > k  # else everything is wanted
        self.guarded = GUARDED["features" if dual else "samples"]
        self.unit = np.sqrt(12 / len(factors.own))  # of white noise of norm 1

    def start(self, chord):
        """The model's leading eigenvectors, rounded, on every rank.

        Communication: see :meth:`Star.broadcast`.

        Parameters
        ----------
        chord : Chord
            At rank 0.

        Returns
        -------
        W : array of shape (N, k)
        asked : float
            Noise for the first product, relative to the k-th eigenvalue.
        """
        N, k = len(self.own), self.k
        b = min(k, N - k)
        scale = self.factors.unit ** 2  # the range of float32 is small
        S, numbers = np.zeros((N, k + b)), np.zeros(1 + b + k)
        if chord:
            weights = self.unit / chord.gain / np.sqrt(
                self.comm.size) / scale
            contrasts = chord.contrasts[:b]
            # As all ranks will choose them.
            guards = sum(self._groups(floats(halves(contrasts))))
            S[:, :k + guards] = chord.leading(k + guards)
            numbers = [chord.asked, *contrasts, *weights]
        most, each = GUARD_NOISE

        def steps(numbers):
            _, contrasts, weights = np.split(numbers, [1, 1 + b])
            return self.unit * np.append(
                levels(self.noise / 4, weights),
                min(most, each / np.sqrt(N)) * contrasts)
        S, numbers, _ = Star(self.comm, self.coding).broadcast(
            S, numbers, steps)
        (asked,), contrasts, weights = np.split(numbers, [1, 1 + b])
        self.sizes = [k, *self._groups(contrasts)]
        splits = np.cumsum(self.sizes)
        self.contrasts = contrasts[splits[:-1] - k]  # of the first of a group
        self.up = Star(self.comm, self.coding, splits)
        self.down = Star(self.comm, self.coding, splits[1:] - k)
        self.weights = weights * scale
        self.inside = self.contrasts.min(initial=1) * self.weights * levels(
            INSIDE * self.noise, self.weights)
        self.frame = Frame(S[:, :splits[-1]], self.sizes)
        self.guards = S[:, k:splits[-1]].copy()  # not all of S
        return self.frame.W, asked

    def _groups(self, contrasts):
        """Sizes of the groups of guards, from contrasts of modes."""
        return alike(contrasts[contrasts < self.guarded])

    def _steps(self, asked):
        """Of a product: along W, along the guards, and of the rest."""
        self.rest = self.weights * levels(asked, self.weights)
        factors = np.ones(len(self.own) - self.k)
        guards = np.repeat(self.contrasts, self.sizes[1:])
        factors[:len(guards)] = guards
        return np.vstack([np.minimum(self.inside, self.inside[:, None]),
                          np.outer(factors, self.rest)])

    def __call__(self, asked, chord):
        """C W at rank 0, nothing elsewhere.

        Communication: see :meth:`Star.gather`; twice that of
        :func:`~.model_certificate.certified_model`.
        """
        k, own, others, frame = self.k, self.own, self.others, self.frame
        certify = self.beside and self.to_certify \
            and asked < self.to_certify[0]
        S = frame.all if certify else frame.W
        product = self.share(S)
        missed = product - own @ (own.T @ S)
        if certify:
            self.to_certify.pop(0)
            self.certificate = certified_model(
                self.comm, self.factors, chord, frame, missed)
        # What rank 0 does not know yet.
        news = missed[:, :k] - self.known
        news, self.lost = self.up.gather(
            news if chord else frame.coordinates(news), self._steps(asked),
            tell=self.beside)
        if not chord:
            self.known = self.known + frame.vectors(news)
            return None
        self.known = self.known + frame.vectors(sum(news, 0 * product[:, :k]))
        return product[:, :k] + others @ (others.T @ frame.W) + self.known

    def move(self, better, numbers, chord):
        """Make a better basis that of all ranks.

        Communication: see :meth:`Star.broadcast`.

        Parameters
        ----------
        better : array of shape (N, k)
            At rank 0.
        numbers : pair of floats
            Noise of its rounding, and of the rounding of its product.

        Returns
        -------
        W : array of shape (N, k)
            Orthonormal.
        asked : float
        bound : float
            Of its error.
        """
        frame, k = self.frame, self.k
        move = np.zeros((len(self.own) - k, k))
        if chord:
            inside, move = np.split(frame.coordinates(better), [k])
            move = np.linalg.solve(inside.T, move.T).T

        def moved(move):
            return frame.W + frame.vectors(np.vstack([
                np.zeros((k, k)), move]))
        move, (_, asked), bound = self.down.broadcast(
            move, numbers,
            lambda sent: self.unit * levels(sent[0], self.weights),
            lambda move: self._bound(chord, moved(move)))
        self.frame = Frame(
            np.hstack([moved(move), self.guards]), self.sizes)
        return self.frame.W, asked, bound

    def _bound(self, chord, W):
        """Of the error of W, at rank 0."""
        if not self.beside:
            return rounding(len(W))
        if not self.certificate:
            return 1.0
        inside, *beside = self.lost
        return self.certificate.bound(
            chord.ritz, chord.beside, self.frame, W, Lacking(
                np.append(self.contrasts, 1) * beside, self.rest,
                np.sqrt(self.k) * inside * self.inside), self.dual)
