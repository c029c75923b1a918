"""The tables of the README are those of the code."""
from conftest import BENCHMARK, ROOT

from benchmark_utils.scoring.metrics import METRICS

README = (ROOT / "README.rst").read_text()


def table(heading):
    """First column -> rest of the row, of a section's simple table."""
    section = README.split(f"\n{heading}\n{'-' * len(heading)}\n")[1]
    lines = section.split("\n\n")
    table = next(part for part in lines if part.startswith("===="))
    rows, key = {}, None
    width = table.index(" ")
    for line in table.splitlines()[3:-1]:
        first, rest = line[:width].strip("` "), line[width:].split()
        key = first or key
        rows[key] = rows.get(key, []) + rest
    return {key: " ".join(words) for key, words in rows.items()}


def test_metrics_table():
    assert table("Metrics") == {
        key: f"{metric.unit} {metric.meaning}"
        for key, metric in METRICS.items()}


def test_methods_table():
    rows = table("Methods")
    solvers = {solver.name: solver for solver in BENCHMARK.get_solvers()}
    assert set(rows) == set(solvers)
    for name, solver in solvers.items():
        one_pass = rows[name].split()[-2]
        assert one_pass == ("yes" if solver.one_pass else "no")


def test_datasets_table():
    assert set(table("Data")) == {
        dataset.name for dataset in BENCHMARK.get_datasets()}
