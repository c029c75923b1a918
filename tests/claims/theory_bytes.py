"""Theorem 6 of docs/theory.rst against the fields: bytes to an error.

Run with ``python tests/claims/theory_bytes.py``. Prints for every field, in
units of one float64 basis per rank, the bytes to an error of 1e-6: what the
theorem proves to be enough, what the iteration with the steps of the theorem
takes, and ``coded-chord``, whose steps are wider. Exits with 1 if a round has
a larger error, or needs more bytes, than the theorem allows.
"""
import sys
from itertools import product
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bytes import OURS, costs, unit  # noqa: E402
from conftest import get_field, load_dataset  # noqa: E402
from theory import K, Theorem, check_all, covariances  # noqa: E402

from benchmark_utils.fields.reference import load_reference  # noqa: E402
from benchmark_utils.methods.coding import Coder  # noqa: E402
from benchmark_utils.methods.linalg import factor_of_gram  # noqa: E402
from benchmark_utils.methods.ritz import ModelBeside, RitzPairs  # noqa: E402
from benchmark_utils.runtime.world import start_world  # noqa: E402

N_RANKS, RANK_FACTOR, TARGET = 4, 4, 1e-6
TOLERANCES = 0.05, 0.02, 0.01, 0.005, 0.002  # of the factors
PARTS = np.geomspace(0.004, 0.15, 12)  # of the error, left to rounding
TURNED = 1.1  # beta, relative to that of the start
SLOWEST = 0.9  # contraction of a round, else no start near enough
HEADER = 8  # bytes of a message, its length among them


def bits(mean):
    """Of an integer of a mean magnitude, by the two-sided geometric law."""
    return (np.log2(1 + mean) + mean * np.log2(1 + 1 / mean)
            + np.minimum(1, mean))


def column_norms(x):
    return np.linalg.norm(x, axis=0)


def coded(coders, q):
    """Bytes of integers, from one end to each of the others."""
    return sum(HEADER + len(coder.encode(each))
               for coder, each in zip(coders, q, strict=True))


class Start:
    """The model of factors that are rounded to a tolerance."""

    def __init__(self, shares, tolerance):
        self.shares, self.C = shares, shares.sum(axis=0)
        N = self.N = len(self.C)
        factors = [factor_of_gram(share, min(RANK_FACTOR * K, N))
                   for share in shares]
        step = tolerance * np.sqrt(12 / N * sum(
            np.vdot(F[:, K - 1], F[:, K - 1]) for F in factors))
        self.q = [np.rint(F / step) for F in factors[1:]]
        self.factors = [factors[0], *(step * q for q in self.q)]
        self.F = np.hstack(self.factors)
        self.W = np.linalg.eigh(self.F @ self.F.T)[1][:, :-K - 1:-1]
        self.theorem = Theorem(self.C, self.F @ self.F.T)
        values, self.apart = self.theorem.values[:K], self.theorem.apart
        self.values = values
        self.missed = [share - F @ F.T for share, F in zip(
            shares[1:], self.factors[1:], strict=True)]
        self.norms = [np.linalg.norm(E, 2) for E in self.missed]
        self.first = [column_norms(E @ self.W) for E in self.missed]
        # Means over the columns: of how much harder than others they are.
        self.unequal = (np.sqrt((values / self.apart).mean()),
                        np.sqrt((1 / self.apart ** 2).mean()),
                        (1 / np.sqrt(values * self.apart)).mean())
        self.x = self.theorem.error(self.W)
        self.beta = TURNED * self.turned(self.W)
        self.bits = N * sum(bits(
            column_norms(F) / np.sqrt(N) / step + 0.5).sum()
            for F in factors[1:])

    def turned(self, W):
        """beta of a basis: how far its columns are from eigenvectors."""
        inside, outside = np.split(self.theorem.V.T @ W, [K])
        P = np.linalg.inv(inside)
        values, Z = np.linalg.eigh(np.eye(K) + (outside @ P).T @ (outside @ P))
        G = P @ (Z / np.sqrt(values)) @ Z.T
        D = np.sqrt(self.apart)
        return max(np.linalg.norm(each, 2) for each in (
            D[:, None] * G / D, np.linalg.inv(G) * D / D[:, None],
            P * np.sqrt(self.values) / np.sqrt(self.values)[:, None]))


