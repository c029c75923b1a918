"""A bound of the error of a corrected basis, from a model at rank 0.

Rank 0 knows a model M = F F' of C. What it misses, E = C - M, is known in a
*frame*: the span of a basis U near the wanted space, of a few *guards* G, the
directions that follow, and the rest. Errors along the guards are amplified
most; ranks tell them apart from others. ``docs/theory.rst`` has the proof.
"""
import numpy as np

from benchmark_utils.methods.certificate import rounding, sum_at_root
from benchmark_utils.methods.ritz import graph
from benchmark_utils.methods.star import nonzero_columns

# Eigenvalues of the model below this part of theta_k count as this part.
RESOLVED = 0.01
# Of sums of float32, relative, for every rank.
SHORT = 2 * float(np.finfo(np.float32).eps)


def open_frame(comm, factors, chord, S, missed, k):
    """Have the ranks tell rank 0 what its model misses, in a frame.

    Communication: a reduce of 4 + b (b + 1) / 2 numbers of float32.

    Parameters
    ----------
    comm : MPI communicator
    factors : RoundedFactors
        Of which the model consists.
    chord : Chord
        At rank 0, None elsewhere.
    S : array of shape (N, k + b)
        A basis and the guards, nearly orthonormal, the same on every rank.
    missed : array of shape (N, k + b)
        This rank's share of E S.
    k : int

    Returns
    -------
    G : array of shape (N, b)
        The guards, orthonormal and orthogonal to the basis.
    certificate : ModelCertificate
        At rank 0, None elsewhere.
    """
    Q, R = np.linalg.qr(S)
    missed = np.linalg.solve(R.T, missed.T).T
    inner = Q.T @ missed
    outer = missed - Q @ inner
    U, G = np.split(Q, [k], axis=1)
    upper = np.triu_indices(G.shape[1])
    scale = factors.unit ** 2  # the range of float32 is small
    told = sum_at_root(comm, np.array([
        np.linalg.norm(inner[:k, :k], 2),
        np.linalg.norm(np.vstack([outer[:, :k], inner[k:, :k]]), 2),
        np.linalg.norm(outer[:, k:], 2),
        missed_norm(factors, Q),
        *inner[k:, k:][upper]]) / scale, np.float32)
    if not chord:
        return G, None
    norms, along = np.split(told.astype(float) * scale, [4])
    norms *= 1 + comm.size * SHORT
    inner = np.zeros((G.shape[1],) * 2)
    inner[upper] = along
    inner += np.triu(inner, 1).T
    # No share along the guards is above the last norm.
    return G, ModelCertificate(
        chord.F, U, G, norms, inner,
        chord.left_out + comm.size * len(inner) * SHORT * norms[3])


def missed_norm(factors, U):
    """||C - G G'|| in the complement of an orthonormal U.

    C is this rank's share and G its factor as rounded. What truncation left
    out is at most a multiple of the projection beside the exact factor F: so
    it and rounding, which changes F, hardly add up.
    """
    F, G, cut = factors.F, factors.own, factors.truncated
    if F is G:
        return cut
    F, G = nonzero_columns(F), nonzero_columns(G)
    both = np.hstack([F, G])
    R = np.linalg.qr(both - U @ (U.T @ both), mode="r")
    signs = np.repeat([1.0, -1.0], [F.shape[1], G.shape[1]])
    least = np.linalg.eigvalsh(R * signs @ R.T).min(initial=0.0)
    signs[:F.shape[1]] -= cut / np.square(F).sum(axis=0)
    most = np.linalg.eigvalsh(R * signs @ R.T).max(initial=0.0)
    return max(cut + most, -least)


