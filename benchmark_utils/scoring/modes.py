"""Modes as a result: the principal axes of an estimate, in one place."""
from typing import NamedTuple

import numpy as np

from benchmark_utils.scoring.stored import PIECE_BYTES


class Modes(NamedTuple):
    """Principal axes of the data inside an estimated subspace.

    Attributes
    ----------
    basis : array of shape (n_features, k)
        Orthonormal; the entry of largest absolute value of every column is
        positive.
    eigenvalues : array of shape (k,)
        Of X'X / n_samples in the subspace, in decreasing order.
    coefficients : array of shape (n_samples, k), or None
        X times the basis (principal components), under ``features`` only.
    """

    basis: np.ndarray
    eigenvalues: np.ndarray
    coefficients: np.ndarray | None


def gather_modes(comm, field, data, U):
    """Modes of a subspace, by Rayleigh and Ritz.

    Parameters
    ----------
    comm : mpi4py communicator
        Not counted.
    field : Field
    data : PartitionedMatrix
    U : array of shape (n_features, k)
        Orthonormal; or this rank's rows of it, under ``features``. Where ranks
        hold different estimates, that of rank 0 counts.

    Returns
    -------
    Modes, None at ranks other than 0
    """
    is_map = field.partition == "features"
    if not is_map:
        U = comm.bcast(U)
    gram, coefficients = 0.0, []
    for X in data.stored_batches(field.steps_within(PIECE_BYTES * comm.size)):
        Z = X.astype(float) @ U
        if is_map:
            Z = comm.allreduce(Z)
            coefficients.append(Z)
        gram = gram + Z.T @ Z
    if not is_map:
        gram = comm.allreduce(gram)
    eigenvalues, rotation = np.linalg.eigh(gram / field.n_samples)
    rotation = rotation[:, ::-1]
    parts = comm.gather(U @ rotation)
    if comm.rank > 0:
        return None
    basis = parts[0]
    if is_map:
        basis = np.empty((field.n_features, U.shape[1]))
        for rank, part in enumerate(parts):
            basis[field.columns(rank)] = part
    signs = np.sign(basis[abs(basis).argmax(axis=0),
                          np.arange(basis.shape[1])])
    return Modes(basis * signs, eigenvalues[::-1],
                 np.concatenate(coefficients) @ rotation * signs
                 if is_map else None)
