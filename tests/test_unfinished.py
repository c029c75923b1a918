"""Signals and full disks: what has finished is kept."""
import errno
import os
import resource
import signal

import pytest

from benchmark_utils.fields.cache import cached
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


@pytest.mark.parametrize("room", [0, 1000, 6000])
def test_full_disk_leaves_no_file(room, tmp_path):
    """A limit of the size of files stands for the end of the disk."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, former[1]))
    try:
        with pytest.raises(OSError) as error:
            cached(tmp_path / "x.h5", {}, [pytest], lambda file:
                   file.create_dataset("field", data=[1.0] * 1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert error.value.errno == errno.EFBIG
    assert not list(tmp_path.iterdir())


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
