"""A bound of the error of a corrected basis, from a model of the operator.

What a model M misses of C, E = C - M, is known by norms of its blocks between
a basis U near the wanted space, a few *guards* G, the directions that follow,
and the rest. Errors along the guards are amplified most. ``docs/theory.rst``
has the proof.
"""
from typing import NamedTuple

import numpy as np

from benchmark_utils.methods.certificate import rounding
from benchmark_utils.methods.linalg import spectral_norm
from benchmark_utils.methods.ritz import graph
from benchmark_utils.methods.star import floats, halves, nonzero_columns

# A vector that the step maps below itself, by iteration; if there is one.
STEPS, LARGER, DIVERGED = 20, 1.01, 1e9


def norms(parts):
    return np.array([spectral_norm(part) for part in parts])


def weighted_norms(parts, weights):
    """Norms of p arrays of k columns, times every row of weights (m x k).

    Returns
    -------
    array of shape (m, p)
    """
    grams = np.array([part.T @ part for part in parts])
    outer = weights[:, :, None] * weights[:, None]
    values = np.linalg.eigvalsh(grams * outer[:, None])
    return np.sqrt(values[..., -1].clip(0))


def certified_model(comm, factors, chord, frame, missed):
    """Have the ranks tell rank 0 what its model misses.

    Communication: a gather of p (p + 1) / 2 numbers of 2 bytes, for p parts:
    the basis, groups of guards, and the rest.

    Parameters
    ----------
    comm : MPI communicator
    factors : RoundedFactors
        Of which the model consists.
    chord : Chord
        At rank 0, None elsewhere.
    frame : Frame
        The same on every rank.
    missed : array of shape (N, m)
        This rank's share of E times the basis and the guards.

    Returns
    -------
    ModelCertificate at rank 0, None elsewhere.
    """
    E = np.array([norms(np.split(part, frame.splits, axis=1))
                  for part in frame.parts(missed)])
    E[-1, -1] = missed_norm(factors, frame.all)
    lower, scale = np.tril_indices(len(E)), factors.unit ** 2
    told = halves(E[lower] / scale)  # the range of float32 is small
    everything = np.empty((comm.size, len(told)), np.uint16)
    comm.Gather(told, everything if chord else None)
    if not chord:
        return None
    E[lower] = E.T[lower] = floats(everything).sum(axis=0) * scale
    return ModelCertificate(chord.F, frame, E + chord.left_out)


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
    signs[:F.shape[1]] -= (cut / np.square(F).sum(axis=0).clip(
        np.finfo(float).tiny)).clip(max=1)
    most = np.linalg.eigvalsh(R * signs @ R.T).max(initial=0.0)
    return max(cut + most, -least)


class Lacking(NamedTuple):
    """What a product with a basis W lacks.

    Attributes
    ----------
    norms : array of shape (p,)
        Of the parts beside W, divided by the steps.
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
    missed : array of shape (p, p)
        Norms of the blocks of E between all parts of the frame.
    """

    def __init__(self, F, frame, missed):
        self.frame = frame
        self.floor = rounding(len(F)) * np.vdot(F[:, 0], F[:, 0])
        self.missed = missed + self.floor

    def bound(self, ritz, model, frame, W, lacking, dual):
        """Of the space of W, by the Ritz pairs of the basis before it.

        Parameters
        ----------
        ritz : RitzPairs
        model : ModelBeside
            The model beside them.
        frame : Frame
            Of that basis.
        W : array of shape (N, k)
            Need not be orthonormal.
        lacking : Lacking
            Of the product that the Ritz pairs come from.
        dual : bool
            Whether the error is that of X'W.
        """
        theta, mixing = ritz.theta, ritz.mixing
        if theta[-1] <= model.top or not np.isfinite([
                *lacking.norms, *lacking.inside, *self.missed.flat]).all():
            return 1.0

        rows = frame.parts(model.F)[1:]
        in_model = np.array([[spectral_norm(a @ b.T) if a is not b
                              else spectral_norm(a) ** 2 for b in rows]
                             for a in rows])
        turn = turned(self.frame, frame)
        missed = turn.T @ self.missed @ turn
        T = model.solve(theta, ritz.residual)
        off = graph(ritz.U, W) - T
        error = spectral_norm(off)
        if dual:
            off /= np.sqrt(theta)
            beside = norms(frame.parts(off)[1:])
            error = np.hypot(spectral_norm(model.F.T @ off),
                             np.sqrt(beside @ missed @ beside))
        return bound_of_step(
            theta, frame.parts(ritz.residual)[1:], frame.parts(T)[1:], error,
            in_model, missed,
            lambda weights: self.floor + lacking.norms * weighted_norms(
                [lacking.steps[:, None] * mixing], weights),
            lambda weights: self.floor + spectral_norm(mixing) * spectral_norm(
                lacking.inside[:, None] * mixing * weights), dual)


