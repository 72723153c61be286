"""A vault judged from an audit bundle alone: no node, no network, no trust in who made the file.

Promises that every transaction is derived again from Terms and points, that every signature, proof, commitment, amount and
timelock of the bundle is checked, and that a check which fails says what was expected and what came. `Audit.holds` only
when every check ran and held. Does NOT know the chain, the kept instances, what other parties hold, or whether keys were
deleted: `unknown` says so, with what to look up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum

import msgspec

from bitcoin_scripts.transaction import display_txid
from circuits.engine import Predicate
from circuits.faults import CircuitFault
from native import NativeError
from native._native.garbling import Progress
from snark.faults import MalformedFault
from vault.agreement import GraphTerms, Terms
from vault.audit_checks import CHECKS, Absent, Seen
from vault.audit_file import Bundle
from vault.endings import Ending, endings
from vault.faults import VaultFault
from vault.graph import VaultGraph

SHOWN = 8
"""Failures of one check that are listed; their number is always said."""


# ---- what comes out --------------------------------------------------------------------------------------------------
class Result(Enum):
    """Of one check."""

    HOLDS = "holds"
    FAILS = "FAILS"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One row of the verdict: what was checked, how many of it, and what did not hold."""

    name: str
    what: str
    count: int
    result: Result
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The verdict; `rows` and `graph` when the transactions could be derived."""

    vault_id: bytes
    maker: int
    checks: tuple[Check, ...]
    terms: Terms | None
    graph: VaultGraph | None = field(repr=False)
    rows: tuple[Ending, ...] = field(repr=False)
    unknown: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether every check was made and held."""
        return all(check.result is Result.HOLDS for check in self.checks)


def audit(bundle: Bundle, *, predicate: Callable[[GraphTerms], Predicate], progress: Progress) -> Audit:
    """The verdict on a bundle that `vault.audit_file.parse` let pass. `predicate`: what is garbled in a graph."""
    seen, checks = Seen(bundle=bundle, predicate=predicate, progress=progress), []
    for name, what, run in CHECKS:
        try:
            seen, count, failures = run(seen)
        except Absent:
            checks.append(Check(name=name, what=what, count=0, result=Result.NOT_REACHED))
            continue
        except (VaultFault, MalformedFault, CircuitFault, NativeError, msgspec.MsgspecError, ValueError) as fault:
            count, failures = 1, [str(fault)[:600]]
        result = Result.FAILS if failures else Result.HOLDS
        listed = failures[:SHOWN] + [f"and {len(failures) - SHOWN} more"] * (len(failures) > SHOWN)
        checks.append(Check(name=name, what=what, count=count, result=result, failures=tuple(listed)))
    rows = () if seen.graph is None else endings(seen.graph)
    return Audit(
        vault_id=bundle.vault_id, maker=bundle.maker, checks=tuple(checks), terms=seen.terms, graph=seen.graph,
        rows=rows, unknown=tuple(_unknown(seen)),
    )  # fmt: skip


# ---- what nobody can tell from a file --------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Outpoint:
    """A coin that must be on the chain, unspent and buried: whose, what for, where, how much."""

    party: int
    what: str
    txid: str
    vout: int
    sats: int
    script: str


def outpoints(terms: Terms) -> tuple[Outpoint, ...]:
    """Every coin that the vault starts from."""
    found = []
    for keys in terms.keys:
        named = [
            *((f"bond of graph {g}", coin) for g, coin in keys.bonds),
            *((f"stake in graph {g}", coin) for g, coin in keys.stakes),
            *((f"input {i} of PreFund", coin) for i, coin in enumerate(keys.prefund_inputs)),
        ]
        found += [
            Outpoint(
                party=keys.party, what=what, txid=display_txid(coin.txid), vout=coin.vout, sats=coin.value,
                script=coin.script_pubkey.hex(),
            )
            for what, coin in named
        ]  # fmt: skip
    return tuple(found)


def _unknown(seen: Seen) -> Iterator[str]:
    """What this file cannot show, in words."""
    if seen.terms is None:
        return
    proposal = seen.terms.proposal
    coins = len(outpoints(seen.terms))
    yield (
        f"That the {coins} coins listed are on the chain, unspent, worth what is said and buried more than "
        f"{proposal.timelocks.depth} blocks: look them up. Nor where the vault stands now."
    )
    yield (
        "That the parties have deleted their shares of the group's key: one that did is enough; if all of them kept theirs, "
        "they can together sign anything."
    )
    yield (
        f"The kept instances of party {seen.bundle.maker}: their commitments are here, their tables on its node "
        "(`bitvm3 vault drill`). With the opened ones honest, a cheat passed with the chance that each profile states."
    )
    yield (
        f"What was garbled in the pairs in which party {seen.bundle.maker} itself garbled: whoever evaluates holds the opened "
        "instances."
    )
    yield "The pairs and kept sets of other parties, and the presignatures of Reveal that only they hold."
    yield "That an identity belongs to whom you think, and that each party knows the preimages of its hashlocks."
    if seen.keys:
        made = "made by one party, which can prove anything" if proposal.network == "regtest" else "made by a ceremony"
        yield f"How the verifying key came about (on {proposal.network}: {made})."
    for ledger in seen.ledgers.values():
        yield (
            f"That fewer than {ledger.threshold} of the {len(ledger.attestors)} attestors of ledger "
            f"{ledger.ledger_id.hex()[:16]} collude: who has {ledger.threshold} of their keys decides what its records say."
        )
    if proposal.loan is not None:
        yield "The money of the loan: it is SIMULATED, kept by the ledger's keeper, and worth nothing outside it."
