"""Files as they are in the world: what they are, and where their values are.
"""
import os
import subprocess
import sys

import h5py
import hdf5plugin
import pytest
from conftest import get_field, get_instance
from input_files import A, equal, rows, write
from test_field import assemble

from benchmark_utils.fields import links, opening

# Virtual datasets, links, external storage

def write_virtual(folder, name="{}.h5", gap=0):
    layout = h5py.VirtualLayout((8 + gap, 6, 5), "f8")
    for i in range(4):
        write(folder / name.format(i), A[2 * i:2 * i + 2] * 1.0).close()
        layout[2 * i:2 * i + 2] = h5py.VirtualSource(
            name.format(i), "a", (2, 6, 5))
    with h5py.File(folder / "all.h5", "w") as file:
        file.create_virtual_dataset("a", layout)


@pytest.mark.parametrize("name", ["{}.h5", "100%%_{}.h5"])
def test_a_virtual_dataset_and_its_sources(read, refused, tmp_path, name):
    path, axes = tmp_path / "all.h5", "time-space-space"
    write_virtual(tmp_path, name.replace("%%", ""))
    equal(read("all.h5", axes=axes), rows(A))
    # A source that changes belongs to the cache key.
    source = tmp_path / name.replace("%%", "").format(1)
    dataset = get_instance(read.module, path=path, variable="a", axes=axes)
    state = dataset._get_state()
    assert str(source) in state
    with h5py.File(source, "r+") as file:
        file["a"][...] += 1
    os.utime(source, (0, 0))
    assert dataset._get_state() != state
    changed = A + 0
    changed[2:4] += 1
    equal(read("all.h5", axes=axes), rows(changed))
    # Sources that are cut, without the dataset, no HDF5 files, not there.
    write(source, A[:1] * 1.0).close()
    assert "(1, 6, 5), too small" in refused("all.h5", axes=axes)
    with h5py.File(source, "w") as file:
        file["b"] = 1
    assert "no such dataset" in refused("all.h5", axes=axes)
    source.write_bytes(b"no")
    assert "no HDF5 file: copy" in refused("all.h5", axes=axes)
    source.unlink()
    said = refused("all.h5", axes=axes)
    assert source.name in said and "does not exist: put it there" in said


def test_a_virtual_dataset_whose_sources_overlap(refused, tmp_path):
    """One is misplaced by a step: as many values as without a gap."""
    write(tmp_path / "0.h5", A * 1.0).close()
    layout = h5py.VirtualLayout((8, 6, 5), "f8")
    source = h5py.VirtualSource(tmp_path / "0.h5", "a", A.shape)
    layout[:4] = source[:4]
    layout[5:, ::2] = source[5:, ::2]
    layout[5:, 1::2] = source[5:, 1::2]
    layout[3, :, :] = source[3]
    with h5py.File(tmp_path / "all.h5", "w") as file:
        file.create_virtual_dataset("a", layout)
    assert "sources for 210 of its 240 values only" in refused(
        "all.h5", axes="time-space-space")


def test_a_virtual_dataset_with_a_hole(refused, tmp_path):
    write_virtual(tmp_path, gap=1)
    assert "sources for 240 of its 270 values only" in refused(
        "all.h5", axes="time-space-space")


