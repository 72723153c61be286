"""The last look before a transaction leaves: is it due, does it pay exactly whom it should, is its fee bearable, what is it for.

Promises: `insist` lets bytes pass only when every input, every output (value and destination) and the fee are what was expected;
anything else is a LocalFault that names the part, and nothing is to be broadcast then. What a template pays is held against a
second, independent writing of who owns which output (`OWNERS`), so a mistake in one of the two stops the money.
Does NOT sign, publish or decide what is due (`challenge.deadlines`), and knows no chain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bitcoin.core import CTransaction
from bitcoin.core.serialize import SerializationError

from bitcoin_scripts.outputs import ANCHOR_VALUE, RawOutput
from bitcoin_scripts.transaction import display_txid
from challenge.deadlines import Due
from challenge.game import split
from native import NativeError
from native._native import tapscript
from node.faults import LocalFault
from node.wallet.spend import ANCHOR_SCRIPT, DUST
from vault.agreement import Terms
from vault.graph import VaultGraph

Outpoint = tuple[bytes, int]
Own = Callable[[bytes], bool]
"""Whether a script is one of this node's wallet."""

STOP: Final = "Nothing was sent. This is a bug or a damaged disk: report it, and do not publish by hand."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The most a transaction may pay in fees, by itself or with its child: sat/vB, and sats. Both hold."""

    rate: int
    sats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pays:
    """An output that has to be there: sats, script, and whose it is, in words."""

    value: int
    script: bytes
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a transaction must be: its purpose in words, the coins it spends (sats by outpoint), what it pays, in order.

    `all_spent`: every coin of `spends` is an input, in that order; else any of them may be. `rest`: whether one more output may
    carry what is left to a script of our own wallet; it stands after `pays` and before `ends_with`.
    """

    name: str
    purpose: str
    spends: Mapping[Outpoint, int]
    all_spent: bool
    pays: tuple[Pays, ...]
    rest: Own | None
    ends_with: tuple[Pays, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What was found: fee in sats, signed size, and what the transaction is for and pays, in one line of words."""

    fee: int
    vsize: int
    words: str


PURPOSES: Final[Mapping[str, str]] = {
    "prefund": "deposit the collateral, refundable until the loan is taken",
    "refund": "take the deposit back: the vault did not come about",
    "vault": "turn the deposit into vault coins: the loan was taken",
    "repay": "take a repaid slot home with the lender's r",
    "deadman": "take a slot home: everybody else has vanished",
    "liquidate": "take a slot under the attestors' deep price",
    "claim": "put the bond down for a claim",
    "contest": "call a claim into question",
    "assert": "show what the claim stands on",
    "uncontested_payout": "take what an uncontested claim pays",
    "contested_payout": "take what an upheld claim pays",
    "no_assert": "end a claim whose claimant stayed silent",
    "disprove": "end a false claim and split its bond",
    "reveal": "stake a coin on a claim being unproven",
    "refute": "take the stake of a challenge to a proven claim",
    "no_payout": "end a claim that nobody could prove and split its bond",
    "stake_back": "take a stake back that nothing was decided about",
    "release_bond": "take the bond back: the vault coin went another way",
    "release_bond_contest": "take the bond back: the vault coin went another way",
    "reclaim": "take a bond or stake back that nothing needs any more",
    "call_off": "take a coin of the deposit back: the setup has ended, and whoever said ready is free once this is buried",
    "stakes": "post the bonds and stakes of a new vault",
    "child": "pay more for a transaction that is not mined",
}
"""By kind of transaction; a kind that is not here is never published."""

Owner = Callable[[Terms, int, int], tuple[bytes, str]]
"""(terms, graph, challenger or slot) -> (script, whose it is)."""


def _home(party: int, terms: Terms, what: str) -> tuple[bytes, str]:
    return terms.keys[party].payout_script, f"the {terms.proposal.parties[party].role} (party {party}), {what}"


OWNERS: Final[tuple[tuple[re.Pattern[str], Owner], ...]] = tuple(
    (re.compile(pattern), owner)
    for pattern, owner in (
        (r"(?:refund|repay|deadman)/(?P<k>\d+)", lambda t, g, k: _home(t.proposal.borrower, t, f"slot {k}")),
        (
            r"liquidate/(?P<k>\d+)",
            lambda t, g, k: _home(t.proposal.fast[k].liquidator, t, f"a slot by path B, entry {k}"),
        ),
        (r"change", lambda t, g, k: (t.keys[t.proposal.borrower].change_script, "the borrower, change")),
        (r"(?P<g>\d+)/amount", lambda t, g, k: _home(t.proposal.graphs[g].claimant, t, "what is claimed")),
        (r"(?P<g>\d+)/rest", lambda t, g, k: _home(t.proposal.other(g), t, "the rest of the slot")),
        (
            r"(?P<g>\d+)/(?:uncontested_payout|contested_payout|release_bond|release_bond_contest)/bond",
            lambda t, g, k: _home(t.proposal.graphs[g].claimant, t, "its bond"),
        ),
        (r"(?P<g>\d+)/no_assert/(?P<k>\d+)", lambda t, g, k: _home(k, t, "a share of the bond")),
        (r"(?P<g>\d+)/(?:disprove|no_payout)/(?P<k>\d+)/challenger", lambda t, g, k: _home(k, t, "its reward")),
        (
            r"(?P<g>\d+)/(?:disprove|no_payout)/(?P<k>\d+)/injured",
            lambda t, g, k: _home(t.proposal.other(g), t, "damages"),
        ),
        (r"(?P<g>\d+)/stake_back/(?P<k>\d+)/stake", lambda t, g, k: _home(k, t, "its stake")),
        (
            r"(?P<g>\d+)/refute/(?P<k>\d+)/stake",
            lambda t, g, k: _home(t.proposal.graphs[g].claimant, t, "a lost stake"),
        ),
    )
)
"""Roles of outputs that end in somebody's wallet, and whose it must be: Terms alone decide, not the graph."""


def of_graph(graph: VaultGraph, name: str) -> Expected:
    """What transaction `name` of a vault must be. Raises LocalFault: no such one, or its template pays somebody else."""
    template, kind = graph.templates.get(name), split(name)[1]
    if template is None or kind not in PURPOSES:
        raise _stop(name, "a transaction of the vault with a known purpose", "another")
    pays = []
    for output in template.outputs:
        to = f"the vault's own output {output.role}"
        if output.role != "anchor" and isinstance(output, RawOutput):
            script, to = _owner(graph.terms, name, output.role)
            if script != output.script_pubkey:
                raise _stop(
                    f"{name}, destination of {output.role}", f"{script.hex()}, {to}", output.script_pubkey.hex()
                )
        pays.append(Pays(value=output.value, script=output.script_pubkey, to=to))
    return Expected(
        name=name, purpose=PURPOSES[kind], pays=tuple(pays), rest=None, ends_with=(), all_spent=True,
        spends={(each.txid, each.vout): each.spends.value for each in template.inputs},
    )  # fmt: skip


def of_wallet(
    kind: str, name: str, *, spends: Mapping[Outpoint, int], all_spent: bool, pays: tuple[Pays, ...], rest: Own,
    ends_with: tuple[Pays, ...],
) -> Expected:  # fmt: skip
    """What a transaction must be that the wallet made: these coins, these outputs, the rest to ourselves."""
    return Expected(
        name=name, purpose=PURPOSES[kind], spends=spends, all_spent=all_spent, pays=pays, rest=rest, ends_with=ends_with
    )


def anchor() -> Pays:
    """The pay-to-anchor output."""
    return Pays(value=ANCHOR_VALUE, script=ANCHOR_SCRIPT, to="anyone's anchor")


def insist_due(name: str, items: Iterable[Due], tip: int) -> Due:
    """The row of the agenda that makes a transaction due. Raises LocalFault: none does."""
    items = tuple(items)
    found = next((item for item in items if item.name == name), None)
    if found is None or found.since > tip + 1:
        listed = ", ".join(item.name for item in items[:8]) or "nothing"
        came = f"{name} not before block {found.since}" if found is not None else name
        raise _stop(f"{name} at block {tip}", f"a transaction that is due: {listed}", came)
    return found


def insist(raw: bytes, expected: Expected, ceiling: Ceiling) -> Passed:
    """Nothing but what is expected leaves. Raises LocalFault naming the part that differs."""
    name, tx = expected.name, _parsed(expected.name, raw)
    spent = [(bytes(item.prevout.hash), item.prevout.n) for item in tx.vin]
    _insist_inputs(name, spent, expected)
    paid = [(output.nValue, bytes(output.scriptPubKey)) for output in tx.vout]
    _insist_outputs(name, paid, expected)
    fee = sum(expected.spends[outpoint] for outpoint in spent) - sum(value for value, _ in paid)
    vsize = -(-tapscript.weight(raw) // 4)
    _insist_fee(name, fee, vsize, ceiling)
    return Passed(fee=fee, vsize=vsize, words=_words(expected, paid, fee))


def insist_package(name: str, *, fee: int, vsize: int, ceiling: Ceiling) -> None:
    """A transaction and its child together stay under the ceiling too. Raises LocalFault."""
    _insist_fee(f"{name} with its child", fee, vsize, ceiling)


def _owner(terms: Terms, name: str, role: str) -> tuple[bytes, str]:
    for pattern, owner in OWNERS:
        found = pattern.fullmatch(role)
        if found is not None:
            named = found.groupdict()
            return owner(terms, int(named.get("g") or 0), int(named.get("k") or 0))
    raise _stop(f"{name}, output {role}", "one whose owner is known", "another")


def _parsed(name: str, raw: bytes) -> CTransaction:
    try:
        tx = CTransaction.deserialize(raw)
        tapscript.weight(raw)
    except (SerializationError, NativeError, ValueError) as error:
        raise _stop(name, "a transaction", str(error)[:200]) from error
    return tx


def _insist_inputs(name: str, spent: list[Outpoint], expected: Expected) -> None:
    wanted = list(expected.spends)
    if len(set(spent)) != len(spent) or not spent:
        raise _stop(f"{name}, inputs", "each coin once", f"{len(spent)} inputs")
    if expected.all_spent and len(spent) != len(wanted):
        raise _stop(f"{name}, inputs", str(len(wanted)), str(len(spent)))
    for n, outpoint in enumerate(spent):
        if outpoint != wanted[n] if expected.all_spent else outpoint not in expected.spends:
            should = _point(wanted[n]) if expected.all_spent else "a coin that this is to be paid from"
            raise _stop(f"{name}, input {n} ({expected.purpose})", should, _point(outpoint))


def _insist_outputs(name: str, paid: list[tuple[int, bytes]], expected: Expected) -> None:
    named, first = (*expected.pays, *expected.ends_with), len(expected.pays)
    most = len(named) + (expected.rest is not None)
    if not len(named) <= len(paid) <= most:
        raise _stop(f"{name}, number of outputs ({expected.purpose})", str(most), str(len(paid)))
    rest = paid[first : first + len(paid) - len(named)]
    for n, ((value, script), should) in enumerate(zip([*paid[:first], *paid[first + len(rest) :]], named, strict=True)):
        place = n if n < first else n + len(rest)
        if script != should.script:
            raise _stop(f"{name}, destination of output {place}", f"{should.script.hex()}, {should.to}", script.hex())
        if value != should.value:
            raise _stop(f"{name}, value of output {place}", f"{should.value} sats for {should.to}", f"{value} sats")
    for value, script in rest:
        if expected.rest is None or not expected.rest(script):
            raise _stop(f"{name}, destination of the rest", "a script of this node's wallet", script.hex())
        if value < DUST:
            raise _stop(f"{name}, value of the rest", f"at least {DUST} sats", f"{value} sats")


def _insist_fee(name: str, fee: int, vsize: int, ceiling: Ceiling) -> None:
    if fee < 0:
        raise _stop(f"{name}, fee", "0 sats or more", f"{fee} sats")
    if fee > ceiling.sats or fee > ceiling.rate * vsize:
        raise LocalFault(
            what=f"{name}, fee",
            expected=f"at most {ceiling.sats} sats and {ceiling.rate} sat/vB of {vsize} vB",
            came=f"{fee} sats, {fee / vsize:.1f} sat/vB",
            todo="Nothing was sent. Raise lending.fee_ceiling_rate or lending.fee_ceiling_sats if it is worth it.",
        )


def _words(expected: Expected, paid: list[tuple[int, bytes]], fee: int) -> str:
    listed = [f"{each.value} sats to {each.to}" for each in expected.pays if each.script != ANCHOR_SCRIPT]
    if expected.rest is not None and len(paid) > len(expected.pays) + len(expected.ends_with):
        listed.append(f"{paid[len(expected.pays)][0]} sats to ourselves")
    return f"{expected.purpose}: {', '.join(listed)}; fee {fee} sats"


def _point(outpoint: Outpoint) -> str:
    return f"{display_txid(outpoint[0])}:{outpoint[1]}"


def _stop(what: str, expected: str, came: str) -> LocalFault:
    return LocalFault(what=what, expected=expected, came=came, todo=STOP)
