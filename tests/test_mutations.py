"""The errors of ``planted_errors.py`` can still be planted."""
import pytest
from planted_errors import MUTATIONS, ROOT


def test_there_are_enough():
    assert len(MUTATIONS) >= 25
    for part in "statistics", "metrics", "comm/", "methods/", "solvers/":
        assert any(part in mutation.file for mutation in MUTATIONS), part


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: (
    f"{mutation.file}:{' '.join(mutation.old.split())[:40]}"))
def test_text_and_tests_exist(mutation):
    assert (ROOT / mutation.file).read_text().count(mutation.old) == 1
    assert mutation.new != mutation.old and mutation.tests
    for test in mutation.tests:
        path, _, name = test.partition("::")
        assert f"def {name.split('[')[0]}(" in (ROOT / path).read_text()
