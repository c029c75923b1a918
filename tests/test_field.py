"""Fields on disk: partitions, dealing, reference; against plain numpy."""
import os
import subprocess
import sys
import textwrap
import types

import h5py
import numpy as np
import pytest
from conftest import ROOT, global_matrix, spectrum_array

from benchmark_utils.fields import reading, reference
from benchmark_utils.fields.field import Field
from benchmark_utils.fields.partition import block_counts, slab_edges
from benchmark_utils.fields.reference import load_reference
from benchmark_utils.fields.store import store_field


def assemble(field):
    """X as it results from what every rank reads, batch by batch."""
    X = np.full((field.n_samples, field.n_features), np.nan)
    steps = np.arange(field.n_steps)
    for rank in range(field.n_ranks):
        block = np.concatenate(list(field.reader(rank).batches()))
        if field.partition == "features":
            X[:, field.columns(rank)] = block
        else:
            rows = steps[:, None] * field.n_cells + field.cells(rank)
            X[rows.ravel()] = block
    return X


@pytest.mark.parametrize("heterogeneity", [1, 0.5, 0])
@pytest.mark.parametrize("partition", ["samples", "features"])
@pytest.mark.parametrize("n_ranks, weights", [
    (1, None), (3, None), (4, (8, 4, 2, 1))])
def test_ranks_read_the_whole_matrix(n_ranks, weights, partition,
                                     heterogeneity, make_field):
    array = spectrum_array(7, 13, 5)
    field = make_field(array, n_ranks=n_ranks, partition=partition,
                       heterogeneity=heterogeneity, weights=weights, batch=3)
    np.testing.assert_array_equal(assemble(field),
                                  global_matrix(array, partition))


@pytest.mark.parametrize("heterogeneity", [1, 0.3])
@pytest.mark.parametrize("partition", ["samples", "features"])
@pytest.mark.parametrize("decomposition, n_ranks, weights", [
    ("slabs", 3, None), ("blocks", 1, None), ("blocks", 4, None),
    ("blocks", 6, None), ("blocks", 4, (8, 4, 2, 1)), ("blocks", 3, None)])
@pytest.mark.parametrize("shape", [(5, 7, 4, 2), (5, 7, 5, 3, 2)])
def test_several_space_axes(shape, decomposition, n_ranks, weights,
                            partition, heterogeneity, make_field):
    array = np.random.default_rng(0).standard_normal(shape)
    field = make_field(
        array, n_space=len(shape) - 2, n_ranks=n_ranks, partition=partition,
        heterogeneity=heterogeneity, weights=weights, batch=2,
        decomposition=decomposition)
    np.testing.assert_array_equal(assemble(field), array.reshape(
        field.n_samples, field.n_features))


def test_blocks_are_blocks(make_field):
    array = np.ones((1, 7, 5, 2))
    owners = make_field(array, n_space=2, n_ranks=4,
                        decomposition="blocks").owners().reshape(7, 5)
    np.testing.assert_array_equal(
        owners, np.repeat(np.repeat([[0, 1], [2, 3]], [3, 4], axis=0),
                          [2, 3], axis=1))
    # Unequal parts: every slab is cut on its own, 4 : 1 and 1 : 1.
    owners = make_field(array, n_space=2, n_ranks=4, weights=(4, 1, 2, 2),
                        decomposition="blocks").owners().reshape(7, 5)
    np.testing.assert_array_equal(owners[:3], [[0, 0, 0, 1, 1]] * 3)
    np.testing.assert_array_equal(owners[-3:], [[2, 2, 3, 3, 3]] * 3)


def test_numbers_of_blocks_are_those_of_mpi():
    """Asked in a process of its own: MPI stays out of this one."""
    script = ("from mpi4py import MPI\n"
              "print([tuple(MPI.Compute_dims(n, 2)) for n in range(1, 65)])")
    done = subprocess.run([sys.executable, "-c", script], check=True,
                          capture_output=True, text=True)
    assert [block_counts(n) for n in range(1, 65)] == eval(done.stdout)


def test_dealing_keeps_counts_and_mixes(make_field):
    array = spectrum_array(1, 1000, 2)
    split = {"n_ranks": 4, "weights": (4, 3, 2, 1)}
    counts = np.bincount(make_field(array, **split).owners())
    at_home = {}
    for h in (1, 0.75, 0):
        field = make_field(array, heterogeneity=h, **split)
        owners = field.owners()
        np.testing.assert_array_equal(np.bincount(owners), counts)
        np.testing.assert_array_equal(owners, field.owners())
        at_home[h] = np.mean(owners == make_field(array, **split).owners())
    chance = ((counts / 1000) ** 2).sum()
    assert at_home[1] == 1
    assert at_home[0.75] == pytest.approx(0.75 + 0.25 * chance, abs=0.04)
    assert at_home[0] == pytest.approx(chance, abs=0.06)


