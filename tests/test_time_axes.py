"""Which axis of a user's file is time, and what its coordinates say."""
import os
import re
import resource

import cftime
import h5py
import numpy as np
import pytest
import xarray
from conftest import get_field
from input_files import A, equal, rows, write
from test_field import assemble

from benchmark_utils.fields.time_units import day_number


@pytest.mark.parametrize("name", [
    "t", "T", "Times", "TIME", "time_counter", "ocean_time", "sim_time",
    "date", "Year", "years", "month", "step", "steps", "time0", "initial_time",
    "valid_time", "forecast_time0", "timestep", "time-step", "iteration"])
@pytest.mark.parametrize("axis", [0, 2])
def test_names_of_time(read, tmp_path, name, axis):
    names = ["y", "x"]
    names.insert(axis, name)
    write(tmp_path / "a.h5", names=names).close()
    equal(read("a.h5"), rows(np.moveaxis(A, axis, 0)))


@pytest.mark.parametrize("attributes", [
    {"units": "days since 1850-01-01"}, {"units": "Hours Since 1900-1-1"},
    {"units": np.array([b"days since 2000-01-01"])}, {"calendar": "360_day"},
    {"axis": "T"}, {"standard_name": "time"}, {"units": "s"},
    {"units": "years"}])
def test_attributes_of_time(read, tmp_path, attributes):
    with write(tmp_path / "a.h5", names=("a1", "b", "when")) as file:
        file["when"].attrs.update(attributes)
    equal(read("a.h5"), rows(np.moveaxis(A, 2, 0)))


