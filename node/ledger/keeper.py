"""The keeper: orders events, seals batches, has them proved, gathers the attestors' signatures, makes checkpoints final.

Promises: an event is on the disk before its poster hears of it, and was checked against the rules on top of all before it; a
batch is on the disk, and marked as leaving, before anybody sees it, and never changes afterwards but for proof and signatures;
after a crash everything goes on where it was: queued events, proofs to be made, batches to be sent, signatures gathered.
Does NOT decide who may post (for loans the desk does, node/lending), nor hold an attestor's keys.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from msgspec.structs import replace

from node.faults import LocalFault, PeerFault, Unavailable
from node.ledger.draft import complete, kind_of, missing
from node.ledger.follower import Follower
from node.ledger.shelf import Shelf
from node.ledger.words import Answer, Batch
from node.ledger.world import Bell, World
from node.store import Put
from vault.faults import VaultFault
from vault.ledger.checkpoint import Signature, check_signature, checkpoint
from vault.ledger.events import Event, encode_event
from vault.ledger.faults import RuleFault
from vault.ledger.genesis import Genesis
from vault.ledger.state import Ledger, advanced, apply
from vault.ledger.witness import transition_witness

log = structlog.get_logger("keeper")

Hand = Callable[[bytes, Batch], Awaitable[Answer]]
"""Gives a batch to the attestor with an identity and returns its answer. Raises PeerFault, Unavailable."""


WAITS = "waits: "
"""Begins what is shown of an attestor that has a batch and does not sign it yet."""


@dataclass(slots=True, kw_only=True)
class Courier:
    """What is known of one attestor: its seq, and what it last said."""

    at: int | None = None
    says: str = "not asked yet"


def _no_event(_: Event) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """Events and what else stands in their write; `done` is called when that is on the disk."""

    events: tuple[Event, ...]
    puts: tuple[Put, ...]
    done: Callable[[], None]


@dataclass(slots=True, repr=False)
class Keeper:
    """Of one ledger. `sealed` is the ledger after every sealed batch, `posted` after the queue too.

    `firm` says which events cannot be taken back: those that moved money.
    """

    world: World
    genesis: Genesis
    shelf: Shelf
    follower: Follower
    hand: Hand
    sealed: Ledger
    posted: Ledger
    queue: dict[int, Event] = field(default_factory=dict)
    batches: dict[int, Batch] = field(default_factory=dict)
    states: dict[int, Ledger] = field(default_factory=dict)
    couriers: dict[bytes, Courier] = field(default_factory=dict)
    proving: str = ""
    refused: int = 0
    firm: Callable[[Event], bool] = _no_event
    bell: Bell = field(default_factory=Bell)
    _number: int = 0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def load(cls, world: World, genesis: Genesis, shelf: Shelf, follower: Follower, hand: Hand) -> Keeper:
        """Apply again what was sealed and what waits. Raises LocalFault when the disk holds something else."""
        start = genesis.begin()
        keeper = cls(
            world=world, genesis=genesis, shelf=shelf, follower=follower, hand=hand, sealed=start, posted=start,
            couriers={attestor.identity: Courier() for attestor in genesis.attestors},
        )  # fmt: skip
        for after, batch in shelf.sealed():
            keeper.states[after] = keeper.sealed
            keeper.sealed = advanced(keeper.sealed, batch.decoded())
            keeper.batches[after] = batch
            if keeper.sealed.root != batch.checkpoint.root:
                raise LocalFault(
                    what=f"stored ledger {shelf.ledger.hex()}, seq {batch.checkpoint.seq}",
                    expected=f"events that lead to root {batch.checkpoint.root.hex()}",
                    came=keeper.sealed.root.hex(),
                    todo="Restore the last backup.",
                )
        keeper._forget()
        keeper.queue = dict(shelf.queued())
        keeper.posted = advanced(keeper.sealed, tuple(keeper.queue.values()))
        keeper._number = max(keeper.queue, default=0)
        return keeper

    # ---- events ----------------------------------------------------------------------------------------------------
    async def post(self, wanted: Sequence[Mapping[str, Any]]) -> list[Event]:
        """Queue events, all of them or none; durable when it returns. Raises LocalFault with the rule that forbids one."""
        async with self._lock:
            state, events = self.posted, list[Event]()
            room = self.world.limits.ledger_events_queued - len(self.queue)
            if len(wanted) > room:
                raise Unavailable(
                    what="events", expected=f"at most {room} more until batches are sealed", came=str(len(wanted)),
                    todo="`bitvm3 ledger seal` seals what waits.",
                )  # fmt: skip
            for number, each in enumerate(wanted, start=1):
                event = complete(state, await self._from_world(each))
                try:
                    state = apply(state, event)
                except RuleFault as fault:
                    self.refused += 1
                    place = f" (event {number} of {len(wanted)})" if len(wanted) > 1 else ""
                    raise LocalFault(what=f"{fault.rule}{place}", expected=fault.expected, came=fault.got) from fault
                events.append(event)
            await self._queue(events, state, ())
        return events

    async def book(self, decide: Callable[[Ledger], Booked]) -> Booked:
        """Queue what `decide` makes of the ledger as posted, in one write with what belongs to it; durable when it returns.

        Nothing else is posted between the decision and the write. Raises whatever `decide` raises, and LocalFault naming a
        rule that forbids an event: nothing is written then.
        """
        async with self._lock:
            booked = decide(self.posted)
            if not booked.events and not booked.puts:
                return booked
            if len(self.queue) + len(booked.events) > self.world.limits.ledger_events_queued:
                raise Unavailable(
                    what="events", expected="a queue with room", came="a full one", todo="Ask again later."
                )
            try:
                state = advanced(self.posted, booked.events)
            except RuleFault as fault:
                raise LocalFault(what=fault.rule, expected=fault.expected, came=fault.got) from fault
            await self._queue(booked.events, state, booked.puts)
            booked.done()
        return booked

    async def _queue(self, events: Sequence[Event], state: Ledger, more: tuple[Put, ...]) -> None:
        puts = [self.shelf.put_queued(self._number + 1 + i, event) for i, event in enumerate(events)]
        await self.world.write((*puts, *more))
        for event in events:
            self._number += 1
            self.queue[self._number] = event
        self.posted = state

    async def _from_world(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Height and time of our chain, price of our sources, where nobody gave them; what was given is checked."""
        found = dict(wanted)
        match kind_of(wanted):
            case "accrue":
                if "height" not in found:
                    found["height"] = self.world.height()
                height, tip = found["height"], self.world.height()
                there = isinstance(height, int) and 0 <= height <= tip
                own = await self.world.chain.median_time(height) if there else None
                if own is None:
                    raise LocalFault(
                        what="event.height",
                        expected=f"one of our chain, at most {tip}",
                        came=repr(height)[:40],
                        todo="No attestor would sign a block that is not there.",
                    )
                time, most = found.setdefault("time", own), self.world.tolerance.time
                if isinstance(time, int) and abs(time - own) > most:
                    raise LocalFault(
                        what="event.time",
                        expected=f"within {most} s of {own}, the median time past of height {height} on our chain",
                        came=str(time),
                    )
            case "mark_price" if missing(wanted):
                quote = await self.world.prices.quote(self.world.now())
                found.setdefault("price", quote.price)
                found.setdefault("price_time", quote.time)
            case _:
                pass
        return found

    async def seal(self) -> list[Batch]:
        """Seal all that waits, in batches of what the circuit holds. Raises LocalFault: no key, or nothing waits."""
        size = self.world.proving.key(self.genesis.transition_key).statement.batch
        async with self._lock:
            if not self.queue:
                raise LocalFault(
                    what="events",
                    expected="some that wait to be sealed",
                    came="none",
                    todo="`bitvm3 ledger post` first.",
                )
            return [await self._seal_one(size) for _ in range(-(-len(self.queue) // size))]

    async def seal_full(self) -> None:
        """Seal the batches that are full: nobody has to ask for that."""
        try:
            size = self.world.proving.key(self.genesis.transition_key).statement.batch
        except LocalFault:
            return  # `seal` says it to whoever asks
        async with self._lock:
            while len(self.queue) >= size:
                await self._seal_one(size)

    async def _seal_one(self, size: int) -> Batch:
        numbers = list(self.queue)[:size]
        events = tuple(self.queue[number] for number in numbers)
        before = self.sealed
        after = await asyncio.to_thread(advanced, before, events)
        batch = Batch(
            after=before.totals.seq, events=tuple(map(encode_event, events)), totals=after.totals,
            checkpoint=checkpoint(after), proof=b"", signatures=(),
        )  # fmt: skip
        drops = [self.shelf.drop_queued(number) for number in numbers]
        await self.world.write((self.shelf.put_sealed(batch), *drops))
        for number in numbers:
            del self.queue[number]
        self.states[batch.after] = before
        self.batches[batch.after] = batch
        self.sealed = after
        log.info("batch sealed", events=len(events), **self._line(batch))
        self.bell.ring()
        return batch

    async def discard(self) -> int:
        """Drop what waits, and the sealed batches that nobody has seen; returns how many events are gone."""
        async with self._lock:
            gone = [after for after in self.batches if not self.shelf.left(after)]
            events = [*self.queue.values(), *(event for after in gone for event in self.batches[after].decoded())]
            kept = sum(map(self.firm, events))
            if kept:
                raise LocalFault(
                    what="events to discard", expected="some that moved no money", came=f"{kept} of {len(events)} did",
                    todo="What the desk has booked stays: money and events are one. Let it be sealed.",
                )  # fmt: skip
            puts: list[Put] = [self.shelf.drop_queued(number) for number in self.queue]
            puts += [self.shelf.drop_sealed(after) for after in gone]
            count = len(self.queue) + sum(len(self.batches[after].events) for after in gone)
            await self.world.write(tuple(puts))
            self.queue.clear()
            for after in sorted(gone, reverse=True):
                self.sealed = self.states.pop(after)
                del self.batches[after]
            self.posted = self.sealed
            log.warning("events discarded by the operator", ledger=self.shelf.ledger.hex()[:16], events=count)
            self.bell.ring()
            return count

    # ---- work that goes on by itself -------------------------------------------------------------------------------
    async def run(self) -> None:
        """Prove, deliver, gather; until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._prove())
            for identity in self.couriers:
                tasks.create_task(self._deliver(identity))

    async def _prove(self) -> None:
        pause = self.world.limits.ledger_retry_first_seconds
        while True:
            await self.finish()  # also what a crash came before
            batch = next((each for each in self.batches.values() if not each.proof), None)
            if batch is None:
                await self.bell.heard()
                continue
            try:
                await self._prove_one(batch)
                pause = self.world.limits.ledger_retry_first_seconds
            except (LocalFault, Unavailable) as fault:
                self.proving = f"seq {batch.checkpoint.seq}: {fault}"
                log.error("batch not proved yet", reason=str(fault), **self._line(batch))
                await asyncio.sleep(pause)
                pause = min(2 * pause, self.world.limits.ledger_retry_most_seconds)

    async def _prove_one(self, batch: Batch) -> None:
        self.proving = f"seq {batch.checkpoint.seq}: being proved"
        before = self.states[batch.after]
        witness, _ = await asyncio.to_thread(transition_witness, before, batch.decoded())
        purpose = f"transition of ledger {self.shelf.ledger.hex()[:16]} to seq {batch.checkpoint.seq}"
        proved = await self.world.proving.prove(self.genesis.transition_key, witness, purpose)
        root = batch.checkpoint.root
        if not await asyncio.to_thread(self.follower.verify, before.root, root, proved.proof):
            self.world.alarm(
                f"ledger {self.shelf.ledger.hex()[:16]}: the prover's proof for seq {batch.checkpoint.seq} is invalid"
            )
            raise LocalFault(
                what=f"proof for seq {batch.checkpoint.seq}",
                expected=f"a valid one under key {self.genesis.transition_key.hex()}",
                came="an invalid one",
                todo="Check the proving key: `bitvm3 setup list` shows it.",
            )
        async with self._lock:
            if self.batches.get(batch.after) is not batch:
                return  # discarded meanwhile
            await self._store(replace(batch, proof=proved.proof), (self.shelf.put_left(batch.after),))
        self.proving = ""
        log.info("batch proved", **self._line(batch))

    async def _store(self, batch: Batch, more: tuple[Put, ...]) -> None:
        await self.world.write((self.shelf.put_sealed(batch), *more))
        self.batches[batch.after] = batch
        self.bell.ring()

    # ---- attestors -------------------------------------------------------------------------------------------------
    async def _deliver(self, identity: bytes) -> None:
        """Bring one attestor every batch in order, wherever it is; one that is away is asked again."""
        courier, limits = self.couriers[identity], self.world.limits
        pause = limits.ledger_retry_first_seconds
        while True:
            batch = self._next(courier.at)
            if batch is None:
                await self.bell.heard()
                continue
            try:
                answer = await self.hand(identity, batch)
                moved = await self._heard(identity, batch, answer)
            except (PeerFault, Unavailable, LocalFault) as fault:
                moved = False
                if courier.says != str(fault):
                    log.warning("no signature", attestor=identity.hex()[:16], reason=str(fault), **self._line(batch))
                courier.says = str(fault)
            if moved:
                pause = limits.ledger_retry_first_seconds
                continue
            await asyncio.sleep(pause)
            pause = min(2 * pause, limits.ledger_retry_most_seconds)

    def _next(self, at: int | None) -> Batch | None:
        """What an attestor at this seq wants; one that was never asked gets the first that is not final, or the last."""
        if at is not None:
            batch = self.batch(at)
        else:
            batch = self.batches.get(self.follower.view.seq)
            if batch is None and self.batches:
                batch = self.batches[max(self.batches)]
        return batch if batch is not None and batch.proof else None

    async def _heard(self, identity: bytes, batch: Batch, answer: Answer) -> bool:
        """Take an answer; True when the attestor has the batch."""
        courier, end = self.couriers[identity], batch.checkpoint.seq
        if answer.signatures:
            await self._gather(identity, batch, answer.signatures)
        if answer.at == batch.after:
            if answer.waits and not courier.says.startswith(WAITS):  # said once: numbers in it change at every answer
                log.info("attestor waits", attestor=identity.hex()[:16], reason=answer.waits[:400], **self._line(batch))
            courier.at, courier.says = answer.at, f"{WAITS}{answer.waits[:400]}"
            return False
        elsewhere = batch.after < answer.at < end or answer.at > self.sealed.totals.seq
        if elsewhere or (answer.at < batch.after and self.batch(answer.at) is None):
            raise PeerFault(
                what=f"attestor {identity.hex()[:16]}",
                expected="a seq at which one of our batches ends",
                came=str(answer.at),
                todo="It has followed another keeper: this ledger has two histories.",
            )
        if answer.at >= end and not self._settled(identity, batch):
            courier.at, courier.says = batch.after, "has the batch, and gives no signature of it"
            return False
        # One that has come further has signatures of the batches between that we may have lost: none is left out.
        courier.at, courier.says = min(answer.at, end), f"at seq {answer.at}"
        return answer.at >= end

    def _settled(self, identity: bytes, batch: Batch) -> bool:
        """Whether nothing is wanted of this attestor for a batch: it has signed, or enough others have."""
        signatures = (self.batch(batch.after) or batch).signatures
        ours = any(self.genesis.attestors[signature.index].identity == identity for signature in signatures)
        return ours or len(signatures) >= self.genesis.threshold

    async def _gather(self, identity: bytes, batch: Batch, signatures: Sequence[Signature]) -> None:
        """Keep valid signatures of one attestor's node; with enough of them the checkpoint is final."""
        for signature in signatures:
            if not 0 <= signature.index < len(self.genesis.attestors):
                raise PeerFault(what="signature.index", expected="an attestor", came=str(signature.index))
            if self.genesis.attestors[signature.index].identity != identity:
                raise PeerFault(
                    what="signature.index", expected="an attestor of this node", came=f"attestor {signature.index}"
                )
            try:
                await asyncio.to_thread(check_signature, self.genesis, batch.checkpoint, signature)
            except VaultFault as fault:
                raise PeerFault(what=fault.field, expected=fault.expected, came=fault.got) from fault
        async with self._lock:
            now = self.batch(batch.after) or batch
            known = {signature.index: signature for signature in now.signatures}
            fresh = {s.index: s for s in signatures if s.index not in known}
            if fresh and len(known) < self.genesis.threshold:
                merged = {**known, **fresh}
                chosen = sorted(merged)[: max(len(known), self.genesis.threshold)]
                await self._store(replace(now, signatures=tuple(merged[index] for index in chosen)), ())
        await self.finish()

    async def finish(self) -> None:
        """Make final, in order, every batch whose signatures are a quorum; also after a restart."""
        while (batch := self.batches.get(self.follower.view.seq)) is not None:
            if not batch.proof or len(batch.signatures) < self.genesis.threshold:
                return
            try:
                await self.follower.adopt(batch.step)
            except VaultFault as fault:  # our own proof and signatures, each checked before
                raise LocalFault(
                    what=f"checkpoint {batch.checkpoint.seq}", expected="final", came=str(fault)
                ) from fault
            self._forget()

    def _forget(self) -> None:
        """Batches that are final, but for the last one, need no memory: the shelf has them."""
        final = [after for after, batch in self.batches.items() if batch.checkpoint.seq <= self.follower.view.seq]
        for after in final[:-1]:
            del self.batches[after]
        for after in final:
            self.states.pop(after, None)

    def batch(self, after: int) -> Batch | None:
        """The sealed batch that begins at a seq."""
        return self.batches.get(after) or self.shelf.sealed_at(after)

    @property
    def rests(self) -> bool:
        """Whether everything that was posted is final."""
        return not self.queue and self.follower.view.seq == self.sealed.totals.seq

    @property
    def attended(self) -> bool:
        """Whether so many attestors are connected as a checkpoint needs."""
        here = {self.world.me, *self.world.present()}
        return sum(attestor.identity in here for attestor in self.genesis.attestors) >= self.genesis.threshold

    @property
    def final(self) -> Ledger | None:
        """The ledger at the last final checkpoint."""
        state = self.states.get(self.follower.view.seq, self.sealed)
        return state if state.totals.seq == self.follower.view.seq else None

    def _line(self, batch: Batch) -> dict[str, object]:
        found = batch.checkpoint
        return {
            "ledger": self.shelf.ledger.hex()[:16],
            "seq": found.seq,
            "root": found.root.hex(),
            "price": found.price,
        }
