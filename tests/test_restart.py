"""The restart of a simulation from what a codec has kept."""
import numpy as np
import pytest
from conftest import ROOT, SOLVERS, get_field, load_dataset, load_module

from benchmark_utils.compression.archive import Codec
from benchmark_utils.fields.reference import load_reference

restart = load_module(ROOT / "examples" / "restart.py")


class Everything(Codec):
    """Loses nothing."""

    def __init__(self, geometry):
        super().__init__(geometry, error=1.0)

    def encode(self, batch):
        return batch.tobytes()

    def decode(self, message):
        return np.frombuffer(message, self.geometry.dtype).reshape(
            -1, *self.geometry.shape)


@pytest.fixture(scope="module")
def plasma(tmp_path_factory):
    module = load_dataset("vlasov_poisson", tmp_path_factory.mktemp("plasma"))
    field = get_field(module, n_x=64, n_v=64, n_snapshots=12, batch=4,
                      case="two_stream", n_ranks=2)
    load_reference(field)
    return module, field


def test_goes_on_as_before(plasma):
    """From single precision, to single precision."""
    row, (energies, undisturbed) = next(restart.compare(
        *plasma, [("all", 0, False, Everything)], restart=7))
    assert row[3] == 32  # bits
    assert row[4] < 1e-12 and row[5] < 1e-5
    assert len(energies) == 5  # snapshots 7 to 11
    np.testing.assert_allclose(energies, undisturbed, rtol=1e-4)


def test_a_codec(plasma):
    """Error and bits are those of its snapshots; a finer one goes on better.
    """
    ends = []
    for name, error, kept, new in restart.codecs([1e-1, 1e-3]):
        if name != "lorenzo":
            continue
        row, _ = next(restart.compare(
            *plasma, [(name, error, kept, new)], restart=7))
        ends.append(row[5])
        if not kept:
            _, field = plasma
            n_bytes, squares = 0, np.zeros(2)
            for rank in range(2):
                geometry = field.geometry(rank)
                encoder, decoder = (SOLVERS[name].Codec(geometry, error)
                                    for _ in range(2))
                for X in list(field.reader(rank).batches(4))[:2]:
                    true = geometry.array(X)
                    message = encoder.encode(true)
                    n_bytes += len(message)
                    last = decoder.decode(message)[-1]
                squares += [np.square(last - true[-1]).sum(),
                            np.square(true[-1], dtype=float).sum()]
            assert row[3] == pytest.approx(8 * n_bytes / (8 * 64 * 64))
            assert row[4] == pytest.approx(
                (squares[0] / squares[1]) ** 0.5, rel=1e-5)
    assert max(ends[2:]) < 0.1 * min(ends[:2])
