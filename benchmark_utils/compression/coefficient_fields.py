"""Coefficients of a PCA, coded as the fields that they are."""
import numpy as np

from benchmark_utils.compression.common_basis import unpack
from benchmark_utils.compression.integers import IntegerCoder
from benchmark_utils.compression.wavelets import Cosines, Wavelet

DEAD = 0.6  # what is smaller becomes 0, which costs the fewest bits


def rounded(values):
    return np.rint(values) * (abs(values) > DEAD)


class CoefficientFields:
    """From a rank's part of X to bytes, and back to its array.

    Parameters
    ----------
    basis : bytes
        Of :func:`~.common_basis.common_basis`.
    geometry : Geometry
    n_steps : int
    error : float
        Wanted root mean square error over that of the whole field.
    """

    def __init__(self, basis, geometry, n_steps, error):
        self.geometry, self.n_steps = geometry, n_steps
        self.samples = geometry.partition == "samples"
        self.step = error * geometry.scale * np.sqrt(12)
        self.V = unpack(basis, geometry.columns(n_steps))
        # Under ``samples`` a component is a field over time and cells.
        self.shape = (n_steps, *geometry.box) if self.samples \
            else geometry.shape
        axes = geometry.smooth_cells if self.samples \
            else [axis - 1 for axis in geometry.smooth[1:]]
        self.transforms = [new(self.shape, axes) for new in (Wavelet, Cosines)]

    def encode(self, X):
        A = X if self.samples else X.T
        Z = np.linalg.pinv(self.V) @ A.T  # a basis may be zero
        fields = Z.reshape(len(Z), *self.shape) if self.samples \
            else self.geometry.array(Z)
        messages = [bytes([number]) + IntegerCoder(each.coefficients).encode([
            rounded(each.forward(field) / self.step) for field in fields])
            for number, each in enumerate(self.transforms)]
        return min(messages, key=len)

    def decode(self, message):
        transform = self.transforms[message[0]]
        Z = np.array([
            transform.inverse(q * self.step) for q in IntegerCoder(
                transform.coefficients).decode(message[1:])])
        rows = (Z.reshape(len(Z), -1).T @ self.V.T if self.samples
                else self.V @ self.geometry.rows(Z))
        return self.geometry.array(rows)
