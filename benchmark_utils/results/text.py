"""Words of the page: numbers with units, cells, titles, reasons, lists."""
import re
from textwrap import wrap

import numpy as np

from benchmark_utils.results.memo import once
from benchmark_utils.results.select import simulated
from benchmark_utils.results.statistics import FEW, SMALLEST_ERROR, weakest

# Invisible characters: a blank as wide as a digit, and one of no width.
FIGURE_SPACE, WORD_JOINER = "\u2007", "\u2060"

# For plots that show costs to an accuracy.
INTERPOLATED = "costs interpolated in log error"


def on_ranks(ranks):
    """What a modelled number of ranks means."""
    return f"on {ranks} ranks, each with as much data as a measured rank"


def wrapped(text, **options):
    """A text in lines that fit above or below a figure."""
    return "<br>".join(wrap(text, 110, break_on_hyphens=False, **options))


def listed(note, names, **options):
    """A note with names, in such lines."""
    return wrapped(note + ", ".join(sorted(set(names))), **options)


def readable_bytes(number):
    """1234567 -> 1.23 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"


def readable(number, unit):
    """A cost with its unit: 1234567 B -> 1.23 MB; a dash for NaN."""
    if np.isnan(number):
        return "-"
    if unit in ("B", "MB"):
        return readable_bytes(number * {"B": 1, "MB": 1e6}[unit])
    return f"{number:.3g}" + (f" {unit}" if unit != "1" else "")


def why_not(reason):
    """A :class:`Reason` as the end of the sentence "the method ..."."""
    return {"method done": "stalls", "flat": "stalls",
            "round limit": f"not within {reason.limit:.0f} rounds",
            "time limit": f"not within {reason.limit:.3g} s",
            "unknown": "not reached"}[reason.kind]


def why_not_at(row):
    """The same with the error: of a row of ``reaching`` without a cost."""
    text = why_not(row.why)
    text += f" at {row.ends:.1e}" if text == "stalls" \
        else f", ends at {row.ends:.1e}"
    if row.why.kind == "flat":
        text += f" for {row.why.limit:.0f} rounds"
    return text if row.missed == row.repetitions \
        else f"{row.missed} of {row.repetitions}: {text}"


def cost_cell(row):
    """A cost in bytes, or why there is none, for the width of a cell."""
    if row.cost == np.inf:
        return why_not(row.why).replace("not within", ">")
    reached = row.repetitions - row.missed
    return readable_bytes(row.cost) + (
        f", {reached}/{row.repetitions}" if row.missed else "")


def not_reached(tables):
    """Note on the methods that miss a target in all tables of ``reaching``.

    Points show the methods that reach it in some tables; methods that reach it
    in only some of the repetitions are named as well.
    """
    reasons, partly = {}, set()
    for table in tables:
        for row in table.itertuples():
            reasons.setdefault(row.Index, []).append(
                row.why if row.cost == np.inf else None)
            if row.missed and row.cost < np.inf:
                partly.add(row.Index)
    groups = {}
    for solver, of_solver in sorted(reasons.items()):
        if None not in of_solver:
            why = weakest(of_solver)
            kind = "stalls" if why_not(why) == "stalls" else why.kind
            groups.setdefault(kind, []).append((solver, why))
    missing = []
    for kind, group in groups.items():
        solvers, whys = zip(*group, strict=True)
        missing.append(", ".join(solvers) + (
            "" if kind == "unknown" else f" ({why_not(weakest(whys))})"))
    notes = [
        "not reached: " + "; ".join(missing) if missing else "",
        "reached only in some repetitions: " + ", ".join(sorted(partly))
        if partly else ""]
    return wrapped("; ".join(filter(None, notes)))


def cells(values, texts, best=None):
    """Texts that benchopt's page shows as they are and sorts by their values.

    It sorts texts as texts: hence leading blanks, which HTML hides, more of
    them for less. It rounds what reads as a number: hence the last character.
    """
    ranks = values.rank(method="dense", ascending=False, na_option="top")
    return [" " * int(rank)
            + (f"**{text}**" if value == best < np.inf else text) + WORD_JOINER
            for rank, value, text in zip(ranks, values, texts, strict=True)]


@once
def repetitions(runs):
    """What varies between repetitions, and how many there are."""
    n = runs["idx_rep"].nunique()
    return f"median of {n} random starts on one field" if n > 1 \
        else "one random start"


@once
def band(runs):
    """What a band covers; numbers of repetitions differ in a merged file."""
    counts = runs.groupby("solver_name")["idx_rep"].nunique()
    if counts.empty or counts.max() == 1:
        return ""
    if counts.max() < FEW:
        return f", band: min to max of {counts.max()}"
    return ", band: 10-90 %" + (
        f", min to max if fewer than {FEW}" if counts.min() < FEW else "")


@once
def world(runs):
    """Note on ranks that are no processes; empty for those that are."""
    return "; simulated ranks, no times measured" \
        if simulated(runs).any() else ""


def title(runs, dataset, objective, note, drawn=None):
    """The problem, what is drawn of the repetitions, and a note."""
    ranks = runs["objective_n_ranks"].max()
    where = "" if np.isnan(ranks) or "n_ranks=" in dataset \
        else f", {ranks:.0f} ranks"
    dataset = re.sub(r"path=[^,\]]*/", "path=", dataset)  # the file's name
    return f"{objective} of {dataset}{where}\n" \
           f"{drawn or repetitions(runs)}; {note}{world(runs)}"


def labels(runs, dataset, objective, x, y):
    """Metadata of a plot of error axis y against cost axis x."""
    hidden = ", 0 is not shown" if (runs[x.column] == 0).any() else ""
    raised = (f", at least {SMALLEST_ERROR}"
              if (runs[y.column] < SMALLEST_ERROR).any() else "")
    return dict(title=title(runs, dataset, objective, "round 0 not shown",
                            repetitions(runs) + band(runs)),
                xlabel=f"{x.title}: {x.meaning}{hidden}",
                ylabel=f"{y.title}{raised}<br>{y.meaning}",
                scale="loglog")
