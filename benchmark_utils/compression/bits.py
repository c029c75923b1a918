"""Real information of the bits of floating-point numbers.

Kloewer et al. 2021, Nat. Comput. Sci. 1(11), 713-724; the same numbers as the
package xbitinfo.
"""
import zlib
from statistics import NormalDist

import numpy as np

UNSIGNED = {4: np.uint32, 8: np.uint64}
CONFIDENCE = 0.99  # that a bit is no coin
GAP = 3  # bits without information: later ones are artificial


def _layout(dtype):
    """Unsigned type, number of bits, of mantissa bits."""
    dtype = np.dtype(dtype)
    return (UNSIGNED[dtype.itemsize], 8 * dtype.itemsize,
            np.finfo(dtype).nmant)


def signed_exponent(values):
    """Bits of floats whose exponent is a sign and a magnitude.

    A biased exponent flips all its bits from 2^0 to 2^1, which counts one
    change many times.

    Returns
    -------
    array of unsigned integers
    """
    unsigned, n_bits, n_mantissa = _layout(values.dtype)
    bits = np.ascontiguousarray(values).view(unsigned)
    width = n_bits - 1 - n_mantissa
    bias, mask = (1 << (width - 1)) - 1, (1 << width) - 1
    exponent = ((bits >> unsigned(n_mantissa)) & unsigned(mask)).astype(
        np.int64) - bias
    signed = (abs(exponent) | ((exponent < 0) << (width - 1))).astype(unsigned)
    cleared = bits & unsigned(~(mask << n_mantissa) & ((1 << n_bits) - 1))
    return cleared | (signed << unsigned(n_mantissa))


def bit_information(values, axis):
    """Mutual information of each bit of neighbours along an axis.

    Returns
    -------
    array of shape (number of bits,)
        In bits, the sign first; 0 where it does not differ from a coin's.
    """
    unsigned, n_bits, _ = _layout(values.dtype)
    bits = np.moveaxis(signed_exponent(values), axis, 0)
    here, there = bits[:-1].ravel(), bits[1:].ravel()
    n = here.size
    deviations = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2)
    probability = 0.5 + deviations / (2 * np.sqrt(n))
    coin = 1 - _entropy(np.array([probability, 1 - probability])) \
        if probability < 1 else 1.0
    information = np.zeros(n_bits)
    for place in range(n_bits):
        shift = unsigned(n_bits - 1 - place)
        a = (here >> shift).astype(np.uint8) & 1
        b = (there >> shift).astype(np.uint8) & 1
        joint = np.bincount(2 * a + b, minlength=4).reshape(2, 2) / n
        mutual = (_entropy(joint.sum(axis=0)) + _entropy(joint.sum(axis=1))
                  - _entropy(joint))
        information[place] = mutual if mutual > coin else 0.0
    return information


def _entropy(p):
    p = p[p > 0]
    return -(p * np.log2(p)).sum()


def kept_bits(information, share, dtype):
    """Mantissa bits to keep for a share of the information.

    Information behind the first ``GAP`` mantissa bits without any is not
    counted: an earlier rounding has made it.

    Returns
    -------
    int from 0 to the length of the mantissa
    """
    _, n_bits, n_mantissa = _layout(dtype)
    real = np.broadcast_to(information, n_bits).copy()
    first = n_bits - n_mantissa
    empty = real == 0
    for place in range(first, n_bits - GAP + 1):
        if empty[place:place + GAP].all():
            real[place:] = 0
            break
    if not real.any():
        return n_mantissa  # nothing is known: all bits are kept
    reached = np.cumsum(real) / real.sum() >= share
    return int(np.clip(np.argmax(reached) + 1 - first, 0, n_mantissa))


def round_bits(values, kept):
    """Floats rounded to so many mantissa bits, ties to even."""
    unsigned, n_bits, n_mantissa = _layout(values.dtype)
    values = np.ascontiguousarray(values)
    cut = n_mantissa - kept
    if cut == 0:
        return values
    bits = values.view(unsigned)
    even = (bits >> unsigned(cut)) & unsigned(1)
    half = unsigned((1 << (cut - 1)) - 1)
    mask = unsigned(((1 << n_bits) - 1) ^ ((1 << cut) - 1))
    return ((bits + half + even) & mask).view(values.dtype)


def shuffled(values):
    """Deflated bytes of an array, those of the same place together."""
    planes = np.ascontiguousarray(values).reshape(-1, 1).view(np.uint8).T
    return zlib.compress(planes.tobytes())


def unshuffled(message, dtype):
    """The values of :func:`shuffled`, in one row."""
    planes = np.frombuffer(zlib.decompress(message), np.uint8)
    return planes.reshape(np.dtype(dtype).itemsize, -1).T.copy().view(
        dtype).ravel()