class Schedule:
    """Theorem 6: errors X_t, and bytes, for given parts left to rounding."""

    def __init__(self, start, up, down):
        self.start, self.up, self.down = start, up, down
        N, beta, others = start.N, start.beta, N_RANKS - 1
        self.X = [start.x * (1 + beta * (1 + start.x) * down)]
        steps = self.steps(start.x)[1]
        self.bytes = [2 * others * HEADER + (start.bits + others * N * bits(
            1 / np.sqrt(N) / steps + 0.5).sum()) / 8]
        # Mean magnitudes of the integers, those of every rank.
        means = [((first + norm * np.sqrt(N) / 2 * steps) / np.sqrt(N)
                  / self.steps(self.X[0])[0]).mean() + 0.5
                 for first, norm in zip(start.first, start.norms, strict=True)]
        while self.X[-1] > TARGET:
            linear, factor = self.contraction(self.X[-1])
            if not 0 < factor < SLOWEST:
                self.bytes[-1] = np.inf
                return
            turn = beta * (1 + linear)
            back = turn * start.unequal[0] / (2 * down) + 0.5
            self.bytes.append(self.bytes[-1] + 2 * others * HEADER + N * K / 8
                              * (sum(map(bits, means)) + others * bits(back)))
            self.X.append(factor * self.X[-1])
            means = [(others * norm / up * (
                turn * start.unequal[1] + down * start.unequal[2])
                + 1) / (2 * factor) + 0.5 for norm in start.norms]

    def contraction(self, X):
        """Of the correction, and of the whole round."""
        theorem, beta = self.start.theorem, self.start.beta
        root = np.sqrt(theorem.kappa)
        alpha = (2 * theorem.mu / theorem.gap + beta * self.up * root) * X \
            + 5 * theorem.kappa * X ** 2
        linear = (theorem.rho + alpha + beta * self.up) / (1 - alpha)
        return linear, (linear * (1 + 3.4 * root * X ** 2)
                        + beta * (1 + X) * self.down)

    def steps(self, X):
        """Of the columns of messages to and from rank 0, at an error X."""
        start = self.start
        unit = 2 * X * np.sqrt(start.theorem.gap / start.N / K)
        return (self.up * unit / (N_RANKS - 1) * np.sqrt(start.apart),
                self.down * unit / np.sqrt(start.values))


def run(schedule):
    """Errors and bytes of the iteration with these steps; largest beta."""
    start = schedule.start
    up = [Coder() for _ in start.missed]
    down = [Coder()]
    step = schedule.steps(start.x)[1]
    q = np.rint(start.W / step)
    W, known = q * step, [0.0] * len(start.missed)
    sent = coded(up, start.q) + (N_RANKS - 1) * coded(down, [q])
    up = [Coder() for _ in start.missed]
    x, spent, beta = [start.theorem.error(W)], [sent], [start.turned(W)]
    for X in schedule.X[:-1]:
        step, back = schedule.steps(X)
        q = [np.rint((E @ W - h) / step)
             for E, h in zip(start.missed, known, strict=True)]
        sent += coded(up, q)
        known = [h + step * each for h, each in zip(known, q, strict=True)]
        Y = start.shares[0] @ W + sum(known) + sum(
            F @ (F.T @ W) for F in start.factors[1:])
        ritz = RitzPairs(W, Y)
        T = ModelBeside(start.F, ritz.U).solve(ritz.theta, ritz.residual)
        q = np.rint(np.linalg.solve(ritz.mixing.T, T.T).T / back)
        sent += (N_RANKS - 1) * coded(down, [q])
        W = W + q * back
        x.append(start.theorem.error(W))
        spent.append(sent)
        beta.append(start.turned(W))
    return np.array(x), np.array(spent), max(beta)


def best_schedule(shares):
    """That with the fewest proven bytes."""
    schedules = [Schedule(start, up, down) for start in (
        Start(shares, tolerance) for tolerance in TOLERANCES)
        for up, down in product(PARTS, PARTS)]
    return min(schedules, key=lambda schedule: schedule.bytes[-1])


def check(name, parameters, folder, world):
    """A row of the table, and whether the theorem holds."""
    field = get_field(load_dataset(name, folder), n_ranks=N_RANKS,
                      **parameters)
    load_reference(field, K)
    one = unit(field, K)
    method = costs(world, field, K, OURS, {})[2] / one
    schedule = best_schedule(covariances(field))
    label = ", ".join([name, *map(str, parameters.values())])
    if schedule.bytes[-1] == np.inf:
        print(f"{label:30} not proven to converge: the start is too far; "
              f"{OURS} {method:.2f}", flush=True)
        return True
    x, spent, beta = run(schedule)
    holds = (np.all(x <= schedule.X) and np.all(spent <= schedule.bytes)
             and beta <= schedule.start.beta)
    proven = schedule.bytes[-1] / one
    print(f"{label:30} {schedule.start.theorem.rho:5.3f} {len(x) - 1:6} "
          f"{proven:7.2f} {spent[-1] / one:8.2f} {method:11.2f} "
          f"{proven / method:6.2f}  {'holds' if holds else 'VIOLATED'}",
          flush=True)
    if not holds:
        print(x, schedule.X, spent, schedule.bytes, beta, schedule.start.beta)
    return holds


def main():
    print(f"{'field':30} {'rho':>5} rounds  proven  as coded  {OURS}  ratio")
    check_all(check, start_world(N_RANKS))


if __name__ == "__main__":
    main()
