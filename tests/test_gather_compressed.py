"""The composition: gather-all on compressed data, its bytes counted."""
import numpy as np
import pytest
from conftest import SOLVERS
from test_compressors import CODECS, waves

from benchmark_utils.compression.archive import load_codec
from benchmark_utils.compression.parts import join


def test_subspace_and_bytes(run, make_field):
    """PCA of what codecs leave, computed here; archives and a basis sent."""
    field = make_field(waves(), n_ranks=2, batch=4)
    _, last = run(SOLVERS["gather-compressed"], field, 2, 1, codec="lorenzo",
                  error=0.1)
    rows, lengths = [], []
    for rank in range(2):
        geometry = field.geometry(rank)
        encoder, decoder = (CODECS["lorenzo"].Codec(geometry, 0.1)
                            for _ in range(2))
        messages = [encoder.encode(geometry.array(X))
                    for X in field.reader(rank).batches(4)]
        lengths.append(len(join(messages)))
        rows += [geometry.rows(decoder.decode(each)) for each in messages]
    own, true = (np.linalg.svd(X)[2][:2].T for X in (
        np.concatenate(rows), waves().reshape(-1, 24)))
    sine = np.linalg.norm(own - true @ (true.T @ own), 2)
    assert 1e-3 < sine == pytest.approx(last["subspace_error"], rel=1e-6)
    # A number per rank, rank 1's archive, the basis.
    assert last["comm_bytes"] == 8 + lengths[1] + 8 * 2 * 24


def test_unknown_codec():
    assert load_codec("wavelet").__name__ == "Wavelets"
    for name in "no-such", "template-solver":
        with pytest.raises(ValueError, match=f"no compressor '{name}'"):
            load_codec(name)
    with pytest.raises(ValueError, match="does not code batch by batch"):
        load_codec("pca-wavelet")
