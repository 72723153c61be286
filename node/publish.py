"""Keeps on chain what is due: builds, stores, broadcasts, repeats until mined, pays more when it takes long, stops when void.

Promise: a transaction is built once; its bytes are on disk (those of Assert and Reveal claimed in the guard, too) before they
leave, so a restart or a reorg shows the same witness again and never another. What is due follows from the state alone
(`challenge.deadlines`): nothing here has to be remembered; a vault in which nothing is due is not looked at again until
something happens to it or its time comes (`node.waking`). This module does NOT decide what is due, and holds no key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from bitcoin.core import CTransaction
from blake3 import blake3

from challenge.deadlines import Due, due, settled, stage
from challenge.game import split
from challenge.states import Stage, VaultState
from native import NativeError
from node.book import Book
from node.chain import Accepted, AlreadyKnown, Rejected
from node.faults import LocalFault, PeerFault, Unavailable
from node.guard import Domain, Guard
from node.ports import Chain
from node.scan import Scanner
from node.store import Put, Store
from node.waking import Waking
from vault.faults import VaultFault

log = structlog.get_logger()

PATIENCE: Final = 2
"""Blocks a broadcast transaction may stay unmined before a child pays for it."""

TOO_CHEAP: Final = ("min relay fee not met", "mempool min fee not met")
"""Reasons that a child cures at once. A rival in the mempool is no reason to outbid it: it may serve the same end, and if
it is not mined, patience ends."""

SHOWN_ONCE: Final[Mapping[str, Domain]] = {"assert": "assert", "reveal": "reveal"}
"""Transactions that show digits, and the guard's domain of each."""
AFTER_DIGITS: Final = 3
"""What follows the digits in the witness of their leaf: the first key's signature, script, control block."""

Vaults = Sequence[tuple[bytes, VaultState]]
Build = Callable[[bytes, VaultState, str], Awaitable[bytes]]
Bump = Callable[[bytes, VaultState, str, bytes, int], Awaitable[None]]
Check = Callable[[bytes, VaultState, Due, bytes, int], Awaitable[str]]


def outgoing_key(vault: bytes, name: str) -> bytes:
    """Vault (32) | transaction name."""
    return vault + name.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Returns:
    """What to take back now, and the vaults in which something is still to come back."""

    items: list[tuple[bytes, VaultState, Due]]
    waiting: set[bytes]


Returning = Callable[[Vaults, int], Awaitable[Returns]]


