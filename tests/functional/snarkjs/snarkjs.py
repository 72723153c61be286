"""snarkjs of the locked version, installed once into a cache beside the tests; run as its own program.

The cache is BITVM3_CACHE, else XDG_CACHE_HOME or ~/.cache, bitvm3. Promises a skip with its reason where there is no node, no npm
or no way to install.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = ("package.json", "package-lock.json")
Run = Callable[..., subprocess.CompletedProcess[str]]


def _cache() -> Path:
    named = os.environ.get("BITVM3_CACHE")
    return Path(named or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "bitvm3")).expanduser()


def _installed(npm: str) -> Path:
    lock = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()
    folder = _cache() / f"snarkjs-{lock[:16]}"
    program = folder / "node_modules" / "snarkjs" / "build" / "cli.cjs"
    if not program.exists():
        part = folder.with_name(f"{folder.name}.{os.getpid()}")
        part.mkdir(parents=True)
        for name in FILES:
            shutil.copy(HERE / name, part)
        # No script of a package runs; the lock's hashes are checked.
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=part, capture_output=True, text=True, timeout=120)
        if done.returncode:
            shutil.rmtree(part)
            pytest.skip(f"npm could not install snarkjs: {done.stderr.strip()[-300:]}")
        if folder.exists():
            shutil.rmtree(part)  # another run was first
        else:
            part.rename(folder)
    return program


def find_snarkjs() -> Run:
    """Runs snarkjs with arguments in a folder; skips where it cannot be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("no node or no npm on PATH: snarkjs cannot run")
    program = _installed(npm)

    def run(folder: Path, *arguments: object, seconds: int = 120) -> subprocess.CompletedProcess[str]:
        command = [node, str(program), *map(str, arguments)]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds)

    return run
