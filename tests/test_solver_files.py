"""What solver files may use: their arguments, and nothing that cheats.

A check against accidents, see docs/threats.rst.
"""
import ast

import pytest
from conftest import ROOT

# Attributes that lead to the answer, the bill or the whole field.
ATTRIBUTES = {"ledger", "_clock", "_field", "_reader", "_heights",
              "reference_path", "handle", "toint", "py2f"}
# Modules and functions that reach past the communicator or the data.
MODULES = {"ctypes", "cffi", "socket", "multiprocessing", "subprocess",
           "h5py", "mmap", "shutil", "tempfile", "pickle", "os", "pathlib",
           "mpi4py", "threading"}
FUNCTIONS = {"open", "eval", "exec", "__import__", "getattr", "vars",
             "load_reference"}
INNER = "fields.reference", "runtime", "scoring"


def offences(source):
    """Sentences about what a solver file must not use."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES:
            yield f"line {node.lineno} uses .{node.attr}"
        elif isinstance(node, ast.Name) and node.id in FUNCTIONS:
            yield f"line {node.lineno} uses {node.id}"
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [getattr(node, "module", None) or ""] + [
                alias.name for alias in node.names]
            for name in names:
                if name.split(".")[0] in MODULES or name.startswith(
                        tuple(f"benchmark_utils.{part}" for part in INNER)):
                    yield f"line {node.lineno} imports {name}"


@pytest.mark.parametrize("path", sorted((ROOT / "solvers").glob("*.py")),
                         ids=lambda path: path.stem)
def test_solver_files_use_their_arguments_only(path):
    assert not list(offences(path.read_text()))


@pytest.mark.parametrize("line", [
    "data._field.path", "comm.ledger.sent_bytes = 0", "import ctypes",
    "import numpy.linalg, socket", "from os import environ",
    "open('/tmp/basis')", "comm.handle",
    "from benchmark_utils.fields.reference import load_reference",
    "from mpi4py import MPI", "data._field.reference_path"])
def test_what_cheats_is_found(line):
    assert list(offences(f"def rounds():\n    {line}\n    yield"))
