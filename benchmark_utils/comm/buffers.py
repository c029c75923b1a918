"""The buffers of a call: parse what mpi4py takes, size it, check it.

The checks refuse what MPI would carry out, but not as it was meant: it sends
bytes in the order of memory and does not convert them. An explicit datatype
is the caller's word on what the bytes mean; types and order are not checked.
"""
from numbers import Integral
from typing import NamedTuple

import numpy as np
from mpi4py import MPI


class UncountedCall(NotImplementedError):
    """A communication that cannot be counted was refused."""


class Spec(NamedTuple):
    """A buffer and its layout; None where mpi4py finds the value itself."""

    buffer: object
    counts: object = None  # of one message, or of each block
    displacements: object = None
    datatype: object = None  # a list of one for each block in calls with w

    @property
    def is_ours(self):
        """Whether there is memory to look at."""
        return not (self.buffer is None or self.buffer is MPI.IN_PLACE
                    or self.buffer is MPI.BOTTOM)


def parse(spec, pair=(tuple, list)):
    """Parse a buffer or [buffer, count(s), displacement(s), datatype(s)].

    As in mpi4py only the buffer is required, and the middle two may come as
    a `pair`.
    """
    if not isinstance(spec, (list, tuple)):
        return Spec(spec)
    buffer, *layout = spec
    datatype = None
    if len(layout) > 1 or isinstance(layout[0], (MPI.Datatype, str)):
        datatype = layout.pop()
    if len(layout) == 1 and isinstance(layout[0], pair):
        layout = layout[0]
    if isinstance(datatype, str):
        datatype = MPI.Datatype.fromcode(datatype)
    return Spec(buffer, *(*layout, None, None)[:2], datatype)


def parse_typed(spec):
    """The same for [buffer, counts, displacements, datatypes]."""
    if not isinstance(spec, (list, tuple)):
        return Spec(spec)
    buffer, *layout, datatypes = spec
    if len(layout) == 1:
        layout = layout[0]
    return Spec(buffer, *(*layout, None, None)[:2], datatypes)


def view(buffer):
    """Memory of a buffer; empty where mpi4py takes it for no buffer."""
    if buffer is None or buffer is MPI.BOTTOM:
        return memoryview(b"")
    try:
        return memoryview(buffer)
    except (TypeError, ValueError):
        what = getattr(buffer, "dtype", None) or type(buffer).__name__
        raise UncountedCall(
            f"The bytes of a buffer of type {what} cannot be counted: pass a "
            "NumPy array of numbers, copied from the GPU if need be."
        ) from None


def chunk(n, parts, index):
    """Size of one of the parts of n, integers as equal as can be."""
    return n // parts + (index < n % parts)


def nbytes(spec, blocks=None):
    """Bytes of a message, or list of the bytes of each block."""
    parts, datatype, counts = blocks or 1, spec.datatype, spec.counts
    if isinstance(datatype, (list, tuple)):
        counts = [1] * parts if counts is None else counts
        return [int(n) * each.size
                for n, each in zip(counts, datatype, strict=True)]
    memory = view(spec.buffer)
    size = datatype.size if datatype else memory.itemsize
    if counts is None:
        extent = datatype.extent if datatype else size
        n_items = memory.nbytes // extent - (spec.displacements or 0)
        counts = [chunk(n_items, parts, index) for index in range(parts)]
    elif isinstance(counts, Integral):
        counts = [counts] * parts
    sizes = [int(count) * size for count in counts]
    return sizes if blocks else sizes[0]


def _span(spec):
    """First byte of a buffer in memory and the one after its last.

    Without displacements, blocks of one given size are taken for one block:
    rather too little than a refusal of what is right.
    """
    memory, start = view(spec.buffer), MPI.Get_address(spec.buffer)
    first, counts = spec.displacements, spec.counts
    if first is None:
        first = 0
        counts = counts if counts is None else np.sum(counts)
    last = memory.nbytes if counts is None else memory.itemsize * np.max(
        np.add(first, counts), initial=0)
    return start + memory.itemsize * np.min(first, initial=2**62), start + last


def element_type(spec):
    """The NumPy type of automatic elements; None if the caller names it."""
    if spec is None or spec.datatype is not None or not spec.is_ours:
        return None
    return getattr(spec.buffer, "dtype", None) or np.asarray(
        view(spec.buffer)).dtype


def _check_one(call, role, spec, writes):
    if not spec.is_ours:
        return
    this = f"{call}: the {role} buffer"
    memory = view(spec.buffer)
    if writes and memory.readonly:
        raise ValueError(
            f"{this} is read-only: receive into a new array, such as "
            "np.empty_like(x).")
    dtype = element_type(spec)
    if dtype is None:
        return
    if dtype.kind in "OV":
        raise TypeError(
            f"{this} holds elements of type {dtype}, which are not numbers "
            "for MPI: convert it, for example with x.astype(float).")
    if not dtype.isnative:
        raise TypeError(
            f"{this} holds {dtype.name} in foreign byte order: convert it "
            f"with x.astype(np.{dtype.name}).")
    if not memory.c_contiguous:
        cure = ("receive into np.empty(x.shape, x.dtype) and copy from there"
                if writes else "pass np.ascontiguousarray(x)")
        raise ValueError(
            f"{this} is not in C order, but MPI sends elements in the order "
            f"of memory: {cure}.")


def mismatch(call, sent, received):
    """Error for elements of one type that arrive as another."""
    return TypeError(
        f"{call}: {sent.name} elements are received as {received.name}, and "
        "MPI does not convert them: make both arrays of one type, for example "
        f"with x.astype(np.{received.name}).")


def check(call, sent=None, received=None, of_one_type=True):
    """Refuse buffers that would not carry what the caller means.

    Parameters
    ----------
    call : str
        Its name.
    sent, received : Spec, optional
        Those that matter on this rank; the same one for a buffer that is
        replaced.
    of_one_type : bool
        What is received is made of what is sent.

    Raises
    ------
    TypeError
        Element types differ, or are none of MPI's.
    ValueError
        A buffer is not C-contiguous; one to write to is read-only, or
        overlaps the other.
    """
    if received is not None:
        _check_one(call, "receive", received, writes=True)
    if sent is None or sent is received:
        return
    _check_one(call, "send", sent, writes=False)
    types = element_type(sent), element_type(received)
    # Not `None in types`: to NumPy, float64 == None.
    if any(one is None for one in types) or not view(sent.buffer).nbytes:
        return
    if of_one_type and types[0] != types[1]:
        raise mismatch(call, *types)
    (start, stop), (other, end) = _span(sent), _span(received)
    if max(start, other) < min(stop, end):
        raise ValueError(
            f"{call}: the send and the receive buffer overlap: send a copy, "
            "x.copy().")
