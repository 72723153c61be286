"""A loan of four slots between five real daemons and a keeper, set up once a session, stopped, and begun again by every scenario.

Promise: a `Scene` is a copy of that world with everybody's own policy; `exact` compares every wallet, to the sat, with what
`node.demo.rules` makes of the mined transactions, and every SIMULATED account, to the cent, with what the scenario expects.
Interest is 0 here, so that prices and debts of a scenario can be written as numbers; interest runs in the demo and in
tests/properties. Graphs are those that scenarios claim in, not all that a loan may have: each one costs four garblings.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node.demo.book import open_ledger
from node.demo.loan_stage import ATTESTORS, CAST, PARTIES, ROLES, Watch
from node.demo.rules import expected
from node.demo.stage import MINER, Theatre, each, pricing
from node.proving import Statement
from node.rpc.client import RpcError
from tests.functional.frozen import freeze, thawed
from tests.proving_kit import TWO, keys

SLOT, SLOTS, LOAN = 1_000_000, 4, 116_200
"""Sats, count, cents: 48 % of the collateral's value at the first price."""
FIRST, EDGE = 6_000_000, 3_500_000
"""Cents per BTC. At EDGE health is exactly 1: 4 * 0.01 * 3,500,000 * 0.83 = 116,200."""
MINTED = {"lender": 150_000, "liquidator-1": 40_000, "liquidator-2": 40_000}
MATURITY, GRACE, WINDOW = 40, 2, 6
DEPTH = 2
"""Confirmations of regtest's Terms before a secret is shown or money follows a coin."""
RULES = {"rate": 0, "target_health": 10_600, "grace": GRACE, "tender_window": WINDOW, "settle_window": 60}
Graphs = tuple[tuple[str, str, int], ...]
GRAPHS: Graphs = (
    ("borrower", "withdraw", 0),
    ("lender", "default", 0),
    ("liquidator-1", "liquidate", 0),
    ("liquidator-2", "liquidate", 1),
    ("borrower", "withdraw", 3),
    ("borrower", "withdraw", 1),
    ("borrower", "withdraw", 2),
    ("lender", "default", 3),
)
"""Who claims what of which slot; the place in here is the graph's number."""
DEEP = 2_400_000
"""Cents per BTC, on the grid of attestors: at most this attested on the ledger's first day opens both entries of path B. No
scenario but those of tests/functional/test_lending_fast.py comes down to it."""
Fasts = tuple[tuple[str, int, int, int], ...]
FAST: Fasts = (("liquidator-1", 0, DEEP, 0), ("liquidator-2", 1, DEEP, 0))
"""Who may take which slot at what attested price of which day; the place in here is the entry's number."""
POLICIES = {
    "borrower": 'take = "auto"\ntender = "manual"',
    "lender": 'lend = "auto"\nrelease = "auto"',
    "liquidator-1": 'liquidate = "dry-run"',
    "liquidator-2": 'liquidate = "dry-run"',
}
"""What parties leave to their daemons, unless a scenario says otherwise."""
PROVEN = Statement(name="outcome", batch=0)


def graph(claimant: str, slot: int) -> int:
    """The number of the graph in which a party claims a slot."""
    return next(g for g, (who, _, of) in enumerate(GRAPHS) if (who, of) == (claimant, slot))


