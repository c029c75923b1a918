"""MPISolver: the only place that knows both benchopt and MPI worlds."""
import hashlib
import math
import shlex
from pathlib import Path

from benchopt import BaseSolver
from benchopt.stopping_criterion import StoppingCriterion

from benchmark_utils.methods.method import Method
from benchmark_utils.results.names import ShortName
from benchmark_utils.runtime import idle, provenance
from benchmark_utils.runtime.requirements import package_versions
from benchmark_utils.runtime.world import start_world

TARGET = 1e-8
FEW_COMPONENTS = 1, 2, 5, 10, 20, 50, 100
# Why a run ended that neither converged nor returned: benchopt's status.
LIMITS = {"max_runs": "round limit", "timeout": "time limit",
          "diverged": "diverged"}


class TargetReached(StoppingCriterion):
    """Stop when the monitored error is at most the target."""

    def __init__(self, target=TARGET, **kwargs):
        super().__init__(target=target, **kwargs)
        self.target = target

    def check_convergence(self, objective_list):
        error = objective_list[-1][self.key_to_monitor_]
        progress = math.log(max(error, self.target)) / math.log(self.target)
        return error <= self.target, progress


class MPISolver(Method, ShortName, BaseSolver):
    """Base class of all methods.

    A method is one generator, the same program on every rank::

        @staticmethod
        def rounds(comm, data, n_components, rng, **parameters):
            U = data.random_basis(n_components, rng)
            while True:
                yield U
                U = data.orthonormalize(comm, data.covariance(comm, U))

    It yields its starting point first and then an orthonormal estimate after
    every round (one communication phase, or one batch of the stream); methods
    that are done return. ``comm`` is a counting MPI communicator, ``data``
    the rank's :class:`~benchmark_utils.methods.matrix.PartitionedMatrix`,
    ``rng`` the same generator on every rank. Everything comes as an argument:
    the function travels to the ranks without its class.

    What a method declares about itself stands in
    :class:`~benchmark_utils.methods.method.Method`.
    """

    stopping_criterion = TargetReached(
        strategy="callback", key_to_monitor="subspace_error")

    @classmethod
    def is_installed(cls, env_name=None, raise_on_not_installed=None,
                     quiet=False, reload=False):
        """As benchopt asks, by the packages in ``requirements``.

        They are imported on the ranks only.
        """
        missing = [package for package, version in package_versions(
            cls.requirements).items() if version is None]
        if env_name is not None or not missing:
            return super().is_installed(env_name, raise_on_not_installed,
                                        quiet, reload)
        sentence = (f"{cls.name} needs packages that are not installed: "
                    + shlex.join(["pip", "install", *missing]))
        if raise_on_not_installed:
            raise ImportError(sentence)
        if not quiet and not cls._error_displayed:
            print(sentence)
            cls._error_displayed = True
        return False

    def skip(self, field, n_components):
        if field.partition not in self.partitions:
            return True, (f"{self.name} supports the partition "
                          f"{' and '.join(self.partitions)}, "
                          f"not {field.partition}: change that of the "
                          "dataset, or add it to the method's partitions if "
                          "its rounds are correct for both.")
        wrong = self.wrong_parameter(self._parameters)
        return wrong is not None, wrong and f"{self.name}: {wrong}"

    def get_next(self, stop_val):
        """Round of the next evaluation: every round, then steps of 10 %.

        Costs to an accuracy are read off the evaluated rounds.
        """
        return max(stop_val + 1, int(1.1 * stop_val))

    def set_objective(self, field, n_components):
        self.field, self.n_components = field, n_components

    def pre_run_hook(self, callback):
        """Start the ranks and have them read their data; not timed.

        Runs of a method share their ranks, see :mod:`~.runtime.idle`.
        """
        self.close()
        self.round = -1
        self.pictures, self.stored, self.ended = {}, {}, {}
        self.world = idle.take(self._user(), self.field.n_ranks) \
            if self.field.ranks == "processes" \
            else start_world(self.field.n_ranks, self.field.ranks)
        try:
            self.world.load(
                self.rounds, self.field, self.n_components, self._parameters,
                seed=self.get_seed(use_repetition=True),
                one_pass=self.one_pass, yields=self.yields,
                warm_up_rank=self.warm_up_rank)
        except BaseException:
            self.close()
            raise
        self.provenance = self.world.provenance

    def run(self, callback):
        returned = False
        try:
            self._advance(1)
            while callback():
                # One message per evaluation: all rounds until the next one.
                wanted = 1 + max(0, callback.next_stopval - callback.it)
                done = self._advance(wanted)
                for _ in range(done - 1):
                    callback()
                returned = done < wanted
                if returned:
                    if done:
                        callback.next_stopval = callback.it
                        callback()
                    break
            self.get_result()
            self.pictures[self.round] = self.world.call("pictures")
            if self.field.ranks == "processes":  # one cannot code for all
                for k in self._cuts():
                    self.stored[k] = self.world.call("stored", k)["stored"]
            error = callback.curve[-1].get(
                "objective_subspace_error", math.inf)
            # benchopt keeps the dict that get_result gave: change it in place.
            self.ended["reason"] = (
                "converged" if error <= TARGET else
                "method done" if returned else LIMITS.get(
                    callback.status, callback.status))
            if self.field.ranks == "processes":
                idle.keep(self._user(), self.world)
                self.world = None
        finally:
            self.close()

    def _cuts(self):
        """Numbers of components that are stored: a curve of every PCA.

        Of the first repetition; of the others only the end.
        """
        context = self._run_context
        few = FEW_COMPONENTS if self.yields == "subspace" and not (
            context and context.repetition) else ()
        return [*(k for k in few if k < self.n_components), self.n_components]

    def _advance(self, n_rounds):
        self.result = None
        done = self.world.call("advance", n_rounds)
        self.round += done
        return done

    def get_result(self):
        """Scores and costs of the present estimate, computed on the ranks.

        When the run ends, bytes and errors of what it leaves behind are
        added, and why it ended; pictures are those of rounds 0, 1, 2, 4, 8,
        ... and of the last one.
        """
        if self.result is None:
            self.result = self.world.call("result")
            if self.round & (self.round - 1) == 0:
                self.pictures[self.round] = self.world.call("pictures")
        return dict(**self.result, yields=self.yields,
                    one_pass=self.one_pass, ended=self.ended,
                    pictures=self.pictures, stored=self.stored,
                    provenance=self.provenance)

    def _user(self):
        """Who may use the ranks of a run that has ended."""
        return type(self), repr(self._parameters)

    def close(self):
        world, self.world = getattr(self, "world", None), None
        if world:
            world.close()

    # The cache of benchopt knows the plugin's file but neither what it imports
    # nor on what it runs.
    def _get_state(self):
        digest = hashlib.sha256()
        utils = Path(__file__).parent
        for path in sorted(utils.rglob("*.py")):
            # What draws results changes none.
            if "results" not in path.relative_to(utils).parts:
                digest.update(path.read_bytes())
        return {"benchmark_utils": digest.hexdigest(),
                "requirements": package_versions(
                    self.requirements),
                "provenance": provenance.cache_key()}

    def __setstate__(self, state):
        """Nothing to restore: the state only enters the cache key."""
