"""The architecture: imports run one way, modules stay short."""
import ast
import re

import pytest
from conftest import ROOT

UTILS = ROOT / "benchmark_utils"
# What each package may import of the others; the top level is for plugins.
MAY_IMPORT = {
    "comm": set(),
    "methods": set(),
    "fields": set(),
    "compression": {"methods"},
    "scoring": {"compression", "fields", "methods"},
    "runtime": {"comm", "fields", "methods", "scoring"},
    "results": {"comm", "fields", "scoring"},
    "solver": {"methods", "runtime", "results"},
    "compressor": {"compression", "solver"},
    "dataset": {"fields", "results"},
    "program": {"comm", "fields", "methods"},
}
ON_RANKS = {"comm", "compression", "methods", "fields", "scoring", "runtime",
            "program"}
MODULES = sorted(path.relative_to(UTILS) for path in UTILS.rglob("*.py"))


def imported(path):
    """Full names of the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_run_one_way(module):
    package = module.parts[0].removesuffix(".py")
    names = list(imported(UTILS / module))
    used = {name.split(".")[1] for name in names
            if name.startswith("benchmark_utils.")}
    assert used <= MAY_IMPORT.get(package, set()) | {package}
    if package in ON_RANKS:
        assert not any(name.split(".")[0] == "benchopt" for name in names)


@pytest.mark.parametrize("path", [
    *sorted((UTILS / "methods").glob("*.py")),
    *sorted((ROOT / "solvers").glob("*.py"))], ids=lambda path: path.stem)
def test_methods_use_the_communicator_only(path):
    """So that they run on anything that answers its calls."""
    assert not any(name.split(".")[0] == "mpi4py" for name in imported(path))


SCRIPTS = {path.stem: path for path in (ROOT / "tests").rglob("*.py")}


@pytest.mark.parametrize("path", SCRIPTS.values(), ids=lambda path: path.stem)
def test_scripts_import_what_is_there(path):
    """No test runs all of those that take minutes."""
    for name in imported(path):
        module, _, attribute = name.partition(".")
        if module in SCRIPTS and attribute:
            assert re.search(
                rf"^(class |def |[\w, ]*\b){attribute}\b",
                SCRIPTS[module].read_text(), re.MULTILINE), name


def test_every_package_says_what_lives_there():
    folders = {path.parent for path in UTILS.rglob("*.py")}
    for folder in folders:
        docstring = ast.get_docstring(
            ast.parse((folder / "__init__.py").read_text()))
        assert docstring, folder


def test_top_level_is_what_users_import():
    assert {path.stem for path in UTILS.glob("*.py")} - {"__init__"} \
        <= set(MAY_IMPORT)
    assert len(list(UTILS.glob("[!_]*.py"))) <= 4


@pytest.mark.parametrize("folder, longest", [
    ("benchmark_utils", 300), ("datasets", 300), ("plots", 300),
    ("solvers", 80), ("examples", 300), ("tests", 400)])
def test_modules_stay_short(folder, longest):
    lengths = {str(path): len(path.read_text().splitlines())
               for path in (ROOT / folder).rglob("*.py")}
    assert not {path: n for path, n in lengths.items() if n > longest}
