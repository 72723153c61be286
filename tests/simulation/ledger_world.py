"""A keeper, three attestors and a follower in one process: real nodes, stores, guards and keys; chain and wire in memory.

Proofs are made by the forger (tests/simulation/forger.py), which follows the independent model, and verified by the real
verifier. Power can be cut at every place of a node, as in `world`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from challenge.policy import Policy
from node.config import ManualPrice, PricesConfig
from node.ledger.attestor import keypair
from node.ledger.files import GenesisFile
from node.ledger.judgement import Tolerance
from node.ledger.room import Ledgers, Open
from node.ledger.wiring import world_of
from node.ledger.world import Coins, Keeping
from node.limits import PRODUCT
from node.p2p import envelope
from node.prices import Prices
from tests.simulation.forger import Forger
from tests.simulation.power import Fuse
from tests.simulation.world import GENESIS, Actor, Life, Wire, World
from vault.ledger.genesis import VERSION, Attestor, Genesis
from vault.ledger.rules import DEFAULT

KEEPER, ATTESTORS, FOLLOWER = "kim", ("ann", "bob", "cat"), "fay"
EVERYBODY = (KEEPER, *ATTESTORS, FOLLOWER)
THRESHOLD = 2
PRICE = 6_000_000
VAULT, OWNER, LENDER, PAYER, TEMPLATE = (bytes([n]) * 32 for n in range(1, 6))
QUICK = replace(
    PRODUCT, ledger_poll_seconds=0.02, ledger_retry_first_seconds=0.01, ledger_retry_most_seconds=0.05,
    ledger_shun_seconds=0.05,
)  # fmt: skip
TOLERANCE = Tolerance(price=100, price_age=900, time=600)
KEEPING = Keeping(automatic="on", accrue_blocks=6, mark_seconds=1_000_000)
PATIENCE = 60.0

Reply = Callable[[str, str, str, bytes], bytes]
"""(who asked, who answers, kind, reply) -> what arrives."""


class LedgerWire(Wire):
    """A wire on which replies can be changed too, and nodes cut off."""

    def __init__(self) -> None:
        super().__init__()
        self.reply: Reply = lambda asked, answers, kind, raw: raw
        self.cut: set[str] = set()
        self.tamper = self._cut

    def _cut(self, sender: str, to: str, raw: bytes) -> bytes | None:
        return None if {sender, to} & self.cut else raw

    def port(self, sender: str) -> Any:
        wire, inner = self, super().port(sender)

        class Port:
            async def send(self, peer_id: str, raw: bytes, timeout: float) -> bytes:  # noqa: ASYNC109
                answer = await inner.send(peer_id, raw, timeout)
                kind = msgspec.msgpack.decode(raw, type=envelope.Envelope).kind
                return wire.reply(sender, peer_id, kind, answer)

            async def fetch_chunk(self, peer_id: str, artifact: bytes, index: int, timeout: float) -> bytes:  # noqa: ASYNC109
                return await inner.fetch_chunk(peer_id, artifact, index, timeout)

        return Port()


@dataclass
class LedgerActor(Actor):
    """A node with ledgers."""

    attest: str = "auto"
    coins: Coins = "unlinked"
    keeping: Keeping = KEEPING
    prices: Prices | None = None
    price: int = PRICE

    def _wire_up(self) -> Life:
        life, world = super()._wire_up(), self.world
        assert isinstance(world, LedgerWorld)
        node = life.node
        node.limits = QUICK
        self.prices = node.context.prices = Prices.of(
            PricesConfig(sources=(ManualPrice(kind="manual", name="own"),)), self.folder
        )
        node.ledgers = Ledgers.load(
            world_of(
                node, prices=node.context.prices, proving=world.forger, known=world.known,
                present=lambda: world.present(self.name), now=world.now, policy=self.attest,
                tolerance=TOLERANCE, coins=self.coins, keeping=self.keeping, trusted_keys=frozenset(),
            )  # type: ignore[arg-type]
        )  # fmt: skip
        return life

    @property
    def ledgers(self) -> Ledgers:
        found = self.node.ledgers
        assert found is not None
        return found

    @property
    def room(self) -> Open:
        """The one ledger."""
        (found,) = self.ledgers.open_ledgers.values()
        return found

    async def says(self, price: int) -> None:
        """The operator's own price, as of now."""
        self.price = price
        assert self.prices is not None and isinstance(self.world, LedgerWorld)
        await self.prices.state(price=price, time=self.world.now())


