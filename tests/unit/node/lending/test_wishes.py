"""What each role does by itself in each phase of a loan, and why it does not: the keeper's real desk stands at the other side."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from challenge.facts import key
from challenge.game import fold
from challenge.states import Seen
from node.faults import PeerFault
from node.lending import money
from node.lending import words as w
from node.lending.counter import judge
from node.lending.policy import BLOCKS_A_DAY, Policy, Spent
from node.lending.situation import Situation
from node.lending.wish import Action, Ask, ClaimGraph, Order, ShowR, SignTerms, TakeLoan
from node.lending.wishes import ROLES, wishes
from tests.unit.node.lending.party_scene import (
    AUTO,
    FUNDED,
    LIVING,
    NOTHING,
    PREFUND,
    deposited,
    log,
    proven_of,
    situation,
    wish,
)
from tests.unit.node.lending.scene import BORN, CHALLENGER, LIQUIDATOR, LOW, PREFUNDED, PRICE, TIP, Scene, opened
from tests.vault_kit import BORROWER, LENDER, lending_kit
from vault.ledger import money as rules

KIT = lending_kit()
NAME = KIT.proposal.proposal_id
LOCKS = KIT.proposal.timelocks
MATURITY, GRACE = PREFUNDED + KIT.proposal.maturity, KIT.proposal.grace
GRAPH = {"withdraw": 0, "default": 1, "liquidate": 2}  # of slot 0; slot 1's are 4 more
EXPIRES = PREFUND + 13


def locked() -> Scene:
    scene = deposited()
    scene.book(judge(scene.view, scene.who(LENDER), w.LockLoan(vault=NAME, expires=EXPIRES)))
    return scene


def taken() -> Scene:
    scene = locked()
    scene.book(judge(scene.view, scene.who(BORROWER), w.TakeLoan(vault=NAME, preimage=KIT.a)))
    return scene


def tendered() -> Scene:
    scene = opened()
    scene.book(judge(scene.view, scene.who(BORROWER), w.Tender(vault=NAME, slot=1)))
    return scene


def unhealthy() -> Scene:
    scene = opened()
    scene.marked(LOW)
    return scene


def over() -> Scene:
    scene = opened()
    scene.to(MATURITY + GRACE + 1)
    return scene


def liquidated() -> Scene:
    scene = unhealthy()
    scene.book(judge(scene.view, scene.who(LIQUIDATOR), w.Liquidate(vault=NAME, slot=0)))
    return scene


def withdrawn() -> Scene:
    scene = tendered()
    scene.book(judge(scene.view, scene.who(LENDER), w.ShowR(vault=NAME, slot=1, preimage=KIT.r(1))))
    return scene


@dataclass
class Row:
    """One line of the table: a scene, a party, what differs, one question, its answer and words of its reason."""

    scene: Callable[[], Scene]
    party: int
    about: str
    does: str | None
    why: str = ""
    seen: tuple[Seen, ...] = LIVING
    facts: Mapping[str, bytes] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    price: int | None = PRICE
    other: Callable[[Situation], Situation] = lambda s: s
    alarm: bool = False


def away(s: Situation) -> Situation:
    return replace(s, reading=None, keeper="away", said="nobody there")


def unproven(s: Situation) -> Situation:
    return replace(s, opening=None)


def refused(kind: str, slot: int) -> Callable[[Situation], Situation]:
    def change(s: Situation) -> Situation:
        assert s.reading is not None
        refusal = w.Refusal(kind=kind, slot=slot, reason="its chain is behind")
        return replace(s, reading=msgspec.structs.replace(s.reading, refusals=(refusal,)))

    return change


def said(**changes: Any) -> Callable[[Situation], Situation]:
    """The keeper says something else."""

    def change(s: Situation) -> Situation:
        assert s.reading is not None
        return replace(s, reading=msgspec.structs.replace(s.reading, **changes))

    return change


def slot_said(slot: int, **changes: Any) -> Callable[[Situation], Situation]:
    def change(s: Situation) -> Situation:
        assert s.reading is not None
        slots = tuple(msgspec.structs.replace(x, **changes) if x.slot == slot else x for x in s.reading.slots)
        return replace(s, reading=msgspec.structs.replace(s.reading, slots=slots))

    return change


def position_is(**changes: Any) -> Callable[[Situation], Situation]:
    """Our own checkpoint proves another position."""

    def change(s: Situation) -> Situation:
        assert s.opening is not None
        position = msgspec.structs.replace(s.opening.position, **changes)
        return replace(s, opening=msgspec.structs.replace(s.opening, position=position))

    return change


def spent(cents: int, payments: int = 1) -> Callable[[Situation], Situation]:
    paid = {f"liquidate/elsewhere/{n}": cents for n in range(payments)}
    return lambda s: replace(s, spent=Spent(day=s.tip // BLOCKS_A_DAY, paid=paid))


OTHER = b"\x77" * 32
YOUNG = log(("prefund", TIP - 1))
LATE = log(("prefund", TIP - 8))
CLAIMED = (*LIVING, *log(("0/claim", BORN + 2)))
HOME = (*LIVING, *log(("repay/1", BORN + 4)))
WANTED_CONTEST = {key("want_contest", 0): b""}
TAKEN_FACT = {key("loan_taken", BORROWER): KIT.a}

TABLE: dict[str, Row] = {
    # the keeper is told
    "a known vault is not registered again": Row(deposited, LENDER, "register", None, seen=FUNDED),
    "an unknown vault is registered": Row(
        deposited, LENDER, "register", "yes", "does not know this vault", seen=FUNDED,
        other=lambda s: replace(s, reading=None, keeper="unregistered", said="not registered"),
    ),
    "both register": Row(
        deposited, BORROWER, "register", "yes", "both sign", seen=FUNDED,
        other=lambda s: replace(s, keeper="unregistered", said="these Terms are not registered yet"),
    ),
    "nobody else does": Row(
        deposited, LIQUIDATOR, "register", None, seen=FUNDED, other=lambda s: replace(s, reading=None, keeper="unregistered")
    ),
    "a keeper that is away is waited for": Row(deposited, BORROWER, "register", "waits", "nobody there", seen=FUNDED, other=away),
    # lock
    "the principal is locked when the deposit is buried": Row(deposited, LENDER, "lock", "yes", "is buried", seen=FUNDED),
    "not before a deposit": Row(deposited, LENDER, "lock", "waits", "not on chain", seen=()),
    "not before it is buried": Row(deposited, LENDER, "lock", "waits", "1 to go", seen=YOUNG),
    "not when too few blocks are left": Row(deposited, LENDER, "lock", "no", "too late", seen=LATE),
    "not twice": Row(locked, LENDER, "lock", "no", "is locked", seen=FUNDED),
    "not on the word of nobody": Row(deposited, LENDER, "lock", "waits", "nobody there", seen=FUNDED, other=away),
    "not with an empty account": Row(
        deposited, LENDER, "lock", "waits", "SIMULATED account holds 5 cents", seen=FUNDED, other=said(account=5)
    ),
    "not when the keeper would refuse": Row(
        deposited, LENDER, "lock", "waits", "its chain is behind", seen=FUNDED, other=refused("lock_loan", -1)
    ),
    "not when it is off": Row(deposited, LENDER, "lock", "no", "lending.lend is off", seen=FUNDED, policy={"lend": "off"}),
    "only said when it is a dry run": Row(
        deposited, LENDER, "lock", "dry-run", "would act", seen=FUNDED, policy={"lend": "dry-run"}
    ),
    "not for another vault's coins": Row(
        deposited, LENDER, "lock", "no", f"expected {KIT.terms.vault_id.hex()}, came {OTHER.hex()}", seen=FUNDED, alarm=True,
        other=slot_said(1, vault_id=OTHER),
    ),
    "not for coins that the keeper does not watch": Row(
        deposited, LENDER, "lock", "waits", "no Terms of slot 0", seen=FUNDED, other=said(slots=())
    ),
    "no question once Vault is on chain": Row(opened, LENDER, "lock", None),
    # take
    "a is shown for a lock": Row(locked, BORROWER, "take", "yes", "a is shown", seen=FUNDED),
    "not without a lock": Row(deposited, BORROWER, "take", "waits", "none, not locked", seen=FUNDED),
    "not before the deposit is buried": Row(locked, BORROWER, "take", "waits", "buried at block", seen=YOUNG),
    "not when the lock ends soon": Row(
        locked, BORROWER, "take", "no", "too late to show a", seen=FUNDED,
        other=lambda s: said(lock=msgspec.structs.replace(s.reading.lock, expires=s.tip + LOCKS.margin + 1))(s),  # type: ignore[union-attr]
    ),
    "not for less than agreed": Row(
        locked, BORROWER, "take", "no", "Terms say 100000", seen=FUNDED,
        other=lambda s: said(lock=msgspec.structs.replace(s.reading.lock, cents=99_999))(s),  # type: ignore[union-attr]
    ),
    "not when the deposit goes home": Row(
        locked, BORROWER, "take", "no", "takes the deposit back", seen=FUNDED, facts={key("want_refund", 0): b""}
    ),
    "not when the keeper would refuse it": Row(
        locked, BORROWER, "take", "waits", "its chain is behind", seen=FUNDED, other=refused("take_loan", -1)
    ),
    "no a for another vault's coins": Row(
        locked, BORROWER, "take", "no", "coins of another vault for slot 0", seen=FUNDED, alarm=True,
        other=slot_said(0, vault_id=OTHER),
    ),
    "not as a dry run": Row(locked, BORROWER, "take", "dry-run", "would act", seen=FUNDED, policy={"take": "dry-run"}),
    # a is known
    "everybody is told of a": Row(taken, CHALLENGER, "loan_taken", "yes", "a is known", seen=FUNDED),
    "the lender too": Row(taken, LENDER, "loan_taken", "yes", "a is known", seen=FUNDED),
    "an a that is none is a lie": Row(
        taken, LENDER, "loan_taken", "no", "not a", seen=FUNDED, alarm=True,
        other=lambda s: said(lock=msgspec.structs.replace(s.reading.lock, preimage=bytes(32)))(s),  # type: ignore[union-attr]
    ),
    "nothing is told while it is only locked": Row(locked, LENDER, "loan_taken", "waits", "is locked", seen=FUNDED),
    "not again": Row(taken, LENDER, "loan_taken", None, seen=FUNDED, facts=TAKEN_FACT),
    # money and deposit come back
    "the principal waits for the borrower": Row(locked, LENDER, "refund_loan", "waits", "11 to go", seen=FUNDED),
    "and comes back from its height on": Row(
        locked, LENDER, "refund_loan", "yes", "comes back", seen=FUNDED, other=lambda s: replace(s, tip=EXPIRES)
    ),
    "the deposit stays while the loan may be taken": Row(locked, BORROWER, "refund/0", "waits", "18 to go", seen=FUNDED),
    "and goes home when nothing came of it": Row(
        deposited, BORROWER, "refund/1", "yes", "goes home", seen=FUNDED,
        other=lambda s: replace(s, tip=PREFUND + LOCKS.refund - 1),
    ),
    "but not when the loan was taken": Row(
        taken, BORROWER, "refund/0", "no", "Vault is due", seen=FUNDED, facts=TAKEN_FACT,
        other=lambda s: replace(s, tip=PREFUND + LOCKS.refund),
    ),
    # repaying
    "a borrower that repays by hand": Row(opened, BORROWER, "tender/1", "no", "is manual", policy={"tender": "manual"}),
    "the highest slot at the end": Row(opened, BORROWER, "tender/1", "yes", "is repaid"),
    "not with the lender's window before the end": Row(
        opened, BORROWER, "tender/1", "waits", "to go",
        other=lambda s: replace(said(position=msgspec.structs.replace(s.posted, maturity=s.tip + 1_000))(s)),
    ),
    "not too late": Row(over, BORROWER, "tender/1", "no", "too late"),
    "not when nothing proves the debt": Row(opened, BORROWER, "tender/1", "waits", "no final checkpoint", other=unproven),
    "not more than is owed": Row(
        opened, BORROWER, "tender/1", "no", "by our own final checkpoint", other=slot_said(1, frees_for=60_000)
    ),
    "not beside another tender": Row(
        tendered, BORROWER, "tender/0", "waits", "tender of slot 1 waits", other=lambda s: replace(s, tip=MATURITY)
    ),
    "not under an older checkpoint": Row(
        opened, BORROWER, "tender/1", "waits", "not final", other=position_is(nonce=0)
    ),
    "not for a coin in dispute": Row(
        opened, BORROWER, "tender/1", "waits", "claimed by another", seen=(*LIVING, *log(("5/claim", BORN + 2)))
    ),
    "not without money": Row(opened, BORROWER, "tender/1", "waits", "SIMULATED account", other=said(account=1)),
    "a tendered slot is swept": Row(tendered, BORROWER, "sweep/1", "yes", "asked for r"),
    "once": Row(tendered, BORROWER, "sweep/1", None, facts={key("want_repay", 1): b""}),
    "r that brought the coin home is told": Row(
        tendered, BORROWER, "show_r/1", "yes", "is home", seen=HOME, facts={key("release", 1): KIT.r(1)}
    ),
    "not while the coin is out": Row(tendered, BORROWER, "show_r/1", None, facts={key("release", 1): KIT.r(1)}),
    # r
    "r for a proven tender": Row(tendered, LENDER, "release/1", "yes", "proves the tender"),
    "and to the ledger": Row(tendered, LENDER, "show_r/1", "yes", "the ledger gets r"),
    "no r on the keeper's word": Row(tendered, LENDER, "release/1", "waits", "no final checkpoint", other=unproven),
    "no r to the ledger on its word": Row(tendered, LENDER, "show_r/1", "waits", "no final checkpoint", other=unproven),
    "no r under a checkpoint from before": Row(
        tendered, LENDER, "release/1", "waits", "does not prove it yet",
        other=lambda s: replace(s, opening=proven_of(opened().ledger, NAME)),
    ),
    "no r for a tender of another slot": Row(
        tendered, LENDER, "release/1", "waits", "does not prove it yet", other=position_is(tender_slot=1)
    ),
    "no r for another lender's position": Row(
        tendered, LENDER, "release/1", "no", "not this loan's: lender", other=position_is(lender=bytes(32)), alarm=True
    ),
    "no r for another owner's": Row(
        tendered, LENDER, "release/1", "no", "not this loan's: owner", other=position_is(owner=bytes(32)), alarm=True
    ),
    "no r under other rules": Row(
        tendered, LENDER, "release/1", "no", "rules version", other=position_is(version=9), alarm=True
    ),
    "no r for another vault's position": Row(
        tendered, LENDER, "release/1", "no", "not this loan's: vault", other=position_is(vault=bytes(32)), alarm=True
    ),
    "no r when the operator gives it": Row(tendered, LENDER, "release/1", "no", "is manual", policy={"release": "manual"}),
    "r without a keeper": Row(tendered, LENDER, "release/1", "yes", "proves the tender", other=away),
    "r for a proven record": Row(
        withdrawn, LENDER, "release/1", None, other=lambda s: s
    ),
    "no r without a tender": Row(opened, LENDER, "release/1", None),
    # default
    "no default before maturity and grace": Row(opened, LENDER, "default/0", "waits", "may repay until"),
    "default after": Row(over, LENDER, "default/0", "yes", "the loan is over"),
    "not on its last block of grace": Row(
        over, LENDER, "default/0", "waits", "1 to go", other=lambda s: replace(s, tip=MATURITY + GRACE)
    ),
    "not at a stale price": Row(over, LENDER, "default/0", "waits", "stale", other=said(stale=True)),
    "not without an own price": Row(
        over, LENDER, "default/0", "waits", "no own price", other=lambda s: replace(s, price=None, unpriced="no source")
    ),
    "not above the own price": Row(over, LENDER, "default/0", "no", "less than the", price=PRICE * 9 // 10),
    "not after the last record": Row(
        over, LENDER, "default/0", "no", "too late", other=lambda s: replace(s, tip=s.proven.last_record)  # type: ignore[union-attr]
    ),
    "not unproven": Row(over, LENDER, "default/0", "waits", "no final checkpoint", other=unproven),
    "not for a coin that is gone": Row(
        over, LENDER, "default/0", "no", "closed", seen=(*LIVING, *log(("deadman/0", BORN + 9)))
    ),
    "not for a price that is not the rule's": Row(
        over, LENDER, "default/0", "no", "the rule for", other=slot_said(0, costs=1)
    ),
    "not for a dearer one either": Row(
        over, LENDER, "default/0", "no", "the rule for", other=slot_said(0, costs=10**9)
    ),
    "not beyond the day's cents": Row(
        over, LENDER, "default/0", "no", "max_cents_a_day = 900000", policy={"max_cents_a_day": 900_000}, other=spent(400_000)
    ),
    "not beyond the day's slots": Row(
        over, LENDER, "default/0", "no", "max_slots_a_day = 2", policy={"max_slots_a_day": 2}, other=spent(1, 2)
    ),
    "no default of another vault's coin": Row(
        over, LENDER, "default/0", "no", "coins of another vault", alarm=True, other=slot_said(0, vault_id=OTHER)
    ),
    "not in a dry run": Row(over, LENDER, "default/0", "dry-run", "would act", policy={"default": "dry-run"}),
    # liquidation
    "a healthy loan is left alone": Row(opened, LIQUIDATOR, "liquidate/0", "waits", "health is"),
    "an unhealthy one is liquidated": Row(unhealthy, LIQUIDATOR, "liquidate/0", "yes", "at our own price", price=LOW),
    "the lowest slot only": Row(unhealthy, LIQUIDATOR, "liquidate/1", None, price=LOW),
    "not when the coin is worth less to us": Row(
        unhealthy, LIQUIDATOR, "liquidate/0", "no", "basis points", price=LOW * 9 // 10
    ),
    "not on the keeper's word alone": Row(
        opened, LIQUIDATOR, "liquidate/0", "no", "the rules do not", other=said(liquidatable=(0,))
    ),
    "not in a dry run of the liquidator": Row(
        unhealthy, LIQUIDATOR, "liquidate/0", "dry-run", "would act", price=LOW, policy={"liquidate": "dry-run"}
    ),
    "not while another claims the coin": Row(
        unhealthy, LIQUIDATOR, "liquidate/0", "waits", "in dispute", price=LOW, seen=CLAIMED
    ),
    "not when our checkpoint has it closed": Row(
        unhealthy, LIQUIDATOR, "liquidate/0", "waits", "not open under our own", price=LOW, other=position_is(open=2)
    ),
    "not when the keeper would refuse the payment": Row(
        unhealthy, LIQUIDATOR, "liquidate/0", "waits", "its chain is behind", price=LOW, other=refused("liquidate", 0)
    ),
    "no money for another vault's coin": Row(
        unhealthy, LIQUIDATOR, "liquidate/0", "no", "coins of another vault", price=LOW, alarm=True,
        other=slot_said(0, vault_id=OTHER),
    ),
    "a challenger liquidates nothing": Row(unhealthy, CHALLENGER, "liquidate/0", None, price=LOW),
    # claims
    "a record is claimed": Row(liquidated, LIQUIDATOR, f"claim/{GRAPH['liquidate']}", "yes", "claimed with a proof"),
    "not another's record": Row(liquidated, LIQUIDATOR + 1, f"claim/{GRAPH['liquidate'] + 1}", None),
    "not before the checkpoint proves it": Row(
        liquidated, LIQUIDATOR, f"claim/{GRAPH['liquidate']}", "waits", "does not prove it yet",
        other=lambda s: replace(s, opening=proven_of(unhealthy().ledger, NAME)),
    ),
    "not without any checkpoint": Row(
        liquidated, LIQUIDATOR, f"claim/{GRAPH['liquidate']}", "waits", "no final checkpoint", other=unproven
    ),
    "not with a bond that is gone": Row(
        liquidated, LIQUIDATOR, f"claim/{GRAPH['liquidate']}", "no", "bond", alarm=True,
        seen=(*LIVING, *log((f"{GRAPH['liquidate']}/foreign/bond", BORN + 1))),
    ),
    "not when it was ordered": Row(
        liquidated, LIQUIDATOR, f"claim/{GRAPH['liquidate']}", None,
        facts={key("want_claim", GRAPH["liquidate"]): bytes(256)},
    ),
    "a withdrawal waits for r a little": Row(withdrawn, BORROWER, "claim/4", "waits", "r may still come"),
    "and is claimed when r does not come": Row(
        withdrawn, BORROWER, "claim/4", "yes", "proves the withdraw", other=lambda s: replace(s, tip=TIP + LOCKS.margin)
    ),
    "not when r is known": Row(
        withdrawn, BORROWER, "claim/4", "no", "goes home by Repay", facts={key("release", 1): KIT.r(1)}
    ),
    # the borrower's watch
    "no margin call at a good price": Row(opened, BORROWER, "margin_call", None),
    "a margin call names the price": Row(unhealthy, BORROWER, "margin_call", "waits", "MARGIN CALL"),
    "dead man is far": Row(opened, BORROWER, "deadman/0", "waits", "DeadMan is open to us"),
    "dead man when everybody is gone": Row(
        opened, BORROWER, "deadman/0", "yes", "goes home", other=lambda s: replace(away(s), tip=BORN + LOCKS.dead_man)
    ),
    "not one block earlier than due": Row(
        opened, BORROWER, "deadman/0", "waits", "2 to go", other=lambda s: replace(s, tip=BORN + LOCKS.dead_man - 2)
    ),
    "dead man by hand": Row(
        opened, BORROWER, "deadman/0", "no", "is manual", policy={"dead_man": "manual"},
        other=lambda s: replace(s, tip=BORN + LOCKS.dead_man),
    ),
    # contests
    "a claim that nothing proves is contested": Row(opened, LENDER, "contest/0", "yes", "nothing proves it", seen=CLAIMED),
    "by challengers too": Row(opened, CHALLENGER, "contest/0", "yes", "nothing proves it", seen=CLAIMED),
    "not our own": Row(opened, BORROWER, "contest/0", None, seen=CLAIMED),
    "not a proven one": Row(
        opened, CHALLENGER, "contest/0", "no", "proof is valid", seen=CLAIMED, facts={key("proven", 0): b"\x01"}
    ),
    "one whose proof is not valid": Row(
        opened, CHALLENGER, "contest/0", "yes", "nothing proves it", seen=CLAIMED, facts={key("proven", 0): b"\x00"}
    ),
    "not against the policy": Row(
        opened, CHALLENGER, "contest/0", "no", "policy.contest", seen=CLAIMED, other=lambda s: replace(s, contests=frozenset())
    ),
    "not beyond the day's contests, with an alarm": Row(
        opened, CHALLENGER, "contest/0", "no", "contests_a_day = 1", seen=CLAIMED, policy={"contests_a_day": 1}, alarm=True,
        other=lambda s: replace(s, spent=Spent(day=0, contested=("elsewhere/3",))),
    ),
    "not twice contested": Row(opened, CHALLENGER, "contest/0", None, seen=CLAIMED, facts=WANTED_CONTEST),
}  # fmt: skip


def looked_at(row: Row) -> Situation:
    policy = replace(AUTO, **row.policy)
    return row.other(situation(row.scene(), row.party, seen=row.seen, facts=row.facts, policy=policy, price=row.price))


@pytest.mark.parametrize("name", TABLE)
def test_what_a_party_does(name: str) -> None:
    row = TABLE[name]
    found = wish(looked_at(row), row.about)
    if row.does is None:
        assert found is None, found
        return
    assert found is not None
    assert (found.does, bool(found.alarm)) == (row.does, row.alarm), found.why
    assert row.why in found.why
    assert (found.action is not None) == (row.does == "yes")


ASKS = [name for name, row in TABLE.items() if row.does == "yes"]


@pytest.mark.parametrize("name", ASKS)
def test_what_a_party_asks_for_is_what_the_desk_books(name: str) -> None:
    """Every request that a wish makes in a scene is one that the keeper's own judgement allows there, and costs what was said."""
    row = TABLE[name]
    s = looked_at(row)
    found = wish(s, row.about)
    assert found is not None
    scene = row.scene()
    scene.to(s.tip)
    match found.action:
        case SignTerms():
            assert row.party in (BORROWER, LENDER)
        case Ask(request=request, cents=cents):
            deal = judge(scene.view, scene.who(row.party), request)
            if isinstance(request, w.Liquidate | w.Default):
                assert deal.cents == cents
        case TakeLoan():
            assert judge(scene.view, scene.who(row.party), w.TakeLoan(vault=NAME, preimage=KIT.a)).cents == 100_000
        case ShowR(slot=slot):
            assert judge(scene.view, scene.who(row.party), w.ShowR(vault=NAME, slot=slot, preimage=KIT.r(slot)))
        case Order(key=name_, value=value):
            assert name_.split("/")[0] in {
                "loan_taken",
                "want_refund",
                "want_repay",
                "want_release",
                "want_deadman",
                "want_contest",
            }
            if name_.startswith("loan_taken"):
                assert hashlib.sha256(value).digest() == KIT.terms.keys[BORROWER].hashlock_a
        case ClaimGraph(graph=graph):
            assert KIT.proposal.graphs[graph].claimant == row.party


