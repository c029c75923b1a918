"""Statistics of repetitions: medians, bands, costs, why a run ended.

A *run* is one repetition of a method on a problem: its evaluations after
some of its rounds, one row each. Columns that are used here: ``solver_name``,
``idx_rep``, ``stop_val`` (the number of rounds so far), ``time`` and
``final_results``; costs and errors are named by the caller. A cost grows from
row to row. Nothing is drawn here.
"""
from collections import namedtuple
from itertools import groupby

import numpy as np
import pandas as pd

from benchmark_utils.results.memo import once

RUN = ["solver_name", "idx_rep"]
SMALLEST_ERROR = 1e-16  # smaller ones, and 0, count as this
FEW = 10  # from so many repetitions on, quantiles are more than the range
FLAT = 2.0  # a curve is flat if its last half falls by less than this factor
MIN_FLAT = 4  # of at least so many evaluations

# Of an array of values, one for each row.
Interval = namedtuple("Interval", "low median high")
Reached = namedtuple(
    "Reached", "solver costs cost missed repetitions ends why")
# Why a run ended above a target: a key of WHY, and the limit it ran into.
Reason = namedtuple("Reason", "kind limit", defaults=[np.nan])
# The weakest claim first: it is the one that holds for all repetitions.
WHY = "unknown", "time limit", "round limit", "flat", "method done"


def spread(values):
    """Median and band of repetitions.

    The band is the range of less than ten repetitions, of which quantiles
    would be interpolations, and the 10-90 % quantiles of ten or more.

    Parameters
    ----------
    values : array of shape (n, repetitions)
        NaN where a repetition has none.

    Returns
    -------
    Interval of arrays of shape (n,)
    """
    values = np.asarray(values)
    ends = (0, 1) if values.shape[1] < FEW else (0.1, 0.9)
    # The function that expects NaN is slow.
    quantile = np.nanquantile if np.isnan(values).any() else np.quantile
    return Interval(*quantile(values, [ends[0], 0.5, ends[1]], axis=1))


def medians(values):
    """Median over repetitions by method, also of arrays, entry by entry.

    Parameters
    ----------
    values : Series by solver and repetition

    Returns
    -------
    Series by solver
    """
    return pd.Series({
        solver: np.median(np.stack(of_solver.to_list()), axis=0)
        for solver, of_solver in values.groupby("solver_name")})


@once
def each_run(runs):
    """Places of the rows of every run, in order of rounds.

    Returns
    -------
    dict : (solver, repetition) -> array of positions in the table
    """
    rounds = runs["stop_val"].to_numpy()
    return {run: rows[np.argsort(rounds[rows], kind="stable")]
            for run, rows in sorted(runs.groupby(RUN).indices.items())}


def by_solver(runs):
    """Yield a solver, and the places of its runs by repetition."""
    for solver, of_solver in groupby(each_run(runs).items(),
                                     lambda run: run[0][0]):
        yield solver, [rows for _, rows in of_solver]


@once
def after_each_round(runs, column):
    """Values by solver: an array by round (rows) and repetition (columns).

    A repetition that has stopped keeps its last value.
    """
    rounds, values = (runs[key].to_numpy(float)
                      for key in ("stop_val", column))
    return {solver: _kept(rounds, values, of_solver)
            for solver, of_solver in by_solver(runs)}


def _kept(rounds, values, of_solver):
    """The same for one solver, of which the places are given."""
    every = np.unique(rounds[np.concatenate(of_solver)])
    table = np.full((len(every), len(of_solver)), np.nan)
    for kept, rows in zip(table.T, of_solver, strict=True):
        rows = rows[~np.isnan(values[rows])]
        before = np.searchsorted(rounds[rows], every, side="right")
        kept[before > 0] = values[rows][before[before > 0] - 1]
    return table


@once
def one_each(runs, keep):
    """The "first" or the "last" evaluation by solver and repetition."""
    place = {"first": 0, "last": -1}[keep]
    return runs.iloc[[rows[place] for rows in each_run(runs).values()]] \
        .set_index(RUN)


