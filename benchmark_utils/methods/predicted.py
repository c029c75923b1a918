"""Products with C at rank 0, from what its model does not predict."""
import numpy as np

from benchmark_utils.methods.certificate import rounding
from benchmark_utils.methods.chord import levels
from benchmark_utils.methods.model_certificate import open_frame
from benchmark_utils.methods.star import Star, nonzero_columns

# Errors at which bounds get a frame: the first one that is worth it, and one
# that fits the final basis.
FRAMES = 0.02, 0.001
# Rounding of the guards, the k / 3 directions that follow the basis: they
# only have to be near.
GUARD_NOISE = 0.11


class PredictedProduct:
    """C W at rank 0, by coded differences.

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
        self.star, self.known = Star(comm, coding), 0.0
        self.certificate = self.frame = None
        self.frames = list(FRAMES)

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
        n_guards = min((k + 2) // 3, N - k)
        self.unit = np.sqrt(12 / N)  # step of white noise of norm 1
        scale = self.factors.unit ** 2  # the range of float32 is small
        S, numbers = np.zeros((N, k + n_guards)), np.zeros(k + 1)
        if chord:
            weights = self.unit / chord.gain / np.sqrt(
                self.comm.size) / scale
            S = chord.leading(k + n_guards)
            numbers = [self.noise * chord.expected, *weights]
        S, (asked, *weights), _ = Star(self.comm, self.coding).broadcast(
            S, numbers, lambda sent: self.unit * np.append(
                levels(self.noise / 3, sent[1:]), [GUARD_NOISE] * n_guards))
        self.weights = np.array(weights) * scale
        W, self.guards = np.split(S, [k], axis=1)
        return W, asked

    def steps(self, noise):
        """Of a basis, for noise relative to its columns."""
        return self.unit * levels(noise, self.weights)

    def __call__(self, W, asked, chord):
        """C W at rank 0, nothing elsewhere.

        Communication: see :meth:`Star.gather`; twice that of
        :func:`~.model_certificate.open_frame`.
        """
        k, own, others = self.k, self.own, self.others
        opens = self.guards.size and self.frames \
            and asked < self.frames[0] * self.noise
        S = np.hstack([W, self.guards]) if opens else W
        product = self.share(S)
        missed = product - own @ (own.T @ S)
        if opens:
            self.frames.pop(0)
            self.frame, self.certificate = open_frame(
                self.comm, self.factors, chord, S, missed, k)
        # What rank 0 does not know yet.
        news, self.lost = self.star.gather(
            missed[:, :k] - self.known,
            self.weights * levels(asked, self.weights), self.frame)
        self.W = W
        if not chord:
            self.known = self.known + news
            return None
        self.known = self.known + sum(news)
        return product[:, :k] + others @ (others.T @ W) + self.known

    def bound(self, chord, move):
        """Of the error of the basis that the last one becomes, at rank 0."""
        if not self.guards.size:  # everything is wanted
            return rounding(len(self.W))
        if not self.certificate:
            return 1.0
        sine = self.certificate.bound(
            chord.ritz, chord.beside, self.W + move, self.lost)
        # The tangent: it holds on either side of X.
        return min(1.0, sine / np.sqrt(max(1 - sine**2, 0.5)))
