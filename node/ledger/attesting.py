"""An attestor's word about a price outside of circuits (path B): nonces announced on a grid, then "at most P on day d".

Promises: a nonce follows from the attestor's seed and the one message it is for, so no two ever share one; an attestation leaves
only after the guard holds it, and only when our own median AND the ledger's last final price, fresh, are at most P within
day d by our own chain; the same question afterwards gets the same answer for ever, also when the price has risen since. Anyone
may ask: an attestation is a public fact. Does NOT know vaults or loans.

    ledger-announcement   anyone -> attestor   PriceDay -> Announced
    ledger-attestation    anyone -> attestor   PriceDay -> Attested, or why not yet
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

import msgspec
import structlog

from native._native import signing
from node.faults import LocalFault, PeerFault, Unavailable
from node.ledger.attestor import Attestor, Keypair
from node.ledger.follower import Follower
from node.ledger.words import read, write
from node.ledger.world import World
from node.prices import Quote
from vault.fast_point import HORIZON, STEP, Announcement, announcement_message, check_announcement, day_of, event
from vault.ledger import money
from vault.ledger.checkpoint import Checkpoint
from vault.ledger.genesis import Genesis

log = structlog.get_logger("attestor")

ANNOUNCEMENT, ATTESTATION = "ledger-announcement", "ledger-attestation"
Price = Annotated[int, msgspec.Meta(ge=1, lt=1 << 40)]
Day = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]


class PriceDay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place of the grid."""

    price: Price  # cents per BTC
    day: Day


class Announced(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One announcement for each of the node's attestor keys."""

    announcements: tuple[Announcement, ...]


class Attested(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """(attestor index, 32 bytes) for each of the node's keys; or none, and why."""

    scalars: tuple[tuple[int, bytes], ...]
    waits: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What an attestor sees when it is asked: its chain's height and median time past; the ledger's last final checkpoint.

    `final` is None before the first, `quote` (its own median) when its sources give no price.
    """

    height: int
    time: int
    final: Checkpoint | None
    quote: Quote | None


def refusal(genesis: Genesis, place: PriceDay, now: Moment) -> str:
    """Why an attestor does not attest a price for a day at this moment; empty when it does."""
    today = day_of(genesis.height, now.height)
    if today != place.day:
        return f"day {place.day} was asked, our chain is at height {now.height}, day {today}"
    if now.final is None or now.final.price == 0:
        return "the ledger has no final price yet"
    priced = day_of(genesis.height, now.final.height)
    if priced != place.day:
        return f"the last final checkpoint is of height {now.final.height}, day {priced}, not of day {place.day}"
    if not money.fresh(genesis.rules, now.final.price, now.final.price_time, now.time):
        age = now.time - now.final.price_time
        return f"the ledger's price is {age} s old by our chain, {genesis.rules.max_price_age} are allowed"
    if now.final.price > place.price:
        return f"the ledger's price is {now.final.price}, above {place.price}"
    if now.quote is None:
        return "our own sources give no price"
    if now.quote.price > place.price:
        return f"our own median is {now.quote.price}, above {place.price}"
    return ""


@dataclass(slots=True, kw_only=True, repr=False)
class Attesting:
    """Of one ledger. `keys`: attestor index -> our keys."""

    world: World
    genesis: Genesis
    follower: Follower
    keys: dict[int, Keypair]

    async def answer(self, kind: str, body: bytes) -> bytes:
        """A message of anyone, and the reply. Raises PeerFault, Unavailable, LocalFault."""
        place = read(PriceDay, body, most=self.world.limits.reply_frame_bytes, what=kind)
        return write(self.announce(place) if kind == ANNOUNCEMENT else await self.attest(place))

    def announce(self, place: PriceDay) -> Announced:
        """The nonces of a place on the grid. Raises PeerFault off the grid."""
        today = day_of(self.genesis.height, self.world.height())
        if place.price % STEP:
            raise PeerFault(what="price", expected=f"a multiple of {STEP} cents", came=str(place.price))
        if not today <= place.day <= today + HORIZON:
            expected = f"{max(today, 0)} to {today + HORIZON}: today is day {today}"
            raise PeerFault(what="day", expected=expected, came=str(place.day))
        return Announced(announcements=tuple(self._announced(index, place) for index in sorted(self.keys)))

    def _announced(self, index: int, place: PriceDay) -> Announcement:
        pair, ledger = self.keys[index], self.genesis.ledger_id
        nonce, proof = signing.announce(
            pair.bip340, self.world.attestor_seed(pair.number), event(ledger, place.price, place.day)
        )
        bare = Announcement(
            attestor=index, key=pair.bip340.xonly(), price=place.price, day=place.day, nonce=nonce, proof=proof,
            signature=bytes(64),
        )  # fmt: skip
        signature = pair.bip340.sign(announcement_message(ledger, bare), bytes(32))
        return check_announcement(ledger, msgspec.structs.replace(bare, signature=signature), "our own announcement")

    async def attest(self, place: PriceDay) -> Attested:
        """What was attested, now or before; or why not. Raises LocalFault when the guard refuses."""
        guard, said = self.world.guard, event(self.genesis.ledger_id, place.price, place.day)
        names = {index: self._name(index, place) for index in sorted(self.keys)}
        missing = [index for index, name in names.items() if guard.held("attestation", name) != said]
        waits = refusal(self.genesis, place, await self._moment()) if missing else ""
        for index in () if waits else missing:
            await asyncio.to_thread(guard.claim, "attestation", names[index], said)
            log.warning(
                "price attested",
                ledger=self.genesis.ledger_id.hex()[:16],
                attestor=index,
                price=place.price,
                day=place.day,
            )
        given = [index for index in names if not (waits and index in missing)]
        return Attested(scalars=tuple((index, self._scalar(index, place)) for index in given), waits=waits)

    def _name(self, index: int, place: PriceDay) -> bytes:
        """What the guard keeps it under: the key and the nonce, which may carry one message ever."""
        found = self._announced(index, place)
        return self.genesis.ledger_id + found.key + found.nonce

    def _scalar(self, index: int, place: PriceDay) -> bytes:
        pair = self.keys[index]
        said = event(self.genesis.ledger_id, place.price, place.day)
        return signing.attest(pair.bip340, self.world.attestor_seed(pair.number), said)[32:]

    async def _moment(self) -> Moment:
        """Raises Unavailable when our chain does not answer."""
        height = self.world.height()
        time = await self.world.chain.median_time(height)
        if time is None:
            raise Unavailable(what="our chain", expected=f"a block at height {height}", came="none")
        try:
            quote = await self.world.prices.quote(self.world.now())
        except (Unavailable, LocalFault, PeerFault):
            quote = None
        return Moment(height=height, time=time, final=self.follower.view.checkpoint, quote=quote)


def of(attestor: Attestor, follower: Follower) -> Attesting:
    """The attesting side of a node's attestor: its keys, and the view that everybody has."""
    return Attesting(world=attestor.world, genesis=attestor.genesis, follower=follower, keys=attestor.keys)
