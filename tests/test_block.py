"""Reading a block: what counts as a pass, and which product is taken."""
import numpy as np
import pytest

from benchmark_utils.methods.block import Block
from benchmark_utils.methods.matrix import PartitionedMatrix
from benchmark_utils.methods.meter import ReadingMeter

N, D, K = 100, 20, 2
# X'X costs n d^2 operations, two products with X 4 n d k: after D / (4 K)
# products, rounded up, forming it has been paid for.
PRODUCTS_WITH_X = 3


def block(n=N, d=D, dtype="float32", seed=0):
    X = np.random.default_rng(seed).standard_normal((n, d)).astype(dtype)
    return Block(X, ReadingMeter()), X.astype(float)


def test_looking_costs_nothing_and_reading_does():
    data, X = block()
    assert data.X.shape == (N, D) and data.T.X.base is data.X
    assert data.meter.passes == 0
    U, Z = np.ones((D, K)), np.ones((N, K))
    results = [
        (data.product(U), X @ U), (data.T.product(Z), X.T @ Z),
        (data.gram_product(U), X.T @ (X @ U)),
        (data.T.gram_product(Z), X @ (X.T @ Z)),
        (np.vstack([piece.copy() for piece in data.pieces()]), X),
        (np.hstack([piece.copy().T for piece in data.T.pieces()]), X),
        (data.gram(), X.T @ X)]
    for ours, exact in results:
        np.testing.assert_allclose(ours, exact, atol=1e-11 * N)
    assert data.meter.passes == len(results)
    data.count_pass()
    assert data.meter.passes == len(results) + 1


def test_a_stored_gram_matrix_is_no_pass():
    """Formed once, after products that cost as much; exact throughout."""
    data, X = block()
    rng = np.random.default_rng(1)
    for n_products in range(1, 10):
        U = rng.standard_normal((D, K))
        np.testing.assert_allclose(data.gram_product(U), X.T @ (X @ U),
                                   atol=1e-11 * N)
        assert data.meter.passes == min(n_products, PRODUCTS_WITH_X + 1)
    data.gram(), data.leading_factor(K)
    assert data.meter.passes == PRODUCTS_WITH_X + 1
    with pytest.raises(ValueError, match="read-only"):
        data.gram()[0] = 0


def test_a_wide_block_forms_none():
    """It would be larger than the block, and no product cheaper."""
    data, _ = block(n=D - 1)
    for n_products in range(1, 20):
        data.gram_product(np.ones((D, K)))
        assert data.meter.passes == n_products
    # Its other side is tall.
    for _ in range(20):
        data.T.gram_product(np.ones((D - 1, K)))
    assert data.meter.passes == n_products + PRODUCTS_WITH_X + 1


def test_a_factor_leaves_the_gram_matrix():
    """Methods that go on with products need not form it again."""
    data, X = block()
    F = data.leading_factor(D)
    np.testing.assert_allclose(F @ F.T, X.T @ X, atol=1e-11 * N)
    data.gram_product(np.ones((D, K)))
    assert data.meter.passes == 1
    wide, X = block(n=7)
    F = wide.leading_factor(D)
    np.testing.assert_allclose(F @ F.T, X.T @ X, atol=1e-11 * N)
    assert F.shape == (D, 7) and wide.meter.passes == 1


@pytest.mark.parametrize("partition", ["samples", "features"])
def test_the_matrix_of_a_rank(partition, make_field):
    """Type, order and shape of data.X are as own_method.rst says; batches."""
    array = np.random.default_rng(0).standard_normal((5, 6, 4))
    field = make_field(array, n_ranks=2, dtype="float32", partition=partition)
    data = PartitionedMatrix(field, 1, np.random.default_rng(0))
    data.load()
    own = array[:, 3:].astype("float32")
    expected = own.reshape(15, 4) if partition == "samples" \
        else own.reshape(5, 12)
    np.testing.assert_array_equal(data.X, expected)
    assert data.X.dtype == "float32" and data.X.flags.c_contiguous
    assert not data.X.flags.writeable and not data.T.X.flags.writeable
    whole = np.eye(4 if partition == "samples" else 24, 3)
    np.testing.assert_array_equal(
        data.unit_basis(3), whole if partition == "samples" else whole[
            field.columns(1)])
    assert data.meter.passes == 0
    for n_batches, _ in enumerate(data.batches(), start=1):
        assert data.meter.passes == pytest.approx(n_batches / 5)


def test_a_one_pass_method_holds_no_block(make_field):
    field = make_field(np.ones((5, 6, 4)), n_ranks=2)
    data = PartitionedMatrix(field, 0, np.random.default_rng(0), True)
    for read in (lambda: data.X, lambda: data.T, lambda: data.gram(),
                 lambda: data.product(np.ones((4, 2)))):
        with pytest.raises(RuntimeError, match="one_pass = True"):
            read()
    assert sum(len(batch) for batch in data.batches()) == 15
    with pytest.raises(RuntimeError, match="once"):
        next(data.batches())