def test_labels_without_scales(read, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = A
        file["a"].dims[1].label = "time"
    equal(read("a.h5"), rows(np.moveaxis(A, 1, 0)))


def test_no_time_or_several(read, refused, tmp_path):
    write(tmp_path / "a.h5", names=("member", "y", "x")).close()
    said = refused("a.h5")
    assert "they are member (8), y (6), x (5), the file calls none" in said
    assert "for example axes=time-space-space," in said
    write(tmp_path / "b.h5", names=("year", "month", "x")).close()
    assert "more than one may be time: year and month" in refused("b.h5")
    # What the file says outweighs a name, and a long axis a short one.
    with write(tmp_path / "c.h5", names=("year", "step", "x")) as file:
        file["step"].attrs["units"] = "hours since 2000-01-01"
    equal(read("c.h5"), rows(np.moveaxis(A, 1, 0)))
    write(tmp_path / "d.h5", A[:, None], ("step", "time", "y", "x")).close()
    equal(read("d.h5"), rows(A))


def test_few_time_steps(read, refused, tmp_path):
    write(tmp_path / "0.h5", A[:0]).close()
    assert "holds no values, its shape is (0, 6, 5)" in refused("0.h5")
    write(tmp_path / "1.h5", A[:1]).close()
    assert "has one time step" in refused("1.h5")
    field = get_field(read.module, path=tmp_path / "1.h5", variable="a",
                      background="none", n_ranks=2)
    equal(assemble(field), A[:1].reshape(1, -1))
    write(tmp_path / "2.h5", A[:2]).close()
    equal(read("2.h5"), rows(A[:2]))


# Several files

def part(folder, name, steps, times, attributes, units="K"):
    """A file with some steps of A; returns its name."""
    write(folder / name, A[steps], attributes=dict(units=units),
          coordinates=dict(time=(np.array(times, float), attributes))).close()
    return name


@pytest.mark.parametrize("calendar", [
    "standard", "gregorian", "proleptic_gregorian", "julian", "noleap",
    "365_day", "all_leap", "366_day", "360_day"])
def test_day_numbers(calendar):
    """Against cftime, before and after the Gregorian reform."""
    def days(year, month, day):
        return cftime.date2num(
            cftime.datetime(year, month, day, calendar=calendar),
            "days since 1500-01-01", calendar)

    rng, start = np.random.default_rng(0), (1500, 1, 1)
    dates = [(1582, 10, 4), (1582, 10, 15), (1900, 3, 1), (2000, 2, 28),
             *zip(rng.integers(1, 2500, 300), rng.integers(1, 13, 300),
                  rng.integers(1, 29, 300), strict=True)]
    assert [day_number(calendar, *date) - day_number(calendar, *start)
            for date in dates] == [days(*map(int, date)) for date in dates]


@pytest.mark.parametrize("calendar", ["360_day", "noleap", "julian", ""])
@pytest.mark.parametrize("unit", ["days", "hours", "h"])
def test_files_that_count_from_their_own_start(read, tmp_path, calendar,
                                               unit):
    scale = 1 if unit == "days" else 24
    paths = [part(tmp_path, f"{year}.nc", slice(4 * i, 4 * i + 4),
                  scale * np.array([0, 59, 200, 359]), dict(
                      units=f"{unit} since {year}-01-01", calendar=calendar))
             for i, year in enumerate((1999, 2000))]
    for order in paths, paths[::-1]:
        equal(read(order), rows(A))
        field = get_field(read.module, path=[str(tmp_path / path)
                                             for path in order],
                          variable="a", n_ranks=2)
        with h5py.File(field.path) as file:
            times = file["axes/time"][()]
            units = file["axes/time"].attrs["unit"]
        dates = np.concatenate([cftime.num2date(
            scale * np.array([0, 59, 200, 359]), f"{unit} since {year}-01-01",
            calendar or "standard") for year in (1999, 2000)])
        np.testing.assert_allclose(times, cftime.date2num(
            dates, units, calendar or "standard"))


@pytest.mark.parametrize("first, second, sentence", [
    (dict(calendar="noleap"), dict(calendar="360_day"),
     "calendar of the axis time is noleap in one file, 360_day in another"),
    (dict(units="months since 2000-01-01"),
     dict(units="months since 2000-05-01"), "cannot be converted"),
    (dict(calendar="mayan"), dict(units="days since 2001-01-01",
                                  calendar="mayan"), "mayan"),
    (dict(times=[0, 1, np.nan, 3]), {}, "are missing in some files"),
    (dict(times=[4, 6, 8, 10]), dict(times=[5, 7, 9, 11]), "or interleave"),
    (dict(times=[1, 2, 3, 4]), {}, "share values"),
    (dict(unit="degC"), {}, "The unit of a is 'degC' in .*0.nc, 'K' in"),
])
def test_files_that_do_not_continue(refused, tmp_path, first, second,
                                    sentence):
    paths = []
    for i, chosen in enumerate((first, second)):
        chosen = dict(units="days since 2000-01-01", calendar="standard",
                      unit="K", times=np.arange(4) + 4 * i) | chosen
        paths.append(part(
            tmp_path, f"{i}.nc", slice(4 * i, 4 * i + 4), chosen["times"],
            {key: chosen[key] for key in ("units", "calendar")},
            chosen["unit"]))
    assert re.search(sentence, refused(paths))


def test_a_file_given_twice(refused, tmp_path):
    write(tmp_path / "a.h5").close()
    assert "is given twice" in refused(["a.h5", "a.h5"])


def test_more_files_than_a_shell_allows(read, refused, tmp_path, monkeypatch):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    steps = np.random.default_rng(0).standard_normal((100, 3, 2))
    paths = [f"{i}.h5" for i in range(100)]
    for i, path in enumerate(paths):
        write(tmp_path / path, steps[i:i + 1], coordinates=dict(
            time=([float(i)], dict(units="days")))).close()
    n_open = os.dup(0)
    os.close(n_open)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (n_open + 50, limits[1]))
        equal(read(paths), rows(steps))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    monkeypatch.setattr(resource, "getrlimit", lambda of: (256, 256))
    assert "100 files are too many to be open" in refused(
        paths, background="none")


@pytest.mark.parametrize("packing", [dict(scale_factor=0.5),
                                     dict(add_offset=3, scale_factor=2)])
def test_files_packed_each_on_its_own(read, tmp_path, packing):
    """As by ERA5; against xarray."""
    for i in range(2):
        write(tmp_path / f"{i}.h5", A[4 * i:4 * i + 4].astype("i2"),
              attributes=packing if i else {}, coordinates=dict(
                  time=(np.arange(4) + 4.0 * i, dict(units="days")))).close()
    expected = np.concatenate([
        xarray.load_dataset(tmp_path / f"{i}.h5", decode_times=False)["a"]
        for i in range(2)])
    equal(read(["1.h5", "0.h5"]), rows(expected))
