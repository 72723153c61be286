"""What a job may use: the ports, this node's own secrets, and the graphs derived so far."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from challenge.bodies import Funded, decode
from challenge.states import Job, VaultState
from native._native.garbling import Progress
from node.artifacts import Artifacts
from node.faults import LocalFault
from node.guard import Guard
from node.keys import Keys
from node.ports import Chain, PeerPort
from node.store import Put, Store
from node.wallet import Wallet
from node.work.own import Own
from vault.graph import VaultGraph
from vault.presigned import Presigned

Facts = tuple[tuple[str, bytes], ...]


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
    progress: dict[tuple[bytes, Job], Progress] = field(default_factory=dict)
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
        """The graph of a vault, derived once; it follows from facts that never change."""
        name = self.name(state)
        task = self._graphs.get(name)
        if task is None:
            task = asyncio.get_running_loop().create_task(asyncio.to_thread(self.derive, state, self))
            self._graphs[name] = task
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

    def begin(self, state: VaultState, job: Job) -> Progress:
        """A long job begins: who looks sees how far it is."""
        progress = Progress()
        self.progress[self.name(state), job] = progress
        return progress

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