def stage(folder: Path, proving: Path, policies: Mapping[str, str], contest: str = "known") -> Theatre:
    """Keeper, borrower, lender, two liquidators, challenger; attestors and liquidators with a price source each."""
    more = {name: f"\n[lending]\npoll_seconds = 0.3\n{policies.get(name, '')}\n" for name in PARTIES}
    more["keeper"] = "\n[keeper]\naccrue_blocks = 50\n"
    for name in ("liquidator-1", "liquidator-2"):
        more[name] += pricing(folder / name)
    return Theatre(
        folder, "sandbox", proving=proving, cast=CAST, attestors=ATTESTORS, coins="checked", more=more, contest=contest
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ice:
    """The stopped world: where it lies, what was agreed, and what everybody had before."""

    folder: Path
    proving: Path
    ledger: str
    vault: str
    before: list[int]


@dataclass(slots=True)
class Scene:
    """One scenario's world."""

    theatre: Theatre
    watch: Watch
    ice: Ice

    # ---- what is seen ------------------------------------------------------------------------------------------------
    async def loan(self, name: str = "borrower") -> dict[str, Any]:
        """What a party's node says of the loan."""
        return dict(await self.theatre[name].call("loan.show", id=self.ice.vault))

    async def slot(self, slot: int) -> dict[str, Any]:
        """What the keeper says of a slot."""
        return next(row for row in (await self.loan())["slots"] if row["slot"] == slot)

    async def vault(self, name: str = "borrower") -> dict[str, Any]:
        """What a party's node says of the vault."""
        return dict(await self.theatre[name].call("vault.show", id=self.ice.vault))

    async def phase(self, number: int) -> str:
        """Where the game of a graph stands."""
        return str((await self.vault())["graphs"][number]["phase"])

    async def mined(self) -> list[str]:
        """Every transaction of the vault on chain, in order."""
        return [tx["name"] for tx in (await self.vault())["transactions"]]

    async def games(self, number: int) -> list[str]:
        """The transactions of a graph's game."""
        names = [name.partition("/")[2] for name in await self.mined() if name.startswith(f"{number}/")]
        return [name for name in names if not name.startswith("foreign/")]

    async def money(self) -> dict[str, int]:
        """Cents by name; `held`: in escrow and under locks."""
        shown = await self.theatre["keeper"].call("money.show")
        found = {name: shown["accounts"].get(await self.watch.identity(name), 0) for name in PARTIES}
        locked = sum(lock["cents"] for lock in shown["locks"] if lock["state"] == "locked")
        return {**found, "held": sum(each["cents"] for each in shown["escrow"]) + locked}

    # ---- what is done ------------------------------------------------------------------------------------------------
    async def price(self, cents: int) -> None:
        """Every price source says so from now on, and the ledger too when this returns.

        A move of less than half a per cent is marked after a minute only. What was marked before is signed first: attestors
        compare it with what their sources say when they see it.
        """
        await self.watch.calm()
        self.watch.worth(cents)

        async def told() -> bool:
            shown = await self.theatre["borrower"].call("loan.list")
            return bool(shown["loans"][0]["price"] == cents)

        await self.until(told, f"a price of {cents}")

    async def ask(self, name: str, method: str, **params: Any) -> Any:
        """An operator's order about the loan, and everything that follows without a block."""
        answer = await self.theatre[name].call(method, id=self.ice.vault, **params)
        await self.watch.calm()
        return answer

    async def refused(self, name: str, method: str, match: str, **params: Any) -> None:
        """An order that is refused, with the reason."""
        with pytest.raises(RpcError, match=match):
            await self.theatre[name].call(method, id=self.ice.vault, **params)

    async def until(self, done: Callable[[], Awaitable[bool]], what: str, limit: int = 30) -> None:
        """A block at a time."""
        for _ in range(limit + 1):
            if await done():
                return
            await self.watch.mine()
        raise AssertionError(f"{what}: not within {limit} blocks; {await self.mined()}")

    async def until_phase(self, number: int, wanted: str, limit: int = 30) -> None:
        """Until the game of a graph is there."""

        async def there() -> bool:
            return await self.phase(number) == wanted

        await self.until(there, f"graph {number} {wanted}", limit)

    async def until_record(self, slot: int, outcome: str, limit: int = 20) -> None:
        """Until the ledger holds a record of the slot, final for everybody."""

        async def there() -> bool:
            return bool((await self.slot(slot))["outcome"] == outcome)

        await self.until(there, f"a record of slot {slot}: {outcome}", limit)

    async def until_closed(self, *slots: int, limit: int = 30) -> None:
        """Until these slots' coins are spent and, where they have records, the money of the records is paid out."""

        async def there() -> bool:
            shown, rows = await self.vault(), [await self.slot(slot) for slot in slots]
            spent = all(shown["slots"][slot]["phase"] == "closed" for slot in slots)
            return spent and all(row["settled"] or not row["outcome"] for row in rows)

        await self.until(there, f"slots {slots} closed", limit)

    async def branch(self, blocks: int) -> None:
        """The last blocks (none: 0) leave the chain; what they held goes back to the mempool. As many and one more come."""
        chain = self.theatre.chain
        if blocks:
            await chain.call("invalidateblock", await chain.call("getblockhash", self.theatre.height - blocks + 1))
        await chain.call("generatetoaddress", blocks + 1, MINER)
        self.theatre.height += 1

    async def reorg(self, blocks: int) -> None:
        """Another branch of the chain, and everything that follows from it."""
        await self.branch(blocks)
        await self.watch.calm()

    async def skip(self, blocks: int) -> None:
        """Blocks in which nothing is to happen between two of them."""
        await self.theatre.chain.call("generatetoaddress", blocks, MINER)
        self.theatre.height += blocks
        await self.watch.calm()

    # ---- what must be ------------------------------------------------------------------------------------------------
    async def exact(self, *others: Scene, **cents: int) -> None:
        """Every wallet is right to the sat; every account holds what it began with and `cents` more or less.

        `others`: further loans of the same parties, whose coins moved too.
        """
        for _ in range(8):
            await self.watch.mine()
            if not await self.theatre.chain.call("getrawmempool"):
                break
        daemons = [self.theatre[name] for name in PARTIES]
        change: Counter[int] = Counter()
        for play in (self, *others):
            change.update(expected(await each(daemons, "vault.show", id=play.ice.vault)))
        found = [int(b["total"]) for b in await each(daemons, "wallet.balance")]
        assert found == [sats + change[p] for p, sats in enumerate(self.ice.before)], await self.mined()
        lent = {name: MINTED.get(name, 0) for name in PARTIES}
        lent["lender"] -= LOAN
        lent["borrower"] += LOAN
        wanted = {name: lent.get(name, 0) + cents.get(name.replace("-", "_"), 0) for name in (*PARTIES, "held")}
        assert await self.money() == wanted


async def propose(
    watch: Watch,
    ledger: str,
    *,
    slots: int,
    cents: int,
    graphs: Graphs,
    sats: int = SLOT,
    maturity: int = MATURITY,
    fast: Fasts = (),
) -> str:
    """The borrower proposes a loan against slots of `sats` to everybody; its id."""
    identities = [await watch.identity(name) for name in PARTIES]
    about = {"profile": "test", "amount": sats, "ledger": ledger}
    proposal = {
        "parties": [{"identity": who, "role": ROLES[name]} for who, name in zip(identities, PARTIES, strict=True)],
        "slots": [sats] * slots,
        "maturity": maturity,
        "loan": {
            "ledger": ledger,
            "cents": cents,
            "fast": [
                {"liquidator": PARTIES.index(who), "slot": slot, "price": price, "day": day}
                for who, slot, price, day in fast
            ],
        },
        "graphs": [
            {"claimant": PARTIES.index(who), "outcome": outcome, "slot": slot, **about} for who, outcome, slot in graphs
        ],
    }
    answer = await watch.theatre.order(watch.theatre.borrower, "vault.propose", proposal=proposal)
    return str(answer["id"])


async def build(home: Path) -> Ice:
    """Open the stage and the ledger, agree, lend, and stop when the position is open and final."""
    proving = home / "proving"
    keys(proving, TWO, PROVEN)
    theatre = stage(home / "world", proving, POLICIES)
    watch = Watch(theatre)
    try:
        await theatre.open()
        watch.worth(FIRST)
        before = [int(b["total"]) for b in await each([theatre[name] for name in PARTIES], "wallet.balance")]
        ledger = await open_ledger(theatre, print, RULES, keeper="keeper")
        for name, cents in MINTED.items():
            await theatre["keeper"].call("money.mint", ledger=ledger, identity=await watch.identity(name), cents=cents)
        vault = await propose(watch, ledger, slots=SLOTS, cents=LOAN, graphs=GRAPHS, fast=FAST)
        watch.vaults.append(vault)
        for name in PARTIES[1:]:
            await theatre[name].call("vault.accept", id=vault)
        ice = Ice(folder=theatre.folder, proving=proving, ledger=ledger, vault=vault, before=before)
        scene = Scene(theatre, watch, ice)

        async def opened() -> bool:
            shown = await scene.vault()
            assert not shown["end"], shown["end"]
            return bool(shown["stage"] == "live" and (await scene.loan())["phase"] == "open")

        await scene.until(opened, "an open position", 60)
        for _ in range(3):
            await watch.mine()
        await freeze(theatre)
        return ice
    finally:
        await theatre.close()


@asynccontextmanager
async def scene(ice: Ice, folder: Path, contest: str = "known", **policies: str) -> AsyncIterator[Scene]:
    """A copy of the world. `policies`: what a party (its name with _ for -) leaves to its daemon instead of POLICIES."""
    chosen = {**POLICIES, **{name.replace("_", "-"): policy for name, policy in policies.items()}}
    async with thawed(ice.folder, folder, lambda there: stage(there, ice.proving, chosen, contest)) as theatre:
        watch = Watch(theatre)
        watch.vaults.append(ice.vault)
        watch.worth(FIRST)
        await watch.calm()
        yield Scene(theatre, watch, ice)


def as_json(ice: Ice) -> str:
    """For a folder that outlives a session."""
    return json.dumps(
        {
            **{name: getattr(ice, name) for name in ("ledger", "vault", "before")},
            "folder": str(ice.folder),
            "proving": str(ice.proving),
        }
    )


async def main(home: Path) -> None:
    """Build the world into a folder of its own."""
    (home / "ice.json").write_text(as_json(await build(home)))


if __name__ == "__main__":
    import sys

    asyncio.run(main(Path(sys.argv[1])))
