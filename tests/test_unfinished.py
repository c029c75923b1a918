"""Signals and full disks: what has finished is kept."""
import errno
import os
import resource
import signal
from contextlib import contextmanager

import h5py
import numpy as np
import pytest

from benchmark_utils.fields.cache import cached
from benchmark_utils.fields.live import write_live_field
from benchmark_utils.results import saving
from benchmark_utils.results.interrupts import Interrupt, until_interrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_results_before_a_signal_are_kept(number):
    def results():
        yield "first"
        os.kill(os.getpid(), number)
        yield "second"

    with Interrupt() as interrupt:
        assert list(until_interrupted(results(), interrupt)) == ["first"]
        os.kill(os.getpid(), signal.SIGTERM)  # while the page is drawn
    assert interrupt.number == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@contextmanager
def size_of_files(limit):
    """A limit of the size of files stands for the end of the disk."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)


@pytest.mark.parametrize("room", [0, 1000, 6000])
def test_full_disk_leaves_no_file(room, tmp_path):
    with size_of_files(room), pytest.raises(OSError) as error:
        cached(tmp_path / "x.h5", {}, [pytest], lambda file:
               file.create_dataset("field", data=[1.0] * 1000))
    assert error.value.errno == errno.EFBIG
    assert not list(tmp_path.iterdir())


def test_full_disk_keeps_the_steps_of_a_live_field(tmp_path):
    """HDF5 by itself ends the process later, by SIGSEGV."""
    steps = np.random.default_rng(0).standard_normal((9, 1, 50, 40))
    axes = [(name, "1", np.arange(n)) for name, n in
            zip("txv", (9, 50, 40), strict=True)]
    path = tmp_path / "live.h5"
    with size_of_files(100_000), pytest.raises(OSError) as error:
        write_live_field(path, {}, axes, 1, steps, "none", dtype="float64")
    assert error.value.errno == errno.EFBIG
    assert error.value.filename == str(path)
    with h5py.File(path, "r", swmr=True) as file:
        n_steps = file["written"][0]
        assert 0 < n_steps < 9
        np.testing.assert_array_equal(file["field"][:n_steps],
                                      steps[:n_steps, 0])


def test_results_go_elsewhere(tmp_path, monkeypatch, capsys):
    def save(df, path, uniquify):
        if path.parent.name == "outputs":
            raise OSError(errno.ENOSPC, "No space left on device")
        return path

    monkeypatch.setattr(saving, "save", save)
    monkeypatch.setattr(saving.tempfile, "tempdir", str(tmp_path))
    found = saving.save_results(None, tmp_path / "outputs" / "r.parquet")
    assert found == tmp_path / "r.parquet"
    assert "make room" in capsys.readouterr().out