def test_a_keeper_that_lies_about_the_debt_is_refused_by_the_desk_of_an_honest_one() -> None:
    """The other side of `not more than is owed`: what the rule says is what an honest desk takes."""
    scene = opened()
    deal = judge(scene.view, scene.who(BORROWER), w.Tender(vault=NAME, slot=1))
    position = scene.position
    assert deal.cents == rules.due(scene.ledger.debt(position), position.sats[1], position.collateral)
    with pytest.raises(PeerFault):
        judge(scene.view, scene.who(LENDER), w.Tender(vault=NAME, slot=1))


# ---- what holds in every situation -------------------------------------------------------------------------------------
SCENES = (deposited, locked, taken, opened, tendered, withdrawn, unhealthy, liquidated, over)
POLICIES = st.builds(
    Policy,
    **{name: st.sampled_from(["off", "dry-run", "auto"]) for name in ("lend", "take", "default", "liquidate")},
    tender=st.sampled_from(["manual", "auto-at-maturity"]), release=st.sampled_from(["manual", "auto"]),
    dead_man=st.sampled_from(["manual", "auto"]), max_cents_a_day=st.integers(0, 1_000_000), max_slots_a_day=st.integers(0, 3),
    margin=st.integers(0, 2_000), contests_a_day=st.integers(0, 2),
)  # fmt: skip
BUDGETS = st.builds(
    lambda paid, contested: Spent(day=0, paid={f"default/x/{n}": cents for n, cents in enumerate(paid)}, contested=contested),
    st.lists(st.integers(1, 500_000), max_size=3), st.sampled_from([(), ("a/1",), ("a/1", "b/2")]),
)  # fmt: skip


