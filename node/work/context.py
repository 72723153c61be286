"""What a job may use: the ports, this node's own secrets, and the graphs derived so far."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from challenge.bodies import Funded, Openings, decode
from challenge.deadlines import stage
from challenge.states import Job, VaultState
from circuits.artifact import Manifest
from native._native.garbling import Progress
from node.artifacts import Artifacts
from node.faults import LocalFault, Unavailable
from node.guard import Guard
from node.keys import Keys
from node.phases import Phases
from node.ports import Chain, LedgerPort, PeerPort
from node.precheck import Ceiling
from node.prices import Prices
from node.proving import Proving
from node.store import Put, Store
from node.wallet import Wallet
from node.work.once import Once
from node.work.own import Own
from vault.graph import VaultGraph
from vault.presigned import Presigned

Facts = tuple[tuple[str, bytes], ...]

GRAPHS: Final = 16
"""Derived graphs kept in memory, those used last: a megabyte for every graph of a vault. Another one is derived again."""


@dataclass(slots=True)
class Steps:
    """How far a job is that counts its own steps; like the native `Progress`, read and cancelled from another thread."""

    total: int
    done: int = 0
    cancelled: bool = False

    def advance(self) -> None:
        """One step is done. Raises Unavailable when the job was cancelled."""
        self.done += 1
        if self.cancelled:
            raise Unavailable(what="job", expected="to go on", came="it was cancelled")

    def cancel(self) -> None:
        """Ask the job to end at its next step."""
        self.cancelled = True


@dataclass(slots=True)
class Counted:
    """A source of chunks that counts what came over the wire."""

    peers: PeerPort
    count: Callable[[int], None]

    async def fetch_chunk(self, peer_id: str, artifact: bytes, index: int, timeout: float) -> bytes:  # noqa: ASYNC109
        """One chunk. Raises PeerFault, Unavailable."""
        chunk = await self.peers.fetch_chunk(peer_id, artifact, index, timeout)
        self.count(len(chunk))
        return chunk


@dataclass(slots=True, kw_only=True)
class Context:
    """Everything a job touches. `write` commits puts through the loop; `height` is the tip the node has processed."""

    store: Store
    guard: Guard
    keys: Keys
    chain: Chain
    wallet: Wallet
    artifacts: Artifacts
    peers: PeerPort
    reach: Callable[[bytes], str]
    write: Callable[[tuple[Put, ...]], Awaitable[object]]
    height: Callable[[], int]
    derive: Callable[[VaultState, Context], VaultGraph]
    prices: Prices
    proving: Proving
    ledgers: LedgerPort
    ceiling: Ceiling
    once: Once = field(default_factory=Once)
    progress: dict[tuple[bytes, Job], Progress | Steps] = field(default_factory=dict)
    phases: Phases = field(default_factory=Phases)
    offered: dict[bytes, bytes] = field(default_factory=dict)
    waiting: int = 0
    _block: asyncio.Condition = field(default_factory=asyncio.Condition)
    _graphs: dict[bytes, asyncio.Task[VaultGraph]] = field(default_factory=dict)

    def name(self, state: VaultState) -> bytes:
        """The proposal id: the name of a vault on this node from its first message to its end."""
        return state.proposal.proposal_id

    def own(self, nonce: bytes) -> Own:
        """This node's long-lived secrets of the vault with this nonce."""
        return Own(self.keys.vault_seed(nonce))

    def own_of(self, state: VaultState) -> Own:
        """This node's long-lived secrets of a funded vault."""
        return self.own(decode(Funded, state.facts["funded"], "funded").nonce)

    def blob(self, name: bytes) -> bytes:
        """A bulk value by its id. Raises LocalFault when the disk lost it."""
        value = self.store.get("blobs", name)
        if value is None:
            raise LocalFault(
                what=f"stored value {name.hex()}", expected="on disk", came="nothing", todo="Restore the last backup."
            )
        return value

    async def graph(self, state: VaultState) -> VaultGraph:
        """The graph of a vault; it follows from facts that never change. Derived by the first who asks."""
        name = self.name(state)
        task = self._graphs.pop(name, None)
        if task is None:
            task = asyncio.get_running_loop().create_task(asyncio.to_thread(self.derive, state, self))
        self._graphs[name] = task  # the last one used is the last one forgotten
        for old in [at for at, each in self._graphs.items() if each.done()][:-GRAPHS]:
            del self._graphs[old]
        try:
            return await asyncio.shield(task)
        except Exception:
            self._graphs.pop(name, None)
            raise

    async def presigned(self, state: VaultState) -> Presigned:
        """The graph with every signature of the group, as read back before `ready`."""
        graph, raw = await self.graph(state), self.store.get("presigned", self.name(state))
        if raw is None:
            raise LocalFault(what="presignatures", expected="on disk", came="nothing", todo="Restore the last backup.")
        return Presigned(graph=graph, signatures=raw)

    def here(self, state: VaultState, name: str) -> bool:
        """Whether every artifact that a fact names (`openings`, `presignatures`) is complete on this disk."""
        raw = state.facts[name]
        body = decode(Openings, raw, name) if name.startswith("openings/") else None
        manifests = (raw,) if body is None else (body.opened, body.kept)
        return all(self.artifacts.complete(self.artifacts.id_of(manifest)) for manifest in manifests)

    def begin(self, state: VaultState, job: Job) -> Progress:
        """A long job begins: who looks sees how far it is."""
        progress = Progress()
        self.progress[self.name(state), job] = progress
        return progress

    def count(self, state: VaultState, job: Job, total: int) -> Steps:
        """As `begin`, for a job that counts its own steps."""
        steps = Steps(total)
        self.progress[self.name(state), job] = steps
        return steps

    def offer(self, state: VaultState, content: bytes | memoryview, kind: str) -> Manifest:
        """Store an artifact for the peers of a vault. Raises LocalFault."""
        manifest = self.artifacts.put(content, kind=kind)
        self.offered[manifest.id] = self.name(state)
        return manifest

    async def fetch(self, state: VaultState, job: Job, manifest: bytes, *, owner: bytes) -> bytes:
        """Fetch an artifact of a vault from its owner (an identity); returns its id. Raises as `Artifacts.fetch`."""
        steps = self.count(state, job, 1)

        def tell(here: int, total: int) -> None:
            steps.done, steps.total = here, total

        def came(size: int) -> None:
            self.phases.received(self.name(state), stage(state), size)

        source = Counted(self.peers, came)
        return await self.artifacts.fetch(manifest, peers=source, peer=self.reach(owner), on_progress=tell)

    def signed(self, state: VaultState, *, made: int = 0, checked: int = 0) -> None:
        """Count signatures into what the setup cost."""
        self.phases.made(self.name(state), stage(state), made)
        self.phases.checked(self.name(state), stage(state), checked)

    async def payout_script(self) -> bytes:
        """A fresh script of the wallet."""
        script = self.wallet.new_script()
        await self.write(tuple(self.wallet.puts()))
        return script

    async def next_block(self) -> None:
        """Wait until the node has processed one more block (or lost one)."""
        self.waiting += 1
        try:
            async with self._block:
                await self._block.wait()
        finally:
            self.waiting -= 1

    async def announce_block(self) -> None:
        """The node has processed a block: wake whoever waits for one."""
        async with self._block:
            self._block.notify_all()
