"""The SIMULATED money of a loan a second time: a heap of single cents, each in one place.

Every cent is an entry of a list and has one owner at a time, so none can be lost or doubled. Slow, and right at a glance.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class No(Exception):
    """The movement is not possible."""


@dataclass
class Heap:
    """`places[i]` is where cent i is: ("account", who), ("lock", vault) or ("escrow", vault, slot)."""

    places: list[tuple[object, ...]] = field(default_factory=list)
    ever: dict[bytes, tuple[str, bytes]] = field(default_factory=dict)  # vault -> (state of its lock, lender)

    def at(self, *place: object) -> int:
        return self.places.count(place)

    def _move(self, cents: int, origin: tuple[object, ...], to: tuple[object, ...]) -> None:
        found = [i for i, place in enumerate(self.places) if place == origin][:cents]
        if len(found) < cents:
            raise No("too little")
        for i in found:
            self.places[i] = to

    def mint(self, to: bytes, cents: int) -> None:
        self.places += [("account", to)] * cents

    def pay(self, payer: bytes, to: bytes, cents: int) -> None:
        self._move(cents, ("account", payer), ("account", to))

    def lock(self, vault: bytes, lender: bytes, cents: int) -> None:
        if self.ever.get(vault, ("refunded",))[0] != "refunded":
            raise No("locked before")
        self._move(cents, ("account", lender), ("lock", vault))
        self.ever[vault] = ("locked", lender)

    def unlock(self, vault: bytes, to: bytes | None) -> None:
        """To the borrower, or (None) back to the lender."""
        state, lender = self.ever.get(vault, ("none", b""))
        if state != "locked":
            raise No("no lock")
        self._move(self.at("lock", vault), ("lock", vault), ("account", lender if to is None else to))
        self.ever[vault] = ("refunded" if to is None else "taken", lender)

    def hold(self, vault: bytes, slot: int, payer: bytes, cents: int) -> None:
        if self.at("escrow", vault, slot):
            raise No("held before")
        self._move(cents, ("account", payer), ("escrow", vault, slot))

    def release(self, vault: bytes, slot: int, to: list[tuple[bytes, int]]) -> None:
        waiting = self.at("escrow", vault, slot)
        if not waiting or sum(cents for _, cents in to) != waiting:
            raise No("not all of it")
        for identity, cents in to:
            self._move(cents, ("escrow", vault, slot), ("account", identity))
