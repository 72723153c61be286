"""Three nodes in one process: real machines, stores, guards, keys, wallets and engine; chain and peers in memory.

An `Actor` lives again and again: when its fuse blows, the life is thrown away and the next one opens the same folder, as
after a power cut. What a person orders is ordered again until a living node has taken it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from blake3 import blake3

from challenge.deadlines import stage
from challenge.events import Done, Ordered, Told
from challenge.game import fold
from challenge.policy import Policy
from challenge.states import Stage, VaultState
from circuits.withdrawal import commitment_of
from native._native.keys import WalletKeys
from node.admission import Rules
from node.app import Node
from node.artifacts import Artifacts
from node.book import Book
from node.config import PricesConfig
from node.faults import LocalFault, PeerFault, Unavailable
from node.guard import Guard, pair
from node.keys import Kdf, Keys
from node.letters import from_body
from node.loop import Connected, Delivered, Disconnected, Happened, Proposed, Wrote
from node.p2p import envelope
from node.post import LEDGER
from node.precheck import Ceiling
from node.prices import Prices
from node.proving import KeyFolder, Proving
from node.scan import Scanner
from node.store import Store
from node.wallet import Wallet
from node.work.ceremony import derived
from node.work.context import Context
from tests.simulation.chain import MemoryChain
from tests.simulation.power import Crash, Fuse, Fused, Power
from tests.simulation.registry import Registry, folder
from vault.agreement import Role

GENESIS = bytes(range(32))
CHEAP = Kdf(memory_kib=8, iterations=1)
BALANCE, SALT = 600_000, 7
SLOT, GIFTS, GIFT = 1_000_000, 3, 5_000_000
ROLES = ("borrower", "lender", "challenger")
BOUND = 100
CEILING = Ceiling(rate=500, sats=1_000_000)
ANSWER_SECONDS = 5.0

Message = tuple[str, str, bytes]
"""(sender, recipient, raw)."""


def letter_of(raw: bytes) -> str:
    """The fact that a message carries, for labels and tampering: `partials/0/1`; a message of a ledger by its kind."""
    decoded = msgspec.msgpack.decode(raw, type=envelope.Envelope)
    if decoded.kind.startswith(LEDGER):
        return decoded.kind
    return from_body(decoded.kind, decoded.body)[0]


def item_of(item: Any) -> str:
    """What an item of the loop is, the same in every run."""
    match item:
        case Happened(event=Told(party=party, key=key)):
            return f"told {party} {key}"
        case Happened(event=Done(job=job)):
            return f"done {job.kind}{job.indices or ''}"
        case Happened(event=Ordered(key=key)):
            return f"ordered {key}"
        case Connected(height=height) | Disconnected(height=height):
            return f"{type(item).__name__.lower()} {height}"
        case Delivered(sending=sending):
            return f"delivered {sending.key} to {sending.to}"
        case Wrote(puts=puts):
            return "wrote " + ",".join(sorted({_put(column, key) for column, key, _ in puts}))
        case Proposed():
            return "proposed"
        case _:
            return type(item).__name__


def _put(column: str, key: bytes) -> str:
    if column == "ledgers":
        return f"ledgers {chr(key[32])}"  # node/ledger/shelf.py names what each letter is
    named = column in ("outgoing", "jobs")
    return f"{column} {key[32:].decode()}" if named else column


KEY_FILES = {"ephemeral": lambda name: "ephemeral key", "burn": lambda name: "burning of the ephemeral key"}
ARTIFACT_FILES = {
    "put": lambda content, kind: f"storing of {kind}",
    "drop": lambda name: "dropping of an artifact",
    "fetch": lambda *_, **__: "fetching",
}
MESSAGES = {"send": lambda peer_id, raw, timeout: f"sending of {letter_of(raw)} to {peer_id}"}


def role_of(name: str) -> Role:
    """The role of an actor: `liquidator-2` is a liquidator."""
    return name.partition("-")[0]  # type: ignore[return-value]


class Wire:
    """Messages between the nodes of a world, by name. `tamper` may change, drop (None) or copy what passes."""

    def __init__(self) -> None:
        self.lives: dict[str, Life] = {}
        self.tamper: Callable[[str, str, bytes], bytes | None] = lambda sender, to, raw: raw
        self.chunk: Callable[[str, str, bytes, int, bytes | None], bytes | None] = lambda sender, to, name, n, raw: raw
        self.passed: list[Message] = []

    def port(self, sender: str) -> Any:
        wire = self

        class Port:
            async def send(self, peer_id: str, raw: bytes, timeout: float) -> bytes:  # noqa: ASYNC109
                await asyncio.sleep(0)
                wire.passed.append((sender, peer_id, raw))
                changed = wire.tamper(sender, peer_id, raw)
                if changed is None:
                    raise Unavailable(what=peer_id, expected="there", came="gone")
                life = wire.there(peer_id)
                try:
                    async with asyncio.timeout(ANSWER_SECONDS):  # as the real port: a node that stops never answers
                        return await life.until_cut(life.node.on_message(sender, changed))
                except TimeoutError:
                    raise Unavailable(what=peer_id, expected="an answer", came="none") from None
                except PeerFault as fault:  # as a text, like the real port's
                    said = f"a refusal: {fault}"[:500]
                    raise PeerFault(what=f"peer {peer_id}", expected="an answer", came=said) from None

            async def fetch_chunk(self, peer_id: str, artifact: bytes, index: int, timeout: float) -> bytes:  # noqa: ASYNC109
                life = wire.there(peer_id)
                chunk = await life.until_cut(life.node.on_chunk(sender, artifact, index))
                chunk = wire.chunk(sender, peer_id, artifact, index, chunk)
                if chunk is None:
                    raise PeerFault(what="chunk", expected="held", came="not held")
                return chunk

        return Port()

    def there(self, name: str) -> Life:
        life = self.lives.get(name)
        if life is None:
            raise Unavailable(what=name, expected="there", came="gone")
        return life


@dataclass
class Life:
    """A node between two openings of its folder."""

    node: Node
    power: Power
    store: Store
    guard: Guard

    async def until_cut(self, work: Any) -> Any:
        """The result of something this life was asked for; Unavailable when it dies before it answers."""
        task, cut = asyncio.ensure_future(work), asyncio.ensure_future(self.power.cut.wait())
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # whoever asked may be gone by then
        await asyncio.wait({task, cut}, return_when=asyncio.FIRST_COMPLETED)
        cut.cancel()
        if task.done() and not isinstance(task.exception(), Crash):
            return task.result()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise Unavailable(what="peer", expected="an answer", came="its power was cut")

    async def bury(self) -> None:
        """Nothing of this life goes on, and its folder is free."""
        self.power.on = False
        await self.node.close()
        loose = [*self.node.jobs.tasks.values(), *self.node._background, *self.node.context._graphs.values()]
        for task in loose:
            task.cancel()
        await asyncio.gather(*loose, return_exceptions=True)
        self.store.close()
        self.guard.close()


@dataclass
class Actor:
    """One node, and how to open it again."""

    name: str
    folder: Path
    world: World
    policy: Policy
    fuse: Fuse
    accept: str = "auto"
    life: Life | None = None
    last: Life | None = None
    lives: int = 0
    runner: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start living; returns when the node is there."""
        there = asyncio.Event()
        self.runner = asyncio.create_task(self._live(there))
        opened = asyncio.create_task(there.wait())
        await asyncio.wait({self.runner, opened}, return_when=asyncio.FIRST_COMPLETED)
        if self.runner.done():
            self.runner.result()

    @property
    def node(self) -> Node:
        """The node of this life, or of the one that just ended."""
        assert self.last is not None
        return self.last.node

    async def _live(self, there: asyncio.Event) -> None:
        while True:
            life = self.last = self._wire_up()
            self.lives += 1
            running = asyncio.create_task(self._run(life, there))
            cut = asyncio.create_task(life.power.cut.wait())
            await asyncio.wait({running, cut}, return_when=asyncio.FIRST_COMPLETED)
            self.life = None
            self.world.wire.lives.pop(self.name, None)
            dead = not life.power.on
            running.cancel()
            cut.cancel()
            (ended, _) = await asyncio.gather(running, cut, return_exceptions=True)
            await life.bury()
            if not dead:
                if isinstance(ended, BaseException):
                    raise ended
                return

    async def _run(self, life: Life, there: asyncio.Event) -> None:
        await life.node.start()
        self.world.wire.lives[self.name] = self.life = life
        there.set()
        await life.node.run()

    def _wire_up(self) -> Life:
        world, power = self.world, Power(self.fuse)
        store = Store.open(self.folder / "store", network="regtest", genesis=GENESIS)
        guard = Guard(self.folder / "guard")
        pair(store, guard)
        keys = Keys.open(self.folder / "keys", b"passphrase", kdf=CHEAP)
        self.identity, self.secret = keys.identity.xonly(), keys.identity
        wallet = Wallet.load(
            WalletKeys(keys.wallet_seed, coin_type=1), network="regtest", keep=world.bound, items=store.items("wallet")
        )
        now: list[str] = [""]
        fused_store = Fused(store, power, {"commit": lambda puts: f"commit of {now[0]}"})
        scanner = Scanner.load(wallet=wallet, keep=world.bound, store=store)
        rules = Rules(
            network="regtest",
            genesis=GENESIS,
            policy=self.policy,
            accept=self.accept,
            minimum_depth=1,
            bound=world.bound,
            start=0,
            patience=world.patience,
        )
        holder: list[Node] = []
        artifacts = Artifacts(self.folder / "artifacts", quota=1 << 30)
        context = Context(
            store=fused_store,
            guard=Fused(guard, power, {"claim": lambda domain, *_: f"guard claim of {domain}"}),
            keys=Fused(keys, power, KEY_FILES),
            chain=Fused(world.chain, power, {"broadcast": lambda raw: f"broadcast of {world.called(raw)}"}),
            wallet=wallet,
            artifacts=Fused(artifacts, power, ARTIFACT_FILES),
            peers=Fused(world.wire.port(self.name), power, MESSAGES),
            reach=world.reach,
            write=lambda puts: holder[0].loop.put(Wrote(puts=puts)),
            height=lambda: scanner.height,
            derive=derived,
            prices=Prices.of(PricesConfig(), self.folder),
            proving=Proving(
                folder() if world.engine == "babe" else KeyFolder(path=self.folder / "proving", network="regtest")
            ),
            ledgers=world.registry,
            ceiling=CEILING,
        )
        node = Node(rules=rules, context=context, book=Book.load(store), scanner=scanner)
        holder.append(node)
        turn, dispatch = node.loop.turn, node.loop._dispatch

        def turned(item: Any) -> Any:
            now[0] = item_of(item)
            return turn(item)

        def dispatched(item: Any, done: Any) -> None:
            power.passes(f"dispatch of {item_of(item)}")
            dispatch(item, done)

        node.loop.turn, node.loop._dispatch = turned, dispatched  # type: ignore[method-assign]
        return Life(node, power, store, guard)

    async def ask(self, order: Callable[[Node], Awaitable[Any]]) -> Any:
        """An operator's order, repeated until a living node has taken it."""
        while True:
            life = self.life
            if life is None:
                await self.world.breathe()
                continue
            try:
                return await life.until_cut(order(life.node))
            except Unavailable:
                continue

    async def restart(self) -> None:
        """Stop in an orderly way and open again."""
        await self.close()
        await self.open()

    async def close(self) -> None:
        while self.runner is not None and not self.runner.done():
            if self.life is not None:
                self.life.node.stop()
            await asyncio.wait({self.runner}, timeout=0.01)
        if self.runner is not None:
            self.runner.result()


