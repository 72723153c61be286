"""The node: ports wired around the one loop. What comes in becomes an item of the loop; what a turn asks for is started here.

Promise: every answer (to a peer, to an RPC client) is given after the commit it speaks of; after a crash `start` takes up
every open job, every undelivered message and everything due. This module does NOT hold protocol rules (challenge, vault)
and does NOT know how adapters work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, assert_never

import msgspec
import structlog

from bitcoin_scripts.transaction import display_txid
from challenge.actions import Close, Run
from challenge.classify import index
from challenge.deadlines import Due, awaited, stage
from challenge.events import Event, Halted, Ordered, Stalled
from challenge.facts import key
from challenge.machine import Outcome
from challenge.policy import standing_orders
from challenge.states import Job, Stage, VaultState
from native._native import tapscript
from node.admission import Judges, Rules, admit
from node.book import Book, Sending, Turn, outbox_entry
from node.chain import Connected as BlockConnected
from node.chain import Disconnected as BlockDisconnected
from node.chain import Follower, ReorgTooDeep
from node.decisions import Decisions
from node.faults import LocalFault, PeerFault, Unavailable
from node.fee_reserve import FeeReserve
from node.foresee import foresee
from node.homecoming import Homecoming
from node.jobs import Jobs
from node.limits import PRODUCT, Limits
from node.loop import Connected, Delivered, Disconnected, Happened, Item, Loop, Proposed, Wrote
from node.outbox import Outbox
from node.phases import cost_key
from node.post import Post
from node.proposing import digits_of, propose
from node.proving.statements import OUTCOME
from node.publish import Publisher
from node.scan import Scanner
from node.stall import Stalls, called
from node.view import vault_line
from node.watches import coins_of, put_of
from node.work import build, bump
from node.work.context import Context
from node.work.dispute_engine import useless
from node.work.funding import load_stakes
from node.work.leaving import checked
from node.work.reclaim import decisive_coin
from vault.overview import page
from vault.picture import dot, text

if TYPE_CHECKING:
    from node.ledger.room import Ledgers
    from node.lending.party import Loans

log = structlog.get_logger()

WAIT_SECONDS = 60.0
POLL_SECONDS = 0.003
LOOK_SECONDS = 1.0
"""Between two looks at the mempool for a witness that a job will ask for."""
DRAWINGS = {"text": text, "dot": dot, "svg": page}


@dataclass(slots=True)
class Node:
    """One node. Build it with its ports (`node.daemon` does), then `start`, `run`, `close`."""

    rules: Rules
    context: Context
    book: Book
    scanner: Scanner
    limits: Limits = PRODUCT
    loop: Loop = field(init=False)
    post: Post = field(init=False)
    outbox: Outbox = field(init=False)
    publisher: Publisher = field(init=False)
    jobs: Jobs = field(init=False)
    stalls: Stalls = field(init=False)
    homecoming: Homecoming = field(init=False)
    reserve: FeeReserve = field(init=False)
    decisions: Decisions = field(default_factory=Decisions)
    alarms: int = 0
    ledgers: Ledgers | None = None
    loans: Loans | None = None
    tell: Callable[[str, Any], None] = lambda event, value: None
    _watched: set[bytes] = field(default_factory=set)
    _ordered: set[tuple[bytes, Stage]] = field(default_factory=set)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _background: set[asyncio.Task[Any]] = field(default_factory=set)
    _awaited: dict[bytes, tuple[str, ...]] = field(default_factory=dict)
    _stopped: set[tuple[bytes, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.loop = Loop(book=self.book, store=self.context.store, scanner=self.scanner, dispatch=self.dispatch)
        self.post = Post(
            rules=self.rules, limits=self.limits, context=self.context, book=self.book, loop=self.loop,
            ledgers=lambda: self.ledgers, judges=self.judges,
        )  # fmt: skip
        self.jobs = Jobs(context=self.context, state=self.state, told=self._told, derived=self._watch)
        self.reserve = FeeReserve(free=lambda: self.context.wallet.balance().free)
        for vault, state in self.book.items():
            self.reserve.reckon(vault, state)
        self.outbox = Outbox(transmit=self.post.transmit, delivered=self._delivered, refused=self._refused)
        self.stalls = Stalls(
            patience=self.rules.patience, state=self.state, here=self.context.here, came=self.context.phases.came,
            height=lambda: self.scanner.height, unheard=self.outbox.waiting_for, told=self._happened, alarm=self.alarm,
        )  # fmt: skip
        self.homecoming = Homecoming(
            context=self.context,
            bound=self.rules.bound,
            state=self.state,
            over=lambda vault: self._drop(vault, over=True),
        )
        self.publisher = Publisher(
            chain=self.context.chain, book=self.book, scanner=self.scanner, store=self.context.store, guard=self.context.guard,
            bound=self.rules.bound, returning=self.homecoming.returning, build=self._build, bump=self._bump, check=self._check,
            write=self.context.write,
        )  # fmt: skip

    # ---- life ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take up what the last run left open: watches, jobs, messages."""
        for vault, state in self.book.items():
            if state.end is None and key("digest", state.me) in state.facts:
                if coins_of(self.context.store, vault) is None:
                    found = await asyncio.to_thread(index, await self.context.graph(state))
                    self.context.store.commit([put_of(vault, found)])
                await self._watch(vault, state)
                self._await(vault, state)
        for vault, state in self.book.items():
            self.stalls.note(vault, state)
        for raw_key, value in self.context.store.items("outbox"):
            self.outbox.add(outbox_entry(raw_key, value))
        for vault, action in self.book.reopen():
            self._act(vault, action)
        if self.ledgers is not None:
            self.ledgers.start()
        self.homecoming.suspect(vault for vault, _ in self.book.items())
        self.publisher.poke()

    async def run(self) -> None:
        """Loop, chain and publisher, until `stop` or a fault that the node cannot go on with."""
        async with asyncio.TaskGroup() as tasks:
            work = [
                tasks.create_task(each)
                for each in (self.loop.run(), self._follow(), self.publisher.run(), self._look(), self.stalls.run())
            ]
            if self.loans is not None:
                work.append(tasks.create_task(self.loans.run()))
            self._standing_orders()
            await self._stopping.wait()
            for task in work:
                task.cancel()

    def stop(self) -> None:
        """Make `run` return."""
        self._stopping.set()

    async def close(self) -> None:
        """Stop jobs and deliveries; everything open is on disk."""
        await self.jobs.close()
        await self.context.once.close()
        if self.loans is not None:
            await self.loans.close()
        if self.ledgers is not None:
            await self.ledgers.close()
        await self.outbox.close()

    async def _follow(self) -> None:
        """Blocks into the loop, one after the other; a reorg beyond the bound halts every vault it may touch."""
        follower = Follower(
            self.context.chain, recent=self.scanner.recent(), start=self.rules.start, bound=self.rules.bound,
            on_unavailable=lambda fault: log.warning("the chain does not answer", reason=str(fault)),
        )  # fmt: skip
        try:
            async for event in follower.events():
                match event:
                    case BlockConnected(height=height, hash=block, raw=raw):
                        await self.loop.put(Connected(height=height, block=block, raw=raw))
                    case BlockDisconnected(height=height, hash=block):
                        await self.loop.put(Disconnected(height=height, block=block))
        except ReorgTooDeep as fault:
            log.critical("reorg beyond the bound: every living vault is halted", reason=str(fault))
            for vault, state in list(self.book.items()):
                if state.end is None:
                    await self.loop.put(Happened(vault=vault, event=Halted(reason=str(fault))))

    async def _look(self) -> None:
        """Again and again at the mempool: what a block will make this node compute begins when it is seen there."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for vault, names in list(self._awaited.items()):
                try:
                    await foresee(self.context, self.state(vault), names)
                except (Unavailable, PeerFault) as fault:
                    log.info("the mempool is not seen", reason=str(fault))

    # ---- what a committed turn asks for ------------------------------------------------------------------------------

    def dispatch(self, item: Item, turn: Turn) -> None:
        """Start what the turn asks for. Everything here is idempotent."""
        if turn.outcome.kind == "alarm":
            self.alarm(turn.outcome.reason)
        for sending in turn.sends:
            self.outbox.add(sending)
        for vault, action in turn.actions:
            self._act(vault, action)
        for vault, state in turn.states.items():
            self.reserve.reckon(vault, state)
            self.context.phases.reached(vault, stage(state))
            self.stalls.note(vault, state)
            self.tell("vault", vault_line(vault, state))
            self._say(vault, state)
            self._await(vault, state)
            self._order(vault, state)
        if turn.states:
            self.reserve.watch()
        if isinstance(item, Connected | Disconnected):
            self.tell("block", {"height": self.scanner.height, "block": display_txid(self.scanner.block)})
            self._spawn(self.context.announce_block())
        if isinstance(item, Disconnected):
            self.homecoming.suspect(vault for vault, _ in self.book.items())
        if isinstance(item, Wrote):  # a record of Stakes may come after the end of its setup
            self.publisher.wake(key[:32] for column, key, _ in item.puts if column == "jobs")
        if turn.states or isinstance(item, Connected | Disconnected):
            self.publisher.poke(turn.states)

        lending = any(state.proposal.loan is not None for state in turn.states.values())
        if self.loans is not None and (lending or isinstance(item, Connected | Disconnected)):
            self.loans.ring(turn.states)

    def _await(self, vault: bytes, state: VaultState) -> None:
        """Note what of a vault is worth looking for in the mempool."""
        names = awaited(state)
        if names:
            self._awaited[vault] = names
        else:
            self._awaited.pop(vault, None)

    def _say(self, vault: bytes, state: VaultState) -> None:
        """Why this node does what a dispute asks of it, or does not, whenever that changes."""
        if state.end is None:
            for each in self.decisions.news(vault, state):
                log.info(
                    "decision", vault=vault.hex()[:16], graph=each.graph, about=each.about, does=each.does, why=each.why
                )  # fmt: skip

    def alarm(self, reason: str, **where: str) -> None:
        """Call the operator: one line of the log, one more in the metrics. `where`: what it is about."""
        self.alarms += 1
        log.critical("alarm", **where, reason=reason)

    def _happened(self, vault: bytes, event: Event) -> None:
        self.loop.put(Happened(vault=vault, event=event))

    def _refused(self, sending: Sending, reason: str) -> None:
        """A proposal that one party does not take never becomes a vault: it ends at once, with what that party said."""
        if sending.key == "propose":
            who = called(self.state(sending.vault), sending.to)
            self._happened(sending.vault, Stalled(reason=f"{who} does not take the proposal: {reason}"))

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _act(self, vault: bytes, action: Run | Close) -> None:
        match action:
            case Run(job=job):
                self.jobs.run(vault, job)
            case Close(reason=reason):
                self._close_vault(vault, reason)
            case _:
                assert_never(action)

    def _close_vault(self, vault: bytes, reason: str) -> None:
        """The setup ended: this node's share of G is burnt, its coins are free again, but for the one that calls PreFund off."""
        log.warning("setup ended", vault=vault.hex()[:16], reason=reason)
        kept = decisive_coin(self.state(vault))
        if kept is not None:
            log.info("takes a coin of the deposit back: who has said ready waits for that", vault=vault.hex()[:16])
        self.jobs.cancel(vault)
        self.outbox.drop(vault, but="abort")
        self.context.keys.burn(vault)
        self.context.wallet.release(f"{vault.hex()}/stakes")
        self.context.wallet.release(vault.hex(), keep=() if kept is None else ((kept.txid, kept.vout),))
        self.loop.put(Wrote(puts=tuple(self.context.wallet.puts())))
        self._drop(vault, over=True)

    def _drop(self, vault: bytes, *, over: bool) -> None:
        """Free the room of artifacts that are of no use any more."""
        for artifact in useless(self.context, self.state(vault), over=over):
            self.context.artifacts.drop(artifact)

    async def _told(self, vault: bytes, event: Event) -> Outcome:
        return await self.loop.put(Happened(vault=vault, event=event))

    async def _watch(self, vault: bytes, state: VaultState) -> None:
        if vault in self._watched:
            return
        coins = coins_of(self.context.store, vault)
        if coins is None:
            found = await asyncio.to_thread(index, await self.context.graph(state))
            await self.context.write((put_of(vault, found),))
            coins = list(found.coins)
        self._watched.add(vault)
        self.scanner.watch(vault, coins)

    def _standing_orders(self) -> None:
        for vault, state in self.book.items():
            self._order(vault, state)

    def stakes(self, vault: bytes) -> list[dict[str, Any]]:
        """This party's Stakes as a line of its table of transactions."""
        record = load_stakes(self.context, vault)
        if record is None or not record.raw:
            return []
        vsize = -(-tapscript.weight(record.raw) // 4)
        return [
            {
                "name": "stakes",
                "txid": display_txid(tapscript.txid(record.raw)),
                "height": None,
                "vsize": vsize,
                "fee": record.fee,
            }
        ]

    def cost(self, vault: bytes) -> list[dict[str, Any]]:
        """What the setup of a vault cost, by stage: as stored when it became live, else as counted so far."""
        raw = self.context.store.get("jobs", cost_key(vault))
        rows: list[dict[str, Any]] = msgspec.msgpack.decode(raw) if raw else self.context.phases.table(vault)
        return rows

    def _keep_cost(self, vault: bytes) -> None:
        rows = self.context.phases.table(vault)
        if rows and self.context.store.get("jobs", cost_key(vault)) is None:
            self.loop.put(Wrote(puts=(("jobs", cost_key(vault), msgspec.msgpack.encode(rows)),)))

    def _order(self, vault: bytes, state: VaultState) -> None:
        """What is ordered once and for all: accepting what others propose, then a living vault's policy.

        It follows from the state, once a run: the crash that came before an order was stated does not lose it.
        """
        reached = stage(state)
        if reached not in (Stage.PROPOSED, Stage.LIVE) or (vault, reached) in self._ordered:
            return
        self._ordered.add((vault, reached))
        if reached is Stage.LIVE:
            self._drop(vault, over=False)
            self._keep_cost(vault)
        for name in self._orders(state) if reached is Stage.LIVE else self._acceptance(vault, state):
            if name not in state.facts:
                self.loop.put(Happened(vault=vault, event=Ordered(key=name)))

    def _orders(self, state: VaultState) -> Iterable[str]:
        orders = standing_orders(self.rules.policy, state.proposal, state.me)
        if state.proposal.loan is None or self.loans is None:
            return orders
        return (
            order for order in orders if not order.startswith("want_contest")
        )  # its claims have a budget: node.lending

    def _acceptance(self, vault: bytes, state: VaultState) -> Iterable[str]:
        if self.rules.accept != "auto" or key("accept", state.me) in state.facts:
            return ()
        try:
            self.reserve.afford(state.proposal, state.me)
        except LocalFault as fault:
            log.error("not accepted by itself", vault=vault.hex()[:16], reason=str(fault))
            return ()
        return ("want_accept",)

    async def _build(self, vault: bytes, state: VaultState, name: str) -> bytes:
        return await build(self.context, state, name)

    async def _bump(self, vault: bytes, state: VaultState, name: str, raw: bytes, tip: int) -> None:
        await bump(self.context, state, name, raw, tip)

    async def _check(self, vault: bytes, state: VaultState, item: Due, raw: bytes, tip: int) -> str:
        """What a transaction is for, in words. Raises LocalFault, after an alarm, when it is not what it should be."""
        try:
            return (await checked(self.context, state, item, raw, tip)).words
        except LocalFault as fault:
            if (vault, str(fault)) not in self._stopped:
                self._stopped.add((vault, str(fault)))
                self.alarm(f"not published: {fault}", vault=vault.hex()[:16])
            raise

    # ---- peers -------------------------------------------------------------------------------------------------------

    async def on_message(self, peer_id: str, raw: bytes) -> bytes:
        """A peer's message; who sent it stands in its envelope."""
        return await self.post.on_message(raw)

    async def on_chunk(self, peer_id: str, artifact: bytes, chunk: int) -> bytes | None:
        """A peer wants a chunk of an artifact."""
        return await self.post.on_chunk(artifact, chunk)

    def _delivered(self, sending: Sending) -> None:
        self.loop.put(Delivered(sending=sending))

    # ---- the operator ------------------------------------------------------------------------------------------------

    def state(self, vault: bytes) -> VaultState:
        """The state of a known vault. Raises LocalFault."""
        state = self.book.get(vault)
        if state is None:
            raise LocalFault(
                what="vault", expected="one of this node's", came=vault.hex(), todo="`bitvm3 vault list` shows them."
            )
        return state

    def find(self, text: str) -> bytes:
        """The vault whose id begins with these hex digits. Raises LocalFault."""
        found = [vault for vault, _ in self.book.items() if len(text) >= 8 and vault.hex().startswith(text.lower())]
        if len(found) != 1:
            raise LocalFault(
                what="vault",
                expected="8 or more digits that begin one id",
                came=text,
                todo="`bitvm3 vault list` shows them.",
            )
        return found[0]

    async def order(self, vault: str, kind: str, *indices: int, value: bytes = b"") -> dict[str, Any]:
        """State an operator's fact. Raises LocalFault with the machine's reason when it is refused."""
        name = self.find(vault)
        if kind == "want_accept":
            self.reserve.afford(self.state(name).proposal, self.state(name).me)
        outcome = await self.loop.put(Happened(vault=name, event=Ordered(key=key(kind, *indices), value=value)))
        if outcome.kind in ("refused", "early"):
            raise LocalFault(what=kind.replace("want_", ""), expected="possible now", came=outcome.reason)
        return {"vault": name.hex(), "outcome": outcome.kind}

    async def claim(self, vault: str, graph: int, balance: int, salt: int) -> dict[str, Any]:
        """Order a claim: the sealed inputs become the digits that Assert will publish if it is contested."""
        state = self.state(self.find(vault))
        if not 0 <= graph < len(state.proposal.graphs) or state.proposal.graphs[graph].claimant != state.me:
            raise LocalFault(
                what="graph",
                expected="one in which this node is the claimant",
                came=str(graph),
                todo="`bitvm3 vault show` lists them.",
            )
        return await self.order(
            vault, "want_claim", graph, value=bytes(digits_of(state.proposal.graphs[graph], balance, salt))
        )

    async def propose(self, wanted: dict[str, Any]) -> str:
        """Begin a vault as its proposer; returns its id, hex. Raises LocalFault naming the field."""
        judges, identity = await asyncio.to_thread(self.judges), self.context.keys.identity.xonly()
        proposal = await asyncio.to_thread(
            propose, wanted, network=self.rules.network, genesis=self.rules.genesis, keys=sorted(judges.keys),
            ledgers=judges.ledgers,
        )  # fmt: skip
        try:
            proposer, me = await asyncio.to_thread(
                admit, proposal, proposer=identity, me=identity, rules=self.rules, judges=judges
            )
        except PeerFault as fault:
            raise LocalFault(what=fault.what, expected=fault.expected, came=fault.came) from fault
        self.reserve.afford(proposal, me)
        outcome = await self.loop.put(Proposed(proposal=proposal, me=me, proposer=proposer))
        if outcome.kind == "duplicate":
            raise LocalFault(what="proposal", expected="a new one", came=outcome.reason)
        return proposal.proposal_id.hex()

    def judges(self) -> Judges:
        """What this node can judge a claim of engine babe by. Reads the key folder."""
        lines, ledgers = self.context.proving.keys(), self.context.ledgers
        genesis = {ledger: ledgers.genesis(ledger) for ledger in ledgers.ids()}
        return Judges(
            ledgers={ledger: found.rules for ledger, found in genesis.items()},
            keys=frozenset(line.key for line in lines if line.statement.name == OUTCOME),
            genesis=genesis,
            height=self.scanner.height,
        )

    async def picture(self, vault: str, form: str) -> str:
        """The vault's transactions as text, dot or svg. Raises LocalFault before the graph is known."""
        state = self.state(self.find(vault))
        if key("digest", state.me) not in state.facts:
            raise LocalFault(
                what="graph",
                expected="engine points of every claimant",
                came=f"a vault at {stage(state).value}",
                todo="Wait for the setup.",
            )
        return DRAWINGS[form](await self.context.graph(state))

    # ---- quiet -------------------------------------------------------------------------------------------------------

    def quiet(self, height: int) -> bool:
        """True when this height is processed and nothing is left that does not wait for a block."""
        working = len(self.jobs) - self.context.waiting + self.context.once.busy
        return (
            self.scanner.height >= height and self.loop.empty and not len(self.outbox) and working <= 0
            and not self._background and self.publisher.idle and (self.loans is None or self.loans.idle(height))
        )  # fmt: skip

    async def wait_quiet(self, height: int) -> dict[str, Any]:
        """Return when quiet, or after WAIT_SECONDS with what is still going on."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while not self.quiet(height):  # noqa: ASYNC110 - quiet is a sum of many parts, none of which tells
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            pass
        return {
            "quiet": self.quiet(height),
            "height": self.scanner.height,
            "turns": self.loop.turns,
            **self.under_way(),
        }

    def under_way(self) -> dict[str, Any]:
        """What the node is doing."""
        return {
            "outbox": len(self.outbox),
            "jobs": len(self.jobs),
            "waiting": self.context.waiting,
            "foreseen": self.context.once.busy,
            "publishing": not self.publisher.idle,
            "lending": self.loans.busy if self.loans is not None else 0,
        }

    def progress(self, vault: bytes, job: Job) -> dict[str, Any]:
        """(done, total) of a long job, when it tells."""
        progress = self.context.progress.get((vault, job))
        return {"done": progress.done, "total": progress.total} if progress is not None else {}
