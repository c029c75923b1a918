"""Ranks that are threads: for statistics over many of them."""
import queue
import threading

import numpy as np

from benchmark_utils.methods.block import Block
from benchmark_utils.methods.certificate import Certified
from benchmark_utils.methods.linalg import orthonormal
from benchmark_utils.methods.meter import ReadingMeter

PATIENCE = 60  # seconds; ten are not enough on a busy machine


class ThreadComm:
    """A rank that is a thread: for statistics over many ranks."""

    def __init__(self, rank, size, board, barrier, boxes):
        self.rank, self.size = rank, size
        self.board, self.barrier, self.boxes = board, barrier, boxes

    def _all(self, sent):
        self.board[self.rank] = sent
        self.barrier.wait()
        values = [None if x is None else x.copy() for x in self.board]
        self.barrier.wait()
        return values

    def declare(self, **growth):
        """Nothing is counted."""

    def sum(self, sent):
        return sum(self._all(sent))

    def Reduce(self, sent, received):
        total = self.sum(sent)
        if self.rank == 0:
            received[...] = total

    def Bcast(self, buffer):
        buffer[...] = self._all(buffer)[0]

    def Gather(self, sent, received):
        values = self._all(sent)
        if self.rank == 0:
            received[...] = np.reshape(values, received.shape)

    def Gatherv(self, sent, received):
        values = self._all(sent)
        if self.rank == 0:
            received[0][...] = np.concatenate(values)

    def Send(self, sent, dest):
        self.boxes[self.rank, dest].put(sent.copy())

    def Recv(self, received, source):
        received[...] = self.boxes[source, self.rank].get(
            timeout=PATIENCE)


def on_threads(function, size):
    """Results of function(comm, rank) on all ranks."""
    board, barrier = [None] * size, threading.Barrier(size, timeout=PATIENCE)
    boxes = {(i, j): queue.Queue() for i in range(size) for j in range(size)}
    results = [None] * size

    def run(rank):
        comm = ThreadComm(rank, size, board, barrier, boxes)
        results[rank] = function(comm, rank)

    threads = [threading.Thread(target=run, args=(rank,))
               for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def last_on_threads(solver, blocks, k, **parameters):
    """A samples method's last estimate at rank 0."""
    d, n = blocks[0].shape[1], sum(map(len, blocks))
    defaults = {key: values[0] for key, values in solver.parameters.items()}

    def run(comm, rank):
        data = Block(blocks[rank], ReadingMeter())
        vars(data).update(
            n_samples=n, n_features=d, n_batches=10,
            partition="samples", inner=lambda comm, U, V: U.T @ V,
            qr=lambda comm, U: np.linalg.qr(U),
            batches=lambda: np.array_split(blocks[rank], 10),
            local_rng=np.random.default_rng(rank),
            unit_basis=lambda k: np.eye(d, k),
            random_basis=lambda k, rng: orthonormal(
                rng.standard_normal((d, k))))
        *_, last = solver.rounds(comm, data, k, np.random.default_rng(0),
                                 **{**defaults, **parameters})
        return last.estimate if isinstance(last, Certified) else last
    return on_threads(run, len(blocks))[0]


def sine(U, V):
    """Sine of the largest angle between two orthonormal bases."""
    return np.linalg.norm(V - U @ (U.T @ V), 2)
