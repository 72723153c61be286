"""Real proving keys of the smallest transitions, made once a run; each test gets a folder of its own with links to them."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from native._native.proving import Progress
from node.proving import KeyFolder, KeyLine, Statement
from node.proving.sample import witness
from node.proving.setup import single_party

ONE, TWO = Statement(name="transition", batch=1), Statement(name="transition", batch=2)


@cache
def _made(statement: Statement) -> tuple[Path, KeyLine]:
    home = Path(tempfile.mkdtemp(prefix="bitvm3-keys-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    folder = KeyFolder(path=home / "proving", network="regtest")
    return folder.path, single_party(folder, statement, Progress())


def keys(path: Path, *statements: Statement, network: str = "regtest") -> tuple[KeyFolder, list[KeyLine]]:
    """A key folder with keys of these statements, and their lines."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = []
    for statement in statements:
        source, line = _made(statement)
        for ending in ("zkey", "json"):
            shutil.copy2(source / f"{line.stem}.{ending}", path)
        lines.append(line)
    return KeyFolder(path=path, network=network), lines


@cache
def true_witness(statement: Statement) -> bytes:
    """A witness that satisfies every rule."""
    return witness(statement)
