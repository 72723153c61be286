"""The stage of the lending demo: six daemons with their policies, and how to wait for a block's consequences.

Promise: `Watch.mine` mines one block and returns when every daemon has processed it, every party's own policy has looked at
it, and whatever the keeper posted is final for everybody; every block leaves a row for the chart. This module does NOT know
the story.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from node.chart import Row
from node.demo.book import quote
from node.demo.processes import Backend
from node.demo.stage import QUIET_TIMEOUT, Theatre, each, pricing

ROLES = {
    "borrower": "borrower", "lender": "lender", "liquidator-1": "liquidator", "liquidator-2": "liquidator",
    "challenger": "challenger",
}  # fmt: skip
PARTIES = tuple(ROLES)
"""In the order of the proposals."""
CAST = ("keeper", *PARTIES)
ATTESTORS = frozenset({"keeper", "lender", "challenger"})

POLICIES = {
    "borrower": 'take = "auto"',
    "lender": 'lend = "auto"\nrelease = "auto"',
    "liquidator-1": 'liquidate = "auto"\nmax_slots_a_day = 1',
    "liquidator-2": 'liquidate = "dry-run"',
    "challenger": "",
}
"""What each party leaves to its daemon ([lending] of its configuration)."""


def lending_theatre(folder: Path, backend: Backend) -> Theatre:
    """Six daemons; attestors and liquidators have a price source each."""
    more = {name: f"\n[lending]\npoll_seconds = 0.3\n{policy}\n" for name, policy in POLICIES.items()}
    more["keeper"] = "\n[keeper]\naccrue_blocks = 24\n"
    for name in ("liquidator-1", "liquidator-2"):
        more[name] += pricing(folder / name)
    return Theatre(folder, backend, cast=CAST, attestors=ATTESTORS, coins="checked", more=more)


@dataclass(slots=True)
class Watch:
    """Sees what everybody's node says, mines, and keeps the rows of the chart.

    `apart`: by daemon, the price of a source that does not say what all others say.
    """

    theatre: Theatre
    price: int = 0
    apart: dict[str, int] = field(default_factory=dict)
    vaults: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    _identities: dict[str, str] = field(default_factory=dict)
    _looked: int = -1

    def worth(self, price: int) -> None:
        """A bitcoin is worth this many cents from now on."""
        self.price = price
        self._tell()

    def _tell(self) -> None:
        for daemon in self.theatre.daemons:
            quote(daemon, self.apart.get(daemon.name, self.price))

    async def identity(self, name: str) -> str:
        """A daemon's identity, hex."""
        if name not in self._identities:
            self._identities[name] = (await self.theatre[name].call("node.info"))["identity"]
        return self._identities[name]

    def known(self, name: str) -> str:
        """The identity of a daemon that was asked before; for when it is gone."""
        return self._identities[name]

    async def name_of(self, identity: str) -> str:
        """Whose identity this is."""
        for name in CAST:
            await self.identity(name)
        return next(name for name, known in self._identities.items() if known == identity)

    async def loan(self, vault: str, name: str = "borrower") -> dict[str, Any]:
        """A loan as a party's node shows it."""
        return dict(await self.theatre[name].call("loan.show", id=vault))

    async def position(self, ledger: str, vault: str) -> dict[str, Any]:
        """The loan's position under the keeper's final checkpoint."""
        return dict(await self.theatre["keeper"].call("ledger.position", ledger=ledger, vault=vault))

    async def tendered(self, vault: str, slot: int) -> int:
        """The ledger's height of a tender that was just made; the lender may have shown r already."""
        while True:
            shown = await self.loan(vault)
            if shown["tender"] is not None and shown["tender"]["slot"] == slot:
                return int(shown["tender"]["since"])
            row = next(row for row in shown["slots"] if row["slot"] == slot)
            if row["recorded"]:
                return int(row["recorded"])
            await asyncio.sleep(0.1)

    async def graph(self, vault: str, slot: int, claimant: str) -> int:
        """The graph in which a party claims a slot."""
        shown = await self.theatre.borrower.call("vault.show", id=vault)
        me = PARTIES.index(claimant)
        return next(g for g, row in enumerate(shown["graphs"]) if (row["slot"], row["claimant"]) == (slot, me))

    async def phase(self, vault: str, graph: int) -> str:
        """Where the game of a graph stands."""
        return str((await self.theatre.borrower.call("vault.show", id=vault))["graphs"][graph]["phase"])

    async def setups(self, vault: str) -> dict[str, list[dict[str, Any]]]:
        """What the setup cost each party."""
        daemons = [self.theatre[name] for name in PARTIES]
        shows = await each(daemons, "vault.show", id=vault)
        return {daemon.name: shown["setup"] for daemon, shown in zip(daemons, shows, strict=True)}

    async def mine(self) -> None:
        """One block and everything that follows from it; the price sources go on saying what they say."""
        self._tell()
        await self.theatre.mine()
        await self.calm()
        await self._row()

    async def calm(self) -> None:
        """Wait until nothing is under way anywhere: vaults, policies, the keeper's posts, proofs and signatures.

        Whatever the ledger says newly is looked at by every party's policy once more before this returns.
        """
        async with asyncio.timeout(QUIET_TIMEOUT):
            while True:
                await self.theatre.quiet()
                posted = await self._settled()
                if posted is not None and posted == self._looked:
                    return
                if posted is not None:
                    await self._rounds()
                    self._looked = posted
                await asyncio.sleep(0.1)

    async def _settled(self) -> int | None:
        """How many events the keeper has posted, when all that must be final is final for everybody; None before."""
        if not self.vaults:
            return 0
        keeper, *others = await asyncio.gather(*(self._ledger(name) for name in self.theatre.cast))
        round_of = (await self.theatre["keeper"].call("money.show"))["keeper"]["height"]
        behind = any(view["seq"] != keeper["seq"] for view in others) or -1 < round_of < self.theatre.height
        if keeper["waiting"] or behind or keeper["under_way"] or keeper["proving"]:
            return None
        return int(keeper["posted"]["seq"])

    async def _ledger(self, name: str) -> dict[str, Any]:
        (line,) = await self.theatre[name].call("ledger.list")
        return dict(await self.theatre[name].call("ledger.show", ledger=line["ledger"]))

    async def _rounds(self) -> None:
        """Until every party's policy has begun and ended a look at what there is now."""
        parties = [self.theatre[name] for name in PARTIES]
        before = [told["rounds"] for told in await each(parties, "loan.list")]
        while True:
            now = [told["rounds"] for told in await each(parties, "loan.list")]
            if all(seen >= told + 2 for seen, told in zip(now, before, strict=True)):
                return
            await asyncio.sleep(0.05)

    async def _row(self) -> None:
        shown: dict[str, Any] = {}
        if self.vaults and await self.live(self.vaults[0]):
            shown = await self.loan(self.vaults[0])
        names = ("price", "health", "debt")
        price, health, debt = (shown.get(name) for name in names)
        opened = shown.get("phase") in ("open", "ended")
        self.rows.append(
            Row(
                height=self.theatre.height,
                price=price,
                health=health if opened else None,
                debt=debt if opened else None,
            )
        )

    def moment(self, row: Row) -> None:
        """What held for a moment within a block, before what the block left."""
        at = next((i for i, kept in enumerate(self.rows) if kept.height >= row.height), len(self.rows))
        while at < len(self.rows) - 1 and self.rows[at + 1].height == row.height:
            at += 1
        self.rows.insert(at, row)

    async def live(self, vault: str) -> bool:
        """Whether everybody holds every signature."""
        return bool((await self.theatre.borrower.call("vault.show", id=vault))["stage"] == "live")
