"""A bound of the error of a corrected basis, from a model of the operator.

What a model M misses of C, E = C - M, is known by norms of its blocks between
a basis U near the wanted space, a few *guards* G, the directions that follow,
and the rest. Errors along the guards are amplified most. ``docs/theory.rst``
has the proof.
"""
from typing import NamedTuple

import numpy as np

from benchmark_utils.methods.certificate import rounding, sum_at_root
from benchmark_utils.methods.linalg import spectral_norm
from benchmark_utils.methods.ritz import graph
from benchmark_utils.methods.star import nonzero_columns

# Of sums of float32, relative, for every rank.
SHORT = 2 * float(np.finfo(np.float32).eps)


def certified_model(comm, factors, chord, frame, missed):
    """Have the ranks tell rank 0 what its model misses.

    Communication: a reduce of 5 numbers of float32.

    Parameters
    ----------
    comm : MPI communicator
    factors : RoundedFactors
        Of which the model consists.
    chord : Chord
        At rank 0, None elsewhere.
    frame : Frame
        The same on every rank.
    missed : array of shape (N, k + b)
        This rank's share of E times the basis and the guards.

    Returns
    -------
    ModelCertificate at rank 0, None elsewhere.
    """
    k, inner = frame.W.shape[1], frame.all.T @ missed
    outer = missed - frame.all @ inner
    scale = factors.unit ** 2  # the range of float32 is small
    told = sum_at_root(comm, np.array([
        spectral_norm(inner[:k, :k]),
        spectral_norm(np.vstack([outer[:, :k], inner[k:, :k]])),
        spectral_norm(inner[k:, k:]), spectral_norm(outer[:, k:]),
        missed_norm(factors, frame.all)]) / scale, np.float32)
    if not chord:
        return None
    norms = told.astype(float) * scale * (1 + comm.size * SHORT)
    return ModelCertificate(chord.F, frame, norms + chord.left_out)


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
    F = F @ np.linalg.eigh(F.T @ F)[1]  # orthogonal columns
    both = np.hstack([F, G])
    R = np.linalg.qr(both - U @ (U.T @ both), mode="r")
    signs = np.repeat([1.0, -1.0], [F.shape[1], G.shape[1]])
    least = np.linalg.eigvalsh(R * signs @ R.T).min(initial=0.0)
    signs[:F.shape[1]] -= (cut / np.square(F).sum(axis=0)).clip(max=1)
    most = np.linalg.eigvalsh(R * signs @ R.T).max(initial=0.0)
    return max(cut + most, -least)


class Lacking(NamedTuple):
    """What a product with a basis W lacks.

    Attributes
    ----------
    norms : array of shape (2,)
        Of the parts along the guards and beside them, divided by the steps.
    steps : array of shape (k,)
        One per column.
    inside : array of shape (k,)
        The entries along W have a Frobenius norm of at most 1 when divided by
        the smaller one of their row's and of their column's number.
    """

    norms: np.ndarray
    steps: np.ndarray
    inside: np.ndarray


class ModelCertificate:
    """Bounds of errors, at rank 0.

    Parameters
    ----------
    F : array of shape (N, q)
        Orthogonal columns, strong ones first; the model is F F'.
    frame : Frame
        In which E is known.
    norms : array of shape (5,)
        Of E in the basis, across from it to the rest; in the guards, from
        these to what is beside both, and there.
    """

    def __init__(self, F, frame, norms):
        self.frame = frame
        self.floor = rounding(len(F)) * np.vdot(F[:, 0], F[:, 0])
        self.inside, self.across, along, side, beside = norms + self.floor
        self.missed = np.array([[along, side], [side, beside]])

    def bound(self, ritz, model, guards, W, lacking):
        """Of the space of W, by the Ritz pairs of the basis before it.

        Parameters
        ----------
        ritz : RitzPairs
        model : ModelBeside
            The model beside them.
        guards : array of shape (N, b)
            Orthonormal, orthogonal to that basis.
        W : array of shape (N, k)
            Need not be orthonormal.
        lacking : Lacking
            Of the product that the Ritz pairs come from.
        """
        theta, mixing = ritz.theta, ritz.mixing
        if theta[-1] <= model.top or not np.isfinite(
                [*lacking.norms, *lacking.inside]).all():
            return 1.0

        def parts(X):
            along = guards.T @ X
            return np.array([
                spectral_norm(along), spectral_norm(X - guards @ along)])
        along = guards.T @ model.F
        beside = model.F - guards @ along
        side = spectral_norm(beside @ along.T)
        in_model = np.array([[spectral_norm(along)**2, side],
                             [side, spectral_norm(beside)**2]])
        T = model.solve(theta, ritz.residual)
        return bound_of_step(
            theta, ritz.residual, T, graph(ritz.U, W) - T, parts,
            theta[-1] * np.eye(2) - in_model, self._missed(ritz.U, guards),
            lambda w: self.floor + lacking.norms * spectral_norm(
                lacking.steps[:, None] * mixing / w),
            lambda w: self.floor + spectral_norm(mixing) * spectral_norm(
                lacking.inside[:, None] * mixing / w))

    def _missed(self, U, guards):
        """Norms of E beside U, along other guards and beside these."""
        old = self.frame
        sine = spectral_norm(U - old.W @ (old.W.T @ U))
        turn = spectral_norm(guards - old.guards)
        turn = np.array([[1, turn], [turn, 1]])
        return turn @ self.missed @ turn + (
            2 * sine * self.across + sine**2 * self.inside)


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
    if theta[-1] <= model.top:
        return 1.0
    T = model.solve(theta, residual)
    floor = np.array([rounding(len(U)) * values[0]])
    return bound_of_step(
        theta, residual, T, graph(U, W) - T,
        lambda X: np.array([spectral_norm(X)]),
        np.array([[theta[-1] - model.top]]), np.array([[missed]]),
        lambda w: floor, lambda w: floor[0])


def bound_of_step(theta, residual, T, off, parts, gaps, missed, noise,
                  inside):
    """Theorem 5: of a basis off the correction T by what the model misses.

    Parameters
    ----------
    theta : array of shape (k,)
        Ritz values.
    residual, T, off : arrays of shape (N, k)
        Of the Ritz vectors; what the model makes of it; the difference of
        the coordinates of the basis from T.
    parts : callable
        Norms of the p parts of an N x k array.
    gaps, missed : arrays of shape (p, p)
        theta_k minus norms of the blocks of the model; norms of E.
    noise, inside : callables
        Norms, of p parts and of what is along U, of what the product with U
        lacks, its columns divided by the numbers w_j.
    """
    if np.linalg.eigvalsh(gaps - missed)[0] <= 0:
        return 1.0
    inverse = np.linalg.inv(gaps - missed)
    w, size = np.sqrt(theta / theta[-1]), np.linalg.norm(inverse, 2)

    def first(w):
        """Parts of the error to first order, columns times theta_k / w."""
        return inverse @ (noise(w) + missed @ parts(T / w))
    r = size * (spectral_norm(residual / w) + np.linalg.norm(noise(w)))
    h = size * inside(w**2)
    weighted = np.linalg.norm(parts(T * w) + first(w))
    plain, least = first(w**2), (1 - h)**2 - 4 * r * weighted
    if h >= 1 or least <= 0:
        return 1.0
    second = r * (2 * weighted / (1 - h + np.sqrt(least)))**2
    second += h * (np.linalg.norm(parts(T) + plain) + second) / (1 - h)
    return min(1.0, spectral_norm(off) + np.linalg.norm(plain) + second)
