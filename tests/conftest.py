"""Every test runs under the interpreter's own recursion limit.

Some libraries that serve as oracles raise it when they are imported, and a raised limit turns a parser's RecursionError on
hostile nesting into a crash of the process. The product imports none of them.
"""

import sys

import pytest

LIMIT = 1_000


@pytest.fixture(autouse=True)
def recursion_limit():
    sys.setrecursionlimit(LIMIT)
