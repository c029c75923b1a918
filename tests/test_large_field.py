"""Fields larger than memory: nothing in the chain holds more than its part.

The program of tests/speed in miniature, its processes under a limit of
private memory. An empty rank has about 200 MB of it (the driver 260 MB), so
that the field is three times what is left.
"""
import re
import subprocess
import sys

import pytest
from conftest import ROOT

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux limits private memory")


def run(partition, block_bytes=2**24, batch=16):
    """Run the program with blocks that suit its size."""
    program = f"""if True:
        import sys
        import threading
        threading.stack_size(2**20)  # the limit counts stacks of threads
        sys.path.insert(0, {str(ROOT / "tests" / "speed")!r})
        import large_field
        from benchmark_utils.fields import reading
        reading.BLOCK_BYTES = {block_bytes}
        large_field.BATCH = {batch}
        large_field.main()
        """
    return subprocess.run(
        [sys.executable, "-c", program, "--field-mb", "300", "--limit-mb",
         "300", "--n-x", "128", "--n-v", "256", "--partitions", partition],
        env={"OPENBLAS_NUM_THREADS": "1"}, check=False, capture_output=True,
        text=True)


@pytest.mark.parametrize("partition", ["samples", "features"])
def test_a_field_larger_than_memory(partition):
    done = run(partition)
    assert done.returncode == 0, done.stderr
    rows = re.findall(
        r"^(\w+), \w+ +[\d.]+ +(\d+) +([\d.e+-]+) +[\d.]+$", done.stdout,
        re.MULTILINE)
    assert {name for name, _, _ in rows} == {"incremental_svd", "block_power"}
    for _, megabytes, error in rows:
        assert float(error) < 1e-5
        assert 50 < int(megabytes) < 600  # with the libraries that are shared


@pytest.mark.parametrize("wrong, culprit", [
    ({"block_bytes": 2**40}, "in row_blocks(?s:.*)MemoryError"),
    ({"batch": 10**6}, r"rank \d failed: .*MemoryError"),
])
def test_the_limit_is_one(wrong, culprit):
    """What reads the whole array, in the driver or on a rank, fails."""
    done = run("samples", **wrong)
    assert done.returncode != 0
    assert re.search(culprit, done.stderr)
