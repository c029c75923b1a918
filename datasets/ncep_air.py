import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np

from benchmark_utils.dataset import FieldDataset
from benchmark_utils.fields.decoding import decode
from benchmark_utils.fields.file_axes import file_axes
from benchmark_utils.fields.hdf5_input import (
    read_steps,
    stored_axes,
)
from benchmark_utils.fields.opening import open_file
from benchmark_utils.fields.physics.maps import ROLES, area_weights

# The documentation of the package pyunicorn carries the file.
PACKAGE = "pyunicorn==1.0.0"
PACKAGE_SHA256 = (
    "4853ee7c48084a8795daeca1ae2d97ef1bd00da68cdb6262f7a5d4683d5b4d76")
MEMBER = "docs/source/examples/tutorials/data/air.mon.mean.nc"
FILE_SHA256 = (
    "57ffdc5f0b57fde8abe28a838b252455307aa0c6de0846b8f3233fb44de57493")

# Months after which the background repeats.
PERIODS = {"anomalies": 12, "raw": 1}


def data_file():
    """Where the file is, or has to be put."""
    return Dataset.folder() / "air.mon.mean.nc"


def download(folder):
    """Source distribution of the package, by pip, which checks its hash.

    The package index, mirrors and proxies are those that pip is set up for.
    pip also asks the package for its metadata, about ten seconds.
    """
    requirements = Path(folder) / "requirements.txt"
    requirements.write_text(f"{PACKAGE} --hash=sha256:{PACKAGE_SHA256}\n")
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
         "--no-binary", "pyunicorn", "--require-hashes", "--dest", folder,
         "--requirement", requirements],
        check=True, capture_output=True, text=True)
    return next(Path(folder).glob("pyunicorn-*.tar.gz"))


def fetch(path):
    """Put the file where it is expected, if it is not there."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        try:
            archive = download(folder)
        except subprocess.CalledProcessError as error:
            reason = error.stderr.strip().split("\n")[-1]
            raise RuntimeError(
                f"pip could not download {PACKAGE} ({reason}). By hand: take "
                f"{MEMBER} out of the source distribution on "
                f"https://pypi.org/project/pyunicorn/1.0.0/#files and put it "
                f"at {path}.") from error
        unpacked = Path(folder) / path.name
        with tarfile.open(archive) as tar:
            name = f"{archive.name.removesuffix('.tar.gz')}/{MEMBER}"
            unpacked.write_bytes(tar.extractfile(name).read())
        check_hash(unpacked)
        os.replace(unpacked, path)


def check_hash(path):
    """Refuse another version of the file: results must be comparable."""
    if hashlib.sha256(path.read_bytes()).hexdigest() != FILE_SHA256:
        raise ValueError(f"{path} is not the file of {PACKAGE}: remove it, "
                         "then run: benchopt prepare . -d ncep-air --force")


def anomalies(variable, roles, period, weights):
    """Yield blocks of ``period`` months minus their mean in all years."""
    starts = range(0, len(variable), period)
    total, count = 0.0, np.zeros(period)
    for start in starts:
        block = read_steps(variable, roles, start, start + period)
        count[:len(block)] += 1
        # The last year ends early.
        missing = [(0, period - len(block))] + [(0, 0)] * (block.ndim - 1)
        total = total + np.pad(block, missing)
    mean = total / count.reshape(-1, *(1 for _ in total.shape[1:]))
    for start in starts:
        block = read_steps(variable, roles, start, start + period)
        yield (block - mean[:len(block)]) * weights


class Dataset(FieldDataset):
    """Air temperature of the Earth since 1948: NCEP/NCAR reanalysis.

    <b>Sample:</b> a meridional profile, the column of 73 latitudes at one
    longitude and month (partition <i>features</i>: the map of a month; a grid
    point). Ranks own longitudes (<i>features</i>: latitudes, climate zones).
    <b>Units:</b> K, times the square root of cos(latitude).
    <b>Background:</b> see the cases.
    <b>Cases:</b> anomalies (the mean of each calendar month is subtracted,
    which leaves a flat spectrum), raw (the mean of all months is subtracted,
    so the seasons dominate).
    <b>Source:</b> monthly means at sigma level 0.995, NCEP-NCAR Reanalysis 1,
    NOAA PSL, Boulder (Kalnay et al., Bull. Amer. Meteor. Soc. 77, 1996), from
    the package pyunicorn. First run: benchopt prepare . -d ncep-air
    """

    name = "ncep-air"
    parameters = {"case": ["anomalies"]}
    partitions = ("features", "samples")
    is_random = False
    sources = (file_axes, read_steps, decode, area_weights)
    test_config = {"n_ranks": 2}
    prepare_cache_ignore = ("n_ranks", "decomposition", "heterogeneity",
                            "batch", "base_seed")

    def prepare(self):
        """Fetch the file (32 MB) and store the field."""
        fetch(data_file())
        self.field()

    @property
    def n_space(self):
        return ROLES[self.partition].count("space")

    @property
    def background(self):
        return ("mean of each calendar month" if self.case == "anomalies"
                else "mean of all months")

    def missing(self):
        if not data_file().exists():
            return ("ncep-air needs its data (32 MB), run once: benchopt "
                    "prepare . -d ncep-air --force")

    def settings(self):
        check_hash(data_file())
        return super().settings() | dict(partition=self.partition,
                                         file=FILE_SHA256)

    def coordinates(self):
        with open_file(data_file()) as file:
            return stored_axes(file_axes(file["air"]), ROLES[self.partition])

    def snapshots(self, rng):
        with open_file(data_file()) as file:
            weights = area_weights(file["lat"][:].astype(float),
                                   self.partition)
            yield from anomalies(file["air"], ROLES[self.partition],
                                 PERIODS[self.case], weights)
