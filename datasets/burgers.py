"""A shock that travels and widens: Burgers' equation, solved exactly.

For 0 <= x <= 1 and t >= 0, with a Reynolds number Re::

    du/dt + u du/dx = 1/Re d2u/dx2
    u = x / (t + 1) / (1 + sqrt((t + 1) / t0) exp(Re x^2 / (4 t + 4)))
    t0 = exp(Re / 8)
"""
import numpy as np

from benchmark_utils.dataset import FieldDataset


def velocity(x, t, reynolds):
    """The solution; its arguments broadcast."""
    # Both factors below 1 / u alone overflow where Re is large.
    exponent = reynolds * (x**2 / (4 * t + 4) - 1 / 16)
    return x / (t + 1) / (1 + np.sqrt(t + 1) * np.exp(exponent))


class Dataset(FieldDataset):
    """Burgers' equation, a shock that moves from rank to rank.

    <b>Sample:</b> a snapshot; <b>feature:</b> a point x (only the partition
    <i>features</i>, since a point has only one value).
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
    }
    partitions = ("features",)
    background = "fluid at rest"
    is_random = False
    test_config = {"n_ranks": 2, "n_x": 256, "n_snapshots": 40}

    def times(self):
        return np.linspace(0, 2, self.n_snapshots)

    def positions(self):
        return np.linspace(0, 1, self.n_x)

    def coordinates(self):
        return [("time", "1", self.times()), ("x", "1", self.positions())]

    def snapshots(self, rng):
        for time in self.times():
            yield velocity(self.positions(), time, self.reynolds)[None]