@dataclass
class World:
    """Borrower, lender, challenger, their chain and wire."""

    folder: Path
    contest: dict[str, str]
    chain: MemoryChain = field(default_factory=MemoryChain)
    wire: Wire = field(default_factory=Wire)
    actors: dict[str, Actor] = field(default_factory=dict)
    cast: tuple[str, ...] = ROLES
    fuses: dict[str, Fuse] = field(default_factory=dict)
    bound: int = BOUND
    patience: float = 86_400.0
    engine: str = "core"
    digit_bits: int = 4
    asleep: set[str] = field(default_factory=set)
    registry: Registry = field(default_factory=lambda: Registry(GENESIS))

    async def open(self) -> None:
        self.fuses = {name: self.fuses.get(name, Fuse()) for name in self.cast}
        for name in self.cast:
            policy = Policy(
                contest=self.contest.get(name, "never"), known={commitment_of(BALANCE, SALT): BALANCE}, release="auto"
            )  # type: ignore[arg-type]
            self.actors[name] = Actor(name, self.folder / name, self, policy, self.fuses[name])
            await self.actors[name].open()
        gifts = [(actor.node.context.wallet.new_script(), GIFT) for actor in self.actors.values() for _ in range(GIFTS)]
        await self.chain.mine(*gifts)
        await self.quiet()

    def reach(self, identity: bytes) -> str:
        for name, actor in self.actors.items():
            if actor.identity == identity:
                return name
        raise Unavailable(what="peer", expected="known", came=identity.hex())

    def called(self, raw: bytes) -> str:
        """The name of a transaction in the graph of some vault here, or `stakes` and the like."""
        txid = self.chain.txid(raw)
        for actor in self.actors.values():
            if actor.life is None:
                continue
            for vault in actor.node._watched:
                names = actor.node.scanner._index(vault).names
                if txid in names:
                    return names[txid]
        return "another transaction"

    @property
    def nodes(self) -> list[Node]:
        return [actor.node for actor in self.actors.values()]

    def raise_fault(self) -> None:
        """What ended a node other than a crash ends the test."""
        for actor in self.actors.values():
            if actor.runner is not None and actor.runner.done() and actor.name not in self.asleep:
                actor.runner.result()
                raise AssertionError(f"{actor.name} has stopped")

    async def breathe(self) -> None:
        await asyncio.sleep(0.001)
        self.raise_fault()

    def awake(self) -> tuple[str, ...]:
        """The nodes that were not put to sleep."""
        return tuple(name for name in self.cast if name not in self.asleep)

    async def sleep(self, name: str) -> None:
        """A node is away until `wake`; the others go on without it."""
        self.asleep.add(name)
        await self.actors[name].close()

    async def wake(self, name: str) -> None:
        await self.actors[name].open()
        self.asleep.discard(name)
        await self.quiet()

    async def quiet(self, patience: float = 300.0, who: tuple[str, ...] | None = None) -> None:
        """Until nothing moves anywhere: three looks in a row see the same turns."""
        same, before = 0, None
        actors = [self.actors[name] for name in (self.awake() if who is None else who)]
        try:
            async with asyncio.timeout(patience):
                while same < 3:
                    await self.breathe()
                    now = [(a.node.loop.turns, a.lives) for a in actors]
                    calm = all(a.life is not None and a.node.quiet(self.chain.height) for a in actors)
                    same = same + 1 if calm and now == before else 0
                    before = now
        except TimeoutError:
            going = [
                (a.name, a.node.under_way(), [job for _, job in a.node.jobs.tasks], list(a.node.outbox._tasks))
                for a in actors
            ]
            raise AssertionError(f"never quiet: {going}") from None

    async def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            await self.chain.mine()
            await self.quiet()

    async def mine_without_waiting(self, blocks: int, *, until: Callable[[], bool], patience: float = 60.0) -> None:
        """Blocks while something is under way that will not end by itself, until `until`."""
        async with asyncio.timeout(patience):
            for _ in range(blocks):
                await self.chain.mine()
                while any(
                    actor.life is None or actor.node.scanner.height < self.chain.height
                    for actor in self.actors.values()
                ):
                    await self.breathe()
                for _ in range(20):
                    await self.breathe()
            while not until():
                await self.breathe()

    def stage(self, name: str, vault: bytes) -> Stage:
        return stage(self.state(name, vault))

    async def until(self, done: Callable[[], bool], limit: int) -> None:
        for _ in range(limit):
            if done():
                return
            await self.mine()
        assert done(), f"not within {limit} blocks: {self.describe()}"

    def describe(self) -> list[str]:
        lines = []
        for name, actor in self.actors.items():
            for _, state in actor.node.book.items():
                view = fold(state.proposal, state.log)
                slots, graphs = [s.phase.value for s in view.slots], [g.phase.value for g in view.graphs]
                lines.append(f"{name}: {stage(state).value} {state.end} slots {slots} graphs {graphs}")
        return lines

    def wanted(self, *, amounts: list[int], slots: int, profile: str = "test") -> dict[str, Any]:
        """A vault as a person describes it: a graph for each amount, on its own slot."""
        return {
            "parties": [{"identity": self.actors[r].identity.hex(), "role": role_of(r)} for r in self.cast],
            "slots": [SLOT] * slots,
            "graphs": [
                {"claimant": 0, "outcome": "withdraw", "slot": g, "profile": profile, "amount": amount, **self.about()}
                for g, amount in enumerate(amounts)
            ],
        }  # fmt: skip

    def about(self) -> dict[str, Any]:
        """What claims are about, by engine."""
        if self.engine == "babe":
            return {"ledger": self.registry.file.ledger_id.hex(), "digit_bits": self.digit_bits}
        return {"engine": "core", "commitment": commitment_of(BALANCE, SALT).hex()}

    async def propose(self, *, amounts: list[int], slots: int, maturity: int = 10) -> bytes:
        """Propose a vault; returns its proposal id when nothing moves any more without a block."""
        vault = await self.propose_without_waiting(amounts=amounts, slots=slots, maturity=maturity)
        await self.quiet()
        return vault

    async def propose_without_waiting(self, *, amounts: list[int], slots: int, maturity: int = 10) -> bytes:
        """Propose a vault; returns its proposal id as soon as the borrower has it."""
        wanted = {**self.wanted(amounts=amounts, slots=slots), "maturity": maturity}
        known = {vault for vault, _ in self.actors["borrower"].node.book.items()}

        def news(node: Node) -> set[bytes]:
            return {vault for vault, _ in node.book.items()} - known

        async def order(node: Node) -> None:
            if not news(node):
                await node.propose(wanted)

        await self.actors["borrower"].ask(order)
        (vault,) = news(self.actors["borrower"].node)
        return vault

    async def claim(self, vault: bytes, graph: int, balance: int, salt: int) -> None:
        """The borrower's operator claims with sealed inputs (core)."""
        await self._claim(lambda node: node.claim(vault.hex(), graph, balance, salt))

    async def claim_with(self, vault: bytes, graph: int, proof: bytes) -> None:
        """The borrower's operator claims with these 256 bytes (babe)."""
        await self._claim(lambda node: node.order(vault.hex(), "want_claim", graph, value=proof))

    async def _claim(self, claims: Callable[[Node], Awaitable[Any]]) -> None:
        async def order(node: Node) -> None:
            try:
                await claims(node)
            except LocalFault as fault:
                assert "known" in fault.came, fault

        await self.actors["borrower"].ask(order)
        await self.quiet()

    def state(self, name: str, vault: bytes) -> VaultState:
        state = self.actors[name].node.book.get(vault)
        assert state is not None, f"{name} does not know the vault"
        return state

    def phases(self, vault: bytes, name: str = "challenger") -> tuple[list[str], list[str]]:
        state = self.state(name, vault)
        view = fold(state.proposal, state.log)
        return [g.phase.value for g in view.graphs], [s.phase.value for s in view.slots]

    def open_everywhere(self, vault: bytes) -> bool:
        return all(
            (state := self.actors[name].node.book.get(vault)) is not None
            and stage(state) is Stage.LIVE
            and set(self.phases(vault, name)[1]) == {"open"}
            for name in self.cast
        )

    def balance(self, name: str) -> int:
        """Every confirmed sat in a wallet."""
        return sum(coin.value for coin in self.actors[name].node.context.wallet.coins())

    def versions(self, vault: bytes, graph: int, kind: str = "assert") -> set[bytes]:
        """Every version of Assert (or of a Reveal) that anyone ever showed to the chain."""
        found = {
            seen.txid for name in self.cast for seen in self.state(name, vault).log if seen.name == f"{graph}/{kind}"
        }
        return {raw for txid in found for raw in self.chain.offered.get(txid, set())}

    def digest(self, vault: bytes) -> bytes:
        """What must be the same after any crash: ends, phases, who took which coin, balances; not txids or heights."""
        return blake3("\n".join(self.ending(vault)).encode()).digest()

    def ending(self, vault: bytes) -> list[str]:
        """The digest's preimage, to be read by people."""
        parts, balances = [], {}
        for name in self.cast:
            state = self.state(name, vault)
            names = [seen.name.rpartition("/")[0] if "disprove" in seen.name else seen.name for seen in state.log]
            facts = sorted(key.rpartition("/")[0] if key.startswith("verdict") else key for key in state.facts)
            parts.append(
                f"{name} {stage(state).value} {state.end} {self.phases(vault, name)} {names} {state.jobs} {facts}"
            )
            balances[name] = self.balance(name)
        # which challenger disproves first is nobody's promise; what they get together is
        parts.append(f"{balances['borrower']} {balances['lender'] + balances['challenger']}")
        return parts

    async def close(self) -> None:
        for actor in self.actors.values():
            await actor.close()


__all__ = ["BALANCE", "BOUND", "ROLES", "SALT", "SLOT", "Actor", "Crash", "World", "letter_of"]
