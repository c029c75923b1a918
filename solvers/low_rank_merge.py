from benchmark_utils.methods.merging import certified_basis, merge_factors
from benchmark_utils.methods.star import RoundedFactors
from benchmark_utils.methods.start import merged_basis
from benchmark_utils.solver import MPISolver

OFFERED = 8  # modes per component of which the rounding leaves some


class Solver(MPISolver):
    """One-shot merge of variance-weighted factors of rank r = m k.

    <b>Round:</b> one, a gather of d r + 1 floats per rank (star) or log2(P)
    levels of d r + 1 floats (tree), and a broadcast of d k floats. coding =
    <i>water-filled</i> (ours): entropy-coded integers, r = 8 k, with one
    absolute step for all ranks and modes; modes that round to zero cost almost
    nothing. Rounding moves the basis by about the tolerance.
    <b>Guarantee:</b> the sine of the angle is below T / (2 (gap - T)),
    certified, with T the sum of bounds on what the ranks truncate and the gap
    of the merged factor; exact if every rank's data have rank r or less.
    <b>Fails when:</b> m = 1 and directions of single ranks outweigh the common
    ones; a tree truncates at every level.
    <b>Reference:</b> Iwen &amp; Ong 2016, SIAM J. Matrix Anal. Appl. 37(4);
    Himpe, Leibner &amp; Rave 2018, SIAM J. Sci. Comput. 40(5).
    """

    name = "low-rank-merge"
    parameters = {"rank_factor": [2], "topology": ["star"],
                  "coding": ["float64"], "tolerance": [0.01]}
    choices = {"topology": ("star", "tree"),
               "coding": ("float64", "water-filled")}

    @staticmethod
    def rounds(comm, data, n_components, rng, rank_factor, topology, coding,
               tolerance):
        k, d = n_components, data.n_features
        comm.declare(send=topology)
        yield data.unit_basis(k)
        if coding == "float64":
            rank = min(rank_factor * k, d)
            F, missed = data.nystrom_factor(rank, data.local_rng)
            F, missed = merge_factors(comm, F, rank, topology, missed)
            yield certified_basis(comm, F, missed, k, d)
            return
        if topology != "star":
            raise ValueError("coding = water-filled needs topology = star, "
                             f"not {topology}.")
        rank = min(OFFERED * k, d)
        F, missed = data.nystrom_factor(rank, data.local_rng)
        factors = RoundedFactors(comm, F, missed, rank, k)
        yield merged_basis(comm, factors, k, tolerance)[0]
