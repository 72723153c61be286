"""A party's situation in a scene of the desk: the keeper's own reading, the vault's log, and the position that is proven."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from challenge.facts import key
from challenge.game import fold
from challenge.states import Seen, VaultState
from node.lending import money
from node.lending.policy import Policy, Spent
from node.lending.readings import reading
from node.lending.situation import Situation
from node.lending.wish import Wish
from node.lending.wishes import wishes
from tests.unit.node.lending.scene import BORN, LIQUIDATOR, PREFUNDED, PRICE, TIP, Scene
from tests.vault_kit import BORROWER, LENDER
from vault.ledger.opening import Opening, open_vault
from vault.ledger.state import Ledger

PREFUND = TIP - 2
"""Buried at TIP: the kit's depth is 2."""
AUTO = Policy(
    lend="auto", take="auto", default="auto", liquidate="auto", tender="auto-at-maturity", release="auto", dead_man="auto",
    max_cents_a_day=10_000_000, max_slots_a_day=8, margin=100, contests_a_day=10,
)  # fmt: skip
NOTHING = Spent(day=0)


def deposited() -> Scene:
    """PreFund has just become buried; everybody has money."""
    scene = Scene()
    for party in (BORROWER, LENDER, LIQUIDATOR, LIQUIDATOR + 1):
        scene.move(money.Mint(to=scene.who(party), cents=1_000_000))
    scene.prefunded(PREFUND)
    return scene


def log(*named: tuple[str, int]) -> tuple[Seen, ...]:
    """Mined transactions by name and height."""
    return tuple(Seen(name=name, txid=bytes(32), height=height) for name, height in named)


FUNDED = log(("prefund", PREFUND))
LIVING = log(("prefund", PREFUNDED), ("vault", BORN))


def proven_of(ledger: Ledger, name: bytes) -> Opening | None:
    """What a checkpoint of this ledger would prove."""
    return open_vault(ledger, name) if ledger.position(name) is not None else None


def situation(
    scene: Scene, party: int, *, seen: tuple[Seen, ...] = LIVING, facts: Mapping[str, bytes] | None = None, **changes: Any
) -> Situation:  # fmt: skip
    """What a party knows when our own final checkpoint is the ledger as posted; `changes` replace fields."""
    proposal = scene.kit.proposal
    state = VaultState(proposal=proposal, me=party, facts=dict(facts or {}), log=seen)
    fields: dict[str, Any] = {
        "state": state, "view": fold(proposal, seen), "tip": scene.height, "terms": scene.kit.terms, "keeper": "answers",
        "said": "", "reading": reading(scene.view, scene.who(party), scene.name, final_seq=0),
        "opening": proven_of(scene.ledger, scene.name), "unproven": "no final checkpoint yet", "price": PRICE, "unpriced": "",
        "policy": AUTO, "spent": NOTHING,
        "contests": frozenset(key("want_contest", g) for g in range(len(proposal.graphs))),
    }  # fmt: skip
    return Situation(**{**fields, **changes})


def wish(s: Situation, about: str) -> Wish | None:
    """The answer to one question, when the situation asks it."""
    found = [each for each in wishes(s) if each.about == about]
    assert len(found) < 2, f"{about} is asked twice"
    return found[0] if found else None