class Publisher:
    """`build` signs a transaction of a vault, `bump` publishes it with a child that pays; `write` commits a put.

    `returning` says which bonds of some vaults are to be taken back at a tip. `check` says in words what bytes are for, or raises
    LocalFault: then they stay here.
    """

    def __init__(
        self,
        *,
        chain: Chain,
        book: Book,
        scanner: Scanner,
        store: Store,
        guard: Guard,
        bound: int,
        returning: Returning,
        build: Build,
        bump: Bump,
        check: Check,
        write: Callable[[tuple[Put, ...]], Awaitable[object]],
    ) -> None:
        self._chain, self._book, self._scanner, self._store, self._guard = chain, book, scanner, store, guard
        self._bound, self._returning, self._build, self._bump, self._write = bound, returning, build, bump, write
        self._check = check
        self._poked = asyncio.Event()
        self._waking = Waking(bound)
        self._waking.wake(vault for vault, _ in book.items())
        self._first: dict[tuple[bytes, str], int] = {}
        self._accepted: dict[tuple[bytes, str], int] = {}
        self.busy = False

    def wake(self, vaults: Iterable[bytes]) -> None:
        """Look at these too, when looking next."""
        self._waking.wake(vaults)

    def poke(self, changed: Iterable[bytes] = ()) -> None:
        """Something changed, in these vaults or in none: look again."""
        self._waking.wake(changed)
        self._poked.set()

    @property
    def idle(self) -> bool:
        """True when everything that is due has been offered to the chain at the present tip."""
        return not self.busy and not self._poked.is_set()

    async def run(self) -> None:
        """Until cancelled. A chain that does not answer is asked again at the next block or poke."""
        while True:
            await self._poked.wait()
            self.busy = True
            self._poked.clear()
            try:
                # Else blocks are coming, or are leaving; the last of them pokes.
                if (await self._chain.tip()).hash == self._scanner.block:
                    await self._round(self._scanner.height)
            except Unavailable as fault:
                log.warning("the chain does not answer", reason=str(fault))
                asyncio.get_running_loop().call_later(1.0, self.poke)
            finally:
                self.busy = False

    async def _round(self, tip: int) -> None:
        awake = [(vault, state) for vault in self._waking.at(tip) if (state := self._book.get(vault)) is not None]
        returns = await self._returning(awake, tip)
        items = [*returns.items, *((v, state, item) for v, state in awake for item in _due(state, tip, self._bound))]
        # What is not due any more is mined; should its block leave the chain, patience begins anew.
        wanted = {(vault, item.name) for vault, _, item in items}
        self._first = {at: first for at, first in self._first.items() if at in wanted}
        self._accepted = {at: last for at, last in self._accepted.items() if at in wanted}
        for vault, state, item in items:
            await self._try(vault, state, item, tip)
        busy = {vault for vault, _ in wanted} | returns.waiting
        for vault, state in awake:
            if vault not in busy and self._book.get(vault) is state:
                self._waking.rest(vault, state)

    async def _try(self, vault: bytes, state: VaultState, item: Due, tip: int) -> None:
        """What one vault's presignatures, evidence or coins are short of stops no other transaction."""
        try:
            await self._publish(vault, state, item, tip)
        except (LocalFault, PeerFault, VaultFault, NativeError) as fault:
            log.error("cannot publish", vault=vault.hex()[:16], name=item.name, reason=str(fault))

    async def _publish(self, vault: bytes, state: VaultState, item: Due, tip: int) -> None:
        at = (vault, item.name)
        if self._accepted.get(at) == tip:
            return
        raw = await self._final(vault, state, item.name)
        purpose = await self._check(vault, state, item, raw, tip)
        first = self._first.setdefault(at, tip)
        match await self._chain.broadcast(raw):
            case Accepted():
                log.info("published", vault=vault.hex()[:16], name=item.name, why=item.why, purpose=purpose)
                self._accepted[at] = tip
            case AlreadyKnown():
                self._accepted[at] = tip
            case Rejected(reason=reason, missing_inputs=missing):
                log.info("not taken yet", vault=vault.hex()[:16], name=item.name, reason=reason)
                if missing:  # a child cannot help
                    return
                if reason.startswith(TOO_CHEAP):
                    await self._bump(vault, state, item.name, raw, tip)
        if tip - first >= PATIENCE:
            await self._bump(vault, state, item.name, raw, tip)

    async def _final(self, vault: bytes, state: VaultState, name: str) -> bytes:
        """The one version of a transaction: from disk, or built, guarded and stored now."""
        key = outgoing_key(vault, name)
        raw = self._store.get("outgoing", key)
        if raw is None:
            raw = await self._build(vault, state, name)
            await self._write((("outgoing", key, raw),))
        one_version(self._guard, vault, name, raw)
        return raw


def _due(state: VaultState, tip: int, bound: int) -> tuple[Due, ...]:
    """What is due in a vault in which something can still move."""
    if stage(state) is not Stage.LIVE or (state.log and settled(state, tip, bound)):
        return ()
    return due(state, tip)


def one_version(guard: Guard, vault: bytes, name: str, raw: bytes) -> None:
    """A transaction that shows digits is shown in one version, ever: two would show two secrets of a digit.

    What is claimed are its digits' signatures, so the same digits under another signature of ours pass. It is claimed after it
    was stored: a version that was claimed and lost would bar every other one for ever. Raises GuardViolation.
    """
    domain = SHOWN_ONCE.get(split(name)[1])
    if domain is not None:
        guard.claim(domain, outgoing_key(vault, name), _digits(raw))


def refuse_another(guard: Guard, vault: bytes, name: str, raw: bytes) -> None:
    """What was just built is not stored beside another version that was shown before. Raises GuardViolation."""
    domain, at = SHOWN_ONCE.get(split(name)[1]), outgoing_key(vault, name)
    if domain is not None and guard.held(domain, at) is not None:
        guard.claim(domain, at, _digits(raw))


def _digits(raw: bytes) -> bytes:
    stack = CTransaction.deserialize(raw).wit.vtxinwit[0].scriptWitness.stack
    return blake3(b"".join(bytes(item) for item in stack[:-AFTER_DIGITS])).digest()
