"""The generator of `outcome.json`: claims on real ledgers under real checkpoints, and each rule of a claim broken alone.

Same form as `ledger.json`, but for the verdict: {"x": hex} for a claim that holds (its public input), {"rule": name} for one
that does not, {"other": hex} for a witness that proves something else than this public input (other rules, another set of
attestors). Cases whose name begins with "forged" are signed by attestors who vouch for what no ledger holds: the constraints
must refuse the record all the same. `python -m tests.cases.outcome` writes the file; a test regenerates and compares.
The attestors' keys are real ones from a sealed seed that stands here, so worth nothing anywhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from msgspec.structs import replace as changed

from native._native.keys import SealingKey, Seed
from native._native.statements import AttestorKey
from tests.cases import ledger as events
from tests.cases.form import compact, put, text
from tests.cases.ledger import HEIGHT, LENDER, MATURITY, NETWORK, OWNER, PAYER, PRICE, TEMPLATE, TIME, VAULT, name, run
from vault.ledger import commit, money
from vault.ledger.checkpoint import Checkpoint, Signature, checkpoint
from vault.ledger.events import Accrue, MarkPrice
from vault.ledger.genesis import Attestor, Genesis, check_genesis
from vault.ledger.opening import open_vault
from vault.ledger.position import OUTCOMES
from vault.ledger.rules import DEFAULT
from vault.ledger.state import Ledger
from vault.ledger.witness import globals_json, outcome_witness, position_json, records_json

FILE = Path(__file__).with_name("outcome.json")
SEALED = bytes.fromhex(
    "011ea83f81cb09b34b07bf90b04c90c9aebc5df69c9ae7a69ae1997e06d2ba12c61a04a02c416fbaede01856992830fe81c63cec7c588982cc29c4"
    "48936174ce523f5a9b9dd7207974"
)
ATTESTORS, THRESHOLD = 5, 3
SIGNERS = (0, 2, 4)
TARGET = 248 * 12_097  # price at which half a coin is 1.24 of the debt 83 * 12,097 over 83 %


# ---- who signs -------------------------------------------------------------------------------------------------------
@cache
def seed() -> Seed:
    key = SealingKey(b"cases of claims", bytes(16), memory_kib=8, iterations=1)
    return Seed.unseal(SEALED, key, b"cases")


@cache
def attestor_key(index: int) -> AttestorKey:
    return AttestorKey(seed(), b"attestor %d" % index)


@cache
def genesis() -> Genesis:
    attestors = tuple(
        Attestor(
            identity=seed().secret(b"identity %d" % i).xonly(),
            eddsa=attestor_key(i).public(),
            bip340=seed().secret(b"bip340 %d" % i).xonly(),
        )
        for i in range(ATTESTORS)
    )
    return check_genesis(
        Genesis(
            version=1,
            network=NETWORK,
            rules=DEFAULT,
            attestors=attestors,
            threshold=THRESHOLD,
            keeper=seed().secret(b"keeper").xonly(),
            height=HEIGHT,
            time=TIME,
            salt=name("salt"),
            transition_key=name("transition key"),
        )
    )


def sign(found: Checkpoint, index: int) -> Signature:
    """What an attestor of the genesis says."""
    eddsa = attestor_key(index).sign(found.digest)
    bip340 = seed().secret(b"bip340 %d" % index).sign(found.message, bytes(32))
    return Signature(index=index, eddsa=eddsa, bip340=bip340)


def quorum(found: Checkpoint, signers: Sequence[int] = SIGNERS) -> tuple[Signature, ...]:
    return tuple(sign(found, index) for index in signers)


# ---- states ----------------------------------------------------------------------------------------------------------
def loan() -> Ledger:
    return run(genesis().begin(), MarkPrice(price=PRICE, price_time=TIME), events.open_())


def withdrawn() -> Ledger:
    """Slot 2 tendered and taken a month on; slots 0 and 1 are open."""
    ledger = run(loan(), Accrue(height=HEIGHT + 4_000, time=TIME + 2_400_000))
    ledger = run(ledger, events.tender(ledger))
    ledger = run(ledger, events.withdraw(ledger))
    return run(ledger, Accrue(height=HEIGHT + 4_006, time=TIME + 2_403_600))


def overdue() -> Ledger:
    height, time = MATURITY + DEFAULT.grace + 1, TIME + 2_680_000
    return run(loan(), Accrue(height=height, time=time), MarkPrice(price=PRICE, price_time=time))


def defaulted() -> Ledger:
    ledger = overdue()
    return run(ledger, events.default(ledger))


def surplus() -> Ledger:
    """A default of one cent: nearly all of the payment is the borrower's."""
    ledger = overdue()
    ledger = run(ledger, events.repay(ledger, ledger.debt(ledger.position(VAULT)) - 1))
    return run(ledger, events.default(ledger))


