"""What parties agree on and state to each other: proposals, keys, terms, points, presigned graphs, facts, states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import msgspec

from challenge import bodies
from challenge.checks import CHECKS, check_fact
from challenge.facts import key, parse_key
from challenge.faults import Deviation, Refused
from circuits.engines.babe import CIRCUIT
from native import NativeError
from native._native.garbling import Progress
from tests.fuzz.target import Target
from tests.vault_kit import Kit, attested_secret, fast_kit, kit, lending_proposal, make_proposal, secret
from vault import audit_file, presigned, terms
from vault.answers import check_answers, read_reveal
from vault.audit import Result, audit
from vault.audit_checks import Knowledge, Pair, Stated
from vault.faults import VaultFault
from vault.presigned import AssertedDigit


@lru_cache(maxsize=1)
def _kit() -> Kit:
    return kit()


def _encoded(value: object) -> bytes:
    return terms.encode(value)  # type: ignore[arg-type]


@lru_cache(maxsize=1)
def _babe() -> Kit:
    return kit(engine="babe")


def _babe_points(raw: bytes) -> object:
    return terms.check_points(_babe().terms, terms.decode_points(raw))


def _revealed(raw: bytes) -> object:
    """A witness of Reveal from a block, after an Assert that is known."""
    made, digits = _babe(), _babe().proposal.graphs[0].digits
    asserted = tuple(
        AssertedDigit(value=v, secret=made.digit_scalar(0, w, v).to_bytes(32)) for w, v in enumerate((1, 2))
    )
    items = [raw[64 * i : 64 * i + 64] for i in range(digits)]
    witness = [*items, raw[64 * digits :], b"leaf", b"block"]
    return read_reveal(made.graph, 0, 1, made.answers(0, 1), witness, asserted)


def _answers(raw: bytes) -> object:
    """Presignatures of Reveal as the claimant's artifact holds them."""
    return check_answers(_babe().graph, 0, 1, raw)


def _keys(raw: bytes) -> object:
    return terms.check_keys(_kit().proposal, terms.decode_keys(raw))


def _points(raw: bytes) -> object:
    return terms.check_points(_kit().terms, terms.decode_points(raw))


def _agreement(name: str, read: Callable[[bytes], object], seeds: Callable[[], list[bytes]], rounds: int) -> Target:
    return Target(name=name, read=read, refusals=(VaultFault,), seeds=seeds, write=_encoded, rounds=rounds)


def _body(type_: type[msgspec.Struct], *values: msgspec.Struct) -> Target:
    return Target(
        name=f"fact body, {type_.__name__.lower()}",
        read=lambda raw: bodies.decode(type_, raw, "fact"),
        refusals=(Deviation,),
        seeds=lambda: [bodies.encode(value) for value in values],
        write=bodies.encode,
        rounds=300,
    )


def _fact_values() -> dict[str, bytes]:
    """A valid value of every kind of fact that is checked before it is learned, in a loan with path B."""
    made, witness = fast_kit(), (1 << 256) - 1
    assert made.proposal.loan is not None
    return {
        "keys/0": terms.encode(made.keys_of(0)),
        "keys/1": terms.encode(made.keys_of(1)),
        "kept/0/1": bodies.encode_kept((1, 4, 6)),
        "digest/1": bytes(32),
        "ready/1": bytes(32),
        "release/0": made.r(0),
        "fast_release/0": made.h(0),
        "want_fast/0": attested_secret(made.proposal.loan, 0, (0, 2)),
        "loan_taken/0": made.a,
        "want_claim/0": bytes(256),
        "proof/0": bytes(256),
        "proven/0": b"\x01",
        f"verdict/0/{witness}": b"\x01",
        f"answer/0/1/{witness}": b"\x00",
    }


def _facts() -> list[bytes]:
    return [name.encode() + b" " + value for name, value in _fact_values().items()]


def _fact(raw: bytes) -> object:
    """`NAME VALUE`: any name with any value, as a message states them, beside the keys of the other parties."""
    name, _, value = raw.partition(b" ")
    made = fast_kit()
    proposal, parties = made.proposal, range(len(made.proposal.parties))
    kind, _, indices = parse_key(proposal, name.decode("latin-1"))
    known = {key("keys", p): terms.encode(made.keys_of(p)) for p in parties if key("keys", p).encode() != name}
    check_fact(proposal, {**known, "digest/0": bytes(32), "ready/0": bytes(32)}, kind, indices, value)
    return kind


def _asserted(raw: bytes) -> object:
    """A witness of Assert from a block: items of 64 bytes for each digit, then the leaf and the control block."""
    digits = _kit().proposal.graphs[0].digits
    items = [raw[64 * i : 64 * i + 64] for i in range(digits)]
    return _kit().presigned.read_assert(0, [*items, raw[64 * digits :], b"leaf", b"block"])


def _witnesses() -> list[bytes]:
    return [b"".join(_kit().digit_signatures(0, (1, 2))[::-1])]