def test_slabs_are_never_empty():
    for n_points in (3, 4, 10):
        edges = slab_edges(n_points, 3, (1000, 1, 1))
        assert (np.diff(edges) >= 1).all() and edges[-1] == n_points


@pytest.mark.parametrize("split, message", [
    ({"partition": "rows"}, "not one of samples and features"),
    ({"heterogeneity": 1.5}, "between 0 and 1"),
    ({"batch": 0}, "batch is 0: give a whole number"),
    ({"batch": 1.5}, "batch is 1.5: give a whole number"),
    ({"n_ranks": 0}, "n_ranks is 0: give a whole number"),
    ({"n_ranks": "4"}, "n_ranks is '4': give a whole number"),
    ({"decomposition": "cubes"}, "not one of slabs and blocks"),
])
def test_wrong_split(split, message, make_field):
    with pytest.raises(ValueError, match=message):
        make_field(spectrum_array(2, 4, 3), **split)


def test_more_ranks_than_points(make_field):
    field = make_field(spectrum_array(2, 4, 3), n_ranks=5)
    assert "choose n_ranks <= 4" in field.skip_reason()
    with pytest.raises(ValueError, match="choose n_ranks <= 4"):
        field.owners()


@pytest.mark.parametrize("n_space, n_ranks, message", [
    (1, 4, "one space axis, 'x'"),
    (2, 12, "4 x 3 blocks do not fit on 4 x 2 points"),
])
def test_blocks_that_do_not_fit(n_space, n_ranks, message, make_field):
    field = make_field(np.ones((2, 4, 2, 3)), n_space=n_space,
                       n_ranks=n_ranks, decomposition="blocks")
    assert message in field.skip_reason()


@pytest.mark.parametrize("partition", ["samples", "features"])
@pytest.mark.parametrize("shape", [
    (4, 9, 6), (50, 3, 4), (1, 30, 30), (2, 5, 40)])
def test_reference_is_numpy_svd(shape, partition, make_field):
    array = spectrum_array(*shape)
    field = make_field(array, n_ranks=1, partition=partition)
    X = global_matrix(array, partition)
    _, s, Vt = np.linalg.svd(X, full_matrices=False)
    found = load_reference(field)
    exact = s ** 2 / len(X)
    m = len(found.eigenvalues)
    np.testing.assert_allclose(found.eigenvalues, exact[:m], rtol=1e-9,
                               atol=1e-14 * exact[0])
    assert found.total_variance == pytest.approx(exact.sum())
    k = min(3, m)
    with h5py.File(field.reference_path) as file:
        basis = file["basis"][:, :k]
    assert np.linalg.norm(basis - Vt[:k].T @ (Vt[:k] @ basis), 2) < 1e-9
    assert found.subspace_error(k) < 1e-12


def test_large_problem_streams(make_field, monkeypatch):
    """The iterative path, for fields whose Gram matrices are too large."""
    array = spectrum_array(60, 4, 50)
    dense = load_reference(make_field(array, n_ranks=1))
    monkeypatch.setattr(reference, "MAX_GRAM", 10)
    monkeypatch.setattr(reading, "BLOCK_BYTES", 4000)
    field = make_field(array + 0.0, n_ranks=1)
    field.reference_path.unlink()
    streamed = load_reference(field)
    np.testing.assert_allclose(streamed.eigenvalues, dense.eigenvalues,
                               rtol=1e-9, atol=1e-12)


def write(folder, value=1.0, calls=None, **settings):
    def snapshots():
        if calls is not None:
            calls.append(1)
        for _ in range(4):
            yield np.full((1, 3, 2), value)

    axes = [("t", "s", np.arange(4)), ("x", "m", np.arange(3)),
            ("v", "m/s", np.arange(2))]
    return store_field(folder, settings, axes, 1, snapshots, "none")