def priced(ledger: Ledger, price: int) -> Ledger:
    return run(ledger, MarkPrice(price=price, price_time=ledger.totals.time))


def liquidated() -> Ledger:
    ledger = priced(loan(), 3_499_999)
    return run(ledger, events.liquidate(ledger))


def went_on() -> Ledger:
    """Slot 0 unhealthy, slot 1 taken at the same price: healthy, one cent of price below the target."""
    ledger = priced(loan(), TARGET - 1)
    ledger = run(ledger, events.liquidate(ledger))
    owed = ledger.debt(ledger.position(VAULT))
    ledger = run(ledger, events.repay(ledger, owed - 83 * 12_097))
    return run(ledger, events.liquidate(ledger, 1))


def forged(ledger: Ledger, slot: int, position: dict[str, Any] | None = None, **record: Any) -> Ledger:
    """A ledger whose keeper wrote something else; its root, and so what is signed, says so too."""
    found = ledger.position(VAULT)
    records = list(found.records)
    records[slot] = changed(records[slot], **record)
    found = changed(found, records=tuple(records), **(position or {}))
    tree = ledger.positions.put(ledger.leaf(VAULT), commit.position(ledger.ledger_id, found), found)
    return replace(ledger, positions=tree, totals=changed(ledger.totals, tree=tree.digest))


# ---- claims ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Claim:
    """Who claims which slot of what ledger; `tampered` are pointers into the witness, `rule` what is broken then."""

    name: str
    ledger: Ledger
    slot: int
    outcome: str
    claimant: bytes
    rule: str | None = None
    tampered: dict[str, Any] = field(default_factory=dict)
    other: bool = False  # proves another statement

    def witness(self) -> dict[str, Any]:
        """The witness, as the claimant would feed it."""
        found = checkpoint(self.ledger)
        raw = outcome_witness(
            genesis(),
            open_vault(self.ledger, VAULT),
            slot=self.slot,
            action=OUTCOMES[self.outcome],
            claimant=self.claimant,
            template=TEMPLATE,
            checkpoint=found,
            signatures=quorum(found),
        )
        made: dict[str, Any] = json.loads(raw)
        for pointer, value in self.tampered.items():
            put(made, pointer, value)
        return made

    def public(self) -> bytes:
        """The statement that the vault was set up with."""
        return commit.outcome_public(
            NETWORK,
            genesis().ledger_id,
            vault=VAULT,
            slot=self.slot,
            action=OUTCOMES[self.outcome],
            claimant=self.claimant,
            template=TEMPLATE,
            attestors=genesis().attestors_root,
            rules=commit.rules_hash(DEFAULT),
        )

    def verdict(self) -> dict[str, str]:
        """As in the file."""
        if self.other:
            return {"other": self.public().hex()}
        return {"x": self.public().hex()} if self.rule is None else {"rule": self.rule}


def claims() -> Iterator[Claim]:
    """All of them, in the order of the file."""
    for group in (withdraws, defaults, liquidations):
        yield from group()


