# Copy this file to solvers/<your_method>.py, or anywhere: `benchopt run`
# accepts `-s path/to/your_method.py`. Nothing else needs to change.
from benchmark_utils.solver import MPISolver


class Solver(MPISolver):
    """One line that says what the method does.

    <b>Round:</b> what is communicated in one round, as a formula.
    <b>Guarantee:</b> what it converges to, and under which condition.
    <b>Fails when:</b> the case in which a user should take another method.
    <b>Reference:</b> authors, year, journal; section of the algorithm.
    """  # benchopt shows this text for the curve's legend entry

    # The file name with hyphens.
    name = "template-solver"

    # Partitions of the data that the method can handle:
    # "samples" (a rank owns rows of X, the basis is on every rank),
    # "features" (a rank owns columns of X and the matching rows of the basis).
    partitions = ("samples", "features")

    # True: the method sees every batch once, through data.batches(), and
    # never holds data.X. It is then shown as a one-pass method.
    one_pass = False

    # Only scientific choices; the first value is the default. They are passed
    # to rounds as arguments.
    parameters = {"products": [1]}
    # Other values are refused: of words, those that are not in
    # choices = {"variant": ("plain", "fast")}; of whole numbers, those below
    # 1, or below the number that choices has.

    # The same program on every rank. It must not mention `self` or `Solver`.
    # data.X is the rank's block: read-only, in C order, of the field's own
    # type (float32 by default), own samples x n_features under "samples",
    # n_samples x own features under "features". Functions of data count the
    # passes that they make; code that reads data.X itself declares each pass
    # by data.count_pass(). Load what cannot be pickled (a ctypes library) in
    # here, or import it from another module. A static method
    # warm_up_rank(shape, dtype, n_components, **parameters), if there is one,
    # runs on every rank before the clock starts, to compile kernels.
    @staticmethod
    def rounds(comm, data, n_components, rng, products):
        # rng is the same stream on every rank; data.local_rng is private.
        U = data.random_basis(n_components, rng)
        while True:  # a method that is done returns
            # First the starting point, then the estimate after each round:
            # n_features x n_components, orthonormal; under "features" the
            # rank's rows of it.
            yield U
            for _ in range(products):
                # X'X U / n_samples, summed over ranks. The same by hand,
                # under "samples", with the rank's own term in the sum:
                #     comm.sum(data.gram_product(U)) / data.n_samples
                # comm is an MPI communicator that counts what it sends.
                U = data.covariance(comm, U)
            U = data.orthonormalize(comm, U)
