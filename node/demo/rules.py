"""What every party must own at the end, from the words of the protocol and nothing else.

A short second writing of the money rules: it reads values and fees of mined transactions from the daemons' tables, and
shares no code with `vault`. The demo fails when a wallet holds one sat more or less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

ANCHOR, DUST = 240, 330
BORROWER, LENDER = 0, 1


def expected(show: Mapping[str, Any]) -> Counter[int]:
    """What each party (by index) receives or pays in one vault, sats. `show` is the borrower's `vault.show`."""
    fee = {tx["name"]: tx["fee"] for tx in show["transactions"]}
    change: Counter[int] = Counter()
    slots, graphs = show["slots"], show["graphs"]
    change[BORROWER] -= sum(graph["bond"] for graph in graphs if graph["claimant"] == BORROWER) + fee["stakes"] + ANCHOR
    change[BORROWER] -= sum(slot["value"] for slot in slots) + fee["vault"] + ANCHOR + fee["prefund"] + ANCHOR
    for s, slot in enumerate(slots):
        for way in (f"repay/{s}", f"deadman/{s}"):
            if way in fee:
                change[BORROWER] += slot["value"] - fee[way] - ANCHOR
    for g, graph in enumerate(graphs):
        change.update(_game(g, graph, slots[graph["slot"]]["value"], len(show["parties"]), fee))
    return change


def _game(g: int, graph: Mapping[str, Any], slot: int, parties: int, fee: Mapping[str, int]) -> Counter[int]:
    """The end of one dispute."""
    got: Counter[int] = Counter()
    claimant, amount = graph["claimant"], graph["amount"]
    other = LENDER if graph["outcome"] == "withdraw" else BORROWER
    if f"{g}/claim" not in fee:
        return got
    left = graph["bond"] - fee[f"{g}/claim"] - ANCHOR  # what Claim's outputs hold together
    if f"{g}/contest" in fee:
        left -= fee[f"{g}/contest"] + ANCHOR
    if f"{g}/assert" in fee:
        left -= fee[f"{g}/assert"] + ANCHOR
    verdict, arenas = DUST, DUST * (parties - 1)
    if f"{g}/uncontested_payout" in fee:
        got[claimant] += amount + left - fee[f"{g}/uncontested_payout"] - ANCHOR
        got[other] += slot - amount
    if f"{g}/contested_payout" in fee:
        got[claimant] += amount + left - arenas - fee[f"{g}/contested_payout"] - ANCHOR
        got[other] += slot - amount
    if f"{g}/no_assert" in fee:
        pot = left - fee[f"{g}/no_assert"] - ANCHOR
        challengers = [p for p in range(parties) if p != claimant]
        for p in challengers:
            got[p] += pot // len(challengers)
        got[challengers[0]] += pot % len(challengers)  # the remainder of the division
    for k in range(parties):
        if f"{g}/disprove/{k}" in fee:
            pot = left - verdict - arenas + DUST - fee[f"{g}/disprove/{k}"] - ANCHOR  # one arena is an input
            got[k] += pot * 60 // 100  # rounded down, as the next: the remainders are burned
            got[other] += pot * 30 // 100
    return got
