"""Three nodes in one process: real machines, stores, guards, keys, wallets and engine; chain and peers in memory.

`Crash` is raised inside a node's loop at the n-th commit or dispatch when a `Fuse` says so; the node is then thrown away and
opened again from its folder, as after a power cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blake3 import blake3

from challenge.deadlines import stage
from challenge.game import fold
from challenge.policy import Policy
from challenge.states import Stage
from circuits.withdrawal import commitment_of
from native._native.keys import WalletKeys
from node.app import Node, Rules
from node.artifacts import Artifacts
from node.book import Book
from node.faults import PeerFault, Unavailable
from node.guard import Guard, pair
from node.keys import Kdf, Keys
from node.loop import Wrote
from node.scan import Scanner
from node.store import Store
from node.wallet import Wallet
from node.work.ceremony import derived
from node.work.context import Context
from tests.simulation.chain import MemoryChain

GENESIS = bytes(range(32))
CHEAP = Kdf(memory_kib=8, iterations=1)
BALANCE, SALT = 600_000, 7
ROLES = ("borrower", "lender", "challenger")
BOUND = 100


class Crash(BaseException):
    """The power is gone."""


@dataclass
class Fuse:
    """Counts commits and dispatches of one node; blows at one of them."""

    at: int | None = None
    count: int = 0
    places: list[str] = field(default_factory=list)

    def burn(self, place: str) -> None:
        self.count += 1
        self.places.append(place)
        if self.at is not None and self.count == self.at:
            self.at = None
            raise Crash(place)


class Wire:
    """Messages between the nodes of a world, by name. `tamper` may change, drop (None) or copy what passes."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.tamper: Callable[[str, str, bytes], bytes | None] = lambda sender, to, raw: raw

    def port(self, sender: str) -> Any:
        wire = self

        class Port:
            async def send(self, peer_id: str, raw: bytes, timeout: float) -> bytes:  # noqa: ASYNC109
                await asyncio.sleep(0)
                changed = wire.tamper(sender, peer_id, raw)
                node = wire.nodes.get(peer_id)
                if node is None or changed is None:
                    raise Unavailable(what=peer_id, expected="there", came="gone")
                return await node.on_message(sender, changed)

            async def fetch_chunk(self, peer_id: str, artifact: bytes, index: int, timeout: float) -> bytes:  # noqa: ASYNC109
                node = wire.nodes.get(peer_id)
                chunk = await node.on_chunk(sender, artifact, index) if node is not None else None
                if node is None:
                    raise Unavailable(what=peer_id, expected="there", came="gone")
                if chunk is None:
                    raise PeerFault(what="chunk", expected="held", came="not held")
                return chunk

        return Port()


@dataclass
class Actor:
    """One node, and how to open it again."""

    name: str
    folder: Path
    world: World
    policy: Policy
    fuse: Fuse = field(default_factory=Fuse)
    node: Node | None = None
    runner: asyncio.Task[None] | None = None
    crashes: int = 0

    async def open(self) -> None:
        world = self.world
        store = Store.open(self.folder / "store", network="regtest", genesis=GENESIS)
        guard = Guard(self.folder / "guard")
        pair(store, guard)
        keys = Keys.open(self.folder / "keys", b"passphrase", kdf=CHEAP)
        wallet = Wallet.load(
            WalletKeys(keys.wallet_seed, coin_type=1), network="regtest", keep=BOUND, items=store.items("wallet")
        )
        scanner = Scanner.load(wallet=wallet, keep=BOUND, store=store)
        rules = Rules(
            network="regtest", genesis=GENESIS, policy=self.policy, accept="auto", minimum_depth=1, bound=BOUND, start=0
        )
        context = Context(
            store=_Fused(store, self.fuse), guard=guard, keys=keys, chain=world.chain, wallet=wallet,
            artifacts=Artifacts(self.folder / "artifacts", quota=1 << 30), peers=world.wire.port(self.name), reach=world.reach,
            write=lambda puts: self.node.loop.put(Wrote(puts=puts)), height=lambda: scanner.height, derive=derived,
        )  # fmt: skip
        node = Node(rules=rules, context=context, book=Book.load(store), scanner=scanner)
        dispatch = node.loop._dispatch

        def fused(item: Any, turn: Any) -> None:
            self.fuse.burn(f"dispatch {type(item).__name__}")
            dispatch(item, turn)

        node.loop._dispatch = fused
        self.node = node
        self.identity = keys.identity.xonly()
        await node.start()
        world.wire.nodes[self.name] = node
        self.runner = asyncio.create_task(self._run(node))

    async def _run(self, node: Node) -> None:
        try:
            await node.run()
        except BaseExceptionGroup as group:
            if group.subgroup(Crash) is None:
                raise
            self.crashes += 1
            await self._shut(node)
            await self.open()

    async def _shut(self, node: Node) -> None:
        self.world.wire.nodes.pop(self.name, None)
        await node.close()
        node.context.store.close()
        node.context.guard.close()

    async def close(self) -> None:
        node, runner = self.node, self.runner
        node.stop()
        await runner
        if self.node is node:
            await self._shut(node)


