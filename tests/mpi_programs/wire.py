"""Compare the ledger with the bytes that the kernel sees on the wire.

To be started with all messages forced through TCP on the loopback interface.
Rank 0 prints a JSON object: bytes on the ledger of all ranks and bytes on the
wire, for every call and payload.
"""
import json
import sys
from functools import partial

import numpy as np
from mpi4py import MPI

from benchmark_utils.comm.counting import CountingComm

PLAIN = MPI.COMM_WORLD
COUNTING = CountingComm(PLAIN)
P, RANK = PLAIN.size, PLAIN.rank
REPETITIONS = 5


def bytes_on_loopback():
    with open("/proc/net/dev") as file:
        lines = dict(line.split(":") for line in file if ":" in line)
    return int({name.strip(): fields.split()[0]
                for name, fields in lines.items()}["lo"])


def call_with_buffers(name, n, blocks_sent=1, blocks_received=1):
    sent = np.ones(n // 8 * blocks_sent)
    received = np.ones(n // 8 * blocks_received)
    getattr(COUNTING, name)(sent, received)


def reduce_scatter(n):
    counts = [n // 8] * P
    COUNTING.Reduce_scatter(np.ones(sum(counts)), np.ones(n // 8), counts)


def bcast(n):
    COUNTING.Bcast(np.ones(n // 8))


def ring(n):
    buffer = np.ones(n // 8)
    COUNTING.Sendrecv_replace(buffer, (RANK + 1) % P, source=(RANK - 1) % P)


def send_object(n):
    request = COUNTING.isend(bytes(n), (RANK + 1) % P)
    COUNTING.recv(source=(RANK - 1) % P)
    request.wait()


def power_iteration(n, n_components=8):
    """Two rounds on rows that are spread over the ranks."""
    n_features = n // 8 // n_components
    rng = np.random.default_rng(RANK)
    X = rng.standard_normal((50, n_features))
    U = COUNTING.bcast(rng.standard_normal((n_features, n_components)))
    for _ in range(2):
        U = X.T @ (X @ U)
        COUNTING.Allreduce(MPI.IN_PLACE, U)
        U, _ = np.linalg.qr(U)


PROGRAMS = {
    "Bcast": bcast,
    **{name: partial(call_with_buffers, name) for name in (
        "Reduce", "Allreduce", "Scan")},
    **{name: partial(call_with_buffers, name, blocks_received=P) for name in (
        "Gather", "Gatherv", "Allgather")},
    **{name: partial(call_with_buffers, name, blocks_sent=P) for name in (
        "Scatter", "Scatterv", "Reduce_scatter_block")},
    "Reduce_scatter": reduce_scatter,
    "Alltoall": partial(call_with_buffers, "Alltoall", blocks_sent=P,
                        blocks_received=P),
    "Sendrecv_replace": ring,
    "isend": send_object,
    "power iteration": power_iteration,
}


def spent(program):
    """Bytes on the ledger and on the wire while a program runs."""
    before = COUNTING.ledger.sent_bytes
    PLAIN.Barrier()
    start = bytes_on_loopback()
    PLAIN.Barrier()
    program()
    PLAIN.Barrier()
    wire = bytes_on_loopback() - start
    PLAIN.Barrier()
    return PLAIN.allreduce(COUNTING.ledger.sent_bytes - before), wire


def main():
    report = {}
    for name, program in PROGRAMS.items():
        for n in map(int, sys.argv[1:]):
            runs = [spent(partial(program, n)) for _ in range(REPETITIONS)]
            # Other programs may use the interface: the smallest is ours.
            report[f"{name} {n}"] = np.min(runs, axis=0).tolist()
    if RANK == 0:
        print(json.dumps(report))


if __name__ == "__main__":
    main()
