"""Exact sums over ranks of numbers rounded to a few bits.

The ranks agree on one scale per column, so their integers have the same unit
and can be summed without a further error. Integers are packed into words of
64 bits as densely as their range allows, on the way to the sum and, in a
wider range, on the way back.
"""
import numpy as np

WORD_BITS = 64


def width(n_values):
    """Bits that hold an integer of 0..n_values - 1."""
    return max(1, (n_values - 1).bit_length())


def n_words(n, bits):
    """Words that hold n integers of so many bits; none straddles two."""
    return -(-n // (WORD_BITS // bits))


def pack(codes, bits):
    """Pack the last axis of an array of integers of 0..2**bits - 1."""
    *shape, n = codes.shape
    slots = np.arange(WORD_BITS // bits, dtype=np.uint64)
    padded = np.zeros((*shape, n_words(n, bits) * len(slots)), np.uint64)
    padded[..., :n] = codes
    padded = padded.reshape(*shape, -1, len(slots))
    return np.bitwise_or.reduce(padded << (slots * np.uint64(bits)), axis=-1)


def unpack(words, bits, n):
    """The n integers that were packed into the last axis."""
    slots = np.arange(WORD_BITS // bits, dtype=np.uint64)
    codes = words[..., None] >> (slots * np.uint64(bits))
    codes &= np.uint64(2**bits - 1)
    return codes.reshape(*words.shape[:-1], -1)[..., :n]


def integer_sum(comm, codes, n_values):
    """Sum over ranks of integers of 0..n_values - 1, on every rank.

    Each rank adds up one P-th of the entries; the sums have room for
    P (n_values - 1), so nothing overflows.

    Communication: an alltoall of width(n_values) bits per entry and an
    allgather of width(P (n_values - 1) + 1) bits per entry, in whole words.
    """
    P, n = comm.size, codes.size
    share = -(-n // P)
    bits, sum_bits = width(n_values), width(P * (n_values - 1) + 1)
    padded = np.zeros((P, share), np.uint64)
    padded.flat[:n] = codes.ravel()
    sent = pack(padded, bits)
    received = np.empty_like(sent)
    comm.Alltoall(sent, received)
    own = pack(unpack(received, bits, share).sum(axis=0), sum_bits)
    gathered = np.empty((P, len(own)), np.uint64)
    comm.Allgather(own, gathered)
    total = unpack(gathered, sum_bits, share).ravel()[:n]
    return total.astype(np.int64).reshape(codes.shape)


def quantized_sum(comm, A, bits):
    """Round A (d x k) to integers of few bits and sum these over ranks.

    An entry is off by at most half a unit; a unit is the largest entry of the
    column, over all ranks, divided by 2**(bits - 1) - 1.

    Communication: an allreduce of k float32 and an :func:`integer_sum` of
    d * k integers.

    Returns
    -------
    own, total : arrays of shape (d, k)
        The rounded A of this rank, and its exact sum over ranks.
    """
    largest_code = 2**(bits - 1) - 1
    largest = abs(A).max(axis=0).astype(np.float32)
    scale = comm.max(largest)
    unit = np.where(scale > 0, scale, 1).astype(float) / largest_code
    codes = np.rint(A / unit).clip(-largest_code, largest_code).astype(int)
    total = integer_sum(comm, codes + largest_code, 2 * largest_code + 1)
    return codes * unit, (total - comm.size * largest_code) * unit
