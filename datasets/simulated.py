import numpy as np

from benchmark_utils.dataset import FieldDataset
from benchmark_utils.fields.partition import slab_edges

N_SPECIFIC = 3  # directions that only one rank has

# Variances of the planted directions j = 0, 1, ... < n, the first is 1.
PROFILES = {
    "exponential": lambda j, n, decay: decay ** j,
    "polynomial": lambda j, n, decay: (1.0 + j) ** -decay,
    "step": lambda j, n, decay: np.where(j < n / 2, 1.0, decay),
}


def draw_directions(n_ranks, n_features, planted, rng):
    """Orthonormal shared directions, and three of each rank's own.

    Returns
    -------
    basis : array of shape (n_features, planted)
    own : list of n_ranks arrays of shape (n_features, 3), each orthogonal to
        the basis
    """
    basis = np.linalg.qr(rng.standard_normal((n_features, planted)))[0]
    own = rng.standard_normal((n_ranks, n_features, N_SPECIFIC))
    own = [np.linalg.qr(each - basis @ (basis.T @ each))[0] for each in own]
    return basis, own


def variances(profile, noise, rank_specific, eigengap, own, rows):
    """Variances of the shared directions.

    Parameters
    ----------
    profile : array of shape (planted,)
        Their ratios.
    eigengap : float or None
        Relative gap below the last of them; None: they are the profile.
    own : list of arrays of shape (n_features, 3)
        The ranks' own directions.
    rows : array of shape (n_ranks,)
        Each rank's number of rows times their energy; the unit of all
        variances is the mean energy of a row.

    Returns
    -------
    array of shape (planted,)

    Raises
    ------
    ValueError
        If the planted subspace would not be the leading one.
    """
    below = rank_specific * np.linalg.norm(
        np.hstack(own * np.sqrt(rows / rows.sum())[:, None, None]), 2) ** 2
    # How far a finite sample spreads the noise.
    below += noise * (1 + np.sqrt(len(own[0]) / rows.sum())) ** 2
    scale = 1.0
    if eigengap is not None:
        scale = (below / (1 - eigengap) - noise) / profile.min()
    shared = profile * scale
    if shared.min() + noise <= below:
        raise ValueError(
            "The planted subspace is not the leading one: its smallest "
            f"variance {shared.min() + noise:.2g} is below {below:.2g}. Raise "
            "eigengap, let the profile decay less, or lower rank_specific or "
            "noise.")
    return shared


def draw_rows(sizes, basis, own, shared, noise, rank_specific, rng):
    """Gaussian rows of all ranks, shape (sum(sizes), n_features)."""
    blocks = []
    for size, directions in zip(sizes, own, strict=True):
        factor = np.hstack([basis * np.sqrt(shared),
                            directions * np.sqrt(rank_specific)])
        blocks.append(
            rng.standard_normal((size, factor.shape[1])) @ factor.T
            + np.sqrt(noise) * rng.standard_normal((size, len(basis))))
    return np.concatenate(blocks)


class Dataset(FieldDataset):
    """Gaussian samples with a planted subspace; ranks differ by design.

    <b>Sample:</b> a row; <b>feature:</b> a column (partition <i>features</i>:
    the transposed matrix, where ranks share temporal directions).
    <b>Variance:</b> that of the planted directions falls exponentially (by
    the factor <i>decay</i>), polynomially (with that power) or in one step (to
    that level). For every rank, three directions that no other rank has have
    the variance <i>rank_specific</i>. Noise is added everywhere.
    <b>Ranks:</b> the first owns <i>imbalance</i> times as many rows as the
    last, whose rows have <i>last_rank_energy</i> times the energy.
    <b>Guarantee:</b> refuses settings whose planted subspace is not the
    leading one.
    """

    name = "simulated"
    parameters = {
        # In names, the ranks stand first.
        "n_ranks": [4],
        "partition": ["samples"],
        "heterogeneity": [1.0],
        "batch": [1],
        "n_samples": [1600],
        "n_features": [200],
        "n_steps": [20],
        "planted": [10],
        "profile": ["exponential"],
        "decay": [0.8],
        "eigengap": [0.5],
        "noise": [0.02],
        "rank_specific": [1.0],
        "imbalance": [1.0],
        "last_rank_energy": [1.0],
    }
    background = "none: zero mean by construction"
    sources = (slab_edges,)
    test_config = {"n_ranks": 2, "n_samples": 400, "n_features": 40,
                   "planted": 3, "n_steps": 4}

    @property
    def rank_weights(self):
        return np.geomspace(self.imbalance, 1, self.n_ranks)

    def settings(self):
        """Also how the field is cut, as every rank has its own directions."""
        return super().settings() | dict(n_ranks=self.n_ranks,
                                         partition=self.partition)

    def shape(self):
        """Cells of the field and rows per cell, which follow in time.

        Rows stay with a rank over time: a cell is a series of rows, or, in
        the transposed matrix, one row.
        """
        if self.partition == "features":
            return self.n_samples, 1
        n_cells, rest = divmod(self.n_samples, self.n_steps)
        if rest:
            raise ValueError(
                f"n_samples = {self.n_samples} is not a multiple of n_steps "
                f"= {self.n_steps}.")
        return n_cells, self.n_steps

    def coordinates(self):
        if self.profile not in PROFILES:
            raise ValueError(f"profile is {self.profile!r}, not one of "
                             f"{', '.join(PROFILES)}.")
        n_cells, per_cell = self.shape()
        lengths = ({"time": self.n_features, "cell": n_cells}
                   if self.partition == "features" else
                   {"time": per_cell, "cell": n_cells,
                    "feature": self.n_features})
        return [(name, "1", np.arange(n)) for name, n in lengths.items()]

    def snapshots(self, rng):
        n_cells, per_cell = self.shape()
        sizes = per_cell * np.diff(
            slab_edges(n_cells, self.n_ranks, self.rank_weights))
        rows = self.rows(sizes, rng)
        if self.partition == "features":
            yield rows.T
        else:
            yield rows.reshape(n_cells, per_cell, -1).swapaxes(0, 1)

    def rows(self, sizes, rng):
        """All rows, shape (n_samples, n_features), rank after rank.

        Parameters
        ----------
        sizes : int array of shape (n_ranks,)
            Rows of every rank.
        """
        energies = np.ones(self.n_ranks)
        energies[-1] = self.last_rank_energy
        basis, own = draw_directions(self.n_ranks, self.n_features,
                                     self.planted, rng)
        profile = PROFILES[self.profile](
            np.arange(self.planted), self.planted, self.decay)
        shared = variances(profile, self.noise, self.rank_specific,
                           self.eigengap, own, sizes * energies)
        rows = draw_rows(sizes, basis, own, shared, self.noise,
                         self.rank_specific, rng)
        return rows * np.sqrt(np.repeat(energies, sizes))[:, None]
