"""The model of rank 0: the sum of all ranks' factors, in few bits."""
import numpy as np

from benchmark_utils.methods.chord import Chord, relative_gap, smaller_gram

TOLERANCE = 0.055, 1e-3  # of the factors: most and least
# Relative gap below which factors travel once more, and the part of the gap
# that is their tolerance then.
SMALL, PART = 0.16, 1 / 6
DOUBLE = 0.48  # part of mode k that truncation leaves, above which r doubles
# The spectrum is flat where truncation leaves more than this part of the k-th
# eigenvalue. Then the iteration is slow, and finer rounding wasted.
FLAT = 1 / 3
COARSER = 1.45  # the noise of rounding is by this factor


def model_factor(block, r, k):
    """Leading factor of a block, of rank r, or 2 r if its spectrum is flat.

    Returns
    -------
    F : array of shape (N, r) or (N, 2 r), or narrower
    truncated : float
        Largest eigenvalue of X'X - F F'.
    """
    F, truncated = block.truncated_factor(r)
    if truncated <= DOUBLE * np.square(F[:, k - 1:k]).sum():
        return F, truncated
    return block.truncated_factor(min(2 * r, block.X.shape[1]))


def merged_model(comm, factors, k, noise, momentum):
    """Gather the factors; once more, finer, where the model has a small gap.

    Communication: one or two gathers of rounded factors and a broadcast of
    two floats of 4 bytes.

    Parameters
    ----------
    factors : RoundedFactors
    k, noise, momentum
        See :class:`~.chord.Chord`.

    Returns
    -------
    Chord at rank 0, None elsewhere; the noise, more where spectra are flat.
    """
    most, least = TOLERANCE
    factors.gather(most)
    root, told = comm.rank == 0, np.zeros(2, np.float32)
    if root:
        values = np.linalg.eigvalsh(smaller_gram(factors.all))[::-1]
        # As if the others truncated as much as this rank.
        flat = comm.size * factors.truncated > FLAT * values[k - 1:k].sum()
        told[:] = (max(PART * relative_gap(values, k), least),
                   COARSER if flat else 1)
    comm.Bcast(told)
    finer, coarser = told.astype(float)
    if finer < SMALL * PART:
        factors.gather(finer)
    noise *= coarser
    return Chord(factors.all, k, noise, momentum) if root else None, noise
