"""The attestor: re-applies every event, verifies the proof, compares prices, heights and coins with its own world, signs once.

Promises: no signature leaves before the guard holds its digest for this seq and the batch is on the disk; for one seq one
checkpoint is ever signed, and the same question again gets the same answer; a batch that breaks a rule, or whose root or proof
is wrong, is refused for good; one whose price cannot be borne out waits for the operator, one whose coins do not bear it out
for the coins. Every decision is a line of the log. Does NOT check who asked for an event, that r was shown, nor money: those are
the keeper's word (docs/lending.md); with `coins = "unlinked"` it does not look at coins either, and says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import structlog

from native._native.keys import Secret
from native._native.statements import AttestorKey
from node.faults import LocalFault, PeerFault, Unavailable
from node.guard import GuardViolation
from node.ledger.follower import Verify
from node.ledger.judgement import Doubt, doubts
from node.ledger.recent import SAMPLE_SECONDS
from node.ledger.shelf import Shelf
from node.ledger.words import Answer, Approval, Batch, Judged
from node.ledger.world import Bell, World
from node.lending.checks import coin_doubts, needed
from node.lending.pages import learn
from node.lending.registry import Registry
from vault.faults import VaultFault
from vault.ledger.checkpoint import Checkpoint, Signature, check_quorum, checkpoint
from vault.ledger.events import Accrue, MarkPrice
from vault.ledger.genesis import Genesis
from vault.ledger.state import Ledger, advanced

log = structlog.get_logger("attestor")

KEYS = 16
"""Attestor keys a node may have: it can serve in several ledgers without one key for all."""
Price = Literal["checked", "vouched"]
VOUCHED = frozenset({"price", "late"})
"""Doubts that the operator may set aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keypair:
    """Both keys of one attestor; the secrets stay in Rust."""

    number: int
    eddsa: AttestorKey
    bip340: Secret

    @property
    def public(self) -> tuple[bytes, bytes]:
        """(EdDSA 64 bytes, x-only 32 bytes)."""
        return self.eddsa.public(), self.bip340.xonly()

    def sign(self, index: int, found: Checkpoint) -> Signature:
        """Both signatures; the same bytes every time."""
        return Signature(
            index=index, eddsa=self.eddsa.sign(found.digest), bip340=self.bip340.sign(found.message, bytes(32))
        )


def keypair(world: World, number: int) -> Keypair:
    """The keys of this node with a number, from its master seed."""
    seed = world.attestor_seed(number)
    return Keypair(number=number, eddsa=AttestorKey(seed, b"eddsa"), bip340=seed.secret(b"bip340"))


def own_keys(world: World, genesis: Genesis) -> dict[int, Keypair]:
    """Attestor index -> our keys, for each index of the genesis that is ours."""
    places = {(a.eddsa, a.bip340): i for i, a in enumerate(genesis.attestors) if a.identity == world.me}
    if not places:
        return {}
    pairs = (keypair(world, number) for number in range(KEYS))
    return {places[pair.public]: pair for pair in pairs if pair.public in places}


@dataclass(slots=True, kw_only=True)
class Pending:
    """A sound batch that is not signed, and why. `priced`: its prices were borne out once, whatever ours are by now."""

    batch: Batch
    doubts: tuple[Doubt, ...]
    compared: str
    priced: bool


