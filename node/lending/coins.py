"""The coins of a lending vault as they follow from its Terms, and what has become of them by the spends that blocks hold.

Pure. Promises that outpoints, claims and endings need nothing but Terms: a keeper and an attestor that never took part in a
setup watch the same coins as its parties. Everything is asked *at a height*: what later blocks did does not count, so that
everybody who has these blocks answers alike whenever asked. Does NOT follow the chain (`spends`) and knows no ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from bitcoin_scripts.transaction import Template
from vault.agreement import Outcome, Sats, Terms
from vault.fees import amounts_of, prefund_values
from vault.plan import plan_of
from vault.statement import template_id
from vault.transactions.claim import claim
from vault.transactions.prefund import prefund
from vault.transactions.vault import vault

Outpoint = tuple[bytes, int]
Output = tuple[Sats, bytes]
"""Value and script."""


class Spend(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mined transaction that spent a coin: where, which (txid in internal byte order), and all it pays, in order."""

    height: int
    txid: bytes
    outputs: tuple[tuple[int, bytes], ...]


Spends = Callable[[Outpoint], Spend | None]
"""What spent an outpoint, as far as blocks hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPoint:
    """A claim that may come: open from its Claim on until its payout output, or the slot's coin, is spent."""

    graph: int
    claimant: bytes  # identity
    outcome: Outcome
    slot: int  # of the vault
    bond: Outpoint
    txid: bytes
    payout: Outpoint
    template: bytes  # id of what it pays
    pays: tuple[Output, ...]  # first outputs of both payouts


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """The coins of one vault. `first_slot` is the ledger's number of slot 0, `name` what the ledger calls the position."""

    vault_id: bytes
    name: bytes
    first_slot: int
    depth: int
    inputs: tuple[Outpoint, ...]
    prefund_txid: bytes
    prefunds: tuple[Outpoint, ...]
    vault_txid: bytes
    slots: tuple[Outpoint, ...]
    sats: tuple[Sats, ...]
    home: tuple[tuple[Output, ...], ...]  # by slot: what Repay and DeadMan pay
    claims: tuple[ClaimPoint, ...]

    @property
    def outpoints(self) -> tuple[Outpoint, ...]:
        """All to watch."""
        claims = (point for each in self.claims for point in (each.bond, each.payout))
        return (*self.inputs, *self.prefunds, *self.slots, *claims)

    def local(self, slot: int) -> int | None:
        """The vault's own number of a slot of the ledger, when it is one of its slots."""
        found = slot - self.first_slot
        return found if 0 <= found < len(self.slots) else None


def deposit_of(terms: Terms) -> Deposit:
    """The coins of checked Terms of a vault with a loan."""
    proposal = terms.proposal
    loan = proposal.loan
    if loan is None:
        raise ValueError("Terms without loan")
    amounts = amounts_of(proposal).values
    values = {**amounts, **prefund_values(proposal, terms.keys[proposal.borrower].prefund_inputs)}
    plan = plan_of(terms, (), values)
    deposit = prefund(plan)
    coins = vault(plan, prefund=deposit)
    slots = range(len(proposal.slots))
    home = plan.cast.payout_scripts[proposal.borrower]
    return Deposit(
        vault_id=terms.vault_id, name=proposal.ledger_vault, first_slot=loan.first_slot, depth=proposal.timelocks.depth,
        inputs=tuple((coin.txid, coin.vout) for coin in plan.coins),
        prefund_txid=deposit.txid, prefunds=tuple(deposit.outpoint(deposit.vout(f"prefund/{s}")) for s in slots),
        vault_txid=coins.txid, slots=tuple(coins.outpoint(coins.vout(f"vault/{s}")) for s in slots), sats=proposal.slots,
        home=tuple(tuple((values[name], home) for name in (f"repay/{s}", f"deadman/{s}")) for s in slots),
        claims=tuple(_claim(terms, values, g, claim(plan, g)) for g in range(len(proposal.graphs))),
    )  # fmt: skip