def turned(old, new):
    """What the parts of a new frame have along those of an old one.

    Returns
    -------
    array of shape (p + 1, q)
        Norms, of all old parts and of the new ones beside the basis.
    """
    def by_columns(X, frame):
        return norms(np.split(X, frame.splits[:-1], axis=1))
    inside = old.all.T @ new.all
    rows = np.split(inside, old.splits[:-1])
    return np.vstack([
        np.column_stack([[by_columns(each, new) for each in rows],
                         by_columns(old.all - new.all @ inside.T, old)]),
        [*by_columns(new.all - old.all @ inside, new), 1.0]])[:, 1:]


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
    floor = rounding(len(U)) * values[0]
    return bound_of_step(
        theta, [residual], [T], spectral_norm(graph(U, W) - T),
        np.array([[model.top]]), np.array([[missed]]),
        lambda weights: np.full((len(weights), 1), floor),
        lambda weights: floor)


def bound_of_step(theta, residual, T, off, in_model, missed, noise, inside,
                  dual=False):
    """Theorem 5: of a basis off the correction T by what the model misses.

    Parameters
    ----------
    theta : array of shape (k,)
        Ritz values.
    residual, T : sequences of p arrays of k columns
        Parts of that of the Ritz vectors, and of what the model makes of it.
    off : float
        The error if T were exact.
    in_model, missed : arrays of shape (p, p)
        Norms of the blocks of the model and of E.
    noise, inside : callables
        What the product with U lacks, its columns times weights: norms of the
        parts (m x p) for weights of m x k; of what is along U, for k weights.
    dual : bool
        Whether the error is that of the other side of X.
    """
    whole, identity = (in_model + missed) / theta[-1], np.eye(len(missed))
    if np.linalg.eigvalsh(whole)[-1] >= 1:
        return 1.0
    B = np.linalg.inv(identity - whole) / theta[-1]
    w = np.sqrt(theta / theta[-1])
    falling = w ** -np.arange(1.0, 4)[:, None]
    T_up, T_plain, *T_down = weighted_norms(
        T, np.vstack([w, np.ones_like(w), falling]))
    lacks = noise(falling)
    # Parts of the error to first order, columns times w, 1 and 1 / w.
    first = (lacks + T_down @ missed) @ B
    h = inside(falling[1])
    r = weighted_norms(residual, falling[:1])[0] + lacks[0]
    y = start = T_up + first[0]
    for _ in range(STEPS):
        y = np.minimum(start + (h + r @ y) * (B @ y), DIVERGED)
    y = LARGER * y
    square = (r @ y) * (B @ y)
    if not (start + square + h * (B @ y) <= y).all() or not (
            2 * square + h * (B @ y) < y).all():
        return 1.0
    z = np.linalg.solve(identity - h * B, T_plain + first[1] + square)
    second = square + h * (B @ z)
    if not dual:
        return min(1.0, off + np.linalg.norm(first[1] + second))
    x = first[2] + second
    return min(1.0, (off + np.sqrt(x @ whole @ x)) / np.sqrt(
        1 - (h + 2 * r @ y) / theta[-1]))
