"""A shock that travels and widens: Burgers' equation, solved by formula.

For 0 <= x <= 1 and t >= 0, with a Reynolds number Re::

    du/dt + u du/dx = 1/Re d2u/dx2
    u = x / (t + 1) / (1 + sqrt((t + 1) / t0) exp(Re x^2 / (4 t + 4)))
    t0 = exp(Re / 8)
"""
import numpy as np
from benchopt import BaseDataset
from benchopt.config import get_data_path

from benchmark_utils.fields.layout import Field
from benchmark_utils.fields.store import store_field
from benchmark_utils.results.names import ShortName


def velocity(x, t, reynolds):
    """The solution; its arguments broadcast."""
    # Both factors below 1 / u alone overflow where Re is large.
    exponent = reynolds * (x**2 / (4 * t + 4) - 1 / 16)
    return x / (t + 1) / (1 + np.sqrt(t + 1) * np.exp(exponent))


class Dataset(ShortName, BaseDataset):
    """Burgers' equation, a shock that moves from rank to rank.

    <b>Sample:</b> a snapshot; <b>feature:</b> a point x (only the partition
    <i>features</i>: a point alone has one value).
    <b>Units:</b> none; the shock starts at x = 0.5 and moves to 0.87.
    <b>Background:</b> fluid at rest; the time mean is not subtracted.
    <b>Source:</b> exact solution, with the grid, the times and Re = 1000 of
    the tutorial of PyParSVD (Maulik &amp; Mengaldo, arXiv:2108.08845).
    """

    name = "burgers"
    parameters = {
        "reynolds": [1000],
        "n_x": [16384],
        "n_snapshots": [800],
        "n_ranks": [4],
        "partition": ["features"],
        "heterogeneity": [1.0],
        "batch": [1],
    }
    test_config = {"n_ranks": 2, "n_x": 256, "n_snapshots": 40}

    def get_data(self):
        if self.partition != "features":
            raise ValueError("burgers has one value at a point: its partition "
                             "is features.")
        x = np.linspace(0, 1, self.n_x)
        t = np.linspace(0, 2, self.n_snapshots)

        def snapshots():
            for time in t:
                yield velocity(x, time, self.reynolds)[None]

        path = store_field(
            get_data_path("burgers"),
            dict(reynolds=self.reynolds, n_x=self.n_x,
                 n_snapshots=self.n_snapshots),
            [("time", "1", t), ("x", "1", x)], n_space=1,
            snapshots=snapshots, background="fluid at rest")
        return dict(field=Field(path, self.n_ranks, self.partition,
                                self.heterogeneity, self.batch,
                                seed=self.get_seed()))
