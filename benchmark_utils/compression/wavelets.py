"""Transforms of arrays of any shape, along some of their axes."""
import math

import numpy as np
import pywt
from scipy.fft import dctn, idctn

WAVELET = pywt.Wavelet("bior4.4")  # Cohen, Daubechies & Feauveau's 9/7
MIN = 8  # filters wrap around; shorter axes are not cut further
MAX_LEVELS = 6


class Cosines:
    """The discrete cosine transform; parameters as of :class:`Wavelet`."""

    def __init__(self, shape, axes):
        self.coefficients, self.axes = shape, axes

    def forward(self, array):
        return dctn(array.astype(float), axes=self.axes, norm="ortho")

    def inverse(self, coefficients):
        return idctn(coefficients.astype(float), axes=self.axes, norm="ortho")


class Wavelet:
    """Coefficients in the place of values, coarse ones in one corner.

    Lengths are filled up by the last value to multiples of a power of two,
    which leaves them shorter than ``MIN`` above one times it.

    Parameters
    ----------
    shape : tuple of int
    axes : tuple of int
        Along which to transform.

    Attributes
    ----------
    coefficients : tuple of int
        The shape of the transformed array.
    """

    def __init__(self, shape, axes):
        self.shape = shape
        levels = {axis: min(MAX_LEVELS, max(0, int(math.log2(
            max(1, shape[axis] / MIN))))) for axis in axes}
        self.coefficients = tuple(
            -(-n // 2 ** levels.get(axis, 0)) * 2 ** levels.get(axis, 0)
            for axis, n in enumerate(shape))
        self.levels = [
            [axis for axis in axes if levels[axis] > level]
            for level in range(max(levels.values(), default=0))]

    def _corners(self):
        """Part that a level transforms, and its axes, fine to coarse."""
        lengths = list(self.coefficients)
        for axes in self.levels:
            yield tuple(map(slice, lengths)), axes
            for axis in axes:
                lengths[axis] //= 2

    def forward(self, array):
        """Coefficients, nearly orthonormal."""
        array = np.pad(array.astype(float), [
            (0, more - n) for n, more in zip(
                self.shape, self.coefficients, strict=True)], mode="edge")
        for corner, axes in self._corners():
            for axis in axes:
                array[corner] = np.concatenate(pywt.dwt(
                    array[corner], WAVELET, "periodization", axis), axis)
        return array

    def inverse(self, coefficients):
        """The array of these coefficients."""
        array = coefficients.astype(float)
        for corner, axes in reversed(list(self._corners())):
            for axis in reversed(axes):
                array[corner] = pywt.idwt(
                    *np.split(array[corner], 2, axis), WAVELET,
                    "periodization", axis)
        return array[tuple(map(slice, self.shape))]
