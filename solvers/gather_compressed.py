import numpy as np

from benchmark_utils.compression.archive import load_codec, messages
from benchmark_utils.compression.parts import join, split
from benchmark_utils.methods.linalg import leading_factor
from benchmark_utils.methods.merging import broadcast_basis
from benchmark_utils.methods.pool import gather_bytes
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """Send compressed fields to rank 0, which decodes them for its PCA.

    <b>Round:</b> one, a gather of the archives of all ranks and of one number
    per rank; a broadcast of d k floats.
    <b>Memory:</b> the decoded field on rank 0, a batch and its archive on the
    others.
    <b>Guarantee:</b> that of gather-all for the decoded field, whose error is
    about <i>error</i> times the RMS of the true field.
    <b>Fails when:</b> streams are long: archives grow with them, a basis does
    not.
    """

    name = "gather-compressed"
    one_pass = True
    parameters = {"codec": ["wavelet"], "error": [1e-2]}

    @staticmethod
    def rounds(comm, data, n_components, rng, codec, error):
        new, F = load_codec(codec), None
        yield data.unit_basis(n_components)
        archives = gather_bytes(comm, join(list(messages(
            comm, data, new(data.geometry, error)))))
        if comm.rank == 0:
            rows = []
            for rank, archive in enumerate(archives):
                geometry = data.geometry_of(rank)
                decoder = new(geometry, error)
                rows += [geometry.rows(decoder.decode(message)).astype(float)
                         for message in split(archive)]
            F = leading_factor(np.concatenate(rows), n_components)
        yield broadcast_basis(comm, F, n_components, data.n_features)
