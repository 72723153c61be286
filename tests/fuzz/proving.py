"""Files of provers and prices: constraint systems, assignments, proving keys and their descriptions, quotes."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from native import NativeError
from native._native.proving import Assignment, Circuit, Progress, ProvingKey, setup_single_party
from node.faults import LocalFault, PeerFault, Unavailable
from node.limits import PRODUCT
from node.prices.number import at, cents, document, seconds
from node.prices.sources import FileSource
from node.proving import KeyFolder
from tests.fuzz.target import Form, Target
from tests.unit.snark.circuits import bits
from tests.unit.snark.kit import triples


@lru_cache(maxsize=1)
def _folder() -> Path:
    """In memory where there is such a place: every write here is synced."""
    return Path(tempfile.mkdtemp(prefix="fuzz", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))


def _written(save: Callable[[Any, Path], object]) -> Callable[[Any], bytes]:
    def write(value: Any) -> bytes:
        path = _folder() / "written"
        save(value, path)
        return path.read_bytes()

    return write


@lru_cache(maxsize=1)
def _zkey() -> bytes:
    path = _folder() / "seed.zkey"
    setup_single_party(Circuit.from_r1cs(bits(9).r1cs()), path, Progress())
    return path.read_bytes()


def _key(raw: bytes) -> ProvingKey:
    path = _folder() / "read.zkey"
    path.unlink(missing_ok=True)  # a mapped file is not written over
    path.write_bytes(raw)
    key = ProvingKey.open(path, None)
    key.check_points(Progress())
    key.verifying_key()
    return key


def _sidecars() -> list[bytes]:
    key, _ = triples("bn254_1")
    made = {
        "version": 1,
        "statement": "transition-16",
        "circuit": "ab" * 32,
        "digest": "cd" * 32,
        "key": key.id.hex(),
        "verifying_key": key.handle.encode("arkworks").hex(),
        "origin": "ceremony",
    }
    return [json.dumps(made).encode()]


def _described(raw: bytes) -> object:
    path = _folder() / "keys"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700)
    (path / f"transition-16-{'ab' * 8}.json").write_bytes(raw)
    ((_, line),) = KeyFolder(path=path, network="signet").entries()
    if isinstance(line, LocalFault):
        raise line
    return line


def _quoted(raw: bytes) -> tuple[int, int]:
    value = document(raw, "source")
    return cents(at(value, ("data", 0, "price"), "source"), "dollars", "source"), seconds(
        at(value, ("data", 0, "time"), "source"), "source"
    )


def _stated(raw: bytes) -> object:
    path = _folder() / "price.json"
    path.write_bytes(raw)
    source = FileSource(name="own", path=path, limits=PRODUCT)
    return asyncio.run(source.read(1_700_000_000, None))  # type: ignore[arg-type]  # a file needs no session


def targets() -> tuple[Target, ...]:
    """This file's part of the table."""
    return (
        Target(
            name="constraint system",
            read=Circuit.from_r1cs,
            refusals=(NativeError,),
            seeds=lambda: [bits(9).r1cs()],
            write=_written(lambda circuit, path: circuit.write_r1cs(path)),
            form=Form.FREE,
            rounds=200,
        ),
        Target(
            name="assignment",
            read=Assignment.from_wtns,
            refusals=(NativeError,),
            seeds=lambda: [bits(9).wtns()],
            write=_written(lambda assignment, path: assignment.write_wtns(path)),
            form=Form.FREE,
            rounds=200,
        ),
        Target(name="proving key", read=_key, refusals=(NativeError,), seeds=lambda: [_zkey()], rounds=100),
        Target(name="proving key, described", read=_described, refusals=(LocalFault,), seeds=_sidecars, rounds=200),
        Target(
            name="price of a server",
            read=_quoted,
            refusals=(PeerFault,),
            seeds=lambda: [b'{"data": [{"price": 60123.45, "time": "1700000000.5"}]}'],
            rounds=300,
        ),
        Target(
            name="price in a file",
            read=_stated,
            refusals=(PeerFault, LocalFault, Unavailable),
            seeds=lambda: [b'{"price": 6012345, "time": 1700000000}'],
            rounds=100,
        ),
    )
