"""What every party gained and lost, from the words of the protocol and nothing else.

A short second writing of the money rules: it reads values and fees of mined transactions from the daemons' tables, and
shares no code with `vault`. The demo fails when a wallet holds one sat more or less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

ANCHOR, DUST = 240, 330
BORROWER, LENDER = 0, 1
EMPTY, COIN, PAYMENT = 42, 41 * 4 + 66, 43 * 4
"""Weights: a transaction around one anchor and one payment but their bytes, a key-path input, a Taproot output."""
ANCHOR_WEIGHT = 13 * 4


class Entry(NamedTuple):
    """Sats that a party (by index) gained, or lost when negative, and what for."""

    what: str
    party: int
    sats: int


def entries(shows: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """Everything that moved in one vault. `shows` are the parties' `vault.show`, in the order of the parties."""
    show = shows[BORROWER]
    fee = {tx["name"]: tx["fee"] for tx in show["transactions"]}
    found = [*_posted(shows), *_came_back(show)]
    deposit = sum(slot["value"] for slot in show["slots"])
    if "vault" in fee:
        found.append(Entry("the vault", BORROWER, -deposit - fee["vault"] - ANCHOR - fee["prefund"] - ANCHOR))
        # A ticket that nobody uses is worth less than the fee to fetch it: it stays where it is.
        found += [Entry(f"ticket {f}", BORROWER, -entry["ticket"]) for f, entry in enumerate(show["fast"])]
    for f, entry in enumerate(show["fast"]):
        if f"liquidate/{f}" in fee:
            pot = show["slots"][entry["slot"]]["value"] + entry["ticket"]
            found.append(Entry(f"path B, entry {f}", entry["liquidator"], pot - fee[f"liquidate/{f}"] - ANCHOR))
    for s, slot in enumerate(show["slots"]):
        for way in ("repay", "deadman"):
            if f"{way}/{s}" in fee:
                found.append(Entry(f"slot {s}: {way}", BORROWER, slot["value"] - fee[f"{way}/{s}"] - ANCHOR))
    for g, graph in enumerate(show["graphs"]):
        found += _game(g, graph, show["slots"][graph["slot"]]["value"], len(show["parties"]), fee)
    return found


def expected(shows: Sequence[Mapping[str, Any]]) -> Counter[int]:
    """What each party has more or less than before the vault, sats."""
    change: Counter[int] = Counter()
    for entry in entries(shows):
        change[entry.party] += entry.sats
    return change


def _posted(shows: Sequence[Mapping[str, Any]]) -> Iterator[Entry]:
    """Stakes: one output for every bond and every stake of a party."""
    for party, show in enumerate(shows):
        paid = next((tx["fee"] for tx in show["transactions"] if tx["name"] == "stakes"), None)
        if paid is None:
            continue
        bonds = sum(graph["bond"] for graph in show["graphs"] if graph["claimant"] == party)
        risked = sum(graph.get("stake", 0) for graph in show["graphs"] if graph["claimant"] != party)
        yield Entry("bonds and stakes posted", party, -bonds - risked - paid - ANCHOR)


def _came_back(show: Mapping[str, Any]) -> Iterator[Entry]:
    """Coins of Stakes that no game needed: their owner took them, those of one transaction for one fee at 1 sat/vB."""
    taken: dict[tuple[str, int], list[int]] = {}
    for tx in show["transactions"]:
        g, _, what = tx["name"].partition("/foreign/")
        kind, _, party = what.partition("/")
        if kind in ("bond", "stake"):
            graph = show["graphs"][int(g)]
            owner = graph["claimant"] if kind == "bond" else int(party)
            taken.setdefault((tx["txid"], owner), []).append(graph[kind])
    for (_, owner), coins in taken.items():
        vsize = -(-(EMPTY + len(coins) * COIN + PAYMENT + ANCHOR_WEIGHT) // 4)
        yield Entry("bonds and stakes taken back", owner, sum(coins) - vsize - ANCHOR)


def _game(g: int, graph: Mapping[str, Any], slot: int, parties: int, fee: Mapping[str, int]) -> Iterator[Entry]:
    """One dispute: what its transactions paid to whom."""
    if f"{g}/claim" not in fee:
        return
    claimant, amount, stake = graph["claimant"], graph["amount"], graph.get("stake", 0)
    other = LENDER if graph["outcome"] == "withdraw" else BORROWER
    challengers = [p for p in range(parties) if p != claimant]
    left = graph["bond"] - fee[f"{g}/claim"] - ANCHOR  # what Claim's outputs hold together
    if f"{g}/contest" in fee:
        left -= fee[f"{g}/contest"] + ANCHOR
    if f"{g}/assert" in fee:
        left -= fee[f"{g}/assert"] + ANCHOR
    apart = DUST + _arena(graph, fee) * len(challengers)  # verdict and arenas, once Assert has made them
    if f"{g}/uncontested_payout" in fee:
        yield Entry(f"graph {g}: paid", claimant, amount + left - fee[f"{g}/uncontested_payout"] - ANCHOR)
        yield Entry(f"graph {g}: paid", other, slot - amount)
    if f"{g}/contested_payout" in fee:
        back = left - apart + DUST - fee[f"{g}/contested_payout"] - ANCHOR  # the verdict is an input
        yield Entry(f"graph {g}: paid", claimant, amount + back)
        yield Entry(f"graph {g}: paid", other, slot - amount)
    if f"{g}/release_bond" in fee:
        yield Entry(f"graph {g}: bond released", claimant, left - apart - fee[f"{g}/release_bond"] - ANCHOR)
    if f"{g}/release_bond_contest" in fee:
        yield Entry(f"graph {g}: bond released", claimant, left - fee[f"{g}/release_bond_contest"] - ANCHOR)
    if f"{g}/no_assert" in fee:
        pot = left - fee[f"{g}/no_assert"] - ANCHOR
        for p in challengers:  # the remainder of the division goes to the first
            share = pot // len(challengers) + (pot % len(challengers) if p == challengers[0] else 0)
            yield Entry(f"graph {g}: no assertion", p, share)
    for k in challengers:
        if f"{g}/disprove/{k}" in fee:
            pot = left - apart + DUST - fee[f"{g}/disprove/{k}"] - ANCHOR  # one arena is an input
            yield from _split(f"graph {g}: disproved", pot, k, other)
        if f"{g}/no_payout/{k}" in fee:
            pot = left - apart + DUST - fee[f"{g}/no_payout/{k}"] - ANCHOR  # Reveal left stake and dust, besides
            yield Entry(f"graph {g}: stake back", k, stake)
            yield from _split(f"graph {g}: disproved", pot, k, other)
        if f"{g}/refute/{k}" in fee:
            yield Entry(f"graph {g}: stake won", claimant, stake + DUST - fee[f"{g}/refute/{k}"] - ANCHOR)
        if f"{g}/stake_back/{k}" in fee:
            yield Entry(f"graph {g}: stake back", k, stake + DUST - fee[f"{g}/stake_back/{k}"] - ANCHOR)


def _arena(graph: Mapping[str, Any], fee: Mapping[str, int]) -> int:
    """Core: dust. Babe: dust, and what any Reveal of this vault paid (all have the same size)."""
    if graph["engine"] == "core":
        return DUST
    return DUST + ANCHOR + next((paid for name, paid in fee.items() if "/reveal/" in name), 0)


def _split(what: str, pot: int, winner: int, injured: int) -> Iterator[Entry]:
    """60 % and 30 %, rounded down; the rest is burned."""
    yield Entry(what, winner, pot * 60 // 100)
    yield Entry(what, injured, pot * 30 // 100)
