"""The stage of the demo: chain, daemons, a miner that waits for everyone after every block.

Promise: `mine` never sleeps; it mines one block and returns when every running daemon has processed that height and has
nothing left to send, compute or publish. This module does NOT know scenarios.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from native._native import tapscript
from node.demo.processes import Backend, ChainProcess, DaemonProcess
from node.faults import LocalFault
from node.ledger.world import Coins

NOBODY = bytes.fromhex("50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0")
"""BIP341's point H, whose logarithm nobody knows: block rewards that nobody needs go there."""
MINER = tapscript.address(b"\x51\x20" + NOBODY, "regtest")

COINBASES = 3


def proving_keys() -> Path:
    """Where proving keys are kept between demos: making them costs ten seconds."""
    cache = os.environ.get("BITVM3_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "bitvm3")
    return Path(cache).expanduser() / "proving"


def proving(keys: Path) -> str:
    """What the configuration of a daemon that makes proofs adds."""
    return f'\n[proving]\nfolder = "{keys}"\n'


def attesting(folder: Path, coins: Coins) -> str:
    """What the configuration of a daemon that keeps or attests ledgers adds: a price source of its own.

    `coins`: checked when the ledger's loans are vaults; events posted by hand have no coins behind them.
    """
    return f'\n[attestor]\npolicy = "auto"\ncoins = "{coins}"\n' + pricing(folder)


def pricing(folder: Path) -> str:
    """What the configuration of a daemon with a price source adds: a file of its own."""
    return f'\n[prices]\nsources = [ {{ kind = "file", name = "demo", path = "{folder / "price.json"}" }} ]\n'


QUIET_TIMEOUT = 900.0
"""Seconds; presigning a vault of many graphs takes minutes on a machine that others use too."""


CAST = ("borrower", "lender", "challenger")
ATTESTORS = frozenset({"lender", "challenger"})


@dataclass(slots=True)
class Theatre:
    """Everything that runs. Use `open`, then `close`.

    `cast`: a name for every daemon; borrower, lender and challenger are among them. `attestors`: those with a price source,
    `coins` what they check of the coins behind a position (none are behind events posted by hand).
    `contest`: the policy of everybody but the borrower, `known`: what they know. `more`: further configuration by name.
    """

    folder: Path
    backend: Backend
    known: dict[str, int] = field(default_factory=dict)
    contest: str = "known"
    proving: Path = field(default_factory=proving_keys)
    cast: tuple[str, ...] = CAST
    attestors: frozenset[str] = ATTESTORS
    coins: Coins = "unlinked"
    more: Mapping[str, str] = field(default_factory=dict)
    chain: ChainProcess = field(init=False)
    daemons: tuple[DaemonProcess, ...] = field(init=False)
    height: int = 0

    def __post_init__(self) -> None:
        self.chain = ChainProcess(self.backend, self.folder / "chain")
        self.daemons = tuple(self._daemon(name) for name in self.cast)

    def _daemon(self, name: str) -> DaemonProcess:
        policy, known = ("never", {}) if name == "borrower" else (self.contest, self.known)
        daemon = DaemonProcess(name, self.folder / name, self.chain, policy=policy, known=known)
        daemon.more = proving(self.proving)
        if name in self.attestors:
            daemon.more += attesting(daemon.folder, self.coins)
        daemon.more += self.more.get(name, "")
        return daemon

    def __getitem__(self, name: str) -> DaemonProcess:
        return next(daemon for daemon in self.daemons if daemon.name == name)

    @property
    def borrower(self) -> DaemonProcess:
        """Claims withdrawals."""
        return self["borrower"]

    @property
    def lender(self) -> DaemonProcess:
        """Keeps and attests the demo's ledgers."""
        return self["lender"]

    @property
    def challenger(self) -> DaemonProcess:
        """Attests, and watches."""
        return self["challenger"]

    async def open(self) -> None:
        """Start everything, give every wallet a few mature coins, connect everybody with everybody."""
        await self.chain.start()
        for daemon in self.daemons:
            daemon.write_config()
        await asyncio.gather(*(daemon.start() for daemon in self.daemons))
        for daemon in self.daemons:
            address = (await daemon.call("wallet.address"))["address"]
            await self.chain.call("generatetoaddress", COINBASES, address)
        await self.chain.call("generatetoaddress", 100, MINER)
        self.height = int(await self.chain.call("getblockcount"))
        await self.meet()
        await self.quiet()

    async def meet(self) -> None:
        """Connect everybody with everybody."""
        infos = [await daemon.call("node.info") for daemon in self.daemons if daemon.running]
        for daemon in self.daemons:
            if not daemon.running:
                continue
            own = (await daemon.call("node.info"))["identity"]
            for info in infos:
                if info["identity"] != own:
                    await daemon.call("peer.connect", identity=info["identity"], address=info["address"])

    async def mine(self, blocks: int = 1) -> None:
        """Mine one block at a time; after each, wait until nothing is left to do."""
        for _ in range(blocks):
            await self.chain.call("generatetoaddress", 1, MINER)
            self.height += 1
            await self.quiet()

    async def quiet(self) -> None:
        """Wait until every running daemon has processed the tip and nothing is under way anywhere."""
        async with asyncio.timeout(QUIET_TIMEOUT):
            before: list[int] | None = None
            while True:
                waits = [d.call("node.wait", height=self.height) for d in self.daemons if d.running]
                answers = await asyncio.gather(*waits)
                turns = [int(answer["turns"]) for answer in answers]
                if turns == before and all(answer["quiet"] for answer in answers):
                    return
                before = turns

    async def order(self, daemon: DaemonProcess, method: str, **params: Any) -> Any:
        """An operator's order, and everything that follows from it before the next block."""
        answer = await daemon.call(method, **params)
        await self.quiet()
        return answer

    async def mine_until(self, done: Callable[[], Awaitable[bool]], what: str, limit: int) -> int:
        """Mine until `done`, at most `limit` blocks; returns how many it took."""
        for mined in range(limit + 1):
            if await done():
                return mined
            await self.mine()
        raise LocalFault(what=what, expected=f"within {limit} blocks", came="not yet", todo="See the daemons' logs.")

    async def close(self) -> None:
        """Stop everything."""
        await asyncio.gather(*(daemon.stop() for daemon in self.daemons), return_exceptions=True)
        await self.chain.stop()


async def each(daemons: Sequence[DaemonProcess], method: str, **params: Any) -> list[Any]:
    """The same call to several daemons at once."""
    return list(await asyncio.gather(*(daemon.call(method, **params) for daemon in daemons)))
