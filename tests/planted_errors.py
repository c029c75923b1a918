"""Errors that ``mutations.py`` plants, each with tests that notice it."""
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Mutation(NamedTuple):
    """An error: in a file, old text becomes new; tests that notice it."""

    file: str
    old: str
    new: str
    tests: tuple

    def apply(self, folder):
        """Plant it in a copy of the project; return the text before."""
        path = folder / self.file
        text = path.read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"found {text.count(self.old)} times, not once")
        path.write_text(text.replace(self.old, self.new))
        return text


def of(file, *mutations):
    """Mutations of one file: (old, new, test, ...) each."""
    return [Mutation(file, old, new, tests) for old, new, *tests in mutations]


STATISTICS = "tests/test_statistics.py::"
BARS = "tests/test_plots_costs.py::test_a_repetition_that_misses_is_no_success"
SCORES = "tests/test_scoring.py::test_metrics[samples]"
COSTS = "tests/test_scoring.py::test_costs_of_unequal_ranks"
COUNTS = "tests/test_communicator.py::test_costs_and_results[3]"
NETWORK = "tests/test_network.py::"
CONFORMANCE = "tests/test_conformance.py::test_conformance"
LINALG = "tests/test_linalg.py::"
CERTIFICATES = "tests/test_certificates.py::"
DECODING = "tests/test_decoding.py::"
KEPT = "tests/test_unfinished.py::test_results_before_a_signal_are_kept"
WEIGHTED = "tests/test_weighted_fields.py::"
STORED_ERRORS = \
    "tests/test_stored.py::test_errors_from_their_definitions[samples]"

