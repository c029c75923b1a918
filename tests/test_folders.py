"""Folders that may not be written: a sentence, or another folder."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import copy_project, get_instance, load_dataset

RUN = ("run", ".", "-d", "simulated[n_ranks=2,n_samples=400,n_features=60]",
       "-s", "block-power", "-n", "2", "-r", "1", "--no-display")
# The superuser may write everywhere unless this right is taken from it.
WITHOUT_RIGHTS = [] if os.geteuid() else [
    "setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"]

pytestmark = pytest.mark.skipif(
    bool(WITHOUT_RIGHTS) and not shutil.which("setpriv"),
    reason="the superuser may write everywhere: run as a user, or "
           "apt install util-linux")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project in which nothing may be written."""
    folder = copy_project(tmp_path_factory.mktemp("copy") / "benchmark")
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)


def benchopt(folder, *arguments, **environment):
    done = subprocess.run(
        [*WITHOUT_RIGHTS, Path(sys.executable).with_name("benchopt"), *RUN,
         *arguments], cwd=folder, capture_output=True, text=True, timeout=300,
        env={**os.environ, **environment})
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    return said


def test_a_project_that_may_not_be_written(project, tmp_path):
    assert f"may not write to {project}/outputs: allow it, or copy" in \
        benchopt(project)
    output = "--output", str(tmp_path / "run")
    said = benchopt(project, *output)
    assert f"{project}/__cache__: allow it, or copy" in said
    cache = dict(BENCHOPT_CACHE=str(tmp_path / "cache"))
    said = benchopt(project, *output, **cache)
    assert "simulated cannot store its field in" in said
    assert "Permission denied" in said
    # As the sentences say.
    benchopt(project, *output, BENCHOPT_DATA_HOME=str(tmp_path / "data"),
             **cache)
    assert (tmp_path / "run.parquet").exists()
    assert len(list(tmp_path.glob("data/simulated/*.h5"))) == 3


def test_fields_that_are_there_are_only_read(copy):
    """Of a data folder that a group shares."""
    assert "Writing simulated" in benchopt(copy, "--no-plot")
    folder = copy / "data" / "simulated"
    folder.chmod(0o555)
    said = benchopt(copy, "--no-plot", "--no-cache")
    folder.chmod(0o755)
    assert "cannot" not in said
    assert said.count("Writing simulated") == 0
    assert len(list(copy.glob("outputs/*.parquet"))) > 0


def test_a_file_in_place_of_a_folder(tmp_path):
    (tmp_path / "data").touch()
    module = load_dataset("simulated", tmp_path / "data")
    reason = get_instance(module).get_data()["field"].skip_reason()
    assert f"cannot store its field in {tmp_path}/data/simulated (" in reason
    assert "or choose another folder, export BENCHOPT_DATA_HOME" in reason


def test_a_path_that_cannot_be_read_is_no_folder_of_ours(tmp_path):
    module = load_dataset("hdf5_file", tmp_path)
    for chosen in (dict(path=300 * "a"), dict(weights=300 * "b" + ":c")):
        reason = get_instance(module, **chosen).get_data()[
            "field"].skip_reason()
        assert "cannot read" in reason and "correct the path" in reason
