"""`python -m tests.fuzz.seeds FOLDER`: every target's seeds as files, a folder a target: where other fuzzers begin."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from tests.fuzz.target import Target


def slug(name: str) -> str:
    """A target's name as a file name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name)


def sow(target: Target, folder: Path) -> Sequence[bytes]:
    """Write the seeds of a target; returns them."""
    seeds = list(target.seeds())
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (folder / sha256(seed).hexdigest()[:40]).write_bytes(seed)
    return seeds


if __name__ == "__main__":
    from tests.fuzz.table import TARGETS

    for name, target in TARGETS.items():
        sow(target, Path(sys.argv[1]) / slug(name))
