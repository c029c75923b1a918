"""What counting a call costs, beside the call itself.

    mpiexec -n 2 python -m mpi4py tests/speed/counting.py

Prints microseconds per call without counting, charged to communication, and
of counting itself, which is charged to nothing: each the fastest of many
short series on rank 0, as other programs may run beside.
"""
import sys
import time
from pathlib import Path

import numpy as np
from mpi4py import MPI

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmark_utils.comm.counting import CountingComm

SERIES, CALLS = 300, 10
plain = MPI.COMM_WORLD
comm = CountingComm(plain)
rank, size = comm.rank, comm.size
x, y = np.zeros(1), np.zeros(1)


def exchange(on):
    on.Sendrecv(x, (rank + 1) % size, 0, y, (rank - 1) % size)


def main():
    for name, call in (("Allreduce", lambda on: on.Allreduce(x, y)),
                       ("Bcast", lambda on: on.Bcast(x)),
                       ("Sendrecv", exchange)):
        rows = []
        for _ in range(SERIES):
            plain.Barrier()
            begin = time.perf_counter()
            for _ in range(CALLS):
                call(plain)
            without = time.perf_counter() - begin
            plain.Barrier()
            ledger = comm.ledger
            before = ledger.seconds, ledger.overhead_seconds
            for _ in range(CALLS):
                call(comm)
            rows.append((without, ledger.seconds - before[0],
                         ledger.overhead_seconds - before[1]))
        if rank == 0:
            print(name.ljust(10), *(f"{1e6 * best / CALLS:8.1f}"
                                    for best in np.min(rows, axis=0)))


if __name__ == "__main__":
    main()
