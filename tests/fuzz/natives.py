"""Binding functions that take foreign bytes as they come: transactions, blocks, addresses, signatures, sealed seeds."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from native import NativeError
from native._native import engine, groth16, signing, tapscript
from native._native.keys import SealingKey, Seed
from tests.fuzz.target import Form, Target
from tests.vault_kit import Kit, kit

_ORDER_POINT = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
_MESSAGE = bytes(range(32))
_PROOFS = Path(__file__).parents[1] / "unit" / "snark" / "proofs.json"


@lru_cache(maxsize=1)
def _kit() -> Kit:
    return kit()


def _transactions() -> list[bytes]:
    return [_kit().finish(name) for name in ("prefund", "vault", "0/claim", "0/assert")]


def _block() -> list[bytes]:
    """A header, a coinbase of no interest, then the vault's own: nothing here is validated."""
    body = b"".join(_transactions())
    return [bytes(80) + bytes([4]) + body]


def _scanned(raw: bytes) -> object:
    watch = tapscript.Watch()
    prefund = _kit().graph.templates["prefund"]
    watch.watch_outpoint(prefund.txid, 0)
    watch.watch_script(bytes.fromhex("5120") + bytes(32))
    return watch.scan(raw)


def _measured(raw: bytes) -> bytes:
    """All readers of a transaction agree whether it is one."""
    tapscript.txid(raw)
    assert tapscript.weight(raw) > 0
    stripped = tapscript.strip_witness(raw)
    assert tapscript.txid(stripped) == tapscript.txid(raw)
    return raw


def _sighash(raw: bytes) -> object:
    prevouts = [(1000 + i, bytes.fromhex("5120") + bytes(32)) for i in range(raw[4] if len(raw) > 4 else 1)]
    return tapscript.sighashes(raw, prevouts, 0, b"\x51", [0xFFFF_FFFF])


def _to_address(raw: bytes) -> str:
    return tapscript.address(raw, "regtest")


def _to_script(raw: bytes) -> bytes:
    return tapscript.script(raw.decode("latin-1"), "regtest")


def _scripts() -> list[bytes]:
    key = signing.add_points([_ORDER_POINT])[1:]
    return [bytes.fromhex("5120") + key, bytes.fromhex("0014") + bytes(20), bytes.fromhex("51024e73")]


@lru_cache(maxsize=1)
def _babe() -> Kit:
    return kit(engine="babe")


def _answers(raw: bytes) -> list[int]:
    made = _babe()
    k = made.proposal.challengers(0)[0]
    return engine.check_digit_presignatures(made.reveal_key(0, k).xonly(), *made.graph.reveal_messages(0, k), raw)


def _reveals() -> list[bytes]:
    made = _babe()
    return [made.answers(0, made.proposal.challengers(0)[0])]