@lru_cache(maxsize=64)
def begun(factory: Callable[[], Scene], party: int) -> Situation:
    """A scene that nobody changes any more, as a party sees it."""
    return situation(factory(), party)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Anything that a lying keeper, an old checkpoint, any policy and any block may bring together."""
    party = draw(st.sampled_from((BORROWER, LENDER, LIQUIDATOR, CHALLENGER)))
    seen = draw(st.sampled_from(((), YOUNG, FUNDED, LIVING, CLAIMED, HOME)))
    facts = draw(
        st.dictionaries(
            st.sampled_from([key("want_repay", 1), key("release", 1), key("want_claim", 2)]), st.just(bytes(32))
        )
    )
    s = begun(draw(st.sampled_from(SCENES)), party)
    state = msgspec.structs.replace(s.state, log=seen, facts=facts)
    s = replace(s, state=state, view=fold(s.proposal, seen), policy=draw(POLICIES), spent=draw(BUDGETS))
    other = draw(st.sampled_from((None, *SCENES)))
    opening = None if other is None else begun(other, party).opening
    s = replace(s, opening=opening, price=draw(st.sampled_from((None, LOW, PRICE, PRICE * 2))))
    s = replace(s, tip=draw(st.integers(90, 260)))
    if draw(st.booleans()):
        return away(s)
    lies = {
        "liquidatable": draw(st.sampled_from([(), (0,), (1,)])), "account": draw(st.sampled_from([0, 10**7])),
        "stale": draw(st.booleans()), "debt": draw(st.sampled_from([0, 1, 10**6])),
    }  # fmt: skip
    s = said(**lies)(s)
    return slot_said(draw(st.sampled_from((0, 1))), vault_id=OTHER)(s) if draw(st.booleans()) else s


def paying(action: Action | None) -> bool:
    """Whether it gives a or money away for coins."""
    match action:
        case TakeLoan() | Ask(request=w.LockLoan() | w.Liquidate() | w.Default()):
            return True
        case _:
            return False


@given(situations())
@settings(max_examples=300, deadline=None)
def test_whatever_the_keeper_says(s: Situation) -> None:
    found = wishes(s)
    assert found == wishes(s), "the same situation gives the same wishes"
    assert len({each.about for each in found}) == len(found)
    today = s.spent.at(s.tip)
    for each in found:
        assert each.why and (each.action is None or each.does == "yes")
        if paying(each.action):
            assert s.reading is not None
            assert {slot.vault_id for slot in s.reading.slots} == {KIT.terms.vault_id}, (
                "money and a only for our own coins"
            )
        match each.action:
            case Ask(request=w.Liquidate() | w.Default() as request, cents=cents, payment=payment):
                assert s.policy.liquidate == "auto" if isinstance(request, w.Liquidate) else s.policy.default == "auto"
                after = today.with_payment(payment, cents)
                assert after.cents <= s.policy.max_cents_a_day and len(after.paid) <= s.policy.max_slots_a_day
                assert s.price is not None and s.reading is not None and not s.reading.stale
                sats = s.proposal.slots[s.local(request.slot) or 0]
                assert sats * s.price // rules.COIN * 10_000 >= cents * (10_000 + s.policy.margin)
            case (ShowR() | Order(key="want_release/1" | "want_release/0")) as shown:
                number = shown.slot if isinstance(shown, ShowR) else int(shown.key[-1])
                if s.role == "lender":
                    assert s.proven is not None and s.policy.release == "auto"
                    record = s.proven.records[number]
                    assert s.proven.tender_slot == number + 1 or (record is not None and record.outcome == 1)
                else:
                    assert key("release", number) in s.state.facts, "the borrower tells what the lender told"
            case TakeLoan():
                assert s.policy.take == "auto" and s.reading is not None and s.reading.lock.state == "locked"
                assert (
                    s.tip >= (s.mined("prefund") or 10**9) + LOCKS.depth
                    and s.reading.lock.expires - s.tip > LOCKS.margin + 1
                )
            case Order(contest=contest) if contest:
                assert len(today.with_contest(contest).contested) <= max(s.policy.contests_a_day, len(today.contested))
            case ClaimGraph(graph=graph):
                assert s.proven is not None
                assert s.proven.records[s.proposal.graphs[graph].slot] is not None
            case _:
                pass


@given(situations())
@settings(max_examples=100, deadline=None)
def test_dry_run_and_off_never_act(s: Situation) -> None:
    still = {
        name: "off" if number % 2 else "dry-run" for number, name in enumerate(("lend", "take", "default", "liquidate"))
    }
    careful = replace(s.policy, tender="manual", release="manual", dead_man="manual", contests_a_day=0, **still)  # type: ignore[arg-type]
    for each in wishes(replace(s, policy=careful, spent=NOTHING)):
        match each.action:
            case Ask(request=w.RefundLoan()) | SignTerms() | ClaimGraph() | None:
                pass  # what costs nothing, or was paid for
            case Order(key=name):
                assert name.split("/")[0] in ("loan_taken", "want_refund", "want_repay"), name
            case ShowR():
                assert s.role == "borrower", "the lender's r came from it"
            case other:
                raise AssertionError(other)


def test_every_role_has_a_table_and_every_rule_a_name_of_its_own() -> None:
    assert set(ROLES) == {"borrower", "lender", "liquidator", "challenger"}
    for table in ROLES.values():
        assert len({rule.name for rule in table}) == len(table)
    modes = {rule.mode for table in ROLES.values() for rule in table if rule.mode}
    assert modes == {"lend", "take", "default", "liquidate"}


def test_a_payment_is_minted_money_only() -> None:
    """The scene's money is SIMULATED and nothing else: no wish names a coin of a wallet."""
    scene = unhealthy()
    before = scene.money
    found = wish(situation(scene, LIQUIDATOR, price=LOW), "liquidate/0")
    assert found is not None and isinstance(found.action, Ask)
    scene.book(judge(scene.view, scene.who(LIQUIDATOR), found.action.request))
    assert money.check(scene.money).minted == before.minted
    assert scene.money.held == found.action.cents
