"""Products with C at rank 0, from what its model does not predict."""
import numpy as np

from benchmark_utils.methods.certificate import rounding
from benchmark_utils.methods.chord import levels
from benchmark_utils.methods.frame import Frame
from benchmark_utils.methods.model_certificate import Lacking, certified_model
from benchmark_utils.methods.star import Star, nonzero_columns

# Noise asked of a product below which the model is certified: for the first
# bound, and for the final basis. The next error is hardly below the noise.
CERTIFIED = 7.5e-3, 1.5e-4
# Rounding of the guards, the k / 3 directions that follow the basis: most, and
# times sqrt(N), since the noise that they catch of a product grows like that.
GUARD_NOISE = 0.08, 1.0
# Noise of the product along the basis, in parts of the noise that is asked
# for, times the gap: an error of second order.
INSIDE = 0.02
LEAST_CONTRAST = 0.01


class PredictedProduct:
    """C W at rank 0 and a better W on all ranks, by coded differences.

    Messages are in the coordinates of a :class:`~.frame.Frame`. Along the
    guards rounding is finer, as it is amplified most there. Along W it is
    of second order, and what is sent once hardly changes; a better basis has
    no coordinates there.

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
        That is asked for, relative to the error of the basis.
    coding : {"entropy", "float64"}
    """

    def __init__(self, comm, share, factors, k, noise, coding):
        self.comm, self.share, self.factors = comm, share, factors
        self.k, self.noise, self.coding = k, noise, coding
        self.own, self.others = map(
            nonzero_columns, (factors.own, factors.others))
        self.known, self.certificate = 0.0, None
        self.to_certify = list(CERTIFIED)
        N = len(self.own)
        self.n_guards = b = min((k + 2) // 3, N - k)
        self.up = Star(comm, coding, [k, k + b])
        self.down = Star(comm, coding, [b])
        self.unit = np.sqrt(12 / N)  # step of white noise of norm 1

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
        N, k, b = len(self.own), self.k, self.n_guards
        scale = self.factors.unit ** 2  # the range of float32 is small
        S, numbers = np.zeros((N, k + b)), np.zeros(k + 2)
        if chord:
            weights = self.unit / chord.gain / np.sqrt(
                self.comm.size) / scale
            S = chord.leading(k + b)
            numbers = [self.noise * chord.expected, chord.contrast, *weights]
        most, each = GUARD_NOISE
        near, star = min(most, each / np.sqrt(N)), Star(self.comm, self.coding)
        S, (asked, contrast, *weights), _ = star.broadcast(
            S, numbers, lambda sent: self.unit * np.append(
                levels(self.noise / 3, sent[2:]), [near] * b))
        self.weights = np.array(weights) * scale
        self.contrast = max(contrast, LEAST_CONTRAST)
        self.inside = self.contrast * self.weights * levels(
            INSIDE * self.noise, self.weights)
        self.guards = S[:, k:]
        self.frame = Frame(S, k)
        return self.frame.W, asked

    def _steps(self, asked):
        """Of a product: along W, along the guards, and of the rest."""
        N, k, b = len(self.own), self.k, self.n_guards
        self.rest = self.weights * levels(asked, self.weights)
        return np.vstack([
            np.minimum(self.inside, self.inside[:, None]),
            np.tile(self.contrast * self.rest, (b, 1)),
            np.tile(self.rest, (N - k - b, 1))])

    def __call__(self, asked, chord):
        """C W at rank 0, nothing elsewhere.

        Communication: see :meth:`Star.gather`; twice that of
        :func:`~.model_certificate.certified_model`.
        """
        k, own, others, frame = self.k, self.own, self.others, self.frame
        certify = self.n_guards and self.to_certify \
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
            tell=len(self.to_certify) < len(CERTIFIED))
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
            Its noise, and that of its product, both relative.

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
        self.frame = Frame(np.hstack([moved(move), self.guards]), k)
        return self.frame.W, asked, bound

    def _bound(self, chord, W):
        """Of the error of W, at rank 0."""
        if not self.n_guards:  # everything is wanted
            return rounding(len(W))
        if not self.certificate:
            return 1.0
        k, (inside, along, beside) = self.k, self.lost
        sine = self.certificate.bound(
            chord.ritz, chord.beside, self.frame.guards, W, Lacking(
                np.array([self.contrast * along, beside]), self.rest,
                np.sqrt(k) * inside * self.inside))
        # The tangent: it holds on either side of X.
        return min(1.0, sine / np.sqrt(max(1 - sine**2, 0.5)))