def tampered(base: Claim) -> Iterator[Claim]:
    """What any claim must refuse without a new signature."""
    honest = base.witness()
    _, (third, signature) = honest["signatures"][0], honest["signatures"][2]
    elsewhere = f"{1:064x}"
    record = honest["record"]

    def bad(rule: str, what: str, pointers: dict[str, Any]) -> Claim:
        return replace(base, name=f"{base.name}: {rule}, {what}", rule=rule, tampered=pointers)

    first, second = honest["signatures"][:2]
    yield bad("outcome.signers", "a signer twice", {"/signatures": [first, first, second]})
    yield bad("outcome.signers", "not in order", {"/signatures": [second, first, [third, signature]]})
    yield bad("outcome.signers", "beyond the set", {"/signatures/2/0": ATTESTORS})
    yield bad("outcome.threshold", "one too few", {"/signatures": [first, second]})
    yield bad("outcome.threshold", "none", {"/signatures": []})
    yield bad("outcome.signature", "another attestor's", {"/signatures/2/0": 3})
    last = int(signature[128:], 16)
    yield bad("outcome.signature", "S one more", {"/signatures/2/1": signature[:128] + f"{last + 1:064x}"})
    order = 2736030358979909402780800718157159386076813972158567259200215660948447373041
    yield bad("outcome.signature", "S not canonical", {"/signatures/2/1": signature[:128] + f"{last + order:064x}"})
    yield bad("outcome.signature", "another seq", {"/checkpoint/seq": honest["checkpoint"]["seq"] + 1})
    yield bad("outcome.signature", "a price of one cent more", {"/checkpoint/price": honest["checkpoint"]["price"] + 1})
    yield bad("outcome.root", "one cent more in the pool", {"/globals/cash": honest["globals"]["cash"] + 1})
    yield bad("outcome.root", "another log", {"/globals/log": elsewhere})
    yield bad("outcome.path", "another sibling", {"/path/13/1": elsewhere})
    yield bad("outcome.path", "another owner", {"/position/owner": elsewhere})
    yield bad("outcome.path", "another vault", {"/vault": elsewhere})
    yield bad("outcome.path", "another record beside it", {"/records/7": elsewhere})
    yield bad("outcome.record", "an open slot", {"/slot": 0})
    yield bad("outcome.record", "no slot at all", {"/slot": 8})
    yield bad("outcome.record", "another claimant", {"/claimant": elsewhere})
    yield bad("outcome.record", "another template", {"/template": elsewhere})
    yield bad("outcome.record", "settled, it says", {"/record/settled": 1 - record["settled"]})
    yield bad("outcome.record", "one sat less", {"/record/sats": record["sats"] - 1})
    for what, pointers in (
        ("other rules", {"/rules/tender_window": DEFAULT.tender_window + 1}),
        ("another network", {"/network": elsewhere}),
    ):
        yield replace(base, name=f"{base.name}: other, {what}", tampered=pointers, other=True)


def usurped(base: Claim) -> Claim:
    """A set of the claimant's own making: keys of its own, signed by itself."""
    digest = checkpoint(base.ledger).digest
    own = [AttestorKey(seed(), b"own %d" % i) for i in range(ATTESTORS)]
    pointers = {
        "/attestors": [key.public().hex() for key in own],
        "/signatures": [[i, own[i].sign(digest).hex()] for i in SIGNERS],
    }
    return replace(base, name=f"{base.name}: other, attestors of its own", tampered=pointers, other=True)


def lowered(base: Claim) -> Claim:
    """Two signatures of two."""
    pointers = {"/threshold": 2, "/signatures": base.witness()["signatures"][:2]}
    return replace(base, name=f"{base.name}: other, a lower threshold", tampered=pointers, other=True)


def forge(base: Claim, rule: str | None, what: str, position: dict[str, Any] | None = None, **record: Any) -> Claim:
    """The same claim of a record that the attestors should not have signed."""
    ledger = forged(base.ledger, base.slot, position, **record)
    return replace(base, name=f"forged {base.name}: {rule or 'valid'}, {what}", ledger=ledger, rule=rule)


