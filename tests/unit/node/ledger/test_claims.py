"""What a slot's record bears out: exactly its action, claimant and template, and only where there is a record."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace as changed

from node.faults import Unavailable
from node.ledger.claims import Claims, Outcome, doubt
from vault.ledger.position import DEFAULT, WITHDRAW, Position, Record

VAULT, OWNER, LENDER, TEMPLATE = (bytes([n]) * 32 for n in range(1, 5))
RECORD = Record(
    claimant=OWNER, template=TEMPLATE, outcome=WITHDRAW, continued=0, settled=0, height=9, price_time=8, time=8, seq=7,
    sats=1_000, collateral=1_000, price=1, debt=5, paid=5, surplus=0,
)  # fmt: skip
POSITION = Position(
    vault=VAULT, owner=OWNER, lender=LENDER, sats=(1_000, 1_000, 1_000, 0, 0, 0, 0, 0), open=0b001, principal=0, nonce=3,
    opened=1, maturity=100, last_record=200, version=1, index_open=1, tender_slot=2, tender_cents=5, tender_height=3, mark=0,
    records=(None, None, RECORD, None, None, None, None, None),
)  # fmt: skip
RIGHT = Outcome(vault=VAULT, slot=2, action="withdraw", claimant=OWNER, template=TEMPLATE)


def test_a_record_that_names_all_of_it_bears_it_out() -> None:
    assert doubt(POSITION, RIGHT) is None
    ended = changed(RECORD, outcome=DEFAULT, claimant=LENDER)
    records = (*POSITION.records[:2], ended, *POSITION.records[3:])
    assert doubt(changed(POSITION, records=records), replace(RIGHT, action="default", claimant=LENDER)) is None


@pytest.mark.parametrize(
    ("change", "what", "came"),
    [
        ({"slot": 0}, "outcome.record of slot 0", "none yet: it has not ended"),
        ({"slot": 1}, "outcome.record of slot 1", "none yet: its tender waits for the lender"),
        ({"slot": 7}, "outcome.record of slot 7", "none yet: it has not ended"),
        ({"action": "default"}, "outcome.record of slot 2", "withdraw"),
        ({"action": "liquidate"}, "outcome.record of slot 2", "withdraw"),
        ({"claimant": LENDER}, "claimant", OWNER.hex()),
        ({"template": OWNER}, "template", TEMPLATE.hex()),
    ],
)
def test_one_thing_else_is_named_with_what_the_record_says(change: dict[str, Any], what: str, came: str) -> None:
    fault = doubt(POSITION, replace(RIGHT, **change))
    assert fault is not None and what in fault.what and fault.came == came


class Prover:
    """The port of proofs: one proof at a time, when it is let go."""

    def __init__(self) -> None:
        self.asked, self.go = 0, asyncio.Event()
        self.fault: Unavailable | None = None

    async def prove(self, key: bytes, witness: bytes, purpose: str) -> Any:
        self.asked += 1
        await self.go.wait()
        if self.fault is not None:
            raise self.fault
        return SimpleNamespace(proof=b"proof of " + witness, x=bytes(32))


def claims_of(prover: Prover, kept: dict[bytes, bytes]) -> Claims:
    async def write(puts: tuple[tuple[bytes, bytes], ...]) -> None:
        kept.update(puts)

    shelf = SimpleNamespace(claim=kept.get, put_claim=lambda digest, proof: (digest, proof))
    world = SimpleNamespace(proving=prover, write=write)
    return Claims(cast("Any", world), cast("Any", None), cast("Any", shelf), cast("Any", None), lambda: None)


async def test_who_asks_while_a_proof_is_made_gets_the_same_one_and_who_leaves_does_not_end_it() -> None:
    prover, kept = Prover(), dict[bytes, bytes]()
    claims = claims_of(prover, kept)
    first, second = (asyncio.create_task(claims._proof(b"key", b"witness", RIGHT)) for _ in range(2))
    other = asyncio.create_task(claims._proof(b"key", b"another", RIGHT))
    await asyncio.sleep(0)
    first.cancel()
    prover.go.set()
    assert await second == b"proof of witness" and await other == b"proof of another"
    assert prover.asked == 2 and first.cancelled() and len(kept) == 2
    assert await claims._proof(b"key", b"witness", RIGHT) == b"proof of witness"
    assert prover.asked == 2, "kept"
    assert await claims._proof(b"key two", b"witness", RIGHT) == b"proof of witness"
    assert prover.asked == 3, "under another key"


async def test_a_proof_that_failed_is_made_anew_for_the_next() -> None:
    prover = Prover()
    claims = claims_of(prover, {})
    prover.fault = Unavailable(what="proof", expected="to go on", came="it was cancelled")
    prover.go.set()
    with pytest.raises(Unavailable):
        await claims._proof(b"key", b"witness", RIGHT)
    prover.fault = None
    assert await claims._proof(b"key", b"witness", RIGHT) == b"proof of witness" and prover.asked == 2