MUTATIONS = [
    *of("docs/references.rst",
        ("4465-4474, 2020.", "4465-4474, 2021.",
         "tests/test_review.py::test_entry[huang-pan-2020]"),
        ("Zhong P. *", "Zhong. *",
         "tests/test_review.py::test_entry[boutsidis-et-al-2016]")),
    *of("benchmark_utils/compression/autoencoder.py",
        ("Balle et al. 2017", "Balle et al. 2016",
         "tests/test_review.py::test_works_cited_in_modules")),
    *of("docs/methods.rst",
        ("\n.. _Wang et al. 2016: ", "\n.. _Wang et al. 2016: x",
         "tests/test_review.py::test_every_entry_is_cited")),
    *of("solvers/sklearn_incremental_pca.py",
        ("np.sqrt(model.n_samples_seen_) * model.mean_", "0 * model.mean_",
         "tests/test_libraries.py::test_agrees_with_numpy")),
    *of("solvers/scipy_eigsh.py",
        ("matvec=lambda z: comm.sum(", "matvec=lambda z: 1 * (",
         "tests/test_libraries.py::test_bytes_of_a_distributed_operator")),
    *of("benchmark_utils/methods/pool.py",
        ("pooled if primal else pooled.T)",
         "pooled if primal else pooled.T[:, ::-1])",
         "tests/test_libraries.py::test_agrees_with_numpy")),
    *of("benchmark_utils/results/statistics.py",
        # The mean instead of the median, in curves, of ranks and of costs.
        ("quantile(values, [", "quantile(values.mean(1)[:, None], [",
         STATISTICS + "test_median_and_range_of_few"),
        ("np.median(np.stack(", "np.mean(np.stack(",
         STATISTICS + "test_medians_by_method_also_of_arrays"),
        ("cost=np.median(costs)", "cost=np.mean(costs)",
         STATISTICS + "test_costs_and_their_median"),
        ("ends=np.median([", "ends=np.mean([",
         STATISTICS + "test_costs_and_their_median"),
        # Bands.
        ("else (0.1, 0.9)", "else (0.3, 0.7)",
         STATISTICS + "test_quantiles_of_many"),
        ("ends = (0, 1) if", "ends = (0.1, 0.9) if",
         STATISTICS + "test_median_and_range_of_few"),
        ("FEW = 10", "FEW = 3", STATISTICS + "test_quantiles_of_many"),
        ("side=\"right\")", "side=\"right\") * np.isin(every, rounds[rows])",
         STATISTICS + "test_a_curve_is_the_median_of_three"),
        # The first time that an error is small enough, not the last.
        ("before, after = above[-1], above[-1] + 1",
         "after = np.argmax(np.less_equal(errors, target))\n"
         "    before = after - 1",
         STATISTICS + "test_cost_of_a_run_in_which_every_round_was_evaluated"),
        # Between evaluations: the error itself, none, parts of a round.
        ("high, low, goal = np.log(np.maximum(\n"
         "        [errors[before], errors[after], target], SMALLEST_ERROR))",
         "high, low, goal = errors[before], errors[after], target",
         STATISTICS + "test_cost_between_evaluated_rounds"),
        ("part = needed / skipped", "part = 1.0",
         STATISTICS + "test_cost_between_evaluated_rounds"),
        ("np.ceil((high - goal) / (high - low) * skipped - 1e-9)",
         "((high - goal) / (high - low) * skipped)",
         STATISTICS + "test_cost_between_evaluated_rounds"),
        # Repetitions that miss the target, and why.
        ("if cost_of_one == np.inf]", "if cost_of_one < 0]",
         STATISTICS + "test_one_repetition_in_three_misses"),
        ("return Reason(ended, float(runs[\"time\"]",
         "return Reason(\"flat\", float(runs[\"time\"]",
         STATISTICS + "test_why_a_run_ended"),
        ("Reason(ended if ended == \"method done\" else \"unknown\")",
         "Reason(\"method done\")", STATISTICS + "test_why_a_run_ended"),
        ("FLAT = 2.0", "FLAT = 10.0", STATISTICS
         + "test_flat_is_less_than_a_factor_of_two_in_the_last_half"),
        ("return min(reasons, default", "return max(reasons, default",
         STATISTICS + "test_repetitions_that_end_for_different_reasons")),
    *of("benchmark_utils/results/curves.py",
        ("spread(np.maximum(y, SMALLEST_ERROR))", "spread(y)",
         STATISTICS + "test_a_curve_is_the_median_of_three"),
        ("bar[self.band] = low + high", "bar[self.band] = low + low",
         STATISTICS + "test_one_point_has_a_bar_one_repetition_none")),
    *of("benchmark_utils/results/select.py",
        ("(df[\"stop_val\"] > 0)", "(df[\"stop_val\"] >= 0)",
         STATISTICS + "test_random_starts_and_doubles_are_left_out"),
        ("keep=\"last\")", "keep=\"first\")",
         STATISTICS + "test_random_starts_and_doubles_are_left_out"),
        ("runs.get(\"objective_path_compute_s\", own)", "own",
         STATISTICS + "test_compute_time_of_a_token"),
        ("runs.get(\"objective_one_pass\"", "runs.get(\"\"",
         "tests/test_plots_costs.py::test_stream_shows_methods_of_one_pass")),
    *of("plots/modes.py",
        ("HOLD * frames[-1:] + frames[:-1]", "frames + HOLD * frames[-1:]",
         "tests/test_plots_pictures.py::test_frames_follow_the_rounds")),
    *of("benchmark_utils/results/text.py",
        ("counts.max() < FEW", "counts.max() < 3",
         STATISTICS + "test_what_a_band_is_called"),
        ("number /= 1000", "number /= 1024",
         "tests/test_plots.py::test_readable_bytes")),
    *of("plots/cost_to_accuracy.py",
        ("    if row.missed:", "    if False:", BARS),
        ("row.costs.clip(max=most)", "row.costs.clip(max=row.cost)", BARS)),
    *of("benchmark_utils/scoring/metrics.py",
        ("rows = n_features if", "rows = n_components if",
         "tests/test_scoring.py::test_unit_of_cost"),
        ("else 0\n    return (n_ranks - 1) * rows",
         "else n_components\n    return (n_ranks - 1) * rows",
         "tests/test_scoring.py::test_unit_of_cost"),
        ("n_components * (n_features - n_components)",
         "n_components * n_features",
         "tests/test_plots.py::test_bytes_of_a_subspace"),
        ("np.log2(1", "np.log(1",
         "tests/test_plots.py::test_bytes_of_a_subspace"),
        ("max(sent_bytes.max(), received_bytes.max())", "sent_bytes.max()",
         COSTS),
        ("int(hops.max())", "int(hops[0])", COSTS),
        ("compute_s=compute_s.max()", "compute_s=compute_s.mean()", COSTS)),
    *of("benchmark_utils/scoring/field_errors.py",
        ("self.largest, error.max(), -error.min()",
         "self.largest, error.max()", STORED_ERRORS),
        ("np.diff(values, axis=axis)", "np.diff(values, axis=axis, n=2)",
         STORED_ERRORS),
        ("worst_domain_field_error=max", "worst_domain_field_error=min",
         STORED_ERRORS)),
    *of("benchmark_utils/scoring/stored.py",
        ("self.stored_bytes += len(message)",
         "self.stored_bytes = len(message)", STORED_ERRORS)),
    *of("benchmark_utils/compression/basis.py",
        ("ROUNDING = 0.08, 0.02", "ROUNDING = 0.2, 0.02",
         "tests/test_stored.py::test_pca_as_an_archive[2-samples]")),
    *of("benchmark_utils/compression/exact_moments.py",
        ("np.linalg.pinv(self.weights)", "self.weights.T",
         "tests/test_exact_moments.py::test_smallest_change")),
    *of("benchmark_utils/compression/clusters.py",
        ("EQUAL = 1e-3", "EQUAL = 0",
         "tests/test_rena.py::test_not_worse_than_nilearn")),
    *of("benchmark_utils/compression/bits.py",
        ("(exponent < 0) << (width - 1)", "(exponent < 0) << width",
         "tests/test_integers.py::test_signed_exponent")),
    *of("benchmark_utils/compression/integers.py",
        ("total = 2 * _near(magnitude, place)",
         "total = 0 * _near(magnitude, place)",
         "tests/test_compressors.py::test_figures_of_a_kinetic_plasma"
         "[lorenzo]")),
    *of("benchmark_utils/scoring/subspace.py",
        ("subspace_error=sines.max()", "subspace_error=sines.mean()",
         SCORES),
        ("np.sqrt((sines ** 2).mean(axis=1))", "sines.mean(axis=1)", SCORES),
        ("max(0.0, domain_errors.max())", "max(0.0, domain_errors.mean())",
         SCORES),
        ("1 - captured_worst.sum()", "1 - captured_exact.sum()", SCORES),
        ("if excess < -ROUNDING", "if excess > ROUNDING",
         "tests/test_scoring.py::test_a_wrong_reference_is_noticed")),
    *of("benchmark_utils/fields/survey.py",
        ("np.sqrt(weight) / scale", "weight / scale",
         WEIGHTED + "test_weights_by_latitude"),
        # A mean square about the first time step, not about the mean.
        ("count.clip(1) - mean ** 2)", "count.clip(1))",
         WEIGHTED + "test_standardised_columns"),
        ("weight, weight * square))", "weight, square))",
         WEIGHTED + "test_several_variables[auto-variable0]"),
        ("weight.max())\n    if", "weight.max()) | True\n    if",
         WEIGHTED + "test_points_without_weight_are_left_out")),
    *of("benchmark_utils/fields/column_grid.py",
        ("(modes / self.factor[:, None])", "modes",
         WEIGHTED + "test_mass_vector[same]")),
    *of("benchmark_utils/fields/state.py",
        ("key=lambda i: sign * points[i][0]", "key=lambda i: i",
         "tests/test_several_files.py::test_along_space"),
        ("int(part) if part.isdigit()", "part if part.isdigit()",
         "tests/test_several_files.py::test_files_without_coordinates"),
        ("(np.diff(joined) < 0).any()", "False",
         "tests/test_time_axes.py::test_files_that_do_not_continue")),
    *of("benchmark_utils/fields/time_units.py",
        ("year // 100 + year // 400 + 2", "year // 100 + 2",
         "tests/test_time_axes.py::test_day_numbers")),
    *of("benchmark_utils/fields/decoding.py",
        ('values *= one_number(variable, "scale_factor", 1.0)', "",
         DECODING + "test_packed"),
        ('{"true": "u", "false": "i"}', "{}", DECODING + "test_unsigned"),
        ("variable.dtype.itemsize > 1", "False",
         DECODING + "test_what_was_never_written")),
    *of("benchmark_utils/fields/file_axes.py",
        ("unpack(scale[()], scale)", "scale[()]",
         DECODING + "test_packed_coordinates")),
    *of("benchmark_utils/fields/links.py",
        ("found |= _source_files(variable, source)", "pass",
         "tests/test_unusual_files.py::"
         "test_a_virtual_dataset_and_its_sources")),
    *of("benchmark_utils/scoring/pictures.py",
        ("rows / self.factor[:, None]", "rows",
         WEIGHTED + "test_pictures_are_maps")),
    *of("benchmark_utils/scoring/modes.py",
        ("Modes(basis * signs", "Modes(-basis * signs",
         "tests/test_modes_file.py::test_the_documented_command"),
        ("= rotation[:, ::-1]", "= np.eye(len(gram))",
         "tests/test_modes_file.py::test_modes_of_a_turned_basis")),
    *of("benchmark_utils/comm/ledger.py",
        # Computing seconds with those of communication in them.
        ("""self._begin
        self.resume()""", "self._begin",
         "tests/test_run.py::"
         "test_compute_is_cpu_time_outside_communication"),
        ("self.hops = max(self.hops, hops)", "self.hops += 1", COUNTS)),
    *of("benchmark_utils/comm/costs.py",
        ("2 * (n - chunk(", "(n - chunk(", COUNTS),
        ("self.size - 1 if at_root else 1, sent", "1, sent", COUNTS)),
    *of("benchmark_utils/comm/network.py",
        ("one_rank + (path - one_rank) * links", "path",
         STATISTICS + "test_compute_time_of_a_token"),
        ("(2 * L, 2 * others * n, 2 * others * n_all)",
         "(2 * L, others * n, others * n_all)",
         NETWORK + "test_calls_by_hand"),
        ("links = (other_ranks - 1)", "links = 1",
         STATISTICS + "test_compute_time_of_a_token"),
        ("\"chain\": (lambda P: P - 1, lambda P: P - 1)",
         "\"chain\": (lambda P: P - 1, lambda P: 1)",
         NETWORK + "test_sends_with_a_pattern")),
    *of("benchmark_utils/methods/linalg.py",
        ("signs = np.where(np.diag(R) < 0, -1.0, 1.0)",
         "signs = np.ones(len(R))",
         LINALG + "test_orthonormal_is_continuous"),
        ("return V * np.sqrt(variance.clip(0))", "return V * variance.clip(0)",
         LINALG + "test_leading_factor_is_the_best_approximation"),
        ("    for _ in range(3):", "    for _ in range(1):",
         LINALG + "test_orthonormal_against"),
        ("return values[::-1], vectors[:, ::-1]", "return values, vectors",
         LINALG + "test_leading_eigenpairs")),
    *of("benchmark_utils/methods/gossip.py",
        ("edges / (1 + np.maximum.outer", "edges / (2 + np.maximum.outer",
         "tests/test_gossip.py::test_known_spectrum")),
    *of("benchmark_utils/methods/quantization.py",
        ("max(1, (n_values - 1).bit_length())",
         "max(1, n_values.bit_length())",
         "tests/test_efficient.py::test_width")),
    *of("benchmark_utils/methods/streaming.py",
        ("return F * np.sqrt(1 - last / variance), last", "return F, last",
         "tests/test_streaming.py::"
         "test_truncation_instead_of_shrinking_breaks_the_bound")),
    *of("benchmark_utils/methods/changes.py",
        ("self.W = self.W + move", "self.W = move",
         "tests/test_changes.py::test_a_finer_tolerance_is_kept")),
    *of("benchmark_utils/methods/certificate.py",
        ("values[k - 1] - values[k] - missed - error",
         "values[k - 1] - error",
         CERTIFICATES + "test_bounds_of_truncated_models")),
    *of("benchmark_utils/methods/model_certificate.py",
        # Without what rounding lost, without what the model misses.
        ("noise = lost[::-1] @", "noise = 0 * lost[::-1] @",
         CERTIFICATES + "test_bound_of_a_step_is_never_below_the_error"),
        ("""np.linalg.norm(first)
                   + second_order(ritz.residual""",
         """0
                   + second_order(ritz.residual""",
         CERTIFICATES + "test_bound_of_a_step_is_never_below_the_error"),
        ("blocks @ (self.missed + tilt)", "blocks @ (0 * self.missed)",
         CERTIFICATES + "test_a_hidden_direction_is_not_missed")),
    *of("benchmark_utils/methods/krylov.py",
        ("+ outside + self.noise", "+ self.noise", CERTIFICATES
         + "test_bound_of_a_krylov_space_that_misses_a_direction[2.0]"),
        ("            + self.residual(r) / root", "            + 0",
         "tests/test_nystrom_factor.py::test_below_and_as_near_as_told")),
    *of("benchmark_utils/methods/narrow.py",
        ("LARGEST_SUM // comm.size", "LARGEST_SUM",
         "tests/test_reduced_chord.py::test_sums_do_not_overflow"),
        ("change + self.steps / 2", "change / 64",
         "tests/test_reduced_chord.py::test_sums_are_as_exact_as_stated")),
    *of("benchmark_utils/methods/chord.py",
        ("if N >= q else S\n", "if N >= q else -S / 2\n",
         "tests/test_coded_chord.py::test_models_are_those_of_numpy[400]")),
    *of("benchmark_utils/comm/simulated.py",
        ("price.hops if hops is None else hops", "hops or 1",
         "tests/test_simulated_ranks.py::"
         "test_every_method_as_on_processes[2]")),
    *of("benchmark_utils/fields/model_error.py",
        ("size, nu / (1 + nu)", "size, nu", "tests/test_difficulty.py::"
         "test_measures_are_those_of_numpy[split1-features]")),
    *of("benchmark_utils/scoring/estimates.py",
        ("each.min()", "each.max()",
         CERTIFICATES + "test_certified_on_ranks[low-rank-merge-2]")),
    *of("solvers/block_power.py",
        ("[1][:, ::-1]", "[1]",
         "tests/test_solvers.py::test_block_power_rate"),
        # It never moves.
        ("data.orthonormalize(comm, Y @ ritz)",
         "data.orthonormalize(comm, W)",
         CONFORMANCE + "[block-power-samples-2]")),
    *of("solvers/oja.py",
        ("else 2 / (batch", "else 1e-3 / (batch",
         CONFORMANCE + "[oja-samples-2]")),
    *of("solvers/low_rank_merge.py",
        ("min(rank_factor * k, d)", "min(k, d)",
         "tests/test_solvers.py::test_merge_needs_rank_beyond_k[star]")),
    *of("benchmark_utils/results/interrupts.py",
        ("now - self.since > G", "now - self.since < G", KEPT + "[2]"),
        ("if not self.is_running", "if self.is_running", KEPT + "[15]"),
        ("interrupt.is_running = False", "pass", KEPT + "[2]"),
        ("signal.signal(number, handler)", "pass", KEPT + "[15]")),
    *of("benchmark_utils/runtime/output.py",
        ("status - 128", "status - 127",
         "tests/test_world.py::test_rank_killed")),
]