def _bundles() -> list[bytes]:
    """Of a vault without any pair: every kind of section but those of a cut-and-choose."""
    made = _babe()
    said = (bytes(32),) * 3
    sections = {
        "terms": _encoded(made.terms),
        "stated": msgspec.msgpack.encode(Stated(digests=said, ready=said)),
        "points": _encoded(made.points),
        "knowledge": msgspec.msgpack.encode((Knowledge(graph=0, challenger=None, proof=bytes(64)),)),
        "signatures": made.presigned.signatures,
        "reveal/0/2": made.answers(0, 2),
        "pair/0/2": msgspec.msgpack.encode(Pair(polynomial=bytes(198), instances=bytes(256), kept=(0, 1, 2))),
    }
    bundle = audit_file.Bundle(vault_id=made.terms.vault_id, maker=2, sections=sections)
    return [b"".join(audit_file.write(bundle, secret(1).sign))]


def _sections() -> list[bytes]:
    """Number and content of every section of that bundle."""
    bundle = audit_file.parse(_bundles()[0])
    return [bytes([n]) + bytes(raw) for n, raw in enumerate(bundle.sections.values())]


@lru_cache(maxsize=1)
def _whole() -> audit_file.Bundle:
    return audit_file.parse(_bundles()[0])


def _held(bundle: audit_file.Bundle) -> tuple[str, ...]:
    found = audit(bundle, predicate=lambda _: CIRCUIT, progress=Progress())
    assert not found.holds, "nobody signed these transcripts"
    return tuple(check.name for check in found.checks if check.result is Result.HOLDS)


def _audited(raw: bytes) -> object:
    """One section's content changed under digests made again: fewer checks hold, and none breaks down."""
    names = list(_whole().sections)
    name, content = names[(raw[:1] or b"\0")[0] % len(names)], raw[1:]
    held = _held(replace(_whole(), sections={**_whole().sections, name: content}))
    if len(held) < len(_held(_whole())):
        raise audit_file.BundleFault(name, expected="what was stated", got="something else")
    return held


def targets() -> tuple[Target, ...]:
    """This file's part of the table."""
    assert CHECKS.keys() == {name.partition("/")[0] for name in _fact_values()}, "every checked fact has a seed"
    coin = _kit().keys_of(0).prefund_inputs[0]
    return (
        _agreement(
            "proposal",
            terms.parse_proposal,
            lambda: [
                _encoded(_kit().proposal),
                _encoded(_babe().proposal),
                _encoded(make_proposal(challengers=3, slots=(10_000_000,) * 3)),
                _encoded(lending_proposal()),
            ],
            300,
        ),
        _agreement("keys of a party", _keys, lambda: [_encoded(_kit().keys_of(p)) for p in range(3)], 300),
        _agreement("terms", terms.parse_terms, lambda: [_encoded(_kit().terms), _encoded(_babe().terms)], 150),
        _agreement("engine points", _points, lambda: [_encoded(_kit().points)], 150),
        _agreement("engine points, babe", _babe_points, lambda: [_encoded(_babe().points)], 150),
        Target(
            name="presigned graph",
            read=presigned.parse,
            refusals=(VaultFault,),
            seeds=lambda: [presigned.serialize(_kit().presigned)],
            write=presigned.serialize,
            rounds=60,
        ),
        Target(
            name="audit bundle",
            read=audit_file.parse,
            refusals=(VaultFault,),
            seeds=_bundles,
            write=lambda bundle: b"".join(audit_file.write(bundle, lambda _: bundle.signature)),
            rounds=300,
        ),
        Target(
            name="audit of a bundle",
            read=_audited,
            refusals=(VaultFault,),
            seeds=_sections,
            rounds=100,
        ),
        Target(
            name="witness of Assert",
            read=_asserted,
            refusals=(VaultFault, NativeError),
            seeds=_witnesses,
            rounds=100,
        ),
        Target(
            name="witness of Reveal",
            read=_revealed,
            refusals=(VaultFault,),
            seeds=lambda: [b"".join(_babe().reveal_signatures(0, 1, (1, 2))[::-1])],
            rounds=100,
        ),
        Target(
            name="presignatures of Reveal",
            read=_answers,
            refusals=(VaultFault,),
            seeds=lambda: [_babe().answers(0, 1)],
            rounds=100,
        ),
        _body(
            bodies.Points,
            bodies.Points(digits=bytes(66), outputs=((1, bytes(33)), (2, bytes(33))), proof=bytes(64)),
        ),
        _body(bodies.Commitments, bodies.Commitments(polynomial=bytes(66), instances=bytes(64))),
        _body(bodies.Openings, bodies.Openings(opened=b"manifest", kept=b"manifest")),
        _body(bodies.Funded, bodies.Funded(nonce=bytes(32), bonds=((0, coin),), prefund_inputs=(coin,))),
        Target(
            name="fact body, kept",
            read=lambda raw: bodies.decode_kept(raw, instances=8, kept=3, name="kept"),
            refusals=(Deviation,),
            seeds=lambda: [bodies.encode_kept((0, 4, 7))],
            write=bodies.encode_kept,
        ),
        Target(name="fact", read=_fact, refusals=(Deviation, Refused), seeds=_facts, rounds=400),
    )
