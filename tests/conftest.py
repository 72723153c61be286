"""Every test runs under the interpreter's own recursion limit.

Some libraries that serve as oracles raise it when they are imported, and a raised limit turns a parser's RecursionError on
hostile nesting into a crash of the process. The product imports none of them. No drawn example has a time limit: how fast a
machine is today says nothing about a promise.
"""

import sys

import pytest
from hypothesis import settings

LIMIT = 1_000
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def recursion_limit():
    sys.setrecursionlimit(LIMIT)