class ModelCertificate:
    """Bounds of errors, at rank 0.

    Parameters
    ----------
    F : array of shape (N, q)
        Orthogonal columns, strong ones first; the model is F F'.
    U, G : arrays of shape (N, k), (N, b)
        The frame, orthonormal, together as well.
    norms : array of shape (4,)
        Of E in U, across from U to the rest, from G to what is neither in U
        nor in G, and there; of E of a finer model.
    inner : array of shape (b, b)
        G'E G of that.
    left_out : float
        Norm of what that has and F F' has not.
    """

    def __init__(self, F, U, G, norms, inner, left_out):
        self.U, self.G, self.inner = U, G, inner
        self.floor = rounding(len(F)) * np.vdot(F[:, 0], F[:, 0])
        self.inside, self.across, side, rest = \
            norms + self.floor + left_out
        self.left_out = left_out
        # E along the guards and apart from them, by norm.
        self.missed = np.array([
            [np.linalg.norm(self.inner) + self.floor + left_out, side],
            [side, rest]])

    def bound(self, ritz, model, W, lost):
        """Of the space of W, by the Ritz pairs of the basis before it.

        Parameters
        ----------
        ritz : RitzPairs
        model : ModelBeside
            The model beside them.
        W : array of shape (N, k)
            Need not be orthonormal.
        lost : array of shape (2, k)
            Bounds, by column, of what is missing in the product that the
            Ritz pairs come from: all of it, and its part along the guards.
        """
        if ritz.theta[-1] <= model.top or not np.isfinite(lost).all():
            return 1.0
        tilt = self._tilt(ritz.U)
        inverse = self._inverse(ritz, model, tilt)
        if inverse is None:
            return 1.0
        # The exact space is the graph of K over U; T is that by the model.
        T = model.solve(ritz.theta, ritz.residual)
        off = graph(ritz.U, W) - T
        guarded = self.G.T @ T
        size, near = (np.linalg.norm(x, axis=0) for x in (T, guarded))
        far = np.sqrt((size ** 2 - near ** 2).clip(0))
        noise = lost[::-1] @ abs(ritz.mixing) + self.floor
        side, rest = self.missed[1]
        missed = noise + tilt * size + np.array([
            np.linalg.norm(self.inner @ guarded, axis=0)
            + self.left_out * near + side * far,
            side * near + rest * far])
        first = np.linalg.norm(
            np.einsum("jab,bj->ja", inverse, missed), axis=1)
        gaps = 1 / np.linalg.norm(inverse, 2, axis=(1, 2))
        gaps = np.maximum(gaps, gaps[-1])  # as theta_j >= theta_k
        return min(1.0, np.linalg.norm(off, 2) + np.linalg.norm(first)
                   + second_order(ritz.residual, noise[1], gaps, size + first))

    def _tilt(self, U):
        """What E beside U may have more than beside the frame's basis."""
        sine = np.linalg.norm(U - self.U @ (self.U.T @ U), 2)
        return 2 * sine * self.across + sine**2 * self.inside

    def _inverse(self, ritz, model, tilt):
        """Bounds of the inverse of theta_j - C beside U, in blocks.

        Returns
        -------
        array of shape (k, 2, 2), along the guards and apart from them; None
        where C may have an eigenvalue above theta_k there.
        """
        G, theta = self.G, ritz.theta[:, None]
        beside = G - ritz.U @ (ritz.U.T @ G)
        A = model.vectors.T @ (model.F.T @ G)
        left = 1 / (theta - model.values)

        def along(of_model, of_rest):
            """A symmetric function of the model beside U, along G."""
            return (A.T @ (of_model[:, :, None] * A)
                    + of_rest[:, :, None] * (beside.T @ beside))

        # The inverse with the model is (1 + F F' / (theta - F F')) / theta.
        once = along(left / theta, 1 / theta)
        twice = along((left ** 2 * model.values + 2 * left) / theta ** 2,
                      1 / theta ** 2)
        blocks = np.empty((len(theta), 2, 2))
        blocks[:, 0, 0] = np.linalg.norm(once, 2, axis=(1, 2))
        blocks[:, 0, 1] = blocks[:, 1, 0] = np.sqrt(np.linalg.norm(
            twice - once @ once, 2, axis=(1, 2)))
        # Decreases faster than 1 / theta.
        blocks[:, 1, 1] = ritz.theta[-1] / ritz.theta * self._apart(
            model, A, ritz.theta[-1])
        growth = np.eye(2) - blocks @ (self.missed + tilt)
        if np.linalg.eigvals(growth).real.min() <= 0:
            return None
        return np.linalg.solve(growth, blocks)

    def _apart(self, model, A, theta):
        """Norm of the model's inverse apart from the guards."""
        strong = model.values > RESOLVED * theta
        values, A = model.values[strong], A[strong]
        more = np.sqrt(values / (theta - values))
        apart = np.eye(len(values)) - A @ A.T / np.sqrt(
            np.outer(values, values))
        return (1 / (1 - RESOLVED) + np.linalg.eigvalsh(
            more[:, None] * apart * more).max(initial=0.0)) / theta


def corrected_bound(values, U, residual, model, W, missed):
    """Of the space of W, by exact Ritz pairs of a basis before it.

    Parameters
    ----------
    values, U, residual
        See :meth:`~.davidson.SearchSpace.rayleigh_ritz`.
    model : ModelBeside
        The model beside U.
    W : array of shape (N, k)
    missed : float
        Bound of what the model misses.
    """
    theta = values[:-1]
    gaps = theta - model.top - missed
    if gaps[-1] <= 0:
        return 1.0
    floor = rounding(len(U)) * values[0]
    T = model.solve(theta, residual)
    off = graph(U, W) - T
    size = np.linalg.norm(T, axis=0)
    first = (missed * size + floor) / gaps
    return min(1.0, np.linalg.norm(off, 2) + np.linalg.norm(first)
               + second_order(residual, floor, gaps, size + first))


def second_order(residual, noise, gaps, least):
    """What the terms K R'K and K (H - Theta) add to a norm of K.

    In a norm that weighs column j with w_j^2 = gap_j / gap_k they are at most
    (r y^2 + h y) / gap_k, with a norm y of K.

    Parameters
    ----------
    residual : array of shape (N, k)
    noise, gaps, least : arrays of shape (k,)
        Of the product with U; of theta_j to C beside U; norms of K without
        these terms.
    """
    w = np.sqrt(gaps / gaps[-1])
    noise = noise / w
    h = np.linalg.norm(noise[:, None] / w + noise / w[:, None]) / 2
    r = np.linalg.norm(residual / w, 2) + np.linalg.norm(noise)
    h, r, least = h / gaps[-1], r / gaps[-1], np.linalg.norm(w * least)
    root = (1 - h) ** 2 - 4 * r * least
    if h >= 1 or root <= 0:
        return np.inf
    y = 2 * least / (1 - h + np.sqrt(root))
    return r * y**2 + h * y