class _Fused:
    """A store whose commits count."""

    def __init__(self, store: Store, fuse: Fuse) -> None:
        self._store, self._fuse = store, fuse

    def commit(self, puts: Any) -> None:
        self._fuse.burn("before commit")
        self._store.commit(puts)
        self._fuse.burn("after commit")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@dataclass
class World:
    """Borrower, lender, challenger, their chain and wire."""

    folder: Path
    contest: dict[str, str]
    chain: MemoryChain = field(default_factory=MemoryChain)
    wire: Wire = field(default_factory=Wire)
    actors: dict[str, Actor] = field(default_factory=dict)

    async def open(self) -> None:
        for name in ROLES:
            policy = Policy(
                contest=self.contest.get(name, "never"), known={commitment_of(BALANCE, SALT): BALANCE}, release="auto"
            )
            self.actors[name] = Actor(name, self.folder / name, self, policy)
            await self.actors[name].open()
        gifts = [
            (actor.node.context.wallet.new_script(), 5_000_000) for actor in self.actors.values() for _ in range(3)
        ]
        await self.chain.mine(*gifts)
        await self.quiet()

    def reach(self, identity: bytes) -> str:
        for name, actor in self.actors.items():
            if actor.identity == identity:
                return name
        raise Unavailable(what="peer", expected="known", came=identity.hex())

    @property
    def nodes(self) -> list[Node]:
        return [actor.node for actor in self.actors.values()]

    async def quiet(self, patience: float = 60.0) -> None:
        """Until nothing moves anywhere: three looks in a row see the same turns."""
        async with asyncio.timeout(patience):
            same, before = 0, None
            while same < 3:
                await asyncio.sleep(0.002)
                for actor in self.actors.values():
                    if actor.runner is not None and actor.runner.done() and actor.runner.exception() is not None:
                        raise actor.runner.exception()
                now = [(a.node.loop.turns, a.crashes) for a in self.actors.values()]
                calm = all(node.quiet(self.chain.height) for node in self.nodes)
                same = same + 1 if calm and now == before else 0
                before = now

    async def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            await self.chain.mine()
            await self.quiet()

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
                lines.append(
                    f"{name}: {stage(state).value} {state.end} slots {[s.phase.value for s in view.slots]} graphs {[g.phase.value for g in view.graphs]}"
                )
        return lines

    async def propose(self, *, amounts: list[int], slots: int) -> bytes:
        """A vault with a graph for each amount, on its own slot; returns its id when every slot is open."""
        proposal = {
            "parties": [{"identity": self.actors[r].identity.hex(), "role": r} for r in ROLES],
            "slots": [1_000_000] * slots,
            "graphs": [
                {"claimant": 0, "outcome": "withdraw", "slot": g, "engine": "core", "profile": "test",
                 "commitment": commitment_of(BALANCE, SALT).hex(), "amount": amount}
                for g, amount in enumerate(amounts)
            ],
        }  # fmt: skip
        vault = bytes.fromhex(await self.actors["borrower"].node.propose(proposal))
        await self.quiet()
        return vault

    def state(self, name: str, vault: bytes) -> Any:
        return self.actors[name].node.book.get(vault)

    def phases(self, vault: bytes, name: str = "challenger") -> tuple[list[str], list[str]]:
        state = self.state(name, vault)
        view = fold(state.proposal, state.log)
        return [g.phase.value for g in view.graphs], [s.phase.value for s in view.slots]

    def open_everywhere(self, vault: bytes) -> bool:
        return all(
            (state := self.state(name, vault)) is not None
            and stage(state) is Stage.LIVE
            and set(self.phases(vault, name)[1]) == {"open"}
            for name in ROLES
        )

    def digest(self, vault: bytes) -> bytes:
        """What must be the same after any crash: ends, phases, who took which coin, balances; not txids or heights."""
        parts, balances = [], {}
        for name in ROLES:
            state = self.state(name, vault)
            names = [seen.name.rpartition("/")[0] if "disprove" in seen.name else seen.name for seen in state.log]
            parts.append(f"{name} {stage(state).value} {self.phases(vault, name)} {names}")
            balances[name] = sum(coin.value for coin in self.actors[name].node.context.wallet.coins())
        # which challenger disproves first is nobody's promise; what they get together is
        parts.append(f"{balances['borrower']} {balances['lender'] + balances['challenger']}")
        return blake3("\n".join(parts).encode()).digest()

    async def close(self) -> None:
        for actor in self.actors.values():
            await actor.close()


Step = Callable[[World], Awaitable[None]]
