"""The Bristol Fashion circuits against independent models of what they compute, plain and garbled."""

import gzip
import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from circuits.bristol import read_bristol
from circuits.gates import Builder, Circuit
from circuits.run import Mode, run
from circuits.sha256 import INITIAL, compress, words_of
from tests.vectors.locate import vector

MASK = (1 << 64) - 1
EDGES = [0, 1, 2, 3, 1 << 31, 1 << 32, 1 << 63, MASK - 1, MASK]


def _aes(key: int, block: int) -> int:
    cipher = Cipher(algorithms.AES(key.to_bytes(16, "big")), modes.ECB()).encryptor()
    return int.from_bytes(cipher.update(block.to_bytes(16, "big")), "big")


def _sha256_of_block(block: int, state: int) -> int:
    """Hashlib's answer for messages of one padded block from the standard state."""
    assert state == STANDARD
    data = block.to_bytes(64, "big")
    length = int.from_bytes(data[56:], "big")
    return int.from_bytes(hashlib.sha256(data[: length // 8]).digest(), "big")


STANDARD = sum(word << 32 * (7 - i) for i, word in enumerate(INITIAL))


def _padded(message: bytes) -> int:
    data = message + b"\x80" + bytes(55 - len(message)) + (8 * len(message)).to_bytes(8, "big")
    return int.from_bytes(data, "big")


@dataclass(frozen=True, kw_only=True)
class File:
    name: str
    model: Callable[..., int]
    cases: Sequence[tuple[int, ...]]


def _pairs(count: int) -> list[tuple[int, int]]:
    rng = random.Random(20261123)
    edges = [(a, b) for a in EDGES for b in EDGES]
    return edges + [(rng.getrandbits(64), rng.getrandbits(rng.randint(1, 64))) for _ in range(count)]


def _blocks() -> list[tuple[int, int]]:
    rng = random.Random(20261123)
    return [(_padded(rng.randbytes(n)), STANDARD) for n in (0, 1, 3, 31, 48, 54, 55)]


def _keys() -> list[tuple[int, int]]:
    rng = random.Random(20261123)
    known = (0x000102030405060708090A0B0C0D0E0F, 0x00112233445566778899AABBCCDDEEFF)
    return [known, (0, 0), *((rng.getrandbits(128), rng.getrandbits(128)) for _ in range(6))]


FILES = [
    File(name="adder64.txt", model=lambda a, b: (a + b) & MASK, cases=_pairs(100)),
    File(name="sub64.txt", model=lambda a, b: (a - b) & MASK, cases=_pairs(100)),
    File(name="mult64.txt", model=lambda a, b: a * b & MASK, cases=_pairs(100)),
    File(
        name="udivide64.txt",
        model=lambda a, b: a // b if b else MASK,  # what the file does with zero is all ones
        cases=[(a, b) for a, b in _pairs(100) if b] + [(5, 0)],
    ),
    File(name="zero_equal.txt", model=lambda a: int(a == 0), cases=[(0,), *((1 << i,) for i in range(64)), (MASK,)]),
    File(name="aes_128.txt.gz", model=_aes, cases=_keys()),
    File(name="sha256.txt.gz", model=_sha256_of_block, cases=_blocks()),
]


def _read(name: str) -> Circuit:
    path = vector(f"bristol/{name}")
    data = path.read_bytes()
    return read_bristol(gzip.decompress(data) if name.endswith(".gz") else data)


def test_the_models_know_published_answers() -> None:
    assert _aes(*_keys()[0]) == 0x69C4E0D86A7B0430D8CDB78070B4C55A  # FIPS 197, appendix C.1
    assert _sha256_of_block(_padded(b"abc"), STANDARD) >> 224 == 0xBA7816BF  # FIPS 180-4


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_plain(file: File) -> None:
    circuit = _read(file.name)
    assert circuit.evaluate_many(file.cases) == [(file.model(*case),) for case in file.cases]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_garbled(file: File) -> None:
    circuit = _read(file.name)
    for case in file.cases[:3]:
        lines = run(circuit, [f"{number:x}" for number in case], Mode.GARBLED)
        assert lines == [f"{file.model(*case):0{circuit.outputs[0] // 4 or 1}x}"]


def test_our_compression_agrees_with_the_file_on_any_state() -> None:
    theirs = _read("sha256.txt.gz")
    builder = Builder([512, 256])
    block, state = (words_of(list(reversed(builder.input(position)))) for position in (0, 1))
    output = [wire for word in reversed(compress(builder, state, block)) for wire in word]
    ours = builder.finish([output])
    rng = random.Random(1)
    cases = [(rng.getrandbits(512), rng.getrandbits(256)) for _ in range(16)]
    assert ours.evaluate_many(cases) == theirs.evaluate_many(cases)
    assert ours.and_count <= theirs.and_count
