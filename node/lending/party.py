"""The party's loop: looks at every living loan at every block and bell, and carries out what `wishes` says.

Promises: what a payment or contest takes of the day's budget is on the disk before it is asked for; everything is asked in a way
that asking twice does no harm, so a crash needs no special case; what the keeper refuses is asked again only when something has
changed; r and a leave only here, for a wish that acts. Every change of an answer is one log line.
Does NOT decide anything: `wishes` does, from the situation that `outlook` puts together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, assert_never

import msgspec
import structlog

from challenge.deadlines import settled, stage
from challenge.events import Ordered
from challenge.facts import key
from challenge.states import Stage, VaultState
from node.faults import LocalFault, PeerFault, Unavailable
from node.ledger.room import Open
from node.lending import agreed, fast, words
from node.lending.charting import COLUMN, happened, puts_of, row_at
from node.lending.charting import Row as ChartRow
from node.lending.outlook import FAULTS, Outlook
from node.lending.policy import NOTHING_SPENT, Policy, Spent
from node.lending.situation import Situation
from node.lending.wish import Action, Ask, ClaimGraph, OpenFast, Order, ShowR, SignTerms, TakeLoan, Wish
from node.lending.wishes import wishes
from node.loop import Happened
from node.store import Put
from vault.agreement import encode

if TYPE_CHECKING:
    from node.app import Node

log = structlog.get_logger("lending")

SPENT_KEY: Final = b"S"
LOANS_A_ROUND: Final = 64
"""Between two blocks not more are looked at, but for those in which something changed: each look is a question to a keeper."""
PAYERS: Final = ("lender", "liquidator")
AGAIN_SECONDS: Final = 5.0
"""After a fault of our own in a round, before the next one."""
_SPENT = msgspec.msgpack.Decoder(Spent)  # made at import, as in vault.terms


@dataclass(slots=True, kw_only=True)
class Look:
    """What the last look at a loan found, and what came of what was done, by the wish's name."""

    situation: Situation
    wishes: tuple[Wish, ...]
    came: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Tried:
    """An action that was answered, at a tip and a seq of the ledger as posted: it is not repeated there."""

    action: Action
    tip: int
    seq: int


