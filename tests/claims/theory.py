"""docs/theory.rst against the fields: the uncoded chord iteration.

Run with ``python tests/claims/theory.py``. Prints for every field the rate
that theorem 2 proves and the measured one, the bound by mu, how many rounds
were within the theorem's neighbourhood, the rate with momentum by its formula
and as measured, and the rounds to an error of 1e-8: of this iteration without
and with momentum, then of ``coded-chord`` with momentum and without coding
and of ``shift-invert``, their start included. Exits with 1 if a round violates
the bound, if a measured rate is more than 10 % from rho or that with momentum
more than 30 % from its formula, or if ``coded-chord`` takes two rounds more
than ``shift-invert``.
"""
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.linalg import eigh

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bytes import SOLVERS, history  # noqa: E402
from conftest import get_field, load_dataset  # noqa: E402

from benchmark_utils.fields.reference import load_reference  # noqa: E402
from benchmark_utils.runtime.world import start_world  # noqa: E402

# A smaller model than by default: else there are too few rounds to compare.
N_RANKS, K, RANK_FACTOR, MOST_ROUNDS = 4, 10, 2, 40
# A rate is that of the slowest direction: an error of this size is restored
# after every step, as in the power method, for so many steps.
RESTORED, STEPS, SEEN = 1e-6, 80, 10
ROUNDING = 1e-11  # of x, below which a ratio means nothing
TARGET = 1e-8
METHODS = {"coded-chord": dict(favour="rounds", coding="float64"),
           "shift-invert": {}}
FIELDS = [
    ("vlasov_poisson", dict(case="two_stream")),
    ("vlasov_poisson", dict(case="inhomogeneous")),
    ("vlasov_2d2v", {}), ("drift_kinetic", {}), ("gray_scott", {}),
    ("vorticity_2d", dict(case="storm_track")),
    ("ukmo_scenarios", dict(partition="samples")),
    *(("simulated", dict(rank_specific=own)) for own in (0.0, 1.0, 3.0)),
]


def covariances(field):
    """C_i of every rank, shape (P, d, d)."""
    return np.array([
        block.T @ block / field.n_samples for block in (
            field.reader(rank).read(0, field.n_steps).astype(float)
            for rank in range(field.n_ranks))])


def truncated_factor(C, r):
    """F with the best approximation F F' of a positive C of rank r."""
    values, V = eigh(C, subset_by_index=[len(C) - r, len(C) - 1])
    return V * np.sqrt(values.clip(0))


def turned(U, reference):
    """The basis of the same space that is nearest to the reference."""
    left, _, right = np.linalg.svd(U.T @ reference)
    return U @ left @ right


def chord_step(C, F, U, move=0.0, rate=0.0):
    """One step of docs/theory.rst, with momentum if a rate is given."""
    W, s = U, np.sqrt(1 - rate)
    theta, Z = np.linalg.eigh(U.T @ C @ U)
    U = U @ Z
    R = C @ U
    R -= U @ (U.T @ R)
    F = F - U @ (U.T @ F)
    # (theta - F F')^-1 by the formula of Woodbury.
    T = np.stack([
        residual + F @ np.linalg.solve(
            value * np.eye(F.shape[1]) - F.T @ F, F.T @ residual)
        for value, residual in zip(theta, R.T, strict=True)], axis=1) / theta
    step, memory = (4 / (1 + s)**2, ((1 - s) / (1 + s))**2) if rate else (
        1, 0)
    return turned(np.linalg.qr(
        turned(U + step * T, W) + memory * move)[0], W)


def iterate(C, F, theorem, rate=0.0):
    """x after every step, from the model's leading eigenvectors."""
    U, move = np.linalg.svd(F, full_matrices=False)[0][:, :K], 0.0
    x = [theorem.error(U)]
    while len(x) < MOST_ROUNDS and x[-1] > ROUNDING:
        better = chord_step(C, F, U, move, rate)
        move, U = better - U, better
        x.append(theorem.error(U))
    return x


def asymptotic_rate(C, F, theorem, rate=0.0):
    """Mean factor of the last steps, from errors in any direction."""
    rng = np.random.default_rng(0)
    U = old = theorem.basis(theorem.resized(
        rng.standard_normal((len(C) - K, K)), RESTORED))
    logarithms = []
    for _ in range(STEPS):
        better = chord_step(C, F, U, U - turned(old, U), rate)
        factor = theorem.error(better) / theorem.error(U)
        logarithms.append(np.log(factor))
        # Both bases, so that momentum goes on.
        old, U = (theorem.basis(theorem.tangent(each) / factor)
                  for each in (U, better))
    return np.exp(np.mean(logarithms[-SEEN:]))


def rounds_to_target(x):
    return next((t for t, value in enumerate(x) if value < TARGET), np.inf)