def cost_of_run(target, rounds, costs, errors):
    """Cost from which on the error of a run stays at or below a target.

    Errors need not fall in every round: the last time that one falls to the
    target counts. Where rounds before that were not evaluated, log(error) is
    interpolated linearly; a round is paid as a whole, so the cost is that of
    the first round whose interpolated error is at most the target.

    Parameters
    ----------
    target : float
    rounds, costs, errors : arrays of shape (evaluations,)
        In order of rounds.

    Returns
    -------
    float
        Infinite if the run ends above the target.
    """
    above = np.flatnonzero(~np.less_equal(errors, target))
    if len(above) == 0:
        return float(costs[0])
    before, after = above[-1], above[-1] + 1
    if after == len(errors):
        return np.inf
    skipped = rounds[after] - rounds[before]
    high, low, goal = np.log(np.maximum(
        [errors[before], errors[after], target], SMALLEST_ERROR))
    # Whole rounds, at least one, all if low = goal; rounding adds none.
    needed = max(1, np.ceil((high - goal) / (high - low) * skipped - 1e-9))
    part = needed / skipped
    return float((1 - part) * costs[before] + part * costs[after])


def costs_to_reach(target, runs, cost, error):
    """Cost of every run until its error stays at or below a target.

    Returns
    -------
    Series by solver and repetition, infinite where that is not reached.
    """
    return pd.Series(
        _costs(target, runs, cost, error), dtype=float,
        index=pd.MultiIndex.from_tuples(list(each_run(runs)), names=RUN))


def _costs(target, runs, cost, error):
    """The same as a list, in the order of :func:`each_run`."""
    columns = [runs[key].to_numpy(float) for key in ("stop_val", cost, error)]
    return [cost_of_run(target, *(column[rows] for column in columns))
            for rows in each_run(runs).values()]


def reason(runs, rows, error):
    """Why a run, of which the places in order are given, got no further."""
    last = rows[-1]
    stored = runs["final_results"].iat[last] if "final_results" in runs \
        else None
    ended = stored.get("ended") if isinstance(stored, dict) else None
    if ended == "time limit":
        return Reason(ended, float(runs["time"].iat[last]))
    if ended == "round limit":
        return Reason("flat" if is_flat(runs[error].to_numpy()[rows])
                      else ended, float(runs["stop_val"].iat[last]))
    return Reason(ended if ended == "method done" else "unknown")


def is_flat(errors):
    """Whether the last half of a run's evaluations gained little."""
    return len(errors) >= MIN_FLAT \
        and errors[(len(errors) - 1) // 2] < FLAT * errors[-1]


def reached(target, runs, cost, error):
    """What an accuracy costs each method, and what keeps it from there.

    Returns
    -------
    list of Reached, one per method
        costs : array, of the repetitions; infinite for those that do not
        reach the target. cost : their median. missed, repetitions : how many
        do not reach it, of how many. ends : median of the last errors. why :
        Reason that holds for all that miss it, None if none does; a limit is
        the smallest.
    """
    rows, errors = [], runs[error].to_numpy(float)
    every = iter(_costs(target, runs, cost, error))
    for solver, of_solver in by_solver(runs):
        costs = np.array([next(every) for _ in of_solver])
        missed = [places for places, cost_of_one in zip(
            of_solver, costs, strict=True) if cost_of_one == np.inf]
        rows.append(Reached(
            solver, costs, np.median(costs), len(missed), len(costs),
            np.median([errors[places[-1]] for places in of_solver]),
            weakest(reason(runs, places, error) for places in missed)))
    return rows


def reaching(target, runs, cost, error):
    """The same as a DataFrame by solver."""
    return pd.DataFrame(reached(target, runs, cost, error),
                        columns=Reached._fields).set_index("solver")


def weakest(reasons):
    """The reason that claims least, which holds for all; None of none."""
    return min(reasons, default=None,
               key=lambda reason: (WHY.index(reason.kind), reason.limit))