def _halves_added(raw: bytes) -> bytes:
    return engine.add_points(raw[: len(raw) // 2], raw[len(raw) // 2 :])


def _halves() -> list[bytes]:
    return [b"".join(_kit().musig(p).point() for p in (0, 1, 2, 0))]


@lru_cache(maxsize=1)
def _claim() -> tuple[bytes, bytes, bytes]:
    """A verifying key, x and a valid proof of it."""
    made = json.loads(_PROOFS.read_text())["bn254_1"]
    inputs, proof = (bytes.fromhex(part) for part in made["claims"][0])
    words = groth16.Proof.parse(proof, "arkworks", "bn254").encode("eip197")
    return bytes.fromhex(made["key"]), inputs[8:][::-1], words


@lru_cache(maxsize=1)
def _statement() -> engine.Statement:
    key, x, _ = _claim()
    return engine.Statement(key, x)


def _stated() -> list[bytes]:
    key, x, _ = _claim()
    return [x + key]


def _proven() -> list[bytes]:
    return [_claim()[2]]


def _presignatures() -> list[bytes]:
    return [_kit().presigned.signatures]


def _of_digits() -> list[bytes]:
    """The presignatures of a graph: two digits of four values."""
    made = _kit()
    return [b"".join(made.presigned.presignature(index) for digit in (0, 1) for index in made.graph.digit(0, digit))]


def _extracted(raw: bytes) -> bytes:
    return signing.extract(raw[:65], raw[65:])


def _extractable() -> list[bytes]:
    made = _kit()
    index = made.graph.digit(0, 0)[1]
    return [made.presigned.presignature(index) + made.presigned.digit_signature(0, 0, 1, made.digit_secret(0, 0, 1))]


def _checked(raw: bytes) -> object:
    return signing.check_presignature(raw[:32], _MESSAGE, raw[32:65], raw[65:])


def _one_signer() -> list[bytes]:
    secret = _kit().personal(0)
    return [secret.xonly() + _ORDER_POINT + signing.presign(secret, _MESSAGE, _ORDER_POINT, bytes(32))]


def _pieces(raw: bytes, size: int) -> list[bytes]:
    return [raw[start : start + size] for start in range(0, len(raw), size)]


def _points() -> list[bytes]:
    return [b"".join(_kit().musig(p).point() for p in range(3))]


def _combined(raw: bytes) -> bytes:
    points = _pieces(raw, 33)
    return signing.combine(points, [i.to_bytes(32) for i in range(len(points))])


def _spent_digits(raw: bytes) -> object:
    """Two signatures of 64 bytes off a witness, then the stored presignatures; the points are right."""
    made = _kit()
    layout = engine.Layout(input_bits=4, digit_bits=2)
    points = b"".join(point for row in made.points[0].digits for point in row)
    return engine.extract_digits(raw[128:], layout, [raw[:64], raw[64:128]], points)


def _spent() -> list[bytes]:
    return [b"".join(_kit().digit_signatures(0, (1, 2))) + _of_digits()[0]]


@lru_cache(maxsize=1)
def _sealing() -> SealingKey:
    return SealingKey(b"passphrase", bytes(16), memory_kib=8, iterations=1)


def _sealed() -> list[bytes]:
    return [Seed.generate().seal(_sealing(), b"context")]


def _target(name: str, read: object, seeds: object, rounds: int) -> Target:
    return Target(name=name, read=read, refusals=(NativeError,), seeds=seeds, rounds=rounds)  # type: ignore[arg-type]


def targets() -> tuple[Target, ...]:
    """This file's part of the table."""
    return (
        Target(
            name="transaction",
            read=_measured,
            refusals=(NativeError,),
            seeds=_transactions,
            write=lambda raw: raw,
            rounds=300,
        ),
        _target(
            "transaction, sighash", _sighash, lambda: [tapscript.strip_witness(raw) for raw in _transactions()], 200
        ),
        _target("block", _scanned, _block, 300),
        Target(
            name="address of a script",
            read=_to_address,
            refusals=(NativeError,),
            seeds=_scripts,
            write=lambda text: tapscript.script(text, "regtest"),
        ),
        Target(
            name="script of an address",
            read=_to_script,
            refusals=(NativeError,),
            seeds=lambda: [tapscript.address(script, "regtest").encode() for script in _scripts()],
            write=lambda script: tapscript.address(script, "regtest").encode(),
            form=Form.FREE,  # bech32 may be written in capitals
        ),
        _target("presignatures of a group", lambda raw: _kit().graph.presigning().check(raw), _presignatures, 60),
        _target("presignatures, equal nonces", lambda raw: signing.equal_nonces(raw, 4), _of_digits, 100),
        _target("presignature completed on chain", _extracted, _extractable, 200),
        _target("presignature of one signer", _checked, _one_signer, 100),
        _target("presignatures of a Reveal", _answers, _reveals, 100),
        _target("statement of engine babe", lambda raw: engine.Statement(raw[32:], raw[:32]), _stated, 60),
        _target("proof of a statement of engine babe", lambda raw: _statement().verify(raw), _proven, 100),
        _target("points, sums of two lists", _halves_added, _halves, 100),
        _target("points, sum", lambda raw: signing.add_points(_pieces(raw, 33)), _points, 100),
        _target("points, combined", _combined, _points, 100),
        _target("points, aggregate key", lambda raw: signing.aggregate_key(_pieces(raw, 33)), _points, 100),
        _target("engine digits of a witness", _spent_digits, _spent, 100),
        _target("sealed seed", lambda raw: Seed.unseal(raw, _sealing(), b"context"), _sealed, 100),
    )
