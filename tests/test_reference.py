"""The exact subspace: against known answers, its bound, its file."""
import h5py
import numpy as np
import pytest
from conftest import spectrum_array
from scipy.linalg import hadamard

from benchmark_utils.fields import reference
from benchmark_utils.fields.difficulty import relative_eigengap
from benchmark_utils.fields.field import Field
from benchmark_utils.fields.reference import load_reference

N, D = 128, 64  # powers of two: the known vectors are exact


def known(partition, decay):
    """A field, its right singular vectors and singular values, all exact.

    The columns of a Hadamard matrix are orthogonal; values are powers of two.
    """
    n, d = (N, D) if partition == "samples" else (D, N)
    sigma = 2.0 ** -np.floor(decay * np.arange(D))
    left, right = (hadamard(size)[:, :D] for size in (n, d))
    X = (left * sigma) @ right.T
    array = X[:, None] if partition == "samples" else X[..., None]
    return array, right / np.sqrt(d), sigma * np.sqrt(n * d)


def basis(field, k):
    with h5py.File(field.reference_path) as file:
        return file["basis"][:, :k]


def sine(U, V):
    return np.linalg.norm(U - V @ (V.T @ U), 2)


@pytest.mark.parametrize("max_gram", [reference.MAX_GRAM, 10])
@pytest.mark.parametrize("partition", ["samples", "features"])
@pytest.mark.parametrize("decay, k", [(0.2, 5), (0.5, 10), (1, 10), (0.5, 24),
                                      (0.8, 25)])
def test_weak_modes(decay, k, partition, max_gram, make_field, monkeypatch):
    """Exact where eigenvectors of X'X are not, and the bound is one."""
    monkeypatch.setattr(reference, "MAX_GRAM", max_gram)
    array, V, sigma = known(partition, decay)
    field = make_field(array, n_ranks=1, partition=partition)
    found = load_reference(field)
    error = sine(basis(field, k), V[:, :k])
    assert error <= found.subspace_error(k) < 20 * error + 1e-14
    assert error < 2e-14 * sigma[0] / sigma[k - 1]
    np.testing.assert_allclose(found.eigenvalues[:k],
                               sigma[:k] ** 2 / field.n_samples, rtol=1e-9)


def test_a_wrong_reference_has_a_large_bound(make_field, monkeypatch):
    """Rotate one vector out of the subspace: the bound sees the angle."""
    array, V, _ = known("samples", 1)
    original = reference._refined

    def wrong(field, start, total, covariance):
        monkeypatch.setattr(np.linalg, "svd", turned)
        return original(field, start, total, covariance)

    svd = np.linalg.svd

    def turned(R):
        U, sigma, Vt = svd(R)
        cosine, angle = np.cos(1e-6), np.sin(1e-6)
        Vt[[4, 5]] = (cosine * Vt[4] + angle * Vt[5],
                      cosine * Vt[5] - angle * Vt[4])
        return U, sigma, Vt

    monkeypatch.setattr(reference, "_refined", wrong)
    field = make_field(array, n_ranks=1)
    found = load_reference(field)
    monkeypatch.undo()
    assert sine(basis(field, 5), V[:, :5]) == pytest.approx(1e-6, rel=1e-3)
    assert found.subspace_error(5) == pytest.approx(1e-6, rel=1e-3)
    assert found.subspace_error(10) < 1e-12


@pytest.mark.parametrize("partition", ["samples", "features"])
def test_rank_is_known(partition, make_field):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4)) @ rng.standard_normal((4, 50))
    array = X[:, None] if partition == "samples" else X[..., None]
    found = load_reference(make_field(array, n_ranks=1, partition=partition))
    assert found.rank == len(found.eigenvalues) == 4
    assert relative_eigengap(found, 4) == 1
    with pytest.raises(ValueError, match="5 is more than the rank 4"):
        relative_eigengap(found, 5)


def test_more_components_than_are_stored(make_field):
    """A stored file is extended, not taken for the whole spectrum."""
    array = spectrum_array(60, 2, 80, decay=0.95)
    field = make_field(array, n_ranks=1)
    exact = np.linalg.svd(array.reshape(-1, 80), compute_uv=False) ** 2 / 120
    few = load_reference(field)
    assert len(few.eigenvalues) == reference.N_REFERENCE
    assert few.rank == 80
    with pytest.raises(ValueError, match="load it for n_components = 40"):
        relative_eigengap(few, 40)
    many = load_reference(field, 45)
    assert len(many.eigenvalues) == 45 + reference.N_BEYOND
    np.testing.assert_allclose(many.eigenvalues, exact[:55], rtol=1e-9)
    assert relative_eigengap(many, 45) == pytest.approx(
        1 - exact[45] / exact[44])
    written = field.reference_path.stat().st_mtime_ns
    assert len(load_reference(field).eigenvalues) == 55  # it suffices
    assert len(load_reference(field, 45).eigenvalues) == 55
    assert field.reference_path.stat().st_mtime_ns == written
    everything = load_reference(field, 80)
    assert len(everything.eigenvalues) == everything.rank == 80
    assert relative_eigengap(everything, 80) == 1


def test_raising_the_number_computes_stored_ones_again(make_field,
                                                       monkeypatch):
    field = make_field(spectrum_array(60, 2, 80, decay=0.95), n_ranks=1)
    monkeypatch.setattr(reference, "N_REFERENCE", 60)
    found = load_reference(field)
    assert len(found.eigenvalues) == 60
    assert relative_eigengap(found, 40) < 0.5


def test_another_field_at_the_same_path(make_field):
    """A live field that is written again, with the same settings."""
    field = make_field(spectrum_array(9, 8, 5), n_ranks=1)
    first = load_reference(field)
    with h5py.File(field.path, "r+") as file:
        file["field"][...] = 2 * file["field"][...]
    second = load_reference(Field(field.path, n_ranks=1))
    np.testing.assert_allclose(second.eigenvalues, 4 * first.eigenvalues)


@pytest.mark.parametrize("k, reason", [
    (4, None), (5, "5 is more than the rank 4"),
    (45, "45 is more than the rank 4")])
def test_the_objective_skips_what_is_not_there(k, reason, benchmark,
                                               make_field):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4)) @ rng.standard_normal((4, 50))
    objective = benchmark.get_benchmark_objective().get_instance(
        n_components=k)
    field = make_field(X[:, None], n_ranks=1)
    skip, why = objective.skip(field)
    assert skip == (reason is not None)
    assert not skip or reason in why


def test_the_objective_takes_many_components(benchmark, make_field):
    objective = benchmark.get_benchmark_objective().get_instance(
        n_components=45)
    field = make_field(spectrum_array(60, 2, 80, decay=0.95), n_ranks=2)
    assert objective.skip(field) == (False, None)
    objective.set_data(field)
    assert 0 < objective.difficulty["eigengap"] < 0.5