@dataclass
class LedgerWorld(World):
    """Five nodes; `batch` events a proof."""

    batch: int = 2
    coins: Coins = "unlinked"
    forger: Forger = field(init=False)
    wire: LedgerWire = field(default_factory=LedgerWire)
    fuses: dict[str, Fuse] = field(default_factory=lambda: {name: Fuse() for name in EVERYBODY})
    actors: dict[str, LedgerActor] = field(default_factory=dict)  # type: ignore[assignment]
    file: GenesisFile | None = None

    def __post_init__(self) -> None:
        self.forger = Forger(batch=self.batch)

    def now(self) -> int:
        """Block times are small numbers here: the clock is a little ahead of the tip."""
        return self.chain.tick + 5

    def known(self) -> list[bytes]:
        return [actor.identity for actor in self.actors.values() if hasattr(actor, "identity")]

    def present(self, name: str) -> set[bytes]:
        """Whose nodes this one hears."""
        there = (actor for actor in self.actors.values() if actor.life is not None)
        return {actor.identity for actor in there if not {actor.name, name} & self.wire.cut}

    async def open(self, attest: dict[str, str] | None = None) -> None:
        """Start everybody, draft a genesis, open it everywhere."""
        await self.chain.mine()
        for name in EVERYBODY:
            policy = Policy(contest="never", known={}, release="auto")
            how = (attest or {}).get(name, "auto")
            self.actors[name] = LedgerActor(
                name, self.folder / name, self, policy, self.fuses[name], attest=how, coins=self.coins
            )
            await self.actors[name].open()
            await self.actors[name].says(PRICE)
        self.file = self.genesis_file()
        for name in EVERYBODY:
            await self.actors[name].ledgers.open(self.file.as_json())

    def genesis_file(self, **changes: Any) -> GenesisFile:
        members = []
        for name in ATTESTORS:
            world = self.actors[name].ledgers.world
            eddsa, bip340 = keypair(world, 0).public
            members.append(Attestor(identity=world.me, eddsa=eddsa, bip340=bip340))
        fields: dict[str, Any] = {
            "version": VERSION, "network": GENESIS, "rules": DEFAULT, "attestors": tuple(members), "threshold": THRESHOLD,
            "keeper": self.actors[KEEPER].identity, "height": 0, "time": 1, "salt": bytes(32),
            "transition_key": self.forger.line.key,
        }  # fmt: skip
        return GenesisFile(genesis=Genesis(**{**fields, **changes}), verifying_key=self.forger.line.verifying_key)

    @property
    def genesis(self) -> Genesis:
        assert self.file is not None
        return self.file.genesis

    # ---- the keeper's operator -----------------------------------------------------------------------------------
    async def post(self, *events: dict[str, Any]) -> None:
        """Post and seal, repeated as a person would whose daemon has just died."""
        actor = self.actors[KEEPER]
        goal = actor.room.keeper.posted.totals.seq + len(events)  # type: ignore[union-attr]

        async def order(node: Any) -> None:
            keeper = actor.room.keeper
            assert keeper is not None
            if keeper.posted.totals.seq < goal:
                await keeper.post(events)
            if keeper.queue:
                await keeper.seal()

        while True:
            await actor.ask(order)
            keeper = actor.room.keeper if actor.life is not None else None
            if keeper is not None and keeper.posted.totals.seq == goal == keeper.sealed.totals.seq:
                return
            await self.breathe()

    async def block(self) -> dict[str, Any]:
        """A block, and the event of it."""
        await self.chain.mine()
        await self.until_true(lambda: all(a.life and a.node.scanner.height == self.chain.height for a in self.there()))
        return {"kind": "accrue"}

    async def block_without(self, away: str) -> dict[str, Any]:
        """As `block`, while one node is closed."""
        await self.chain.mine()
        await self.until_true(
            lambda: all(a.node.scanner.height == self.chain.height for n, a in self.actors.items() if n != away)
        )
        return {"kind": "accrue"}

    def there(self) -> list[LedgerActor]:
        return list(self.actors.values())

    async def until_true(self, done: Callable[[], bool]) -> None:
        """Wait until something holds; nothing here waits for a clock."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not done():
                    await asyncio.sleep(0.001)
                    for actor in self.actors.values():
                        if actor.runner is not None and actor.runner.done():
                            actor.runner.result()  # a node that was closed has none, one that fell over raises
        except TimeoutError:
            raise AssertionError(f"never: {self.described()}") from None

    def seqs(self) -> dict[str, int]:
        return {name: actor.room.follower.view.seq for name, actor in self.actors.items()}

    async def final(self, seq: int, *who: str) -> None:
        """Wait until these (everybody) stand on a checkpoint."""
        names = who or EVERYBODY
        await self.until_true(
            lambda: all(self.actors[n].life is not None and self.actors[n].room.follower.view.seq >= seq for n in names)
        )

    def described(self) -> list[str]:
        lines = []
        for name, actor in self.actors.items():
            room = actor.room
            said = [] if room.keeper is None else [(c.at, c.says) for c in room.keeper.couriers.values()]
            lines.append(f"{name}: {room.follower.view.seq} {room.follower.faults} {said}")
        return lines

    # ---- what went over the wire ---------------------------------------------------------------------------------
    def signed(self) -> dict[tuple[int, int], set[bytes]]:
        """(attestor, seq) -> digests it has ever signed, by what its node kept."""
        found: dict[tuple[int, int], set[bytes]] = {}
        for name in ATTESTORS:
            for _, judged in self.actors[name].room.shelf.judged():
                for signature in judged.own:
                    at = (signature.index, judged.batch.checkpoint.seq)
                    found.setdefault(at, set()).add(judged.batch.checkpoint.digest)
        return found

    async def close(self) -> None:
        await super().close()
        for actor in self.actors.values():
            if actor.prices is not None:
                await actor.prices.close()
