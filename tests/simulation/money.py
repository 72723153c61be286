"""Who has how much after a game of engine babe: the rules of protocol.md once more, in a page, from what the chain holds.

Fees are sizes of the very transactions that were mined, at 1 sat/vB; nothing of `vault.fees` is used. Sats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from native._native import tapscript

ANCHOR, DUST = 240, 330
BORROWER, LENDER = 0, 1


def fee(raw: bytes) -> int:
    return -(-tapscript.weight(raw) // 4)


@dataclass(frozen=True)
class Game:
    """One slot, one graph of the borrower; parties 0 borrower, 1 lender, 2 challenger.

    `mined`: graph transactions by name, without the graph's number. `own`: what a wallet published alone, by party: its Stakes
    and its reclaim. `reveal_fee`: of any Reveal: all are of one size.
    """

    slot: int
    amount: int
    bond: int
    stake: int
    mined: Mapping[str, bytes]
    stakes: Mapping[int, bytes]
    reclaims: Mapping[int, bytes]
    reveal_fee: int
    challengers: tuple[int, ...] = (1, 2)

    def spent(self, name: str) -> int:
        return fee(self.mined[name]) + ANCHOR

    @property
    def arena(self) -> int:
        return self.reveal_fee + ANCHOR + DUST

    @property
    def refute_coin(self) -> int:
        return self.stake + DUST

    def payout(self) -> int:
        assertion = self.spent("assert") + DUST + self.arena * len(self.challengers)
        return self.bond - self.spent("claim") - (self.spent("contest") + assertion)

    def balances(self, before: int) -> list[int]:
        """Of each party, when everything that came back is buried; `before` is what each had."""
        has = [before, before, before]
        has[BORROWER] -= self.slot + self.spent("prefund") + self.spent("vault")
        for party, raw in self.stakes.items():
            has[party] -= (self.bond if party == BORROWER else self.stake) + fee(raw) + ANCHOR
        for party, raw in self.reclaims.items():
            has[party] += (self.bond if party == BORROWER else self.stake) - fee(raw) - ANCHOR
        for name in self.mined:
            kind, _, k = name.partition("/")
            match kind:
                case "contested_payout":
                    has[BORROWER] += self.amount + self.payout() + DUST - self.spent(name)
                    has[LENDER] += self.slot - self.amount
                case "refute":
                    has[BORROWER] += self.refute_coin - self.spent(name)
                case "stake_back":
                    has[int(k)] += self.refute_coin - self.spent(name)
                case "no_payout":
                    rest = self.refute_coin + self.payout() - self.spent(name) - self.stake
                    has[int(k)] += self.stake + rest * 60 // 100
                    has[LENDER] += rest * 30 // 100
                case "prefund" | "vault" | "claim" | "contest" | "assert" | "reveal":
                    pass
                case _:
                    raise AssertionError(f"no rule for {name}")
        return has
