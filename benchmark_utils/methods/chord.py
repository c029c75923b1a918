"""The chord iteration: corrections by a fixed model of the operator.

Rank 0 holds a model M = F F' of the operator C (:mod:`.dual` says on which
side of X it acts) and improves a basis by the inverse of theta - M, theta the
eigenvalues of C in the basis: Newton's method with a derivative that stays
that of the start, known as the chord method.
"""
import numpy as np

from benchmark_utils.methods.linalg import orthonormal, procrustes
from benchmark_utils.methods.ritz import ModelBeside, RitzPairs

# Eigenvalues of the model outside the basis count as at most this part of
# theta_k: its inverse stays positive, whatever the rounding of the model.
BELOW = 0.97
WEAK = 0.01  # part of the gap below which modes of the model are left out
SMALL = 1e-9  # ratio of variances below which a Gram matrix is too inexact
RANGE = 1e-6  # eigenvalues below this part of the largest are not resolved
SLOW = 0.45  # contraction per round above which momentum pays
WINDOW = 5  # rounds over which it is observed
LARGEST_RATE = 0.98
STILL = 1e-12  # move of a basis that is nothing but rounding errors
# Rounding of the model may bring eigenvalues of a step above 1.
STABLE = 1.3
LEAST_CONTRAST = 0.01  # finer steps along guards would take many bytes
GUESS = 0.1  # error of the start
# Rounding noise of the product, in parts of that of the basis: whose rounding
# is all that a certified bound knows exactly.
PRODUCT = 1 / 2
PART = 0.05  # of the amplitude of mode k that noise may have


def levels(noise, weights):
    """Noise of every column: what is asked for, less for strong ones.

    A strong mode that the basis misses by the sine s counts as one more mode
    of its eigenvalue times s^2, which must stay below that of mode k.

    Parameters
    ----------
    noise : float
    weights : array of shape (k,)
        About proportional to the eigenvalues.
    """
    return np.minimum(noise, PART * np.sqrt(weights.min() / weights))


def smaller_gram(F):
    """F'F or FF': many ranks make a model wide."""
    return F.T @ F if len(F) >= F.shape[1] else F @ F.T


def relative_gap(values, k):
    """1 - lambda_{k+1} / lambda_k, from decreasing eigenvalues."""
    padded = np.append(values, np.zeros(k + 1)).clip(0)
    return 1 - padded[k] / max(padded[k - 1], RANGE * padded[0])


def basis_of(comm, data, Z):
    """The estimate that belongs to orthonormal Z (N x k).

    Communication: none (samples), an allreduce of k (k + 1) / 2 floats
    (features); an allgather of k * k where columns are nearly dependent.
    """
    if data.partition == "samples":
        return Z
    U = data.T.product(Z)
    G = sum_symmetric(comm, U.T @ U)
    scale = np.sqrt(np.diag(G))
    if scale.min() > 0:
        values = np.linalg.eigvalsh(G / np.outer(scale, scale))
        if values[0] > SMALL * values[-1]:
            return np.linalg.solve(np.linalg.cholesky(G), U.T).T
    return data.orthonormalize(comm, U)


def sum_symmetric(comm, G):
    """Sum over ranks of symmetric m x m matrices.

    Communication: an allreduce of m (m + 1) / 2 floats.
    """
    upper = np.triu_indices(len(G))
    total = np.zeros_like(G)
    total[upper] = comm.sum(G[upper])
    return total + np.triu(total, 1).T