def rounds_of_methods(world, field):
    load_reference(field, K)
    for name, parameters in METHODS.items():
        rows = history(world, field, K, SOLVERS[name], parameters, np.inf)
        yield next((number for number, _, error in rows if error < TARGET),
                   np.inf)


class Theorem:
    """The quantities of theorem 2 for one field."""

    def __init__(self, C, M):
        values, V = np.linalg.eigh(C)
        self.values, self.V = values[::-1], V[:, ::-1]
        outside = self.V[:, K:]
        E = C - M
        self.mu = np.linalg.norm(E, 2)
        self.M22 = outside.T @ M @ outside
        E22 = outside.T @ E @ outside
        # Negative where the factors of the model are rounded.
        least, nu = eigh(E22, np.diag(self.values[K - 1] - self.values[K:]),
                         eigvals_only=True)[[0, -1]]
        self.below = max(0.0, -np.linalg.eigvalsh(E22)[0])
        self.apart = self.values[:K] - self.values[K] - self.below
        self.gap = self.apart[-1]
        self.kappa = self.values[0] / self.gap
        self.rho = max(nu / (1 + nu), -least / (1 + least))
        self.radius = min((1 - self.rho) * self.gap / (32 * self.mu),
                          np.sqrt((1 - self.rho) / (80 * self.kappa)))

    def tangent(self, U):
        """The coordinates K of the space that U spans."""
        coordinates = self.V.T @ U
        return np.linalg.solve(coordinates[:K].T, coordinates[K:].T).T

    def basis(self, tangent):
        """An orthonormal basis of the space with these coordinates."""
        return np.linalg.qr(self.V @ np.vstack([np.eye(K), tangent]))[0]

    def error(self, U):
        """x of the space that U spans."""
        return self.size(self.tangent(U))

    def resized(self, tangent, size):
        return tangent * (size / self.size(tangent))

    def size(self, tangent):
        squares = (tangent ** 2 @ self.values[:K]).sum() \
            - np.vdot(tangent, self.M22 @ tangent)
        return np.sqrt(squares / self.gap)

    def factor(self, x):
        alpha = 2 * self.mu / self.gap * x + 5 * self.kappa * x ** 2
        return (self.rho + alpha) / (1 - alpha) * (
            1 + 3.4 * np.sqrt(self.kappa) * x ** 2)


def check(name, parameters, folder, world):
    """A row of the table, and whether all of it is as it should be."""
    field = get_field(load_dataset(name, folder), n_ranks=N_RANKS,
                      ranks="simulated", **parameters)
    shares = covariances(field)
    C = shares.sum(axis=0)
    F = np.hstack([truncated_factor(share, RANK_FACTOR * K)
                   for share in shares])
    theorem = Theorem(C, F @ F.T)
    x = iterate(C, F, theorem)
    faster = iterate(C, F, theorem, theorem.rho)
    s = np.sqrt(1 - theorem.rho)
    expected = theorem.rho, (1 - s) / (1 + s)
    measured = [asymptotic_rate(C, F, theorem, rate)
                for rate in (0.0, theorem.rho)]
    pairs = [(a, b) for a, b in zip(x, x[1:], strict=False) if b > ROUNDING]
    inside = [(a, b) for a, b in pairs if a <= theorem.radius]
    holds = all(b <= theorem.factor(a) * a for a, b in inside) and all(
        abs(np.array(measured) / expected - 1) <= (0.1, 0.3))
    ours, theirs = rounds_of_methods(world, field)
    holds &= ours <= theirs + 1
    label = ", ".join([name, *map(str, parameters.values())])
    print(f"{label:30} {theorem.rho:6.3f} {measured[0]:8.3f} "
          f"{theorem.mu / (theorem.mu + theorem.gap):9.3f} "
          f"{theorem.radius:9.1e} {len(inside):3} of {len(pairs):2}  "
          f"{expected[1]:9.3f} {measured[1]:8.3f} "
          f"{rounds_to_target(x):5} {rounds_to_target(faster):3} "
          f"{ours:4} {theirs:4}  "
          f"{'holds' if holds else 'VIOLATED'}", flush=True)
    return holds


def check_all(check, world):
    """Check every field; the script ends with 1 unless all hold."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            held = [check(name, parameters, Path(folder), world)
                    for name, parameters in FIELDS]
    finally:
        world.close()
    sys.exit(not all(held))


def main():
    print(f"{'field':30} {'rho':>6} {'measured':>8} {'mu bound':>9} "
          f"{'radius':>9}  rounds in  momentum measured  to 1e-8: plain, "
          "momentum; coded-chord, shift-invert")
    check_all(check, start_world(N_RANKS, "simulated"))


if __name__ == "__main__":
    main()
