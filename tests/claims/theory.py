"""docs/theory.rst against the fields: the uncoded chord iteration.

Run with ``python tests/claims/theory.py``. Prints for every field the rate
that theorem 2 proves, the measured one, and how many rounds were within the
theorem's neighbourhood; exits with 1 if a round violates the bound.
"""
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.linalg import eigh

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conftest import get_field, load_dataset  # noqa: E402

K, RANK_FACTOR, MOST_ROUNDS = 10, 2, 40
ROUNDING = 1e-11  # of x, below which a ratio means nothing
FIELDS = [
    ("vlasov_poisson", dict(case="two_stream")),
    ("vlasov_poisson", dict(case="inhomogeneous")),
    ("vlasov_2d2v", {}), ("drift_kinetic", {}),
    *(("simulated", dict(rank_specific=own)) for own in (0.0, 1.0, 3.0)),
]


def covariances(field):
    """C_i of every rank, shape (P, d, d)."""
    return np.array([
        block.T @ block / field.n_samples for block in (
            field.reader(rank).read(0, field.n_steps).astype(float)
            for rank in range(field.n_ranks))])


def truncated(C, r):
    """The best approximation of a positive C of rank r."""
    values, V = eigh(C, subset_by_index=[len(C) - r, len(C) - 1])
    return (V * values.clip(0)) @ V.T


def chord_step(C, M, U):
    """One step of docs/theory.rst."""
    theta, Z = np.linalg.eigh(U.T @ C @ U)
    U = U @ Z
    P = np.eye(len(C)) - U @ U.T
    R = P @ (C @ U)
    T = np.stack([
        P @ np.linalg.solve(value * np.eye(len(C)) - P @ M @ P, residual)
        for value, residual in zip(theta, R.T, strict=True)], axis=1)
    return np.linalg.qr(U + T)[0]


class Theorem:
    """The quantities of theorem 2 for one field."""

    def __init__(self, C, M):
        values, V = np.linalg.eigh(C)
        self.values, self.V = values[::-1], V[:, ::-1]
        outside = self.V[:, K:]
        self.gap = self.values[K - 1] - self.values[K]
        self.kappa = self.values[0] / self.gap
        E = C - M
        self.mu = np.linalg.norm(E, 2)
        self.M22 = outside.T @ M @ outside
        nu = eigh(outside.T @ E @ outside,
                  np.diag(self.values[K - 1] - self.values[K:]),
                  eigvals_only=True)[-1]
        self.rho = nu / (1 + nu)
        self.radius = min((1 - self.rho) * self.gap / (32 * self.mu),
                          np.sqrt((1 - self.rho) / (80 * self.kappa)))

    def error(self, U):
        """x of the space that U spans."""
        coordinates = self.V.T @ U
        tangent = np.linalg.solve(coordinates[:K].T, coordinates[K:].T).T
        squares = (tangent ** 2 @ self.values[:K]).sum() \
            - np.vdot(tangent, self.M22 @ tangent)
        return np.sqrt(squares / self.gap)

    def factor(self, x):
        alpha = 2 * self.mu / self.gap * x + 5 * self.kappa * x ** 2
        return (self.rho + alpha) / (1 - alpha) * (
            1 + 3.4 * np.sqrt(self.kappa) * x ** 2)


def check(name, parameters, folder):
    """Rows of the table, and whether the theorem holds."""
    field = get_field(load_dataset(name, folder), n_ranks=4, **parameters)
    shares = covariances(field)
    C = shares.sum(axis=0)
    M = sum(truncated(share, RANK_FACTOR * K) for share in shares)
    theorem = Theorem(C, M)
    U = np.linalg.eigh(M)[1][:, -K:]
    x = [theorem.error(U)]
    while len(x) < MOST_ROUNDS and x[-1] > ROUNDING:
        U = chord_step(C, M, U)
        x.append(theorem.error(U))
    pairs = [(a, b) for a, b in zip(x, x[1:], strict=False) if b > ROUNDING]
    inside = [(a, b) for a, b in pairs if a <= theorem.radius]
    holds = all(b <= theorem.factor(a) * a for a, b in inside)
    rate = pairs[-1][1] / pairs[-1][0]
    label = ", ".join([name, *map(str, parameters.values())])
    print(f"{label:30} {theorem.rho:6.3f} {rate:8.3f} "
          f"{theorem.mu / (theorem.mu + theorem.gap):9.3f} "
          f"{theorem.radius:9.1e} {len(inside):3} of {len(pairs):2}  "
          f"{'holds' if holds else 'VIOLATED'}", flush=True)
    return holds


def main():
    print(f"{'field':30} {'rho':>6} {'measured':>8} {'mu bound':>9} "
          f"{'radius':>9}  rounds within")
    with tempfile.TemporaryDirectory() as folder:
        held = [check(name, parameters, Path(folder))
                for name, parameters in FIELDS]
    sys.exit(not all(held))


if __name__ == "__main__":
    main()
