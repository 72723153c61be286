"""What parties, attestors and followers of a ledger tell each other, what an operator types, and what a prover is given."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from native import NativeError
from native._native import statements
from node.faults import LocalFault, PeerFault
from node.ledger import draft, files, words
from node.ledger.words import After, Answer, Approval, Asked, Batch, Judged, Step
from tests.cases import ledger as cases
from tests.cases import outcome
from tests.fuzz.target import Form, Target
from tests.unit.snark.kit import triples
from vault.faults import VaultFault
from vault.ledger import forms
from vault.ledger.checkpoint import Equivocation, check_equivocation, check_quorum, checkpoint, equivocation
from vault.ledger.events import Event, decode_event, encode_event, event_from_json
from vault.ledger.follow import Proven, Signed, Verify, first_view, follow
from vault.ledger.genesis import decode_genesis, encode_genesis
from vault.ledger.opening import check_opening, decode_opening, open_vault
from vault.ledger.state import Ledger, apply
from vault.ledger.witness import transition_witness

_MOST = 1 << 20


@lru_cache(maxsize=1)
def _loan() -> Ledger:
    return cases.loan()


@lru_cache(maxsize=1)
def _told() -> Ledger:
    return outcome.loan()


def _events() -> list[Event]:
    """One of each kind; those that `_loan` takes, it takes."""
    ledger = _loan()
    return [
        cases.Accrue(height=cases.HEIGHT + 6, time=cases.TIME + 3_600),
        cases.MarkPrice(price=cases.PRICE, price_time=cases.TIME),
        cases.open_(),
        cases.AddCollateral(vault=cases.VAULT, nonce=cases.nonce(ledger), slot=3, sats=1_000_000),
        cases.tender(ledger),
        cases.withdraw(ledger),
        cases.repay(ledger, 50_000),
        cases.liquidate(ledger),
        cases.default(ledger),
        cases.close(ledger),
    ]


def _taken() -> list[Event]:
    """The events of `_events` that follow on `_loan`."""
    return [event for event in _events() if event.__struct_config__.tag in {"accrue", "mark_price", "tender", "repay"}]


def _signed() -> Signed:
    found = checkpoint(_told())
    return Signed(checkpoint=found, signatures=outcome.quorum(found))


def _evidence() -> Equivocation:
    one, two = checkpoint(_told()), checkpoint(outcome.run(outcome.genesis().begin(), *_two_events()))
    return equivocation(one, outcome.sign(one, 1), two, outcome.sign(two, 1))


def _two_events() -> tuple[Event, Event]:
    return cases.MarkPrice(price=cases.PRICE - 1, price_time=cases.TIME), cases.open_()


def _batch() -> Batch:
    ledger, signed = _told(), _signed()
    return Batch(
        after=0,
        events=tuple(map(encode_event, _events())),
        totals=ledger.totals,
        checkpoint=signed.checkpoint,
        proof=bytes(128),
        signatures=signed.signatures,
    )


def _words() -> Iterator[tuple[type, list[Any], Callable[[Any], object]]]:
    """Every word that travels or is kept: valid ones, and what is done with a word that was read."""
    genesis = outcome.genesis()
    batch, signed = _batch(), _signed()
    yield Batch, [batch], lambda word: word.decoded()
    yield Step, [batch.step], lambda word: word
    yield Signed, [signed], lambda word: check_quorum(genesis, word.checkpoint, word.signatures)
    yield Answer, [Answer(at=5, signatures=signed.signatures), Answer(at=0, waits="for a price")], lambda word: word
    yield After, [After(seq=7)], lambda word: word
    yield Asked, [Asked(vault=bytes(32))], lambda word: word
    yield Approval, [Approval(digest=bytes(32), price="vouched")], lambda word: word
    yield Judged, [Judged(batch=batch, own=signed.signatures[:1])], lambda word: word
    yield Equivocation, [_evidence()], lambda word: check_equivocation(genesis, word)


def _word(kind: type, seeds: list[Any], use: Callable[[Any], object]) -> Target:
    def read(raw: bytes) -> Any:
        word = words.read(kind, raw, most=_MOST, what="word")
        use(word)
        return word

    return Target(
        name=f"ledger word, {kind.__name__.lower()}",
        read=read,
        refusals=(PeerFault, VaultFault),
        seeds=lambda: [words.write(word) for word in seeds],
        write=words.write,
        rounds=100,
    )


def _entries() -> list[Any]:
    genesis = outcome.genesis()
    start = checkpoint(genesis.begin())
    return [Signed(checkpoint=start, signatures=outcome.quorum(start))]


def _followed(raw: bytes) -> object:
    """An entry on the first view; proofs are judged by the real verifier under a key of another circuit: none is valid."""
    entry = forms.decode(raw, Proven | Signed, VaultFault, "entry")
    return follow(outcome.genesis(), first_view(outcome.genesis()), entry, _verifier())


@lru_cache(maxsize=1)
def _verifier() -> Verify:
    key, _ = triples("bn254_1")
    genesis = replace(outcome.genesis(), transition_key=key.id)
    file = files.GenesisFile(genesis=genesis, verifying_key=key.handle.encode("arkworks"))
    return files.verifier(file, network="regtest", genesis=genesis.network, trusted=frozenset())


def _genesis_files() -> list[bytes]:
    key, _ = triples("bn254_1")
    whole = files.GenesisFile(genesis=outcome.genesis(), verifying_key=key.handle.encode("arkworks"))
    return [files.encode(whole), files.encode(files.GenesisFile(genesis=whole.genesis, verifying_key=b""))]


def _opened(raw: bytes) -> object:
    ledger = _told()
    opening = decode_opening(raw)
    check_opening(ledger.ledger_id, ledger.root, opening)
    return opening


def _json(raw: bytes) -> Any:
    """What the RPC door has made of a body before a handler sees it."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise PeerFault(what="body", expected="JSON", came=str(error)[:100]) from error


