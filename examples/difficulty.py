"""Write the generated parts of datasets.rst: measures and their values.

    benchopt prepare . -d ncep-air && python examples/difficulty.py

Fields that are not in benchopt's data folder yet are generated, which takes
some minutes.
"""
from pathlib import Path
from textwrap import fill

from benchopt.benchmark import Benchmark
from benchopt.utils.run_context import RunContext

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "datasets.rst"
BENCHMARK = Benchmark(ROOT)  # makes benchmark_utils importable

from benchmark_utils.fields.difficulty import (  # noqa: E402
    COLUMNS,
    MEASURES,
    load_difficulty,
    readable,
)
from benchmark_utils.fields.partition import PARTITIONS  # noqa: E402

N_COMPONENTS = 10
HEADING = ["field", "partition", *COLUMNS.values()]
# Physical cases; of other datasets the default is shown.
CASES = {
    "drift-kinetic": ("steep_zone", "uniform"),
    "gray-scott": ("spirals", "gliders", "dead_zone"),
    "ncep-air": ("anomalies", "raw"),
    "sphere-vorticity": ("jet", "vortices"),
    "ukmo-scenarios": ("a1b", "e1"),
    "vlasov-2d2v": ("two_beams", "landau"),
    "vlasov-poisson": ("landau", "two_stream", "inhomogeneous"),
    "vorticity-2d": ("storm_track", "kolmogorov", "decaying", "taylor_green"),
}


def fields():
    """Dataset classes and parameters of the rows; not the user's file."""
    datasets = {each.name: each for each in BENCHMARK.get_datasets()}
    del datasets["hdf5-file"]
    for _, dataset in sorted(datasets.items()):
        partitions = [each for each in PARTITIONS
                      if each in dataset.partitions]
        cases = [{"case": case} for case in CASES.get(dataset.name, ())]
        for case in cases or [{}]:
            for partition in partitions:
                yield dataset, case | {"partition": partition}


def row(dataset, parameters):
    """First two columns: name and partition."""
    case = parameters.get("case")
    return [f"``{dataset.name}``" + (f" {case}" if case else ""),
            parameters["partition"]]


def texts(dataset, parameters):
    """The other columns, measured on the field of default size."""
    instance = dataset.get_instance(**parameters)
    RunContext().set_run_context("objective", instance, "solver",
                                 repetition=0, base_seed=0)
    field = instance.field()
    if field.skip_reason():
        raise SystemExit(field.skip_reason())
    return list(readable(load_difficulty(field, N_COMPONENTS)).values())


def table(rows):
    """A simple table of reStructuredText, one line of heading per word."""
    words = [cell.split() for cell in HEADING]
    depth = max(map(len, words))
    lines = [[cell[i] if i < len(cell) else "" for cell in words]
             for i in range(depth)]
    widths = [max(map(len, column))
              for column in zip(*lines, *rows, strict=True)]
    rule = "  ".join("=" * width for width in widths)

    def text(cells):
        return "  ".join(cell.ljust(width) for cell, width in
                         zip(cells, widths, strict=True)).rstrip()

    return "\n".join([rule, *map(text, lines), rule, *map(text, rows), rule])


def measures():
    """What the columns mean, a definition list."""
    return "\n".join(
        f"{measure.label} (``objective_field_{key}``)\n"
        + fill(measure.meaning, 79, initial_indent="    ",
               subsequent_indent="    ")
        for key, measure in MEASURES.items())


def replaced(page, part, content):
    """The page with new content between the comments that name a part."""
    begin, end = f".. begin {part}\n", f".. end {part}\n"
    before, rest = page.split(begin)
    return f"{before}{begin}\n{content}\n\n{end}{rest.split(end)[1]}"


def main():
    rows = []
    for dataset, parameters in fields():
        rows.append(row(dataset, parameters) + texts(dataset, parameters))
        print(*rows[-1], sep="  ", flush=True)
    page = replaced(PAGE.read_text(), "measures", measures())
    PAGE.write_text(replaced(page, "difficulty", table(rows)))


if __name__ == "__main__":
    main()
