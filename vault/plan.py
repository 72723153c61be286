"""Everything the transactions of one vault are written from, in one value.

Promises that a transaction needs nothing but a Plan: the proposal, the keys that go into leaves, the coins it starts
from, and the amounts. `stand_in` gives a plan whose keys, coins and amounts are stand-ins of the right sizes: sizes
and fees follow from it before any key exists. Does not check (see `vault.terms`) and does not sign.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from bitcoin_scripts.outputs import Sats, p2tr
from bitcoin_scripts.script import x_only
from native._native import signing, tapscript
from vault.agreement import Coin, EnginePoints, GraphTerms, Proposal, Terms, Timelocks


def _stand_in_key(name: str) -> bytes:
    """A point that is nobody's key; every name has its own, so no two leaves of an output are equal."""
    return tapscript.nums_key(b"stand-in " + name.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who appears in leaves and destinations, by party index."""

    vault_id: bytes
    group: bytes  # G, x-only
    personal: tuple[bytes, ...]
    payout_scripts: tuple[bytes, ...]
    change_script: bytes  # of the borrower
    hashlock_a: bytes
    hashlocks_r: tuple[bytes, ...]  # by slot
    hashlocks_f: tuple[bytes, ...]  # by entry of path B


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`values` maps the role of every output to its value, the others (graph, challenger).

    `locks`: O_k or F_k, x-only; `reveals`: K_k, x-only (babe); `stakes`: the coin that the challenger risks (babe).
    """

    proposal: Proposal
    cast: Cast
    coins: tuple[Coin, ...]
    bonds: Mapping[int, Coin]
    stakes: Mapping[tuple[int, int], Coin]
    locks: Mapping[tuple[int, int], bytes]
    reveals: Mapping[tuple[int, int], bytes]
    values: Mapping[str, Sats]

    @property
    def times(self) -> Timelocks:
        """The timelocks of the proposal."""
        return self.proposal.timelocks

    def graph(self, g: int) -> GraphTerms:
        """The terms of graph `g`."""
        return self.proposal.graphs[g]

    def claimant_key(self, g: int) -> bytes:
        """The key called c in the leaves of graph `g`."""
        return self.cast.personal[self.graph(g).claimant]

    def nums(self, role: str) -> bytes:
        """A key without known logarithm, of this vault and role only: H + hash(vault id, role) * G."""
        return tapscript.nums_key(self.cast.vault_id + role.encode())


def plan_of(terms: Terms, points: tuple[EnginePoints, ...], values: Mapping[str, Sats]) -> Plan:
    """The plan of checked terms and checked points."""
    proposal = terms.proposal
    borrower, lender = terms.keys[proposal.borrower], terms.keys[proposal.lender]
    cast = Cast(
        vault_id=terms.vault_id,
        group=x_only(signing.aggregate_key(terms.musig_keys)),
        personal=tuple(keys.personal for keys in terms.keys),
        payout_scripts=tuple(keys.payout_script for keys in terms.keys),
        change_script=borrower.change_script,
        hashlock_a=borrower.hashlock_a,
        hashlocks_r=lender.hashlocks_r,
        hashlocks_f=lender.hashlocks_f,
    )
    return Plan(
        proposal=proposal,
        cast=cast,
        coins=borrower.prefund_inputs,
        bonds={g: terms.bond(g) for g in range(len(proposal.graphs))},
        stakes={(g, keys.party): coin for keys in terms.keys for g, coin in keys.stakes},
        locks={(p.graph, k): x_only(point) for p in points for k, point in p.locks},
        reveals={(p.graph, r.challenger): r.key for p in points for r in p.reveals},
        values=values,
    )


def stand_in(proposal: Proposal, *, coins: int) -> Plan:
    """A plan of the right sizes: `coins` inputs of PreFund with change, no real key, all amounts zero."""
    parties, graphs = len(proposal.parties), range(len(proposal.graphs))
    group, script = _stand_in_key("group"), p2tr(_stand_in_key("script"))
    coin = Coin(txid=bytes(32), vout=0, value=0, script_pubkey=script)
    cast = Cast(
        vault_id=bytes(32),
        group=group,
        personal=tuple(_stand_in_key(f"personal {i}") for i in range(parties)),
        payout_scripts=(script,) * parties,
        change_script=script,
        hashlock_a=bytes(32),
        hashlocks_r=(bytes(32),) * len(proposal.slots),
        hashlocks_f=(bytes(32),) * len(proposal.fast),
    )
    pairs = [(g, k) for g in graphs for k in proposal.challengers(g)]
    return Plan(
        proposal=proposal,
        cast=cast,
        coins=(coin,) * coins,
        bonds=dict.fromkeys(graphs, coin),
        stakes=dict.fromkeys(pairs, coin),
        locks=dict.fromkeys(pairs, _stand_in_key("lock")),
        reveals=dict.fromkeys(pairs, _stand_in_key("reveal")),
        values=defaultdict(int, {"change": 0}),
    )