@dataclass(slots=True, repr=False)
class Attestor:
    """Of one ledger. `state` is the ledger after the last batch it took."""

    world: World
    genesis: Genesis
    shelf: Shelf
    verify: Verify
    keys: dict[int, Keypair]
    state: Ledger
    registry: Registry
    signed: int = 0
    refused: int = 0
    pending: dict[int, Pending] = field(default_factory=dict)
    bell: Bell = field(default_factory=Bell)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def load(
        cls, world: World, genesis: Genesis, shelf: Shelf, verify: Verify, keys: dict[int, Keypair], registry: Registry
    ) -> Attestor:
        """Apply again what was taken. Raises LocalFault when the disk holds something else."""
        state = genesis.begin()
        for _, judged in shelf.judged():
            state = advanced(state, judged.batch.decoded())
            if state.root != judged.batch.checkpoint.root:
                raise LocalFault(
                    what=f"stored ledger {shelf.ledger.hex()}, seq {judged.batch.checkpoint.seq}",
                    expected=f"events that lead to root {judged.batch.checkpoint.root.hex()}",
                    came=state.root.hex(),
                    todo="Restore the last backup, with the guard that belongs to it.",
                )
        return cls(world=world, genesis=genesis, shelf=shelf, verify=verify, keys=keys, state=state, registry=registry)

    @property
    def seq(self) -> int:
        """How far this attestor has taken the ledger."""
        return self.state.totals.seq

    async def take(self, sender: bytes, batch: Batch) -> Answer:
        """A batch of the keeper. Raises PeerFault when it is refused for good."""
        try:
            if sender != self.genesis.keeper:
                raise PeerFault(what="ledger-batch", expected="one of the keeper", came=f"one of {sender.hex()}")
            async with self._lock:
                return await self._take(batch)
        except PeerFault as fault:
            self.refused += 1
            log.error(
                "checkpoint refused", ledger=self.shelf.ledger.hex()[:16], seq=batch.checkpoint.seq, reason=str(fault)
            )
            raise

    async def _take(self, batch: Batch) -> Answer:
        if batch.after > self.seq:
            return Answer(at=self.seq, signatures=(), waits=f"batch after seq {self.seq} first")
        if batch.after < self.seq:
            return self._again(batch)
        after = await asyncio.to_thread(self._checked, batch)
        if batch.signatures:
            await self._keep(Judged(batch=batch, own=()), after)
            log.info("batch taken on the quorum of others, not signed", **self._line(batch))
            return Answer(at=self.seq, signatures=(), waits="")
        world = self.world
        held, compared = await doubts(
            batch.decoded(), chain=world.chain, prices=world.prices, near=world.prices.near, now=world.now(),
            tolerance=world.tolerance,
        )  # fmt: skip
        known = self.pending.get(batch.checkpoint.seq)
        priced = known is not None and known.priced and known.batch.checkpoint == batch.checkpoint
        if priced:
            held = tuple(doubt for doubt in held if doubt.about != "price")
        priced = priced or not any(doubt.about == "price" for doubt in held)
        held = (*held, *await self._coins(batch))
        waits = self._waits(batch.checkpoint, held)
        if waits:
            self.pending[batch.checkpoint.seq] = Pending(batch=batch, doubts=held, compared=compared, priced=priced)
            if known is None or [each.about for each in known.doubts] != [each.about for each in held]:
                log.warning("checkpoint not signed", reason=waits, compared=compared, **self._line(batch))
            return Answer(at=self.seq, signatures=(), waits=waits)
        own = await self._sign(batch)
        await self._keep(Judged(batch=batch, own=own), after)
        self.signed += 1
        log.info("checkpoint signed", compared=compared, doubts=[d.reason for d in held], **self._line(batch))
        return Answer(at=self.seq, signatures=own, waits="")

    async def sample(self) -> None:
        """Ask the own sources every few seconds while there are loans: what they say now is what a batch will be about."""
        while True:
            now, prices = self.world.now(), self.world.prices
            if self.registry.loans and prices.due(now):
                with suppress(Unavailable, LocalFault, PeerFault):
                    await prices.quote(now)
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _coins(self, batch: Batch) -> tuple[Doubt, ...]:
        """What the coins say against a batch; Terms that are not here are asked for first."""
        if self.world.coins == "unlinked":
            return ()
        events, found = batch.decoded(), list[str]()
        for vault, slots in needed(events).items():
            try:
                await learn(self.registry, vault, slots)
            except (PeerFault, Unavailable) as fault:
                found.append(str(fault))
        tip = self.world.height()
        found += coin_doubts(self.state, events, self.registry, tip)
        doubts_ = [Doubt(about="coin", reason=reason) for reason in found]
        behind, most = tip - batch.checkpoint.height, self.world.limits.loan_lag_blocks
        if behind > most and any(not isinstance(event, Accrue | MarkPrice) for event in events):
            reason = f"events at height {batch.checkpoint.height}, {behind} blocks behind our chain, {most} are allowed"
            doubts_.append(Doubt(about="late", reason=reason))
        return tuple(doubts_)

    def _again(self, batch: Batch) -> Answer:
        """A batch that was taken before, or another in its place."""
        judged = self.shelf.judged_at(batch.after)
        if judged is None or judged.batch.checkpoint != batch.checkpoint:
            held = "no batch begins there" if judged is None else judged.batch.checkpoint.root.hex()
            raise PeerFault(
                what=f"batch after seq {batch.after}",
                expected=f"the one taken before ({held})",
                came=f"another, to seq {batch.checkpoint.seq}, root {batch.checkpoint.root.hex()}",
                todo="An attestor goes one way only.",
            )
        return Answer(at=self.seq, signatures=judged.own, waits="")

    def _checked(self, batch: Batch) -> Ledger:
        """The ledger after the batch, when rules, root, checkpoint, proof (and quorum, if any) hold."""
        try:
            if not 1 <= len(batch.events) <= self.world.limits.ledger_batch_events:
                raise PeerFault(
                    what="batch.events",
                    expected=f"1 to {self.world.limits.ledger_batch_events}",
                    came=str(len(batch.events)),
                )
            after = advanced(self.state, batch.decoded())
            expected = checkpoint(after)
            if batch.totals != after.totals or batch.checkpoint != expected:
                raise PeerFault(
                    what="batch.checkpoint",
                    expected=f"seq {expected.seq}, root {expected.root.hex()}: what the events lead to",
                    came=f"seq {batch.checkpoint.seq}, root {batch.checkpoint.root.hex()}",
                )
            if not self.verify(self.state.root, expected.root, batch.proof):
                raise PeerFault(
                    what="batch.proof", expected=f"a valid one for root {expected.root.hex()}", came="an invalid one"
                )
            if batch.signatures:
                check_quorum(self.genesis, batch.checkpoint, batch.signatures)
        except VaultFault as fault:
            raise PeerFault(what=f"batch, {fault.field}", expected=fault.expected, came=fault.got) from fault
        return after

    def _waits(self, found: Checkpoint, held: Sequence[Doubt]) -> str:
        """Why it is not signed now; empty when it is."""
        approval = self.shelf.approval(found.seq)
        approved = approval is not None and approval.digest == found.digest
        vouched = approved and approval is not None and approval.price == "vouched"
        open_ = [doubt.reason for doubt in held if not (vouched and doubt.about in VOUCHED)]
        if open_:
            return "; ".join(open_)
        if self.world.policy == "manual" and not approved:
            return f"its operator's word: bitvm3 attestor approve {self.shelf.ledger.hex()[:16]} {found.seq}"
        return ""

    async def _sign(self, batch: Batch) -> tuple[Signature, ...]:
        """The guard first, then the signatures: they leave after `_keep`."""
        found, own = batch.checkpoint, []
        for index, pair in sorted(self.keys.items()):
            key = self.shelf.ledger + pair.eddsa.public() + found.seq.to_bytes(8, "big")
            try:
                await asyncio.to_thread(self.world.guard.claim, "checkpoint", key, found.digest)
            except GuardViolation as violation:
                raise PeerFault(
                    what=f"checkpoint of seq {found.seq}",
                    expected=f"digest {violation.held.hex()}, which this attestor has signed",
                    came=found.digest.hex(),
                    todo="An attestor never signs two roots for one seq.",
                ) from violation
            own.append(pair.sign(index, found))
        return tuple(own)

    async def _keep(self, judged: Judged, after: Ledger) -> None:
        await self.world.write((self.shelf.put_judged(judged),))
        self.state = after
        self.pending.pop(judged.batch.checkpoint.seq, None)
        self.bell.ring()

    async def approve(self, seq: int, price: Price) -> Pending:
        """The operator has looked at the checkpoint that waits at a seq. Raises LocalFault."""
        pending = self.pending.get(seq)
        if pending is None:
            waiting = ", ".join(map(str, sorted(self.pending))) or "none"
            raise LocalFault(
                what="seq",
                expected=f"one that waits for this attestor ({waiting})",
                came=str(seq),
                todo="`bitvm3 attestor show` lists them; a batch comes again every few seconds while its keeper runs.",
            )
        if price == "checked" and (unsure := [d.reason for d in pending.doubts if d.about in VOUCHED]):
            raise LocalFault(
                what=f"the price of checkpoint {seq}",
                expected="one that our own sources bear out",
                came="; ".join(unsure),
                todo="If you have checked it elsewhere, vouch for it: --price vouched.",
            )
        approval = Approval(digest=pending.batch.checkpoint.digest, price=price)
        await self.world.write((self.shelf.put_approval(seq, approval),))
        log.info("checkpoint approved by the operator", its_price=price, **self._line(pending.batch))
        return pending

    def _line(self, batch: Batch) -> dict[str, object]:
        found = batch.checkpoint
        return {
            "ledger": self.shelf.ledger.hex()[:16], "seq": found.seq, "root": found.root.hex(),
            "events": len(batch.events), "price": found.price, "price_time": found.price_time,
            "height": found.height, "time": found.time,
        }  # fmt: skip