@dataclass(slots=True, kw_only=True, repr=False)
class Loans:
    """The loans of one node. `claim` orders a claim with a proof; `now` is the clock that a price needs, nothing else."""

    node: Node
    policy: Policy
    poll_seconds: float
    now: Callable[[], int]
    claim: Callable[[bytes, int], Awaitable[Any]]
    outlook: Outlook = field(init=False)
    looks: dict[bytes, Look] = field(default_factory=dict)
    rounds: int = 0
    height: int = -1
    _spent: Spent = NOTHING_SPENT
    _tried: dict[tuple[bytes, str], _Tried] = field(default_factory=dict)
    _claims: dict[tuple[bytes, int], asyncio.Task[None]] = field(default_factory=dict)
    _alarms: set[tuple[bytes, str]] = field(default_factory=set)
    _rows: list[Put] = field(default_factory=list)
    _changed: set[bytes] = field(default_factory=set)
    _next: int = 0
    _rung: asyncio.Event = field(default_factory=asyncio.Event)
    _looking: bool = False

    def __post_init__(self) -> None:
        self.outlook = Outlook(node=self.node, policy=lambda: self.policy, spent=lambda: self._spent, now=self.now)
        raw = self.node.context.store.get(COLUMN, SPENT_KEY)
        if raw is not None:
            self._spent = _SPENT.decode(raw)

    # ---- life --------------------------------------------------------------------------------------------------------
    def ring(self, vaults: Iterable[bytes] = ()) -> None:
        """Something has changed: look again now at these, and at all of them after a block."""
        self._changed.update(vaults)
        self._rung.set()

    @property
    def busy(self) -> int:
        """Actions begun and not answered: proofs of claims, and a round that is under way."""
        return len(self._claims) + self._looking

    def idle(self, height: int) -> bool:
        """Whether a round has seen this height and nothing is left that does not wait for somebody else."""
        return not self.busy and not self._rung.is_set() and (self.height >= height or not any(self._living()))

    async def run(self) -> None:
        """Until cancelled. A fault nobody foresaw is logged, and the next round begins a little later."""
        while True:
            self._rung.clear()
            try:
                await self._round()
            except Exception:
                log.exception("a round of the loans failed and begins again")
                await asyncio.sleep(AGAIN_SECONDS)
            await self._wait()

    async def close(self) -> None:
        """End the claims that are being proved: they are begun again by the next start."""
        tasks = list(self._claims.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self) -> None:
        """Until a block, a change, a final checkpoint, or `poll_seconds`."""
        waits: list[Coroutine[Any, Any, object]] = [self._rung.wait()]
        waits += [each.follower.bell.heard() for each in self._ledgers()]
        bells = [asyncio.ensure_future(each) for each in waits]
        try:
            await asyncio.wait(bells, timeout=self.poll_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for bell in bells:
                bell.cancel()
            await asyncio.gather(*bells, return_exceptions=True)

    def _ledgers(self) -> Iterator[Open]:
        """Open ledgers that a living loan is about."""
        rooms = self.node.ledgers
        wanted = {state.proposal.loan.ledger for _, state in self._living() if state.proposal.loan is not None}
        if rooms is not None:
            yield from (opened for ledger, opened in rooms.open_ledgers.items() if ledger in wanted)

    def _living(self) -> Iterator[tuple[bytes, VaultState]]:
        """Vaults with a loan in which something may still move."""
        tip, bound = self.node.scanner.height, self.node.rules.bound
        for vault, state in list(self.node.book.items()):
            if state.proposal.loan is None or stage(state) is not Stage.LIVE:
                continue
            if not (state.log and settled(state, tip, bound)):
                yield vault, state

    async def _round(self) -> None:
        """One look at every living loan."""
        self._looking = True
        try:
            height = self.node.scanner.height
            self.outlook.begin()
            chosen = self._chosen(height)
            paying = any(state.proposal.parties[state.me].role in PAYERS for _, state in chosen)
            price, unpriced = await self.outlook.price() if paying else (None, "this party pays for no coins")
            for vault, state in chosen:
                await self._look(vault, state, price, unpriced)
            if self._rows:
                rows, self._rows = tuple(self._rows), []
                await self.node.context.write(rows)
            self.height, self.rounds = height, self.rounds + 1
        finally:
            self._looking = False

    def _chosen(self, height: int) -> list[tuple[bytes, VaultState]]:
        """All living loans at a new block; between blocks those in which something changed, and some of the others in turn."""
        living = list(self._living())
        changed, self._changed = self._changed, set()
        if height != self.height or len(living) <= LOANS_A_ROUND:
            return living
        self._next = (self._next + LOANS_A_ROUND) % len(living)
        some = {vault for vault, _ in (*living[self._next :], *living)[:LOANS_A_ROUND]} | changed
        return [(vault, state) for vault, state in living if vault in some]

    # ---- looking -----------------------------------------------------------------------------------------------------
    async def _look(self, vault: bytes, state: VaultState, price: int | None, unpriced: str) -> None:
        situation = await self.outlook.situation(vault, state, price, unpriced)
        before = self.looks.get(vault)
        now = Look(situation=situation, wishes=wishes(situation), came=before.came if before is not None else {})
        self.looks[vault] = now
        self._say(vault, before, now)
        self._chart(vault, before, now)
        for wish in now.wishes:
            if wish.action is not None:
                await self._carry_out(vault, now, wish, wish.action)

    async def fresh(self, vault: bytes, state: VaultState) -> Look:
        """A look for whoever asks: nothing is done and nothing is noted."""
        known = self.looks.get(vault)
        situation = await self.outlook.situation(vault, state, *await self.outlook.price())
        return Look(situation=situation, wishes=wishes(situation), came=known.came if known is not None else {})

    # ---- what is said and shown --------------------------------------------------------------------------------------
    def _say(self, vault: bytes, before: Look | None, now: Look) -> None:
        known = {(wish.about, wish.does, wish.action) for wish in before.wishes} if before is not None else set()
        for wish in now.wishes:
            if (wish.about, wish.does, wish.action) not in known:
                log.info("decision", vault=vault.hex()[:16], about=wish.about, does=wish.does, why=wish.why)
            if wish.alarm and (vault, wish.alarm) not in self._alarms:
                self._alarms.add((vault, wish.alarm))
                self.node.alarm(wish.alarm, vault=vault.hex()[:16], about=wish.about)

    def _chart(self, vault: bytes, before: Look | None, now: Look) -> None:
        """One row a block, and what was new in it."""
        situation, store = now.situation, self.node.context.store
        last = before.situation.reading if before is not None else None
        reading, tip = situation.reading or last, situation.tip
        if reading is None:
            return
        known = row_at(store, vault, tip)
        events = dict.fromkeys(known.events if known is not None else ())
        events.update(dict.fromkeys(happened(situation.state, tip, last, reading)))
        row = ChartRow(
            height=tip, price=reading.price, health=max(0, reading.health), debt=reading.debt, events=tuple(events)
        )
        if row != known:
            self._rows += puts_of(vault, row, self.node.limits.chart_rows)

    # ---- acting ------------------------------------------------------------------------------------------------------
    async def _carry_out(self, vault: bytes, look: Look, wish: Wish, action: Action) -> None:
        """One action, unless it was answered already and nothing has changed since."""
        situation = look.situation
        seq = situation.reading.seq if situation.reading is not None else -1
        tried = _Tried(action, situation.tip, seq)
        if self._tried.get((vault, wish.about)) == tried:
            return
        try:
            look.came[wish.about] = await self._act(vault, situation, action, tried, wish)
        except (PeerFault, LocalFault) as fault:
            look.came[wish.about] = str(fault)
            log.warning("not done", vault=vault.hex()[:16], about=wish.about, reason=str(fault))
        except Unavailable as fault:  # nobody knows whether it was booked: it is asked again, and booked once
            if look.came.get(wish.about) != str(fault):
                log.warning("not answered", vault=vault.hex()[:16], about=wish.about, reason=str(fault))
            look.came[wish.about] = str(fault)
            return
        self._tried[vault, wish.about] = tried
        self.ring((vault,))

    async def _act(self, vault: bytes, s: Situation, action: Action, tried: _Tried, wish: Wish) -> str:
        match action:
            case Ask(request=request, payment=payment, cents=cents):
                return await self._ask(s.state, request, payment, cents)
            case SignTerms():
                digest = agreed.digest(s.proposal.genesis, s.loan.ledger, s.terms.vault_id)
                signature = self.node.context.keys.identity.sign(digest)
                return await self._ask(s.state, words.Register(terms=encode(s.terms), signature=signature), "", 0)
            case TakeLoan():
                a = self.node.context.own_of(s.state).hashlock_a().reveal()
                return await self._ask(s.state, words.TakeLoan(vault=s.name, preimage=a), "", 0)
            case ShowR(slot=slot):
                request = words.ShowR(vault=s.name, slot=s.proposal.ledger_slot(slot), preimage=self._r(s, slot))
                return await self._ask(s.state, request, "", 0)
            case Order(key=name, value=value, contest=contest):
                if contest:
                    await self._budget(self._spent.at(s.tip).with_contest(contest))
                outcome = await self.node.loop.put(Happened(vault=vault, event=Ordered(key=name, value=value)))
                if outcome.kind in ("refused", "early"):
                    raise LocalFault(what=wish.about, expected="possible now", came=outcome.reason)
                return outcome.kind
            case OpenFast(entry=f):
                return await self._open_fast(vault, s, f)
            case ClaimGraph(graph=g):
                if (vault, g) not in self._claims:
                    self._claims[vault, g] = asyncio.create_task(self._claim(vault, g, wish.about))
                return "the proof is being made"
            case _:
                assert_never(action)

    async def _open_fast(self, vault: bytes, s: Situation, f: int) -> str:
        """Asked once a block: an attestor that has attested says so again, one that has not may yet."""
        opened, rooms = self.outlook.opened(s.state), self.node.ledgers
        assert rooms is not None  # noqa: S101 - a ledger is open in it
        found = await fast.opened(rooms.asking(opened.id), opened.genesis, s.loan, f)
        if found.secret is None:
            waits = "; ".join(f"attestor {index}: {why}" for index, why in found.waits.items())
            return f"{len(found.attested)} of {s.loan.threshold} have attested it; {waits}"[:2000]
        outcome = await self.node.loop.put(
            Happened(vault=vault, event=Ordered(key=key("want_fast", f), value=found.secret))
        )
        return f"attested by {found.attested}: {outcome.kind} {outcome.reason}".rstrip()

    def _r(self, s: Situation, slot: int) -> bytes:
        """The lender's own preimage, or what the lender has shown the borrower."""
        if s.state.me == s.proposal.lender:
            return self.node.context.own_of(s.state).hashlock_r(slot).reveal()
        return s.state.facts[key("release", slot)]

    async def _ask(self, state: VaultState, request: words.Request, payment: str, cents: int) -> str:
        opened = self.outlook.opened(state)
        if payment:
            await self._budget(self._spent.at(self.node.scanner.height).with_payment(payment, cents))
        try:
            receipt = await self.outlook.ask(opened, request)
        except PeerFault:
            if payment:
                await self._budget(self._spent.with_payment(payment, 0))
            raise
        if payment and receipt.cents != cents:
            await self._budget(self._spent.with_payment(payment, receipt.cents))
        log.info(
            "asked the keeper", vault=state.proposal.proposal_id.hex()[:16], kind=type(request).__name__,
            cents=receipt.cents, says=receipt.text,
        )  # fmt: skip
        return receipt.text

    async def _budget(self, spent: Spent) -> None:
        """Durable first."""
        put: Put = (COLUMN, SPENT_KEY, msgspec.msgpack.encode(spent))
        await self.node.context.write((put,))
        self._spent = spent

    async def _claim(self, vault: bytes, g: int, about: str) -> None:
        """Prove and order a claim, beside the rounds: a proof takes its time."""
        came = ""
        try:
            await self.claim(vault, g)
            came = "claimed"
        except FAULTS as fault:
            came = str(fault)
            log.warning("not claimed yet", vault=vault.hex()[:16], graph=g, reason=came)
            if isinstance(fault, Unavailable):
                self._tried.pop((vault, about), None)
        except Exception:
            log.exception("a claim failed", vault=vault.hex()[:16], graph=g)
        finally:
            self._claims.pop((vault, g), None)
            if came and vault in self.looks:
                self.looks[vault].came[about] = came
            if came == "claimed":
                self.ring((vault,))

    @property
    def spent(self) -> Spent:
        """Of the day of the present tip."""
        return self._spent.at(self.node.scanner.height)
