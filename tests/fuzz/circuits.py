"""Circuits, artifacts and everything a garbler or the chain hands to a dispute engine."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from circuits.artifact import CHUNK_BYTES, ArtifactFault, Manifest, manifest_id, manifest_of
from circuits.bristol import read_bristol
from circuits.cut_and_choose import PROFILES
from circuits.digits import digits_of
from circuits.engine import Encrypted, Kept, Setup
from circuits.engines.babe import BABE, digits_of_proof
from circuits.engines.babe import CIRCUIT as FEATURES
from circuits.engines.core import CORE
from circuits.engines.pairs import params_of
from circuits.faults import CircuitFault
from circuits.gates import Circuit
from circuits.run import Mode, run
from native import NativeError
from native._native import engine as native
from native._native import garbling
from native._native.garbling import Progress
from native._native.keys import Seed
from tests.fuzz.target import Form, Target
from tests.unit.circuits.dispute import CIRCUIT, KEPT, Pair, kept_of, pair_of, secrets_of, setup_of
from tests.unit.snark.kit import triples

_BRISTOL = (
    b"3 7\n2 2 2\n1 1\n\n2 1 0 2 4 XOR\n2 1 1 3 5 AND\n2 1 4 5 6 XOR\n",
    b"6 7\n1 1\n1 1\n\n1 1 0 1 INV\n1 1 1 2 EQ\n1 1 2 3 EQW\n2 1 0 3 4 AND\n2 1 4 2 5 XOR\n1 1 5 6 INV\n",
)


def _binary() -> list[bytes]:
    return [CIRCUIT.binary, read_bristol(_BRISTOL[0]).binary]


def _either(raw: bytes) -> Circuit:
    """Two readers of the binary form, in Python and in Rust, take and refuse the same bytes."""
    try:
        circuit = Circuit.parse(raw)
    except CircuitFault as refused:
        try:
            garbling.Program(raw)
        except NativeError:
            raise refused from None
        raise AssertionError("native code takes what Circuit.parse refuses") from refused
    assert garbling.Program(raw).circuit_id == circuit.id
    return circuit


def _evaluated(raw: bytes) -> list[str]:
    circuit = read_bristol(raw)
    zeros = ["0"] * len(circuit.inputs)
    plain = run(circuit, zeros, Mode.PLAIN)
    if circuit.input_bits + circuit.gate_count < 2_000:
        assert run(circuit, zeros, Mode.GARBLED) == plain
    return plain


def _manifests() -> list[bytes]:
    contents = (b"x", bytes(CHUNK_BYTES + 1))
    return [manifest_of(content, kind="kept-1").encoded for content in contents]


@lru_cache(maxsize=1)
def _pair() -> Pair:
    return pair_of(setup_of())


@lru_cache(maxsize=1)
def _kept() -> Kept:
    return _pair().check()


def _offer_target(name: str) -> Target:
    """One part of what `check` gets is hostile, all else genuine. Nothing but the genuine bytes may pass."""

    def genuine() -> bytes:
        pair = _pair()
        return bytes(getattr(pair.opened if name in ("openings", "artifact") else pair.offer, name))

    def read(raw: bytes) -> Kept:
        kept = _pair().check(**{name: raw})
        assert raw == genuine() or name == "openings", f"another {name} passed"
        assert kept.shares == _kept().shares
        return kept

    return Target(
        name=f"engine check, {name}", read=read, refusals=(NativeError,), seeds=lambda: [genuine()], rounds=40
    )


def _kept_indices(raw: bytes) -> object:
    return _pair().check(kept=struct.unpack(f"<{len(raw) // 2}H", raw[: len(raw) // 2 * 2]))


def _stored(name: str) -> Target:
    """What an evaluator reads back from its own disk, damaged: a refusal or a secret that is not the wanted one."""

    def read(raw: bytes) -> object:
        kept, pair = _kept(), _pair()
        parts: dict[str, Any] = {
            field: getattr(kept, field) for field in ("points", "polynomial", "shares", "artifact")
        }
        damaged = Kept(**{**parts, name: raw}, kept=kept.kept)
        return CORE.evaluate(pair.setup, damaged, _published(), b"", Progress())

    return Target(
        name=f"engine evaluate, {name}",
        read=read,
        refusals=(NativeError,),
        seeds=lambda: [bytes(getattr(_kept(), name))],
        rounds=40,
    )


@lru_cache(maxsize=1)
def _published() -> list[tuple[int, bytes]]:
    pair = _pair()
    return secrets_of(pair, digits_of(CIRCUIT, (3, 130), pair.setup.digit_bits))


def _digits(raw: bytes) -> object:
    """A byte of value and 32 of secret for each digit, as read from a witness."""
    size = 33
    pieces = [raw[start : start + size] for start in range(0, len(raw), size)]
    return CORE.evaluate(_pair().setup, _kept(), [(piece[0], piece[1:]) for piece in pieces], b"", Progress())


def _digit_seeds() -> Sequence[bytes]:
    return [b"".join(bytes([value]) + secret for value, secret in _published())]


def _params(raw: bytes) -> object:
    """Numbers of instances, kept, digit bits, of any size."""
    n, m, bits = (int.from_bytes(raw[8 * i : 8 * i + 8]) for i in range(3))
    program = garbling.Program(CIRCUIT.binary)
    return native.Params(
        setup_id=bytes(32), context=raw, program=program, statement=None, instances=n, kept=m, digit_bits=bits
    ).opening_bytes


@lru_cache(maxsize=1)
def _claim() -> tuple[Encrypted, bytes]:
    """A statement and a valid proof of it."""
    key, claims = triples("bn254_1")
    inputs, proof = claims[0]
    return Encrypted(key=key.handle.encode("arkworks"), x=inputs.handle.words[0]), proof.handle.encode("eip197")


def _statement(raw: bytes) -> native.Statement:
    statement = native.Statement(raw[:-32], raw[-32:])
    assert not statement.verify(bytes(256))
    return statement


@lru_cache(maxsize=1)
def _babe() -> tuple[Pair, Kept, bytes]:
    """A pair, what its evaluator keeps, and a drill."""
    setup = Setup(
        setup_id=bytes(32),
        context=b"",
        circuit=FEATURES,
        statement=_claim()[0],
        profile=PROFILES["test"],
        digit_bits=4,
    )
    seeds = Seed.generate(), Seed.generate()
    side = BABE.side(setup, *seeds)
    offer, opened = side.offer(Progress()), side.open(KEPT, Progress())
    pair = Pair(setup=setup, digit_seed=seeds[0], pair_seed=seeds[1], offer=offer, opened=opened)
    drill = BABE.make_drill(setup, KEPT, opened)
    return pair, BABE.check(setup, offer, KEPT, opened, Progress()), drill


_HEAD = 288


def _head(raw: bytes) -> object:
    """The head of a kept instance, as damaged on disk: the others still free the secret, or the length is refused."""
    pair, kept, _ = _babe()
    damaged = Kept(
        points=kept.points,
        polynomial=kept.polynomial,
        kept=kept.kept,
        shares=kept.shares,
        artifact=raw + bytes(kept.artifact[_HEAD:]),
    )
    proof = _claim()[1]
    secret = BABE.evaluate(pair.setup, damaged, _revealed(), proof, Progress())
    assert secret is not None, "a valid proof freed nothing"
    return secret


@lru_cache(maxsize=1)
def _revealed() -> list[tuple[int, bytes]]:
    return secrets_of(_babe()[0], digits_of_proof(_claim()[1], 4))


_BEFORE = 4 + 640 * 33 + _HEAD
_ANSWER = 64


def _drill(raw: bytes) -> bool:
    """Index, D and head, then the answer; the tables between them are genuine."""
    pair, _, drill = _babe()
    return BABE.run_drill(pair.setup, raw[:-_ANSWER] + drill[_BEFORE:-_ANSWER] + raw[-_ANSWER:], Progress())


def targets() -> tuple[Target, ...]:
    """This file's part of the table."""
    return (
        Target(name="circuit, binary", read=_either, refusals=(CircuitFault,), seeds=_binary, write=lambda c: c.binary),
        Target(
            name="circuit, bristol",
            read=_evaluated,
            refusals=(CircuitFault, NativeError),
            seeds=lambda: _BRISTOL,
            rounds=400,
        ),
        Target(
            name="artifact manifest",
            read=lambda raw: Manifest.parse(raw, expected_id=manifest_id(raw)),
            refusals=(ArtifactFault,),
            seeds=_manifests,
            write=lambda manifest: manifest.encoded,
            form=Form.CANONICAL,
        ),
        *map(_offer_target, ("points", "polynomial", "commitments", "openings", "artifact")),
        Target(
            name="engine check, kept",
            read=_kept_indices,
            refusals=(NativeError,),
            seeds=lambda: [struct.pack("<3H", *KEPT)],
            rounds=40,
        ),
        *map(_stored, ("points", "polynomial", "shares", "artifact")),
        Target(name="engine evaluate, digits", read=_digits, refusals=(NativeError,), seeds=_digit_seeds, rounds=60),
        Target(
            name="engine statement",
            read=_statement,
            refusals=(NativeError,),
            seeds=lambda: [_claim()[0].key + _claim()[0].x],
            rounds=60,
        ),
        Target(
            name="engine babe, kept head",
            read=_head,
            refusals=(NativeError,),
            seeds=lambda: [bytes(record[:_HEAD]) for record in kept_of(_babe()[0])[:1]],
            rounds=30,
        ),
        Target(
            name="engine babe, drill",
            read=_drill,
            refusals=(NativeError,),
            seeds=lambda: [_babe()[2][:_BEFORE] + _babe()[2][-_ANSWER:]],
            rounds=30,
        ),
        Target(
            name="engine parameters",
            read=_params,
            refusals=(NativeError, OverflowError),
            seeds=lambda: [b"".join(n.to_bytes(8) for n in (8, 3, 4))],
        ),
        Target(
            name="engine knowledge proof",
            read=lambda raw: native.check_knowledge(raw[65:], b"context", raw[:65]),
            refusals=(NativeError,),
            seeds=lambda: [_knowledge()],
            rounds=60,
        ),
    )


def _knowledge() -> bytes:
    pair, params = _pair(), params_of(_pair().setup)
    garbler = pair.garbler()
    proof = native.prove_knowledge(params.layout, pair.digit_seed, [garbler], [], b"context")
    return proof + pair.offer.points + pair.offer.output_point
