"""All ledgers of a node: which are open, what this node is in each, and the doors for peers and the operator.

Promises: the role follows from the node's own keys (keeper: its identity; attestor: a key of the set; follower: always); an
opened ledger is on the disk first and open again after a restart; a message of a peer is answered, or refused by name, whatever
it holds; one ledger's trouble leaves the others alone. Does NOT know the rules, nor the wire (node/p2p).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from node.faults import LocalFault, PeerFault, Unavailable
from node.ledger import attesting, files
from node.ledger.attestor import Attestor, own_keys
from node.ledger.claims import Claims
from node.ledger.files import GenesisFile
from node.ledger.follower import Follower
from node.ledger.gossip import Gossip
from node.ledger.keeper import Keeper
from node.ledger.shelf import Shelf, ledgers
from node.ledger.words import After, Answer, Asked, Batch, parcel, read, write
from node.ledger.world import World
from node.lending import pages
from node.lending import words as loans
from node.lending.desk import Desk
from node.lending.keeping import Automat
from node.lending.registry import Registry
from vault.ledger.checkpoint import Equivocation
from vault.ledger.follow import Signed
from vault.ledger.genesis import Genesis
from vault.ledger.state import Ledger

log = structlog.get_logger("ledger")

AGAIN_SECONDS = 5.0
"""After a fault of our own in a ledger's work, before it goes on."""


@dataclass(slots=True, kw_only=True, repr=False)
class Open:
    """One open ledger with its roles."""

    world: World
    file: GenesisFile
    shelf: Shelf
    follower: Follower
    gossip: Gossip
    keeper: Keeper | None
    attestor: Attestor | None
    claims: Claims
    registry: Registry
    desk: Desk | None
    automat: Automat | None
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def genesis(self) -> Genesis:
        """What is fixed."""
        return self.file.genesis

    @property
    def id(self) -> bytes:
        """The ledger's id."""
        return self.shelf.ledger

    @property
    def roles(self) -> list[str]:
        """What this node is in it."""
        found = [name for name, role in (("keeper", self.keeper), ("attestor", self.attestor)) if role is not None]
        return found or ["follower"]

    def state(self) -> Ledger | None:
        """The ledger at the last final checkpoint, when this node holds the positions."""
        if self.keeper is not None:
            return self.keeper.final
        if self.attestor is not None and self.attestor.seq == self.follower.view.seq:
            return self.attestor.state
        return None

    def figures(self) -> dict[str, int]:
        """For metrics."""
        attestor, keeper = self.attestor, self.keeper
        return {
            "seq": self.follower.view.seq,
            "proofs_verified": self.follower.proofs,
            "entries_refused": self.follower.refused
            + (attestor.refused if attestor is not None else 0)
            + (keeper.refused if keeper is not None else 0),
            "checkpoints_signed": attestor.signed if attestor is not None else 0,
            "equivocations": len(self.gossip.evidence),
        }

    async def follow(self) -> None:
        """Ask for entries, again and again, and at once when somebody says there are some."""
        while self.keeper is None:
            await self.follower.pull()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.world.limits.ledger_poll_seconds):
                    await self.gossip.bell.heard()


