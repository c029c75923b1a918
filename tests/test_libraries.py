"""Solvers that wrap libraries: accuracy against numpy, and what they send."""
import re

import numpy as np
import pytest
from conftest import LIBRARIES, ROOT, spectrum_array

from benchmark_utils.runtime.requirements import package_versions

K = 3
N_STEPS, N_CELLS, D = 6, 11, 24
# Largest sine to numpy's singular vectors, on a field of condition 1e5.
STATED = {
    "dask-svd-compressed": 1e-4,
    "pymor-hapod": 2e-3,
    "scipy-eigsh": 1e-12,
    "sklearn-incremental-pca": 3e-4,
    "sklearn-truncated-svd": 1e-9,
}
RANKS = (1, 2, 4)


def field_of(make_field, partition, n_ranks, shift=0.0):
    return make_field(spectrum_array(N_STEPS, N_CELLS, D) + shift,
                      n_ranks=n_ranks, partition=partition)


def cases():
    return [(name, partition) for name in LIBRARIES
            for partition in LIBRARIES[name].partitions]


@pytest.mark.parametrize("shift", [0.0, 0.3])
@pytest.mark.parametrize(("name", "partition"), cases())
def test_agrees_with_numpy(name, partition, shift, run, make_field):
    """Also where the mean is not zero: no library may subtract it."""
    field = field_of(make_field, partition, 2, shift)
    last = run(LIBRARIES[name], field, K, N_STEPS)[-1]
    print(f"{name} {partition}: {last['subspace_error']:.1e}")
    assert last["subspace_error"] <= STATED[name]


def gathered_bytes(field, P, partition):
    """All numbers, one per rank, and the way back; float64 on disk."""
    n, d = field.n_samples, field.n_features
    remote = np.mean(field.owners() > 0)  # of the data, and of the basis
    back = P - 1 if partition == "samples" else remote
    return 8 * (n * d * remote + P - 1 + d * K * back)


@pytest.mark.parametrize("n_ranks", RANKS)
@pytest.mark.parametrize("name", [
    "dask-svd-compressed", "pymor-hapod", "sklearn-truncated-svd"])
def test_bytes_of_what_runs_on_one_rank(name, n_ranks, run, make_field):
    for partition in LIBRARIES[name].partitions:
        field = field_of(make_field, partition, n_ranks)
        last = run(LIBRARIES[name], field, K, 1)[-1]
        assert last["comm_bytes"] == pytest.approx(
            gathered_bytes(field, n_ranks, partition), abs=1e-6)


@pytest.mark.parametrize("n_ranks", RANKS)
@pytest.mark.parametrize("rank_factor", [1, 2])
def test_bytes_of_merged_factors(rank_factor, n_ranks, run, make_field):
    """Merges after batches 5 and 6, of r modes and the mean."""
    field = field_of(make_field, "samples", n_ranks)
    rounds = run(LIBRARIES["sklearn-incremental-pca"], field, K, N_STEPS,
                 rank_factor=rank_factor)
    r = rank_factor * K
    merge = (n_ranks - 1) * 8 * (D * (r + 1) + 1 + D * K)
    sent = np.diff([each["comm_bytes"] for each in rounds])
    assert sent.tolist() == [0] * 4 + [merge] * 2


@pytest.mark.parametrize("n_ranks", RANKS)
def test_bytes_of_a_distributed_operator(n_ranks, run, make_field):
    """Products are known by the readings of the block: two each."""
    field = field_of(make_field, "samples", n_ranks)
    last = run(LIBRARIES["scipy-eigsh"], field, K, 1)[-1]
    m = last["samples_seen"] / 2
    assert m >= 2 * K and m == int(m)
    assert last["comm_bytes"] == m * 2 * (n_ranks - 1) * 8 * D
    assert last["comm_calls"] == m
    field = field_of(make_field, "features", n_ranks)
    last = run(LIBRARIES["scipy-eigsh"], field, K, 1)[-1]
    m = (last["samples_seen"] - 1) / 2  # one more for the basis
    assert last["comm_bytes"] == m * 2 * (n_ranks - 1) * 8 * N_STEPS \
        + n_ranks * (n_ranks - 1) * 8 * K ** 2


def test_a_missing_package_is_named_with_its_command(capsys):
    class Missing(LIBRARIES["scipy-eigsh"]):
        requirements = ["pip::no-such-package[extra]", "pip::numpy"]

    assert not Missing.is_installed()
    assert "pip install 'no-such-package[extra]'" in capsys.readouterr().out
    with pytest.raises(ImportError, match="no-such-package"):
        Missing.is_installed(raise_on_not_installed=True)


def test_versions_are_those_of_pip():
    versions = package_versions(["pip::numpy", "pip::no-such-package"])
    assert versions == {"numpy": np.__version__, "no-such-package": None}


def test_documented():
    """Every library, and the extra that installs it."""
    page = (ROOT / "docs" / "libraries.rst").read_text()
    extras = re.search(r"^libraries = \[(.*)\]",
                       (ROOT / "pyproject.toml").read_text(), re.M)[1]
    for name, solver in LIBRARIES.items():
        assert f"``{name}``" in page
        for requirement in solver.requirements:
            package = requirement.removeprefix("pip::")
            assert package == "scipy" or f'"{package}"' in extras
