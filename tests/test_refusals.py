"""One bad input never loses a run: it is skipped, and the page says why."""
import h5py
import numpy as np
import pytest
from benchopt.results import read_results
from conftest import benchopt, get_instance, load_dataset, spectrum_array
from input_files import write

from benchmark_utils.results import not_run


def test_a_page_of_all_that_can_be_computed(copy, tmp_path):
    """Three datasets, one is refused; k up to beyond the rank of each.

    One has longitudes that wrap and a latitude that is missing.
    """
    write(tmp_path / "map.h5", names=("time", "lat", "lon"), coordinates=dict(
        lat=[-50, -30, -10, 10, np.nan, 50], lon=[180, 270, 350, 0, 90]
    )).close()
    path = tmp_path / "gap.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.array([[1.0, np.nan], [2.0, 3.0]])
    config = tmp_path / "run.yml"
    config.write_text(f'''\
dataset:
  - hdf5-file:
      path: {path}
      variable: a
      axes: time-space
  - hdf5-file:
      path: {tmp_path / "map.h5"}
      variable: a
      n_ranks: 2
  - simulated:
      n_ranks: 2
      n_samples: 400
      n_features: 60
objective:
  - Distributed PCA:
      n_components: [2, 45, 400]
solver: [block-power]
''')
    done = benchopt(copy, "run", ".", "--config", str(config), "-n", "2",
                    "-r", "1", "--no-display", "--output", "refused")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    results = read_results(copy / "outputs" / "refused.parquet")
    run = set(zip(results["p_dataset_n_ranks"], results["p_obj_n_components"],
                  results["file_dataset"], strict=True))
    assert {(2, 2, "datasets/simulated.py"), (2, 45, "datasets/simulated.py"),
            (2, 2, "datasets/hdf5_file.py")} <= run
    assert 400 not in set(results["p_obj_n_components"])
    page = next(copy.glob("outputs/*_refused.html")).read_text()
    page = page.replace("<br>", " ")
    for reason in ("1 of 4 values of /a are missing",
                   "n_components = 400 is more than the rank 60"):
        assert reason in done.stdout
        assert reason in page


@pytest.mark.parametrize("k", [0, -1, 2.5, "ten", None])
def test_components_are_counted(k, benchmark, make_field):
    objective = benchmark.get_benchmark_objective().get_instance(
        n_components=k)
    skip, reason = objective.skip(make_field(spectrum_array(9, 8, 5),
                                             n_ranks=1))
    assert skip and f"n_components is {k!r}: give a whole number" in reason


def test_a_field_of_zeros_is_skipped(benchmark, make_field):
    objective = benchmark.get_benchmark_objective().get_instance()
    path = make_field(spectrum_array(9, 8, 5), n_ranks=1)
    with h5py.File(path.path, "r+") as file:
        file["field"][...] = 0
    skip, reason = objective.skip(type(path)(path.path, n_ranks=1))
    assert skip and "zero everywhere" in reason


def test_a_failing_dataset_is_skipped(tmp_path, capsys):
    """Whatever its own code raises."""
    module = load_dataset("template_dataset", tmp_path)

    class Failing(module.Dataset):
        name = "failing"

        def coordinates(self):
            return [][0]

    module.Dataset = Failing
    reason = get_instance(module).get_data()["field"].skip_reason()
    assert reason.startswith("failing failed with IndexError: list index")
    assert "return [][0]" in capsys.readouterr().err



def test_reasons_are_on_the_page_once(monkeypatch):
    """Not once for every number of components."""
    monkeypatch.setattr(not_run, "NOT_RUN", {
        ("gone", "PCA[k=2]"): "There is no file.",
        ("gone", "PCA[k=45]"): "There is no file.",
        ("small", "PCA[k=45]"): "45 is more than the rank 9."})
    assert not_run.not_run_note().split("\n")[1:] == [
        "Not run: PCA[k=2], PCA[k=45] of gone: There is no file.",
        "Not run: PCA[k=45] of small: 45 is more than the rank 9."]
