"""What the programs that check costs have in common."""
import pickle
from functools import partial

import numpy as np
from mpi4py import MPI

from benchmark_utils.comm.counting import CountingComm

PLAIN = MPI.COMM_WORLD
COUNTING = CountingComm(PLAIN)
P, RANK = PLAIN.size, PLAIN.rank
RIGHT, LEFT = (RANK + 1) % P, (RANK - 1) % P
ROOTS = sorted({0, P - 1})
DEPTH = int(np.ceil(np.log2(P)))


def totals():
    """Calls, hops and bytes so far; calls and bytes also of the record."""
    ledger = COUNTING.ledger
    return np.array([
        ledger.calls, ledger.hops, ledger.sent_bytes, ledger.received_bytes,
        sum(ledger.record.values()),
        sum(calls * call.sent for call, calls in ledger.record.items())])


def pickled_size(item):
    return len(pickle.dumps(item, pickle.HIGHEST_PROTOCOL))


class Checks:
    """Calls made on a plain and on a counting communicator, and compared."""

    def __init__(self):
        self.records = []  # names, expected cost, counted cost, same result

    def run(self, names, program, total, hops, calls=1,
            on=(PLAIN, COUNTING)):
        """Run ``program(comm)``, which makes the calls `names`.

        The counting communicator must return what the plain one does, charge
        `total` bytes over all ranks, and as many received ones, and `hops`
        and `calls` to this one. The clocks of all ranks start at zero.
        """
        expected = repr(program(on[0]))
        COUNTING.ledger.hops = 0
        before = totals()
        same = repr(program(on[1])) == expected
        *spent, calls_on_record, bytes_on_record = totals() - before
        same &= [calls_on_record, bytes_on_record] == spent[:3:2]
        self.records.append(
            (names, (calls, hops, total), spent, same))

    def collective(self, name, make, total, hops=DEPTH, on=(PLAIN, COUNTING)):
        """Check the blocking and the non-blocking form of a call.

        `make` returns its arguments and the array that gets the result.
        """
        def program(form, comm):
            arguments, result = make()
            request = getattr(comm, form)(*arguments)
            if request is not None:
                request.Wait()
            return None if result is None else result.tobytes()

        for form in (name, "I" + name.lower()):
            self.run(form, partial(program, form), total, hops, on=on)

    def names(self):
        """The calls that were checked."""
        return {name for names, *_ in self.records for name in names.split()}

    def failures(self):
        """The failed checks of this rank, as sentences."""
        both = np.array([spent[2:] for _, _, spent, _ in self.records])
        PLAIN.Allreduce(MPI.IN_PLACE, both)
        return [
            f"{names} on rank {RANK} of {P}: expected {expected}, counted "
            f"{(*spent[:2], sent)}, {received} bytes received; result as "
            f"without counting: {same}"
            for (names, expected, spent, same), (sent, received)
            in zip(self.records, both.tolist(), strict=True)
            if (*spent[:2], sent) != expected or received != sent or not same]