class Ledgers:
    """Make one with `load`; `start` and `close` around the node's life."""

    def __init__(self, world: World) -> None:
        """Use `load`."""
        self.world = world
        self.open_ledgers: dict[bytes, Open] = {}
        self._running = False

    @classmethod
    def load(cls, world: World) -> Ledgers:
        """Every ledger opened before. Raises LocalFault when one cannot be read."""
        rooms = cls(world)
        for _, raw in ledgers(world.store):
            rooms._adopt(files.decode(raw))
        return rooms

    def _adopt(self, file: GenesisFile) -> Open:
        world, genesis = self.world, file.genesis
        verify = files.verifier(file, network=world.network, genesis=world.genesis, trusted=world.trusted_keys)
        if genesis.transition_key not in world.trusted_keys:
            log.warning(
                "THIS LEDGER'S PROVING KEY IS NOT LISTED AS TRUSTED: whoever made it can prove anything; for regtest only",
                ledger=genesis.ledger_id.hex()[:16], key=genesis.transition_key.hex(),
            )  # fmt: skip
        shelf = Shelf(world.store, genesis.ledger_id)
        follower = Follower.load(world, genesis, shelf, verify)
        keys = own_keys(world, genesis)
        registry = Registry.load(world, genesis)
        attestor = Attestor.load(world, genesis, shelf, verify, keys, registry) if keys else None
        if attestor is not None and world.coins == "unlinked":
            log.warning(
                "THIS ATTESTOR DOES NOT LOOK AT COINS: it signs events of positions on the keeper's word (attestor.coins)",
                ledger=genesis.ledger_id.hex()[:16],
            )
        keeper = (
            Keeper.load(world, genesis, shelf, follower, self._hand(genesis)) if genesis.keeper == world.me else None
        )
        gossip = Gossip(world=world, genesis=genesis, shelf=shelf, follower=follower, evidence=shelf.evidence())
        claims = Claims(world, genesis, shelf, follower, lambda: opened.state())
        desk = Desk.load(world, keeper, registry) if keeper is not None else None
        opened = Open(
            world=world, file=file, shelf=shelf, follower=follower, gossip=gossip, keeper=keeper, attestor=attestor,
            claims=claims, registry=registry, desk=desk, automat=Automat(desk=desk) if desk is not None else None,
        )  # fmt: skip
        self.open_ledgers[shelf.ledger] = opened
        return opened

    def _hand(self, genesis: Genesis) -> Callable[[bytes, Batch], Awaitable[Answer]]:
        """Gives a batch to an attestor."""
        ledger, most = genesis.ledger_id, self.world.limits.reply_frame_bytes

        async def hand(identity: bytes, batch: Batch) -> Answer:
            raw = parcel(batch, genesis.threshold)
            reply = await self.world.ask(identity, "ledger-batch", ledger, raw)
            return read(Answer, reply, most=most, what="answer to ledger-batch")

        return hand

    def asking(self, ledger: bytes) -> Callable[[bytes, str, bytes], Awaitable[bytes]]:
        """Asks a node (identity, kind, body) about a ledger."""

        async def ask(identity: bytes, kind: str, body: bytes) -> bytes:
            return await self.world.ask(identity, kind, ledger, body)

        return ask

    # ---- life ------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Begin the work of every open ledger."""
        self._running = True
        for opened in self.open_ledgers.values():
            log.info("ledger goes on", ledger=opened.id.hex(), roles=opened.roles, seq=opened.follower.view.seq)
            self._begin(opened)

    def _begin(self, opened: Open) -> None:
        works = [("follow", opened.follow), ("gossip", opened.gossip.run)]
        if opened.keeper is not None:
            works.append(("keeper", opened.keeper.run))
        if opened.automat is not None:
            works.append(("automat", opened.automat.run))
        if opened.attestor is not None:
            works.append(("prices", opened.attestor.sample))
        for name, work in works:
            opened.tasks.append(asyncio.get_running_loop().create_task(_steadily(name, opened.id, work)))

    async def close(self) -> None:
        """Stop; everything that matters is on disk."""
        tasks = [task for opened in self.open_ledgers.values() for task in opened.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ---- peers -----------------------------------------------------------------------------------------------------
    async def on_message(self, sender: bytes, kind: str, ledger: bytes, body: bytes) -> bytes:
        """A peer's message about a ledger, and the reply. Raises PeerFault (refused), Unavailable (try later)."""
        opened = self.open_ledgers.get(ledger)
        if opened is None:
            raise Unavailable(what=f"ledger {ledger.hex()}", expected="one that is open here", came="another")
        small = self.world.limits.reply_frame_bytes
        match kind:
            case "ledger-entry":
                return opened.follower.serve(read(After, body, most=small, what=kind).seq)
            case "ledger-head":
                return await opened.gossip.on_head(sender, read(Signed, body, most=small, what=kind))
            case "ledger-evidence":
                await opened.gossip.keep(read(Equivocation, body, most=small, what=kind))
                return b""
            case "ledger-opening":
                return opened.claims.serve(read(Asked, body, most=small, what=kind).vault)
            case "loan-terms":
                return pages.serve(opened.registry, loans.read(loans.LoanAsked, body, most=small, what=kind))
            case "loan-request":
                request = loans.read_request(body, most=self.world.limits.message_body_bytes)
                return loans.write(await self._desk(opened, kind).ask(sender, request))
            case "loan-read":
                asked = loans.read(loans.LoanAsked, body, most=small, what=kind)
                return loans.write(await self._desk(opened, kind).read(sender, asked.vault))
            case "ledger-key":
                return opened.file.verifying_key
            case attesting.ANNOUNCEMENT | attesting.ATTESTATION:
                if opened.attestor is None:
                    raise PeerFault(what=kind, expected="an attestor of the ledger", came="a node that is none")
                return await attesting.of(opened.attestor, opened.follower).answer(kind, body)
            case "ledger-batch":
                if opened.attestor is None:
                    raise PeerFault(what=kind, expected="an attestor of the ledger", came="a node that is none")
                batch = read(Batch, body, most=self.world.limits.ledger_batch_bytes, what=kind)
                return write(await opened.attestor.take(sender, batch))
            case _:
                raise PeerFault(what="kind", expected="a message of a ledger", came=kind)

    @staticmethod
    def _desk(opened: Open, kind: str) -> Desk:
        if opened.desk is None:
            raise PeerFault(what=kind, expected="the keeper of the ledger", came=f"its {' and '.join(opened.roles)}")
        return opened.desk

    # ---- the operator ----------------------------------------------------------------------------------------------
    async def open(self, value: object) -> Open:
        """Open a ledger by its file; a known one is the same again. Raises LocalFault, Unavailable."""
        file = files.parse(value)
        known = self.open_ledgers.get(file.genesis.ledger_id)
        if known is not None:
            return known
        if len(self.open_ledgers) >= self.world.limits.ledgers:
            raise LocalFault(what="ledgers", expected=f"at most {self.world.limits.ledgers}", came="one more")
        if not file.verifying_key:
            file = GenesisFile(genesis=file.genesis, verifying_key=await self._fetch_key(file.genesis))
        try:
            files.verifier(
                file, network=self.world.network, genesis=self.world.genesis, trusted=self.world.trusted_keys
            )
        except PeerFault as fault:
            raise LocalFault(what=fault.what, expected=fault.expected, came=fault.came, todo=fault.todo) from fault
        shelf = Shelf(self.world.store, file.genesis.ledger_id)
        await self.world.write((shelf.put_genesis(files.encode(file)),))
        opened = self._adopt(file)
        if self._running:
            self._begin(opened)
        log.info("ledger opened", ledger=opened.id.hex(), roles=opened.roles)
        return opened

    async def _fetch_key(self, genesis: Genesis) -> bytes:
        """The verifying key: of our own proving key, or from the keeper; checked against the genesis by the caller."""
        lines = self.world.proving.keys()
        for line in lines:
            if line.key == genesis.transition_key:
                return line.verifying_key
        try:
            raw = await self.world.ask(genesis.keeper, "ledger-key", genesis.ledger_id, b"")
        except (Unavailable, PeerFault) as fault:
            raise LocalFault(
                what="verifying key of the ledger",
                expected="in the genesis file, in our key folder, or from the keeper",
                came=str(fault)[:300],
                todo="Connect the keeper (`bitvm3 peer connect`), or take a genesis file with the key in it.",
            ) from fault
        if len(raw) > self.world.limits.ledger_key_bytes:
            raise LocalFault(what="verifying key from the keeper", expected="a short one", came=f"{len(raw)} bytes")
        return raw

    def find(self, text: str) -> Open:
        """The ledger whose id begins with these hex digits. Raises LocalFault."""
        found = [
            o for ledger, o in self.open_ledgers.items() if len(text) >= 8 and ledger.hex().startswith(text.lower())
        ]
        if len(found) != 1:
            raise LocalFault(
                what="ledger",
                expected="8 or more digits that begin one id",
                came=text,
                todo="`bitvm3 ledger list` shows them; `bitvm3 ledger open FILE` opens one.",
            )
        return found[0]


async def _steadily(name: str, ledger: bytes, work: Callable[[], Awaitable[None]]) -> None:
    """Work that must go on: a fault nobody foresaw is logged, and it begins again."""
    while True:
        try:
            await work()
            return
        except Exception:
            log.exception("a ledger's work failed and begins again", work=name, ledger=ledger.hex()[:16])
        await asyncio.sleep(AGAIN_SECONDS)
