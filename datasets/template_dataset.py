# Copy this file to datasets/<your_simulation>.py, or anywhere: `benchopt run`
# accepts `-d path/to/your_simulation.py`. Nothing else needs to change.
# A file that a simulation has already written needs no copy: see `hdf5-file`.
import numpy as np
from benchopt import BaseDataset
from benchopt.config import get_data_path

from benchmark_utils.fields.layout import Field
from benchmark_utils.fields.store import store_field
from benchmark_utils.results.names import ShortName


class Dataset(ShortName, BaseDataset):
    """One line that says what is simulated: a plasma moved by a wave.

    <b>Sample:</b> what a row of X is for each partition, and the units.
    <b>Source:</b> the paper, code or data behind it.
    """  # benchopt shows this text when the mouse is on the dataset's name

    # The file name with hyphens.
    name = "template-dataset"

    # Each value of a list is one run. The last four belong to every dataset.
    parameters = {
        "n_x": [64],
        "n_v": [48],
        "n_ranks": [4],
        "partition": ["samples"],
        "heterogeneity": [1.0],
        "batch": [1],
    }
    # `benchopt test .` uses these: keep them small, and cover both partitions.
    test_parameters = {"partition": ["samples", "features"], "n_ranks": [2]}

    def get_data(self):
        t = np.linspace(0, 1, 20)
        x = np.linspace(0, 1, self.n_x, endpoint=False)
        v = np.linspace(-4, 4, self.n_v)
        # The same seed gives the same field; draw from no other generator.
        seed = self.get_seed()
        phase = np.random.default_rng(seed).uniform(0, 2 * np.pi)

        # Called only if the field is not on disk yet. Yield what follows each
        # other in time, shape (steps, space..., features...), and subtract
        # the known background: nothing is centred later.
        def snapshots():
            for time in t:
                wave = np.cos(2 * np.pi * (x - time) + phase)
                f = np.exp(-2 * (v - 2 * wave[:, None])**2)
                yield (f - np.exp(-2 * v**2))[None]

        path = store_field(
            get_data_path(self.name),
            # All that determines the values, so that no stale file is reused.
            dict(n_x=self.n_x, n_v=self.n_v, seed=seed),
            # Name, unit and coordinates: time, space axes, feature axes.
            # Ranks own slabs of the first space axis.
            [("t", "s", t), ("x", "m", x), ("v", "m/s", v)],
            n_space=1, snapshots=snapshots,
            background="distribution at rest")
        return dict(field=Field(path, self.n_ranks, self.partition,
                                self.heterogeneity, self.batch, seed=seed))