def test_a_virtual_series_of_files(read, refused, tmp_path):
    """Sources block-%b.h5, as many as there are."""
    for i in range(4):
        write(tmp_path / f"block-{i}.h5", A[2 * i:2 * i + 2] * 1.0).close()
    space = h5py.h5s.create_simple(
        (8, 6, 5), (h5py.h5s.UNLIMITED, 6, 5))
    space.select_hyperslab((0, 0, 0), (h5py.h5s.UNLIMITED, 1, 1),
                           (2, 6, 5), (2, 6, 5))
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_virtual(space, b"block-%b.h5", b"a",
                           h5py.h5s.create_simple((2, 6, 5)))
    with h5py.File(tmp_path / "all.h5", "w") as file:
        whole = h5py.h5s.create_simple((8, 6, 5), (h5py.h5s.UNLIMITED, 6, 5))
        h5py.h5d.create(file.id, b"a", h5py.h5t.NATIVE_DOUBLE, whole,
                        properties)
    equal(read("all.h5", axes="time-space-space"), rows(A))
    state = get_instance(read.module, path=tmp_path / "all.h5", variable="a",
                         axes="time-space-space")._get_state()
    assert len(state) == 5
    for number in 2, 0:  # later ones, HDF5 gives a shorter dataset
        (tmp_path / f"block-{number}.h5").unlink()
        assert f"a of block-{number}.h5 as a source, but" in refused(
            "all.h5", axes="time-space-space")


def test_a_file_of_links(read, refused, tmp_path):
    (tmp_path / "runs").mkdir()
    write(tmp_path / "runs" / "1.h5").close()
    with h5py.File(tmp_path / "all.h5", "w") as file:
        file["run/first"] = h5py.ExternalLink("runs/1.h5", "a")
        file["same"] = h5py.SoftLink("/run/first")
        file["lost"] = h5py.SoftLink("/run/second")
        file["far"] = h5py.ExternalLink("runs/2.h5", "a")
        file["empty"] = h5py.ExternalLink("runs/1.h5", "b")
        file["via"] = h5py.SoftLink("far")
        file["ring"] = h5py.SoftLink("ring")
    for name in "run/first", "same":
        equal(read("all.h5", name), rows(A))
        state = get_instance(read.module, path=tmp_path / "all.h5",
                             variable=name)._get_state()
        assert {os.path.basename(path) for path in state} == {
            "all.h5", "1.h5"}
    assert "link to /run/second, which the file does not" in refused(
        "all.h5", "lost")
    for name in "far", "via":
        assert f"there is no file {tmp_path / 'runs/2.h5'}" in refused(
            "all.h5", name)
    assert "1.h5 does not have" in refused("all.h5", "empty")
    assert "leads back to itself" in refused("all.h5", "ring")
    assert "run/first (8, 6, 5), same (8, 6, 5)" in refused("all.h5", "none")


def test_external_storage(read, refused, tmp_path):
    raw = tmp_path / "raw.bin"
    raw.write_bytes(A.astype("f8").tobytes())
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", A.shape, "f8",
                            external=[(str(raw), 0, h5py.h5f.UNLIMITED)])
    equal(read("a.h5", axes="time-space-space"), rows(A))
    raw.write_bytes(raw.read_bytes()[:-8])  # HDF5 gives zeros
    assert f"{raw}, which has 1912 of the 1920 bytes" in refused(
        "a.h5", axes="time-space-space")
    raw.unlink()
    assert f"{raw}, which does not exist: put" in refused(
        "a.h5", axes="time-space-space")


# What is no file that can be read

def test_a_true_sentence_for_everything_else(refused, tmp_path):
    for name, beginning, sentence in (
            ("a.grib", b"GRIB\0\0", "is a GRIB file: convert"),
            ("a.hdf", b"\x0e\x03\x13\x01", "is an HDF4 file: convert"),
            ("a.nc", b"CDF\x05\0", r"(CDF-5): convert it, nccopy"),
            ("b.nc", b"CDF\x01\0\0", "is truncated, damaged"),
            ("a.nc.gz", b"\x1f\x8b", "by gzip: unpack"),
            ("a.zip", b"PK\3\4", "zip archive: unpack"),
            ("c.nc", b"version https://git-lfs.github.com", "git lfs pull")):
        (tmp_path / name).write_bytes(beginning)
        assert sentence in refused(name)
    (tmp_path / "link.h5").symlink_to("gone.h5")
    assert "is a link to gone.h5, which does not exist" in refused("link.h5")
    (tmp_path / "moved").symlink_to("disk9")
    assert "moved, of" in refused("moved/a.h5")
    assert "disk9, which does not exist" in refused("moved/a.h5")
    (tmp_path / "folder").mkdir()
    assert "is a folder: give a file, or a pattern" in refused("folder")
    (tmp_path / "folder" / "zarr.json").touch()
    assert "is a Zarr store: convert" in refused("folder")
    assert "No file matches the pattern" in refused("*.h4")
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refused("pipe")
    assert "There is no file" in refused("none.h5")