def _claim(terms: Terms, values: Mapping[str, Sats], g: int, opened: Template) -> ClaimPoint:
    proposal, graph, bond = terms.proposal, terms.proposal.graphs[g], terms.bond(g)
    paid = [(f"{g}/amount", graph.claimant)]
    if proposal.slots[graph.slot] > graph.amount:
        paid.append((f"{g}/rest", proposal.other(g)))
    return ClaimPoint(
        graph=g, claimant=proposal.parties[graph.claimant].identity, outcome=graph.outcome, slot=graph.slot,
        bond=(bond.txid, bond.vout), txid=opened.txid, payout=opened.outpoint(opened.vout(f"{g}/payout")),
        template=template_id(terms, g),
        pays=tuple((values[role], terms.keys[party].payout_script) for role, party in paid),
    )  # fmt: skip


# ---- what has become of them, by the blocks up to a height -----------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Coin:
    """A slot's coin: `height` of Vault while it is open, of the spend afterwards, 0 before."""

    state: Literal["unfunded", "open", "spent"]
    height: int
    spend: Spend | None


def _by(at: int, spends: Spends, outpoint: Outpoint, txid: bytes | None) -> Spend | None:
    """What spent an outpoint in a block up to `at`; of this txid only, unless None."""
    found = spends(outpoint)
    if found is None or found.height > at or (txid is not None and found.txid != txid):
        return None
    return found


def prefund_height(deposit: Deposit, spends: Spends, at: int) -> int | None:
    """Of PreFund, when it is mined."""
    found = _by(at, spends, deposit.inputs[0], deposit.prefund_txid)
    return None if found is None else found.height


def vault_height(deposit: Deposit, spends: Spends, at: int) -> int | None:
    """Of Vault, when it is mined."""
    found = _by(at, spends, deposit.prefunds[0], deposit.vault_txid)
    return None if found is None else found.height


def strayed(deposit: Deposit, spends: Spends, at: int) -> Spend | None:
    """What took a deposit elsewhere before it was a vault."""
    taken = (_by(at, spends, each, None) for each in deposit.prefunds)
    return next((each for each in taken if each is not None and each.txid != deposit.vault_txid), None)


def coin(deposit: Deposit, slot: int, spends: Spends, at: int) -> Coin:
    """The coin of a slot (the vault's own number)."""
    born = vault_height(deposit, spends, at)
    if born is None:
        return Coin(state="unfunded", height=0, spend=None)
    spend = _by(at, spends, deposit.slots[slot], None)
    if spend is None:
        return Coin(state="open", height=born, spend=None)
    return Coin(state="spent", height=spend.height, spend=spend)


def open_claims(deposit: Deposit, slot: int, spends: Spends, at: int) -> tuple[ClaimPoint, ...]:
    """Claims of a slot that may still take its coin."""
    if coin(deposit, slot, spends, at).state == "spent":
        return ()
    return tuple(
        each
        for each in deposit.claims
        if each.slot == slot
        and _by(at, spends, each.bond, each.txid) is not None
        and _by(at, spends, each.payout, None) is None
    )


def graph_of(deposit: Deposit, slot: int, outcome: Outcome, claimant: bytes) -> ClaimPoint | None:
    """The graph by which a party can claim an outcome of a slot."""
    wanted = (slot, outcome, claimant)
    return next((each for each in deposit.claims if (each.slot, each.outcome, each.claimant) == wanted), None)


def paid(deposit: Deposit, slot: int, spend: Spend, template: bytes) -> bool:
    """Whether a spend of the slot's coin pays what a template says (first outputs, value and script)."""
    return any(
        each.slot == slot and each.template == template and spend.outputs[: len(each.pays)] == each.pays
        for each in deposit.claims
    )


def went_home(deposit: Deposit, slot: int, spend: Spend) -> bool:
    """Whether a spend of the slot's coin is one to the borrower, as Repay and DeadMan are."""
    return spend.outputs[:1] in tuple((each,) for each in deposit.home[slot])