def withdraws() -> Iterator[Claim]:
    base = Claim("withdraw", withdrawn(), 2, "withdraw", OWNER)
    record = base.ledger.position(VAULT).records[2]
    yield base
    yield from tampered(base)
    yield usurped(base)
    yield lowered(base)
    before = run(loan(), Accrue(height=HEIGHT + 4_000, time=TIME + 2_400_000))
    found = checkpoint(before)
    old = {
        "/globals": globals_json(before.totals),
        "/position": position_json(before.position(VAULT)),
        "/records": records_json(before.position(VAULT)),
        "/checkpoint": {k: getattr(found, k) for k in ("seq", "price", "price_time", "height", "time")}
        | {"root": found.root.hex()},
        "/signatures": [[s.index, s.eddsa.hex()] for s in quorum(found)],
    }
    yield replace(base, name="withdraw: outcome.record, a checkpoint from before", rule="outcome.record", tampered=old)
    yield forge(base, "withdraw.paid", "one cent of debt more", debt=record.paid + 1)
    yield forge(base, None, "one cent of debt less", debt=record.paid - 1)
    yield forge(base, "outcome.record", "a default, it says", outcome=OUTCOMES["default"])
    settled = run(base.ledger, events.close(base.ledger, slot=2))
    yield replace(base, name="withdraw: settled already", ledger=settled)


def defaults() -> Iterator[Claim]:
    base = Claim("default", defaulted(), 0, "default", LENDER)
    record = base.ledger.position(VAULT).records[0]
    yield base
    yield from priced_rules(base)
    yield forge(base, "default.maturity", "in the last block of grace", height=MATURITY + DEFAULT.grace)
    yield forge(base, "default.debt", "nothing was owed", debt=0, surplus=record.paid)
    pending = {"tender_slot": 1, "tender_cents": 1, "tender_height": record.height}
    yield forge(base, "default.tender", "a tender was pending", pending)
    yield forge(base, None, "a tender of another slot", {**pending, "tender_slot": 2})
    rich = Claim("default: with a surplus", surplus(), 0, "default", LENDER)
    yield rich
    over = rich.ledger.position(VAULT).records[0]
    yield forge(rich, "default.surplus", "one cent kept", surplus=over.surplus - 1)


def liquidations() -> Iterator[Claim]:
    base = Claim("liquidate", liquidated(), 0, "liquidate", PAYER)
    record = base.ledger.position(VAULT).records[0]
    yield base
    yield from priced_rules(base)
    yield forge(base, "liquidate.health", "exactly at the threshold", **worth(record, 3_500_000))
    yield forge(base, None, "as much collateral as may be", collateral=100_000_028)
    yield forge(base, "liquidate.health", "one sat more", collateral=100_000_029)
    on = Claim("liquidate: goes on", went_on(), 1, "liquidate", PAYER)
    second = on.ledger.position(VAULT).records[1]
    yield on
    yield forge(on, "liquidate.health", "it did not go on", continued=0)
    yield forge(on, "liquidate.health", "on target", **worth(second, TARGET))
    one = run(genesis().begin(), MarkPrice(price=PRICE, price_time=TIME), events.open_(sats=(10**8,)))
    one = priced(one, 3_499_999)
    rich = Claim("liquidate: with a surplus", run(one, events.liquidate(one)), 0, "liquidate", PAYER)
    yield rich
    over = rich.ledger.position(VAULT).records[0]
    yield forge(rich, "liquidate.surplus", "one cent kept", surplus=over.surplus - 1)


def worth(record: Any, price: int) -> dict[str, int]:
    """Price, payment and surplus of a record at another price."""
    paid = money.pay(DEFAULT, record.sats, price)
    return {"price": price, "paid": paid, "surplus": paid - min(paid, record.debt)}


def priced_rules(base: Claim) -> Iterator[Claim]:
    """What default and liquidation share."""
    kind, record = base.outcome, base.ledger.position(VAULT).records[base.slot]
    yield forge(base, None, "in the last fresh second", price_time=record.time - DEFAULT.max_price_age)
    yield forge(base, f"{kind}.fresh", "one second later", price_time=record.time - DEFAULT.max_price_age - 1)
    yield forge(base, f"{kind}.fresh", "no price", price=0, paid=0)
    yield forge(base, f"{kind}.cents", "one cent less", paid=record.paid - 1)
    yield forge(base, f"{kind}.cents", "one cent more", paid=record.paid + 1)
    yield forge(base, f"{kind}.surplus", "one cent too much", surplus=record.surplus + 1)


# ---- the file --------------------------------------------------------------------------------------------------------
def generate() -> dict[str, Any]:
    """The file's content."""
    return {"cases": compact((claim.name, claim.witness(), claim.verdict()) for claim in claims())}


if __name__ == "__main__":
    FILE.write_text(text(generate()), encoding="utf-8")