def test_a_link_to_a_file_and_the_home_folder(read, tmp_path, monkeypatch):
    write(tmp_path / "real.h5").close()
    (tmp_path / "link.h5").symlink_to("real.h5")
    equal(read("link.h5"), rows(A))
    monkeypatch.setenv("HOME", str(tmp_path))
    field = get_field(read.module, path="~/real.h5", variable="a", n_ranks=2)
    equal(assemble(field), rows(A))
    with pytest.raises(ValueError, match=f"no file {tmp_path}/none.h5"):
        get_field(read.module, path="~/none.h5", variable="a")
    state = get_instance(read.module, path="~nobody9/a.h5").get_data()
    assert "home directory" in state["field"].skip_reason()


@pytest.mark.parametrize("name", ["Blosc", "Zstd", "LZ4", "Bitshuffle"])
def test_filters_of_hdf5plugin(read, refused, tmp_path, monkeypatch, name):
    write(tmp_path / "a.h5", chunks=(2, 6, 5),
          **getattr(hdf5plugin, name)()).close()
    equal(read("a.h5"), rows(A))
    code = getattr(hdf5plugin, name)().filter_id
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda number: False)
    assert f"filter {code} (" in refused("a.h5")
    assert "pip install hdf5plugin" in refused("a.h5")


def test_filters_are_found_by_another_process(tmp_path):
    """hdf5plugin is imported when a file is opened, not by the test."""
    write(tmp_path / "a.h5", **hdf5plugin.Zstd()).close()
    subprocess.run(
        [sys.executable, "-c", "import sys; from benchmark_utils.fields "
         "import opening; file = opening.open_file(sys.argv[1]); "
         "assert file['a'][0, 0].shape == (5,)", tmp_path / "a.h5"],
        check=True)


@pytest.mark.parametrize("number, locks", [(37, False), (95, False),
                                           (11, True)])
def test_file_systems_without_locks(read, refused, tmp_path, monkeypatch,
                                    number, locks):
    write(tmp_path / "locked.h5").close()
    original = h5py.File

    def without_locks(path, mode="r", locking=None, **options):
        if str(path).endswith("locked.h5") and locking is not False:
            raise OSError(number, "Unable to lock file")
        return original(path, mode, locking=locking, **options)

    monkeypatch.setattr(opening.h5py, "File", without_locks)
    if locks:
        assert "locked.h5 is open for writing in another" in refused(
            "locked.h5")
    else:
        equal(read("locked.h5"), rows(A))


def test_damage_behind_the_header(refused, tmp_path):
    with write(tmp_path / "a.h5", chunks=(1, 6, 5), compression=4) as file:
        where = file["a"].id.get_chunk_info(3).byte_offset
    with open(tmp_path / "a.h5", "r+b") as file:
        file.seek(where)
        file.write(b"\xff" * 20)
    assert "cannot be read at time steps" in refused("a.h5")


def test_a_source_of_a_source(refused, tmp_path):
    write_virtual(tmp_path)
    layout = h5py.VirtualLayout((8, 6, 5), "f8")
    layout[...] = h5py.VirtualSource("all.h5", "a", (8, 6, 5))
    with h5py.File(tmp_path / "top.h5", "w") as file:
        file.create_virtual_dataset("a", layout)
        assert len(links.files_of(file["a"])) == 6
    (tmp_path / "3.h5").unlink()
    assert "3.h5" in refused("top.h5", axes="time-space-space")
