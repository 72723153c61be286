"""Hostile and damaged configuration files: always a LocalFault, never a traceback and never half a configuration."""

import random
from pathlib import Path

import pytest

from node.config import Config, example, load
from node.faults import LocalFault

CASES = [
    b"quota = " + b"9" * 5_000,
    b"\x00", b"\xff\xfe", b"[", b"a = ", b"= 1", b"[[[[", b"network = 1", b"network = []", b"rpc = 5", b"rpc = []",
    b"policy.known = 7", b"policy.known = [1]", b"policy.known = [{}]", b"a." * 5000 + b"b = 1", b"[" * 5000,
    b"x = [" + b"[" * 5000, b"datadir = 5", b"network = 'regtest'\nnetwork = 'regtest'", b"rpc.port = 1e400",
    b"rpc.port = nan", b"rpc.port = 99999999999999999999999", b"rpc.port = 1979-05-27", b"p2p.peers = {}",
    b"p2p.host = '\\u0000'", b"chain.url = 'file:///etc/passwd'", b"__class__ = 1", b"model_config = {}",
]  # fmt: skip


@pytest.mark.parametrize("raw", CASES, ids=range(len(CASES)))
def test_a_hostile_file_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "bitvm3.toml"
    path.write_bytes(raw)
    with pytest.raises(LocalFault):
        load(path)


def test_mutations_of_a_valid_file_load_or_are_refused(tmp_path: Path) -> None:
    filled = example("regtest", tmp_path).replace("<64 hex>", "ab" * 32).replace("HOST/tcp/PORT", "127.0.0.1/tcp/1")
    valid = "\n".join(line.removeprefix("# ") for line in filled.replace("PEER-ID", "12D3").splitlines()[1:]).encode()
    chance = random.Random(20261122)
    path = tmp_path / "bitvm3.toml"
    loaded = refused = 0
    for _ in range(400):
        raw = bytearray(valid)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(raw))
            raw[at : at + chance.randrange(3)] = bytes(chance.randrange(256) for _ in range(chance.randrange(3)))
        path.write_bytes(raw)
        try:
            assert isinstance(load(path), Config)
            loaded += 1
        except LocalFault:
            refused += 1
    assert loaded and refused
