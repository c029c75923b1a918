"""What a method declares about itself, apart from who runs it; loading one."""
import importlib.util
import re
import sys
from math import isfinite
from numbers import Integral, Real
from pathlib import Path
from types import ModuleType

SOLVERS = Path(__file__).resolve().parents[2] / "solvers"
NO_METHOD = re.compile("benchmark_utils.compress|    requirements = ")


class Method:
    """Declarations of a method; its ``rounds`` are described in MPISolver.

    Attributes
    ----------
    partitions : tuple
        Partitions of the data that the method supports.
    one_pass : bool
        The method sees each batch once, through ``data.batches()``; its ranks
        never hold their whole block.
    replicated : bool
        All ranks end a round with the same estimate. Where they do not, the
        worst one counts, and consensus_error tells how far they are apart.
    yields : str
        What an estimate is, a key of
        :data:`benchmark_utils.scoring.estimates.ESTIMATES`.
    parameters : dict
        Lists of values by name; the first one is the default.
    choices : dict
        By name of a parameter, the words that it may be, or the least whole
        number; without an entry that is 1 where the default is positive.
    warm_up_rank : function, optional
        ``warm_up_rank(shape, dtype, n_components, **parameters)`` is called
        on every rank before the clock starts, with the shape and type of its
        block but not the data: to compile kernels.
    """

    partitions = ("samples",)
    one_pass = False
    replicated = True
    yields = "subspace"
    parameters = {}
    choices = {}
    warm_up_rank = None

    @classmethod
    def wrong_parameter(cls, parameters):
        """A sentence about a value that the method does not know, or None."""
        for name, value in parameters.items():
            default = cls.parameters[name][0]
            allowed = cls.choices.get(
                name, 1 if isinstance(default, int) and default > 0 else None)
            if isinstance(allowed, tuple):
                is_right = value in allowed
                hint = f", not one of {', '.join(allowed)}."
            elif allowed is not None:
                is_right = value == default or (
                    isinstance(value, Integral) and value >= allowed)
                hint = f": give a whole number, {allowed} or more."
            else:
                is_right = not isinstance(default, float) or (
                    isinstance(value, Real) and isfinite(value))
                hint = ": give a number."
            if not is_right:
                return f"{name} is {value!r}{hint}"
        return None


def method_names():
    """Names of the methods of this project: no compressors, no libraries."""
    return sorted(
        path.stem.replace("_", "-") for path in SOLVERS.glob("*.py")
        if not path.stem.startswith("template")
        and not NO_METHOD.search(path.read_text()))


def load_method(name):
    """Class of a method, by its name or by the path of its file.

    Solver files import their base class from a module that needs benchopt;
    the declarations of a method are all that matters here.

    Raises
    ------
    ValueError
        There is no such method.
    """
    is_file = str(name).endswith(".py")
    path = Path(name) if is_file else SOLVERS / f"{name.replace('-', '_')}.py"
    if not (path.exists() if is_file else name in method_names()):
        raise ValueError(
            f"There is no method {name!r}: choose one of "
            f"{', '.join(method_names())}, or give the path of a file.")
    return load_plugin(path, "benchmark_utils.solver", MPISolver=Method).Solver


def load_plugin(path, base, **classes):
    """Module of a solver file, with stand-ins for what needs benchopt."""
    stand_in = ModuleType(base)
    vars(stand_in).update(classes)
    spec = importlib.util.spec_from_file_location(f"method_{path.stem}", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    before, sys.modules[base] = sys.modules.get(base), stand_in
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[base]
        if before:
            sys.modules[base] = before
    return module
