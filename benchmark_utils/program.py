"""The methods of this project in your own MPI program, without benchopt.

Every rank has an array and calls the same functions in the same order; see
``docs/in_your_code.rst``.
"""
from itertools import islice
from typing import NamedTuple

import numpy as np
from greenlet import greenlet

from benchmark_utils.comm.counting import CountingComm
from benchmark_utils.fields.arrays import SplitArray
from benchmark_utils.fields.partition import check_whole
from benchmark_utils.methods.certificate import Certified
from benchmark_utils.methods.matrix import PartitionedMatrix
from benchmark_utils.methods.method import load_method
from benchmark_utils.methods.seeds import generators
from benchmark_utils.methods.variances import StreamVariances, block_variances


class Result(NamedTuple):
    """The result of a method.

    Attributes
    ----------
    basis : array of shape (d, k)
        Principal directions, leading ones first; under ``features`` this
        rank's rows. Equal on all ranks, except for methods of gossip.
    eigenvalues : array of shape (k,)
        Variances along them, of X'X / n_samples.
    bound : float
        Bound that the method proves on its error; 1 if it proves nothing.
    sent_bytes : int
        Payload that all ranks together have sent.
    """

    basis: np.ndarray
    eigenvalues: np.ndarray
    bound: float
    sent_bytes: int


class DistributedPCA:
    """Principal component analysis of arrays that MPI ranks own.

    All ranks of `comm` create one together and call its functions in the same
    order. Nothing is centred, copied or written.

    Parameters
    ----------
    comm : mpi4py communicator
        A duplicate is used, so messages of the program never get mixed up
        with those of the method.
    method : str
        Name of a method, or path of a file with one.
    n_components : int
        k.
    partition : {"samples", "features"}
        A rank's array has some of the rows of X, or some of its columns.
    n_batches : int
        Number of batches of the whole stream.
    seed : int
        Seed of random starts.
    parameters
        Parameters of the method, as in its file.

    Raises
    ------
    ValueError
        Unknown method or parameter; arrays that do not fit together.
    """

    def __init__(self, comm, method, n_components=10, partition="samples",
                 n_batches=1, seed=0, **parameters):
        solver = load_method(method)
        unknown = set(parameters) - set(solver.parameters)
        if unknown or partition not in solver.partitions:
            raise ValueError(
                f"{method} has the parameters "
                f"{', '.join(solver.parameters) or 'none'} and the partitions "
                f"{', '.join(solver.partitions)}.")
        wrong = solver.wrong_parameter(parameters)
        if wrong:
            raise ValueError(wrong)
        check_whole("n_components", n_components)
        check_whole("n_batches", n_batches)
        self.solver, self.k, self.partition = solver, n_components, partition
        self.plain, self.comm = comm, CountingComm(comm.Dup())
        self.n_batches, self.seed = n_batches, seed
        self.parameters = {key: values[0] for key, values
                           in solver.parameters.items()} | parameters
        self.array = self.data = self.variances = self.reader = None
        self.basis, self.bound = None, 1.0

    def fit(self, X, n_rounds=30):
        """Run the method on this rank's array.

        Parameters
        ----------
        X : array of shape (own rows, d) or (n, own columns)
            Floating point numbers.
        n_rounds : int
            At most; a method may end earlier. One-pass methods take the
            rows in `n_batches` batches instead.
        """
        if self.solver.one_pass:
            for batch in np.array_split(X, self.n_batches):
                self.partial_fit(batch)
            return self
        self._begin(X, 1)
        self.data.load()
        self._take(islice(self.rounds, 1 + n_rounds))
        return self

    def partial_fit(self, X):
        """Pass the next batch of rows to a one-pass method.

        Parameters
        ----------
        X : array
            As for :meth:`fit`; all batches have about the same length.
        """
        if not self.solver.one_pass:
            raise ValueError("This method needs several passes over its "
                             "data: call fit once, with all the data.")
        if self.data is None:
            self._begin(X, self.n_batches)
            self.variances = StreamVariances(self.k, self.partition)
            # It goes on until it asks for a batch that is not there yet.
            self.reader = greenlet(lambda: self._take(self.rounds))
            self.reader.switch()
        if not self.reader:
            raise ValueError("The stream has ended: n_batches is "
                             f"{self.n_batches}.")
        self.array.hand_over(X)
        self.reader.switch()
        self.variances.add(self.comm, X, self.basis)
        return self

    def _begin(self, X, n_batches):
        self.array = SplitArray(self.plain, X, self.partition, n_batches)
        if self.k > min(self.array.n_samples, self.array.n_features):
            raise ValueError(f"n_components = {self.k} is too large for X of "
                             f"{self.array.n_samples} x "
                             f"{self.array.n_features}.")
        shared, private = generators(self.seed, self.comm.rank)
        self.data = PartitionedMatrix(
            self.array, self.comm.rank, private, self.solver.one_pass)
        self.rounds = self.solver.rounds(
            comm=self.comm, data=self.data, n_components=self.k, rng=shared,
            **self.parameters)

    def _take(self, rounds):
        """Keep the latest estimate."""
        for estimate in rounds:
            self.basis, self.bound = estimate if isinstance(
                estimate, Certified) else (estimate, 1.0)

    def result(self):
        """Basis, eigenvalues, bound and bytes so far; all ranks must call.

        Eigenvalues cost an allreduce of k * k floats, under ``features`` of
        n_samples * k; those of a stream lack what its factors truncate, see
        :class:`~benchmark_utils.methods.variances.StreamVariances`.
        """
        if self.basis is None:
            raise ValueError("There is no result before fit or partial_fit.")
        gram = self.variances(self.comm) if self.variances else \
            block_variances(self.comm, self.data, self.basis)
        values, turn = np.linalg.eigh(gram / self.array.n_samples)
        bounds, sent_bytes = zip(*self.plain.allgather(
            (float(self.bound), self.comm.ledger.sent_bytes)), strict=True)
        return Result(self.basis @ turn[:, ::-1], values[::-1],
                      min(bounds), sum(sent_bytes))

    def close(self):
        """Free the communicators; all ranks must call."""
        if self.comm:
            self.comm.Free()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