def _drafted(raw: bytes) -> object:
    value = _json(raw)
    if not isinstance(value, dict):
        raise PeerFault(what="event", expected="an object", came="another value")
    return apply(_loan(), draft.complete(_loan(), value))


def _drafts() -> list[bytes]:
    vault = cases.VAULT.hex()
    return [
        json.dumps(event).encode()
        for event in (
            {"kind": "repay", "vault": vault, "cents": 1_000},
            {"kind": "tender", "vault": vault, "slot": 2},
            {"kind": "accrue", "height": cases.HEIGHT + 6, "time": cases.TIME + 3_600},
        )
    ]


def _witnesses() -> list[bytes]:
    return [transition_witness(_loan(), [event])[0] for event in _taken()]


def _witness(raw: bytes) -> bytes:
    _, x = statements.witness("transition", 1, raw)
    return x


def _claims() -> list[bytes]:
    """Claims that hold, each its own outcome."""
    found = json.loads(outcome.FILE.read_text())["cases"]
    return [json.dumps(case["witness"]).encode() for case in found if "witness" in case and "x" in case["verdict"]][:3]


def _claim(raw: bytes) -> bytes:
    _, x = statements.witness("outcome", 0, raw)
    return x


def _eddsa(raw: bytes) -> bool:
    """Key, digest, signature."""
    return statements.eddsa_verify(raw[:64], raw[64:96], raw[96:])


def _eddsa_seeds() -> list[bytes]:
    found = checkpoint(_told())
    return [outcome.attestor_key(0).public() + found.digest + outcome.sign(found, 0).eddsa]


def targets() -> tuple[Target, ...]:
    """This file's part of the table."""
    return (
        Target(
            name="ledger genesis",
            read=decode_genesis,
            refusals=(VaultFault,),
            seeds=lambda: [encode_genesis(outcome.genesis())],
            write=encode_genesis,
        ),
        Target(
            name="ledger genesis file",
            read=files.decode,
            refusals=(LocalFault,),
            seeds=_genesis_files,
            write=files.encode,
            form=Form.FREE,
        ),
        Target(
            name="ledger event",
            read=decode_event,
            refusals=(VaultFault,),
            seeds=lambda: [encode_event(event) for event in _events()],
            write=encode_event,
            rounds=400,
        ),
        Target(
            name="ledger event in JSON",
            read=lambda raw: event_from_json(_json(raw)),
            refusals=(VaultFault, PeerFault),
            seeds=lambda: [json.dumps(forms.to_json(event)).encode() for event in _events()],
            write=lambda event: json.dumps(forms.to_json(event)).encode(),
            form=Form.FREE,
            rounds=400,
        ),
        Target(
            name="ledger event applied",
            read=lambda raw: apply(_loan(), decode_event(raw)),
            refusals=(VaultFault,),
            seeds=lambda: [encode_event(event) for event in _taken()],
            rounds=200,
        ),
        Target(
            name="ledger event drafted",
            read=_drafted,
            refusals=(VaultFault, PeerFault, LocalFault),
            seeds=_drafts,
            rounds=200,
        ),
        *(_word(*row) for row in _words()),
        Target(
            name="ledger entry followed",
            read=_followed,
            refusals=(VaultFault,),
            seeds=lambda: [words.write(entry) for entry in _entries()],
            rounds=100,
        ),
        Target(
            name="ledger opening",
            read=_opened,
            refusals=(VaultFault,),
            seeds=lambda: [forms.encode(open_vault(_told(), cases.VAULT))],
            write=forms.encode,
            rounds=100,
        ),
        Target(name="witness of a transition", read=_witness, refusals=(NativeError,), seeds=_witnesses, rounds=40),
        Target(name="witness of a claim", read=_claim, refusals=(NativeError,), seeds=_claims, rounds=30),
        Target(
            name="attestor key",
            read=statements.attestor_key_fault,
            refusals=(NativeError,),
            seeds=lambda: [outcome.attestor_key(i).public() for i in range(2)],
            rounds=60,
        ),
        Target(name="attestor signature", read=_eddsa, refusals=(NativeError,), seeds=_eddsa_seeds, rounds=60),
    )
