"""How far a decoded field is from the true one, and what it costs."""
import numpy as np

from benchmark_utils.scoring.metrics import Metric

# Octaves of wavenumber that hold less of the power are noise.
SMALLEST_POWER = 1e-9

# key -> label, unit, meaning; at the end of a run. Lower is better.
STORED = {
    "stored_bytes": Metric(
        "stored bytes", "B", "length of all messages of all ranks"),
    "output_bytes": Metric(
        "output bytes", "B", "stored bytes and bytes sent"),
    "bits_per_value": Metric(
        "bits per value", "bit", "stored bits over the values of the field"),
    "field_error": Metric(
        "field error", "1",
        "root mean square error of the decoded field over that of the field"),
    "largest_field_error": Metric(
        "largest field error", "1",
        "largest error of a value over the range of the field"),
    "worst_domain_field_error": Metric(
        "worst domain's field error", "1",
        "largest field error of a rank on its own data"),
    "gradient_error": Metric(
        "gradient error", "1",
        "field error of the differences between neighbours in space"),
    "spectrum_error": Metric(
        "spectrum error", "decade",
        "largest change of an octave's power along the longest axis"),
    "moment_error": Metric(
        "moment error", "1",
        "worst field error of density, momentum and energy (kinetic fields)"),
    "encode_s_per_gb": Metric(
        "encoding", "s/GB",
        "CPU time of the method, of the slowest rank, over its raw data"),
    "decode_s_per_gb": Metric(
        "decoding", "s/GB",
        "CPU time of decoding, of the slowest rank, over its raw data"),
}


class Sums:
    """Sums over arrays (steps, *shape).

    Parameters
    ----------
    geometry : Geometry
    """

    def __init__(self, geometry):
        self.geometry = geometry
        self.space = [axis for axis in geometry.smooth
                      if axis > 0 and geometry.shape[axis - 1] > 1]
        self.longest = max(self.space, default=None,
                           key=lambda axis: geometry.shape[axis - 1])
        octaves = 1 if self.longest is None else (
            geometry.shape[self.longest - 1] // 2).bit_length()
        self.squares = self.gradient = 0.0
        self.moments = np.zeros(0 if geometry.moments is None
                                else geometry.moments.shape[1])
        self.power = np.zeros(octaves)
        self.low, self.high = np.inf, -np.inf

    def add(self, values):
        """All sums but the power."""
        self.low = min(self.low, values.min())
        self.high = max(self.high, values.max())
        self.squares += np.vdot(values, values)
        for change in self._changes(values):
            self.gradient += np.vdot(change, change)
        if self.moments.size:
            self.moments += np.square(
                self.geometry.by_velocity(values)
                @ self.geometry.moments).sum(axis=0)

    def add_power(self, values):
        """Power by octaves of wavenumber, without the mean."""
        if self.longest is not None:
            self.power += _octaves(values, self.longest)

    def _changes(self, values):
        """Differences between neighbours in space."""
        if self.geometry.mesh is not None:
            a, b = self.geometry.mesh.edges.T
            yield values[:, a] - values[:, b]
        for axis in self.space:
            yield np.diff(values, axis=axis)


class FieldErrors:
    """Sums over pairs of true and decoded arrays (steps, *shape).

    Parameters
    ----------
    geometry : Geometry
    true : Sums, optional
        Of all true arrays, if an earlier comparison has found them.
    """

    def __init__(self, geometry, true=None):
        self.true_is_known = true is not None
        self.true = true or Sums(geometry)
        self.error, self.decoded = Sums(geometry), Sums(geometry)

    def add(self, true, decoded):
        """Compare float64 arrays of the same time steps."""
        self.error.add(true - decoded)
        self.decoded.add_power(decoded)
        if not self.true_is_known:
            self.true.add(true)
            self.true.add_power(true)

    def sums(self):
        """What :func:`stored_metrics` needs of every rank."""
        error, true = self.error, self.true
        return dict(
            squares=np.array([error.squares, true.squares]),
            gradient=np.array([error.gradient, true.gradient]),
            moments=np.array([error.moments, true.moments]),
            power=np.array([self.decoded.power, true.power]),
            largest=max(0.0, error.high, -error.low),
            low=true.low, high=true.high)


def _octaves(values, axis):
    # Five times faster than numpy's; where no field is stored, not needed.
    from scipy import fft

    waves = fft.rfft(values.astype(np.float32), axis=axis)
    power = np.square(waves.real) + np.square(waves.imag)
    others = tuple(i for i in range(power.ndim) if i != axis)
    edges = 2 ** np.arange((values.shape[axis] // 2).bit_length())
    return np.add.reduceat(power.sum(axis=others, dtype=float), edges)


def stored_metrics(n_values, sent_bytes, compute_s, squares, gradient, moments,
                   power, largest, low, high, stored_bytes, decode_s,
                   raw_bytes):
    """Metrics of ``STORED``.

    NaN where a field has no gradient, spectrum or moments.

    Parameters
    ----------
    n_values : int
        Of the whole field.
    others : arrays, an entry per rank
        See ``runtime/run.py`` and ``scoring/stored.py``.
    """
    def ratio(sums):
        error, true = sums
        return float(np.sqrt(error / true)) if true > 0 else (
            0.0 if error == 0 else np.inf)

    decoded, true = power.sum(axis=0)
    some = true > SMALLEST_POWER * true.sum()
    changes = abs(np.log10(np.maximum(
        decoded[some], SMALLEST_POWER * true[some]) / true[some]))
    gradient = gradient.sum(axis=0)
    total, extent = int(stored_bytes.sum()), high.max() - low.min()
    return dict(
        stored_bytes=total, output_bytes=total + int(sent_bytes.sum()),
        bits_per_value=8 * total / n_values,
        field_error=ratio(squares.sum(axis=0)),
        largest_field_error=float(largest.max() / extent) if extent else 0.0,
        worst_domain_field_error=max(map(ratio, squares)),
        gradient_error=ratio(gradient) if gradient[1] else np.nan,
        spectrum_error=float(changes.max()) if some.any() else np.nan,
        moment_error=max(map(ratio, moments.sum(axis=0).T), default=np.nan),
        encode_s_per_gb=float((compute_s / raw_bytes).max() * 1e9),
        decode_s_per_gb=float((decode_s / raw_bytes).max() * 1e9))
