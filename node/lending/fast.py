"""Asking attestors for path B: announcements for a proposal, attestations for an entry of a loan.

Promises: whatever an attestor answers is checked against the ledger's genesis and its announced nonce before it counts; one that
is silent, or answers anything else, is named with why and stops nobody. Does NOT decide whether to liquidate, nor publish.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from node.faults import PeerFault, Unavailable
from node.ledger.attesting import ANNOUNCEMENT, ATTESTATION, Announced, Attested, PriceDay
from node.ledger.words import read, write
from vault.agreement import Fast, Loan
from vault.fast import announced, entry_secret
from vault.fast_point import Announcement, attested, check_announcement
from vault.faults import VaultFault
from vault.ledger.genesis import Genesis

MOST: Final = 16 << 10
"""Bytes of a reply: one announcement a key of the node that answers."""

Ask = Callable[[bytes, str, bytes], Awaitable[bytes]]
"""(identity, kind, body) -> reply: over the wire, or this node's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What is known of an entry: `secret` (32 bytes) once enough attestors attested, else why each of the others did not."""

    secret: bytes | None
    attested: tuple[int, ...]
    waits: Mapping[int, str]


async def announcements(ask: Ask, genesis: Genesis, places: Sequence[tuple[int, int]]) -> tuple[Announcement, ...]:
    """Of every attestor for every (price, day), in the order of Terms when the places are sorted.

    Raises Unavailable naming each attestor that gave none: Terms need those of all.
    """
    indices = range(len(genesis.attestors))
    wanted = [(PriceDay(price=price, day=day), index) for price, day in places for index in indices]
    answers = await asyncio.gather(*(_announcement(ask, genesis, place, index) for place, index in wanted))
    missing = [
        f"attestor {index}, price {place.price}, day {place.day}: {answer}"
        for (place, index), answer in zip(wanted, answers, strict=True)
        if isinstance(answer, str)
    ]
    if missing:
        raise Unavailable(
            what="announcements for a fast liquidation", expected=f"those of all {len(indices)} attestors",
            came="; ".join(missing)[:2000],
        )  # fmt: skip
    return tuple(answer for answer in answers if isinstance(answer, Announcement))


async def with_fast(ask: Ask, genesis: Genesis, loan: Loan, fast: Sequence[Fast]) -> Loan:
    """The loan with these entries, every announcement they need, and the ledger's threshold. Raises Unavailable."""
    found = await announcements(ask, genesis, sorted({(entry.price, entry.day) for entry in fast}))
    return replace(loan, fast=tuple(fast), announcements=found, threshold=genesis.threshold)


async def opened(ask: Ask, genesis: Genesis, loan: Loan, f: int) -> Opened:
    """Ask every attestor for what it attested of entry `f`; nothing is remembered, so ask again until there is a secret."""
    found = announced(loan, f)
    answers = await asyncio.gather(*(_attestation(ask, genesis, loan, a) for a in found))
    shown = {a.attestor: answer for a, answer in zip(found, answers, strict=True) if isinstance(answer, bytes)}
    waits = {a.attestor: answer for a, answer in zip(found, answers, strict=True) if isinstance(answer, str)}
    return Opened(secret=entry_secret(loan, f, shown), attested=tuple(sorted(shown)), waits=waits)


async def _announcement(ask: Ask, genesis: Genesis, place: PriceDay, index: int) -> Announcement | str:
    """The announcement of one attestor, or why there is none."""
    who = genesis.attestors[index]
    try:
        raw = await ask(who.identity, ANNOUNCEMENT, write(place))
        for a in read(Announced, raw, most=MOST, what=ANNOUNCEMENT).announcements:
            if (a.attestor, a.key, a.price, a.day) == (index, who.bip340, place.price, place.day):
                return check_announcement(genesis.ledger_id, a, "its announcement")
    except (Unavailable, PeerFault, VaultFault) as fault:
        return str(fault)
    return "it answered, but not for this key, price and day"


async def _attestation(ask: Ask, genesis: Genesis, loan: Loan, a: Announcement) -> bytes | str:
    """The scalar of one attestor, or why there is none."""
    place = PriceDay(price=a.price, day=a.day)
    try:
        raw = await ask(genesis.attestors[a.attestor].identity, ATTESTATION, write(place))
        answer = read(Attested, raw, most=MOST, what=ATTESTATION)
    except (Unavailable, PeerFault) as fault:
        return str(fault)
    scalar = dict(answer.scalars).get(a.attestor)
    if scalar is None:
        return answer.waits[:400] or "it answered, but not for this key"
    return scalar if attested(loan.ledger, a, scalar) else "its answer is no attestation"
