"""Scenario 7: a lending ledger, five proven transitions, signed checkpoints, a borrower that follows by proofs alone.

A ledger of its own: the lender keeps it; lender and challenger attest it, each with a price source of its own; the borrower holds
neither events nor positions of it, only proofs and quorums. The loan is on paper: no coin moves by it.
`owed` is a second, short writing of the money rules; it shares no code with `vault.ledger`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import Any

from node.demo.book import open_book, tell
from node.demo.grounds import SLOT
from node.demo.scenarios import Play
from node.demo.stage import each
from node.faults import LocalFault
from snark.formats import Curve, Format
from snark.groth16 import Proof, VerifyingKey
from snark.statements import verify_outcome

SLOTS = 4
FALLEN = 3_400_000  # cents per BTC
LOAN, PAID_BACK = 118_000, 2_000  # cents
RATE = 100_000_000_000  # of the index's 10^18, a block
BONUS, LIQUIDATION, TARGET = Fraction(5, 100), Fraction(83, 100), Fraction(124, 100)
TEMPLATES = [f"{number:02x}" * 32 for number in range(1, SLOTS + 1)]


def owed(rate: int, blocks: list[int]) -> dict[str, int]:
    """Debt and cash (cents) at the end of the play, from the words of docs/ledger.md alone.

    `blocks` are the heights of the loan, of the repayment, of the tender and of the liquidations.
    """
    index = [10**18 + rate * (height - blocks[0]) for height in blocks]
    debt = ceil(Fraction(LOAN * index[1], index[0])) - PAID_BACK
    debt = ceil(Fraction(debt * index[2], index[1]))
    debt -= ceil(Fraction(debt, SLOTS))  # the tender of one slot of four
    debt = ceil(Fraction(debt * index[3], index[2]))
    value, slots, cash = Fraction(SLOT * FALLEN, 10**8), SLOTS - 1, 0
    if value * slots * LIQUIDATION < debt:
        while slots and value * slots * LIQUIDATION < TARGET * debt:
            pay = ceil(value / (1 + BONUS))
            debt, cash, slots = max(0, debt - pay), cash + pay, slots - 1
    return {"principal": debt, "cash": cash, "slots": slots}


async def lending(play: Play) -> None:
    """7. A ledger of loans: kept, proven, attested, followed by proofs alone."""
    play.say("7. a lending ledger: kept by the lender, attested by lender and challenger, followed by the borrower")
    theatre = play.theatre
    book = await open_book(theatre, play.say, {"rate": RATE})
    owner, lender, liquidator = [info["identity"] for info in await each(theatre.daemons, "node.info")]
    name = play.vault or hashlib.sha256(b"a loan on paper").hexdigest()
    vault = {"vault": name}
    height = theatre.height
    loan = {
        "kind": "open", **vault, "owner": owner, "lender": lender, "sats": [SLOT] * SLOTS, "cents": LOAN,
        "maturity": height + 4_320, "last_record": height + 5_000,
    }  # fmt: skip
    heights = [await book.entry("a loan of four slots at 49 % of their value", {"kind": "mark_price"}, loan)]
    repaid = {"kind": "repay", **vault, "cents": PAID_BACK}
    heights.append(await book.entry("interest, and a repayment", repaid))
    taken = {"kind": "withdraw", **vault, "how": 1, "template": TEMPLATES[3]}
    freed = {"kind": "close", **vault, "slot": 3, "how": 1}
    heights.append(await book.entry("one slot repaid and free", {"kind": "tender", **vault}, taken, freed))
    tell(theatre, FALLEN)
    seized = [{"kind": "liquidate", **vault, "payer": liquidator, "template": TEMPLATES[s]} for s in (0, 1)]
    heights.append(await book.entry("the price falls: two slots liquidated", {"kind": "mark_price"}, *seized))
    view = await theatre.borrower.call("ledger.show", ledger=book.id)
    found = {name: view[name] for name in ("principal", "cash")}
    want = owed(RATE, heights)
    position = await theatre.lender.call("ledger.position", ledger=book.id, vault=name)
    found["slots"] = sum(slot["state"] == "open" for slot in position["slots"])
    if found != want:
        raise LocalFault(what="the ledger", expected=str(want), came=str(found))
    claim = await theatre.lender.call(
        "ledger.claim", ledger=book.id, **vault, slot=0, action="liquidate", claimant=liquidator, template=TEMPLATES[0]
    )
    if not _verifies(claim):
        raise LocalFault(what="the claim of slot 0", expected="a valid proof", came=str(claim)[:300])
    play.say(
        f"  the liquidator's claim of slot 0 is proven: {len(claim['proof']) // 2} bytes for input {claim['public'][:16]}"
    )
    await book.entry("the liquidator has its coins", *({"kind": "close", **vault, "slot": s, "how": 1} for s in (0, 1)))
    shown = await theatre.borrower.call("ledger.show", ledger=book.id)
    if shown["proofs_verified"] != 5 or shown["entries_refused"] or shown["cash"]:
        raise LocalFault(
            what="the borrower's view", expected="five proofs verified, no cash left", came=str(shown)[:300]
        )
    play.ledger = shown


def _verifies(claim: Mapping[str, Any]) -> bool:
    key = VerifyingKey.parse(bytes.fromhex(claim["verifying_key"]), Format.ARKWORKS, Curve.BN254)
    proof = Proof.parse(bytes.fromhex(claim["proof"]), Curve.BN254, Format.ARKWORKS)
    return verify_outcome(key, bytes.fromhex(claim["public"]), proof)
