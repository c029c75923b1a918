# Copy this file to datasets/<your_simulation>.py, or anywhere: `benchopt run`
# accepts `-d path/to/your_simulation.py`. Nothing else needs to change.
# A file that a simulation has already written needs no copy: see `hdf5-file`.
import numpy as np

from benchmark_utils.dataset import FieldDataset


class Dataset(FieldDataset):
    """One line that says what is simulated: a plasma moved by a wave.

    <b>Sample:</b> what a row of X is for each partition, and the units.
    <b>Source:</b> the paper, code or data behind it.
    """  # benchopt shows this text for the dataset's name

    # The file name with hyphens.
    name = "template-dataset"

    # Your own parameters; each value of a list is one run. Every dataset also
    # has n_ranks, partition, heterogeneity, batch and realisation.
    parameters = {"n_x": [64], "n_v": [48]}

    # What a rank may own, the default first: "samples", rows of X (its points
    # x), or "features", columns (its points of every snapshot).
    partitions = ("samples", "features")

    # What the snapshots no longer contain: nothing is centred later.
    background = "distribution at rest"

    # Functions or modules of other files that determine the values: if such a
    # file, or this one, is edited, the field is computed again.
    sources = ()

    # `benchopt test .` uses these: keep them small.
    test_config = {"n_ranks": 2}

    # Name, unit and points of the axes: time, space (n_space of them, one by
    # default), features. Ranks own slabs of the first space axis.
    def coordinates(self):
        return [("t", "s", np.linspace(0, 1, 20)),
                ("x", "m", np.linspace(0, 1, self.n_x, endpoint=False)),
                ("v", "m/s", np.linspace(-4, 4, self.n_v))]

    # Called only if the field is not on disk yet. Yield arrays of consecutive
    # time steps, shape (steps, space..., features...). Draw from no generator
    # but rng; if there is nothing to draw, set is_random = False.
    def snapshots(self, rng):
        t, x, v = (points for _, _, points in self.coordinates())
        phase = rng.uniform(0, 2 * np.pi)
        for time in t:
            wave = np.cos(2 * np.pi * (x - time) + phase)
            f = np.exp(-2 * (v - 2 * wave[:, None])**2)
            yield (f - np.exp(-2 * v**2))[None]
