"""Methods use the written-down calls of a communicator and no others."""
import ast

import pytest
from conftest import ROOT

from benchmark_utils.comm.protocol import Communicator, Neighbourhood

FOLDERS = "solvers", "benchmark_utils/methods"
PROTOCOLS = {"comm": Communicator, "graph": Neighbourhood}


def members(protocol):
    return {name for name in {*vars(protocol), *protocol.__annotations__}
            if not name.startswith("_")}


def uses(source):
    """What a program takes of variables or attributes by these names."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            owner = getattr(node.value, "id", getattr(
                node.value, "attr", None))
            if owner in PROTOCOLS:
                yield owner, node.attr


def unwritten(source):
    return {(owner, name) for owner, name in uses(source)
            if name not in members(PROTOCOLS[owner])}


@pytest.mark.parametrize("path", sorted(
    path.relative_to(ROOT) for folder in FOLDERS
    for path in (ROOT / folder).glob("*.py")), ids=str)
def test_methods_use_nothing_else(path):
    assert not unwritten((ROOT / path).read_text())


def test_other_uses_are_found():
    assert unwritten("comm.Send(x, 0); self.comm.Scan(x, y)\n"
                     "tree.comm.rank, gossip.graph.Get_topo()") == {
        ("comm", "Scan"), ("graph", "Get_topo")}


def test_nothing_is_written_down_in_vain():
    used = {use for folder in FOLDERS
            for path in (ROOT / folder).glob("*.py")
            for use in uses(path.read_text())}
    for owner, protocol in PROTOCOLS.items():
        unused = members(protocol) - {
            name for who, name in used if who == owner}
        # Two ways to write the same: a method may prefer either.
        assert unused <= {"sum", "max", "Allreduce"}