class Chord:
    """Corrections of a basis at rank 0.

    An uncoded step contracts the error by rho = nu / (1 + nu), nu the largest
    eigenvalue of the pencil (C - M, lambda_k - C) outside the wanted space.

    Parameters
    ----------
    F : array of shape (N, q)
        Factor of the model.
    k : int
    noise : float
        Error that rounding of the basis adds to an estimate, relative to the
        error of the estimate before. That of the product adds less.
    momentum : bool
        Accelerate from the second step on, with rho as the model's residual
        shows it; for messages that are nearly exact. Else only where rounds
        turn out slow, with rho as the contraction shows it.

    Attributes
    ----------
    gain : array of shape (k,)
        Norm of a column's correction per unit of white noise in the product.
    contrasts : array
        Amplification of white noise, in the last column, as a part of that
        of noise along each mode that follows the basis; at most 1.
    left_out : float
        Largest eigenvalue of FF' that the model leaves out.
    error : float
        Norm of the last correction, the error of the basis before it.
    expected : float
        Of the next correction, less where noise is amplified.
    rate : float
        Estimate of rho, 0 until there is one.
    """

    def __init__(self, F, k, noise, momentum):
        N, q = F.shape
        values, S = np.linalg.eigh(smaller_gram(F))
        keep = values > N * np.finfo(float).eps * values[-1]
        values, S = values[keep][::-1], S[:, keep][:, ::-1]
        V = F @ (S / np.sqrt(values)) if N >= q else S
        self.noise, self.momentum = noise, momentum
        self.V = V
        # One mode beside at least: no gain is zero.
        padded = np.append(values, np.zeros(max(N, k + 1) - len(values)))
        theta = padded[:k].clip(RANGE * padded[0])
        # Leaves a positive C - M, and saves most of the eigenproblems' cost.
        strong = values > WEAK * relative_gap(values, k) * theta[-1]
        self.F = V[:, strong] * np.sqrt(values[strong])
        self.left_out = values[~strong].max(initial=0.0)
        tail = padded[k:].clip(max=BELOW * theta[-1])
        self.gain = np.sqrt(
            ((theta[:, None] - tail) ** -2.0).sum(axis=1) / len(F))
        self.contrasts = (self.gain[-1] * (theta[-1] - tail)).clip(
            LEAST_CONTRAST, 1)
        self.expected, self.shrinks = GUESS, np.sqrt(noise)
        self.errors, self.changed, self.rate = [], 0, 0.0
        self.previous = None

    def leading(self, m):
        """m leading eigenvectors of the model; any where it has less."""
        if self.V.shape[1] >= m:
            return self.V[:, :m]
        # A QR of both fills up also where the unit vectors are in the span.
        return orthonormal(np.hstack([
            self.V, np.eye(len(self.V), m - self.V.shape[1])]))

    def step(self, W, Y):
        """A better basis, orthonormal and turned like W.

        Parameters
        ----------
        W : array of shape (N, k)
            The basis, nearly orthonormal.
        Y : array of shape (N, k)
            C W, or nearly.
        """
        self.ritz = ritz = RitzPairs(W, Y)
        self.beside = ModelBeside(self.F, ritz.U)
        U, top = ritz.U, self.beside.top
        theta = ritz.theta.clip(RANGE**2 * ritz.theta[0])
        # No eigenvalue of the model beside U may reach theta_k.
        T = self.beside.solve(theta + max(
            0.0, top - BELOW * theta[-1]), ritz.residual)
        sizes = np.linalg.norm(T, axis=0)
        self._expect(max(sizes.max(), np.finfo(float).eps), ritz.mixing)
        if self.momentum and self.shrinks > 1:
            # Rounding of the model spoils what momentum rests on.
            self.momentum, self.rate = False, 0.0
            self.changed = len(self.errors)
        if self.previous is not None and self.momentum:
            # Above top, so that the inverse of the model is positive.
            self._measure_rate(U, theta, W, Y, max(
                theta[-1], theta[-1] + top - BELOW * theta[-1]))
        else:
            self._observe_rate()
        step, memory = self._coefficients()
        # Correct to first order: no column turns by more than 45 degrees.
        better = U + T * np.minimum(step, 1 / sizes.clip(1e-300))
        better = better @ procrustes(better, W)
        if memory:
            better += memory * (W - self.previous[0])
        self.previous = W, Y
        better = orthonormal(better)
        return better @ procrustes(better, W)

    @property
    def asked(self):
        """Rounding noise for the next product, relative to theta_k."""
        return PRODUCT * self.noise * self.expected

    def _expect(self, error, S):
        if self.errors:
            self.shrinks = error / self.errors[-1]
        self.errors.append(error)
        # The correction is to first order; no error is above 1.
        self.error = min(error, 1.0)
        # Rounding noise of both directions remains, whatever the model.
        self.expected = self.error / self._amplified(S) * min(max(
            self.shrinks, np.hypot(1, PRODUCT) * self.noise), 1.0)

    def _amplified(self, S):
        """Noise of the Ritz vectors, which mix columns of the basis by S.

        In units of that without mixing, the largest: weak ones suffer from
        the larger noise of strong columns.
        """
        return (self.gain * np.sqrt(
            ((S.T / self.gain) ** 2).sum(axis=1))).max()

    def _coefficients(self):
        """Of the correction and of the last move (heavy ball).

        Polyak 1964, for a spectrum in [1 - rho, 1], or a wider one.
        """
        if self.previous is None or self.rate == 0:
            return 1.0, 0.0
        most, least = np.sqrt([1 if self.momentum else STABLE, 1 - self.rate])
        return (4 / (most + least) ** 2,
                ((most - least) / (most + least)) ** 2)

    def _observe_rate(self):
        """rho from how corrections shrank over the last rounds.

        With momentum an error along the eigenvalue lambda of the step shrinks
        by the largest z with z^2 - (1 + memory - step lambda) z + memory = 0.
        """
        if len(self.errors) - self.changed <= WINDOW:
            return
        z = (self.errors[-1] / self.errors[-1 - WINDOW]) ** (1 / WINDOW)
        z = min(z, 1.0)
        step, memory = self._coefficients()
        if z > 0.99 and memory:
            self.rate, self.changed = 0.0, len(self.errors)
        elif z > max(SLOW, 1.1 * np.sqrt(memory)):
            rate = 1 - (1 + memory - z - memory / z) / step
            if rate > self.rate:
                self.rate = min(rate, LARGEST_RATE)
                self.changed = len(self.errors)

    def _measure_rate(self, U, theta, W, Y, shift):
        """rho from what the model misses of C times the last move.

        A Ritz value of the pencil on the moves, whose errors are rich in the
        directions that contract slowly.
        """
        move, product = W - self.previous[0], Y - self.previous[1]
        inside = U.T @ move
        product -= (U * theta) @ inside
        left, sizes, right = np.linalg.svd(move - U @ inside,
                                           full_matrices=False)
        good = sizes > max(max(1e-3, 20 * self.noise) * sizes[0], STILL)
        if not good.any():
            return
        D = left[:, good]
        MD = self.F @ (self.F.T @ D)
        missed = D.T @ (product @ right[good].T / sizes[good] - MD)
        L = np.linalg.cholesky(shift * np.eye(D.shape[1]) - D.T @ MD)
        pencil = np.linalg.solve(L, np.linalg.solve(L, missed).T)
        values = np.linalg.eigvalsh((pencil + pencil.T) / 2)
        self.rate = min(max(self.rate, values[-1]), LARGEST_RATE)
