"""The methods in an MPI program of one's own, without benchopt."""
import json
import re

import numpy as np
import pytest
from conftest import LIBRARIES, METHODS, ROOT
from mpi4py import MPI
from test_communicator import start

from benchmark_utils.fields.arrays import SplitArray
from benchmark_utils.methods.method import load_method
from benchmark_utils.program import DistributedPCA

# What is not exact, or slow: how far it may be off after 60 rounds.
APPROXIMATE = {
    "apmos": 0.1, "drgta": 1.0, "fast-pca": 0.5, "frequent-directions": 0.1,
    "hapod": 0.1, "history-pca": 0.3, "incremental-svd": 0.05,
    "low-rank-merge": 0.05, "oja": 0.5, "projector-average": 0.1,
    "randomized-svd": 1e-2, "streaming-sketch": 1e-2}


class Alone:
    """A communicator of one rank, for the checks of arguments."""

    rank, size = 0, 1

    def allgather(self, value):
        return [value]


@pytest.mark.parametrize("n_ranks", [2, 3])
@pytest.mark.parametrize("partition", ["samples", "features"])
def test_every_method_on_own_arrays(partition, n_ranks):
    results = json.loads(start(n_ranks, "your_code.py", partition))
    assert set(results) == {
        name for name, solver in METHODS.items()
        if partition in solver.partitions and name not in LIBRARIES
        and name != "gather-compressed"}  # of a field, not of a matrix
    for name, result in results.items():
        assert result["error"] < APPROXIMATE.get(name, 1e-6), name
        assert result["error"] <= result["bound"], name
        assert result["eigenvalues"] < max(
            1e-3, 2 * APPROXIMATE.get(name, 0) ** 2), name
    # The last allreduce is of the eigenvalues.
    d, n = 12 * n_ranks, sum(20 + 4 * np.arange(n_ranks))
    if partition == "samples":
        assert results["block-power"]["sent_bytes"] == \
            2 * (n_ranks - 1) * 8 * (60 * d * 13 + 3 * 3)
        assert results["oja"]["sent_bytes"] == \
            2 * (n_ranks - 1) * 8 * (4 * d * 3 + 3 * 3)
    else:
        assert results["method-of-snapshots"]["sent_bytes"] == \
            2 * (n_ranks - 1) * 8 * (n * (n + 1) // 2 + n * 3)


@pytest.mark.parametrize("n_ranks", [2, 4])
def test_the_example(n_ranks, tmp_path):
    (tmp_path / "benchopt.py").write_text("raise ImportError('not here')")
    output = start(n_ranks, ROOT / "examples" / "in_your_code.py",
                   PYTHONPATH=str(tmp_path))
    bounds = re.findall(r"error below (\S+), (\d+) bytes", output)
    assert len(bounds) == 2
    assert float(bounds[0][0]) < 0.1 and float(bounds[1][0]) < 1e-6
    assert all(int(n_bytes) > 0 for _, n_bytes in bounds)


def test_arrays_that_do_not_fit():
    with pytest.raises(ValueError, match="matrix of floating point numbers"):
        SplitArray(Alone(), np.ones((3, 3), int), "samples", 1)
    two = Alone()
    two.allgather = lambda value: [value, ((4, 5), "float64", True)]
    with pytest.raises(ValueError, match="same number of columns"):
        SplitArray(two, np.ones((3, 3)), "samples", 1)
    two.allgather = lambda value: [((3, 3), "float64", True), value]
    with pytest.raises(ValueError, match="infinite values on the ranks 1"):
        SplitArray(two, np.array(3 * [[1, np.nan, 1]]), "samples", 1)
    huge = SplitArray(Alone(), np.full((3, 3), 1e308), "samples", 2)
    with pytest.raises(ValueError, match="infinite"):
        huge.hand_over(np.full((3, 3), np.inf))


def test_unknown_methods_are_named():
    with pytest.raises(ValueError, match="choose one of apmos, block-krylov"):
        load_method("nonsense")
    with pytest.raises(ValueError, match="choose one of"):
        load_method(str(ROOT / "solvers" / "nonsense.py"))


@pytest.mark.parametrize("change, sentence", [
    (dict(n_components=0), "n_components is 0: give a whole number"),
    (dict(n_components=2.5), "n_components is 2.5: give a whole number"),
    (dict(n_batches=0), "n_batches is 0: give a whole number"),
])
def test_arguments_that_are_no_numbers(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        DistributedPCA(Alone(), "gram-eigh", **change)


def test_no_result_yet():
    with DistributedPCA(MPI.COMM_SELF, "gram-eigh", 2) as pca, \
            pytest.raises(ValueError, match="no result before fit"):
        pca.result()


def test_files_elsewhere_are_methods(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text((ROOT / "solvers" / "oja.py").read_text())
    assert load_method(file).one_pass
    # As docs/own_method.rst has it: a new file beside the others.
    assert load_method(str(ROOT / "solvers" / "oja.py")).one_pass