def test_written_once_and_rebuilt_when_truncated(tmp_path):
    calls = []
    path = write(tmp_path, calls=calls, case="a")
    assert write(tmp_path, calls=calls, case="a") == path
    assert len(calls) == 1
    assert write(tmp_path, calls=calls, case="b") != path
    os.truncate(path, path.stat().st_size // 2)
    assert write(tmp_path, calls=calls, case="a") == path
    assert len(calls) == 3
    assert Field(path, n_ranks=1).shape == (4, 3, 2)


def test_the_first_of_two_writers_stays(tmp_path, monkeypatch):
    """Its readers would take the second one's file for a change."""
    class Meanwhile:
        def append(self, _):
            with monkeypatch.context() as other:
                other.setattr(os, "getpid", lambda: 1)
                self.first = write(tmp_path, case="a")
                self.number = self.first.stat().st_ino

    calls = Meanwhile()
    path = write(tmp_path, calls=calls, case="a")
    assert (path, path.stat().st_ino) == (calls.first, calls.number)
    assert list(tmp_path.iterdir()) == [path]


def stored(folder, code, sources=(), physics="", coordinates=(0, 1)):
    """Path of a field whose generator stands in a file of its own."""
    (folder / "physics.py").write_text(physics)
    (folder / "generator.py").write_text(code)
    scope = {"np": np}
    exec(compile(code, folder / "generator.py", "exec"), scope)
    module = types.ModuleType("physics")
    module.__file__ = str(folder / "physics.py")
    return store_field(folder, {}, [("t", "s", np.array(coordinates)),
                                    ("x", "m", np.arange(3))],
                       1, scope["snapshots"], "none",
                       sources=[module] if sources else ())


GENERATOR = """
def snapshots():
    yield np.full((2, 3), 1.0)
"""


def test_rebuilt_when_the_source_changes(tmp_path):
    """The generator's file and what it declares, nothing else."""
    path = stored(tmp_path, GENERATOR, physics="speed = 1")
    assert stored(tmp_path, GENERATOR, physics="speed = 2") == path
    assert stored(tmp_path, "factor = 2" + GENERATOR) != path
    declared = stored(tmp_path, GENERATOR, True, "speed = 1")
    assert declared == stored(tmp_path, GENERATOR, True, "speed = 1")
    assert declared != stored(tmp_path, GENERATOR, True, "speed = 2")


def test_rebuilt_when_the_layout_changes(tmp_path):
    path = stored(tmp_path, GENERATOR)
    assert stored(tmp_path, GENERATOR, coordinates=(0, 2)) != path


NOTEBOOK = """
import sys
sys.path.insert(0, {root!r})
import numpy as np
from benchmark_utils.fields.store import store_field

def snapshots():
    def row(t):
        return np.full((1, 3), {value})
    for t in range(2):
        yield row(t)

print(store_field({folder!r}, {{}}, [("t", "s", np.arange(2)),
                  ("x", "m", np.arange(3))], 1, snapshots, "none").name)
"""


def test_a_generator_without_a_file(tmp_path):
    """From a prompt: its instructions are the key, and it says so."""
    def key(value):
        done = subprocess.run(
            [sys.executable, "-"], text=True, check=True, capture_output=True,
            input=NOTEBOOK.format(root=str(ROOT), folder=str(tmp_path),
                                  value=value))
        assert "snapshots is not in a file" in done.stderr
        return done.stdout.splitlines()[-1]

    assert key(1.0) == key(1.0) != key(2.0)


def test_a_generator_that_is_no_function(tmp_path):
    with pytest.raises(TypeError, match="is not a Python function: wrap it"):
        store_field(tmp_path, {}, [("t", "s", np.arange(2))], 0,
                    iter([]).__next__, "none")


def test_layout(tmp_path):
    with h5py.File(write(tmp_path, case="a")) as file:
        assert file["field"].dtype == np.float32
        assert list(file["field"].attrs["axes"]) == ["t", "x", "v"]
        assert file["axes/v"].attrs["unit"] == "m/s"
        assert '"case": "a"' in file.attrs["settings"]


@pytest.mark.parametrize("value, message", [
    (np.nan, "not finite from time step 0"),
    (0.0, "zero everywhere"),
])
def test_bad_values(value, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load_reference(Field(write(tmp_path, value), n_ranks=1))


def test_short_generator(tmp_path):
    with pytest.raises(ValueError, match="only 1 of 4 time steps"):
        store_field(tmp_path, {}, [("t", "s", np.arange(4)),
                                   ("x", "m", np.arange(3))],
                    1, lambda: iter([np.ones((1, 3))]), "none")
    assert not list(tmp_path.iterdir())


def test_killed_generation_leaves_nothing_finished(tmp_path):
    """And the next run writes the field."""
    script = textwrap.dedent(f"""\
        import os, signal, sys
        sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests")!r}]
        import numpy as np
        from benchmark_utils.fields.store import store_field

        def snapshots():
            yield np.ones((1, 3))
            os.kill(os.getpid(), signal.SIGKILL)

        if __name__ == "__main__":
            store_field({str(tmp_path)!r}, {{}},
                        [("t", "s", np.arange(4)), ("x", "m", np.arange(3))],
                        1, snapshots, "none")
        """)
    path = tmp_path / "script.py"
    path.write_text(script)
    subprocess.run([sys.executable, path], check=False)
    assert not list(tmp_path.glob("[!.]*.h5"))
    write(tmp_path)
    assert not list(tmp_path.glob(".*.tmp")), "stale file is not removed"
