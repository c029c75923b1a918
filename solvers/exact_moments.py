from functools import partial

from benchmark_utils.compression.archive import Archive, compress, load_solver
from benchmark_utils.compression.exact_moments import (
    KeepsMoments,
    with_moments,
)
from benchmark_utils.compressor import Compressor


class Solver(Compressor):
    """Ours: any compressor, and what it decodes keeps its moments.

    Density, momentum and energy of what the codec loses are stored for every
    cell of space, in few bits; the decoded field gets the smallest change
    that restores them, which makes its error smaller.
    <b>Round:</b> that of the codec.
    <b>Memory:</b> it keeps its block, and decodes while it encodes.
    <b>Guarantee:</b> moments are off by a tenth of what independent errors of
    the same size leave; the field error is not above the codec's.
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
