from functools import partial

from benchmark_utils.compression.archive import Archive, compress, load_solver
from benchmark_utils.compression.exact_moments import (
    KeepsMoments,
    with_moments,
)
from benchmark_utils.compressor import Compressor


class Solver(Compressor):
    """Ours: any compressor, with the moments of the field preserved.

    Density, momentum and energy of the part that the codec loses are stored
    for every cell of space, in few bits. The decoded field gets the smallest
    change that restores them, which also reduces its error.
    <b>Round:</b> that of the codec.
    <b>Memory:</b> it keeps its block, and decodes while it encodes.
    <b>Guarantee:</b> the error of the moments is a tenth of that from
    independent errors of the same size; the field error is at most the
    codec's.
    <b>Fails when:</b> a field has no moments; it is then skipped.
    <b>Reference:</b> ours.
    """

    name = "exact-moments"
    test_config = {"dataset": {"name": "vlasov-poisson"}}
    one_pass = False
    parameters = {"error": [1e-1, 1e-2, 1e-3], "codec": ["wavelet"]}

    def skip(self, field, n_components):
        if not field.structure.velocity:
            return True, ("exact-moments needs a field with moments: a "
                          "distribution function whose dataset names its "
                          "axes of velocity.")
        return super().skip(field, n_components)

    @staticmethod
    def rounds(comm, data, n_components, rng, codec, error):
        solver, geometry = load_solver(codec), data.geometry
        if hasattr(solver, "Codec"):
            new = partial(solver.Codec, geometry, error)
            yield from compress(
                comm, data, n_components, rng,
                lambda geometry: KeepsMoments(geometry, new))
            return
        yield Archive(None)
        *_, archive = solver.rounds(comm, data, n_components, rng, error)
        yield with_moments(archive, geometry, data.X)
