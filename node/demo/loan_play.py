"""A performance of the lending demo from curtain to curtain: the stage, the scenes, the chart, and every balance.

Promise: True only when every wallet holds what `rules` says in sats, every SIMULATED account what `loan_rules` says in cents, and
the ledger holds nothing for anybody any more. This module does NOT know the story.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

from node.chart import Level, svg
from node.demo.lending import LIQUIDATION, MINTED, NUMBERS, RULES, SCENES, Loan
from node.demo.loan_rules import settled
from node.demo.loan_screen import setup_summary, view
from node.demo.loan_stage import CAST, PARTIES, Watch, lending_theatre
from node.demo.processes import DaemonProcess
from node.demo.rules import Entry, entries
from node.demo.screen import Look, Screen, balances, transactions, who_got_what
from node.demo.stage import each
from node.faults import LocalFault, PeerFault, Unavailable
from node.rpc.client import RpcError

REFRESH = 1.0
"""Seconds; every refresh asks the keeper once for each party."""
LEVELS = (
    Level(health=10_000, words="liquidation"),
    Level(health=int(10_000 * LIQUIDATION / 70 * 100), words="margin call"),
    Level(health=RULES["target_health"], words="target"),
)
ABSENT = (OSError, TimeoutError, LocalFault, PeerFault, Unavailable, RpcError)


async def perform(options: argparse.Namespace, folder: Path) -> bool:
    """Play the loan; True when every balance is right."""
    screen = Screen()
    theatre = lending_theatre(folder, "bitcoind" if options.bitcoind else "sandbox")
    loan = Loan(theatre, Watch(theatre), screen.say)
    watcher = asyncio.create_task(_watch(loan, screen))
    screen.start()
    try:
        screen.say(f"regtest on {theatre.backend}; six daemons: {', '.join(CAST)}")
        await theatre.open()
        daemons = [theatre[name] for name in PARTIES]
        before = [int(b["total"]) for b in await each(daemons, "wallet.balance")]
        for scene in SCENES:
            await scene(loan)
        for _ in range(8):  # bonds and stakes that no game needed come back
            await loan.watch.mine()
        found = [int(b["total"]) for b in await each(daemons, "wallet.balance")]
        shows = {vault: await each(daemons, "vault.show", id=vault) for vault in loan.watch.vaults}
        money = await theatre["keeper"].call("money.show", ledger=loan.ledger)
        ledger = await theatre["keeper"].call("ledger.show", ledger=loan.ledger)
    finally:
        watcher.cancel()
        screen.stop()
        await theatre.close()
    moved = [entry for vault, views in shows.items() for entry in _entries(views, linked=vault == loan.linked)]
    for vault, views in shows.items():
        transactions(screen.console, _own(views[0]), f"Transactions of {vault[:16]}")
    setup_summary(screen.console, loan.setups)
    who_got_what(screen.console, moved, PARTIES)
    change: Counter[int] = Counter()
    for entry in moved:
        change[entry.party] += entry.sats
    sats = [
        {"party": name, "before": before[i], "expected": before[i] + change[i], "found": found[i]}
        for i, name in enumerate(PARTIES)
    ]
    cents = _cents(loan, money, int(ledger["principal"]))
    chart = options.chart or Path("lending.svg")
    chart.write_text(_chart(loan))
    if options.report is not None:
        report = {
            "backend": theatre.backend,
            "balances": sats,
            "accounts": cents,
            "vaults": shows,
            "setup": loan.setups,
        }
        options.report.write_text(json.dumps(report, indent=1))
    right = balances(screen.console, sats)
    right &= balances(screen.console, cents, "SIMULATED accounts (cents)")
    screen.say(f"price, health, debt and what happened, over blocks: {chart.absolute()}")
    return right


def _entries(views: list[dict[str, Any]], *, linked: bool) -> list[Entry]:
    """What moved in one vault; what moved in the linked one says so."""
    return [entry._replace(what=f"linked: {entry.what}") if linked else entry for entry in entries(views)]


def _own(shown: dict[str, Any]) -> dict[str, Any]:
    """A vault without the reclaims of bonds and stakes: some eighty, counted below."""
    return {"transactions": [tx for tx in shown["transactions"] if "/foreign/" not in tx["name"]]}


def _cents(loan: Loan, money: dict[str, Any], owed: int) -> list[dict[str, Any]]:
    """Every account beside what it should hold, and what is held for nobody in particular."""
    books = settled(MINTED, NUMBERS, loan.genesis, loan.story)
    accounts = {name: money["accounts"].get(loan.watch.known(name), 0) for name in PARTIES}
    rows = [
        {"party": name, "before": MINTED.get(name, 0), "expected": books.accounts[name], "found": cents}
        for name, cents in accounts.items()
    ]
    rows.append({"party": "debt", "before": 0, "expected": books.principal, "found": owed})
    held = sum(row["cents"] for row in money["escrow"])
    return [*rows, {"party": "held", "before": 0, "expected": 0, "found": held}]


def _chart(loan: Loan) -> str:
    rows = loan.watch.rows
    note = f"regtest, blocks {rows[0].height} to {rows[-1].height}; every dollar is SIMULATED, prices are made up"
    return svg(title="A loan through a price fall", note=note, rows=rows, events=loan.events, levels=LEVELS)


async def _watch(loan: Loan, screen: Screen) -> None:
    """Refresh the live view beside the story; without one there is nothing to refresh."""
    while screen.console.is_terminal:
        looks = list(await asyncio.gather(*(_look(loan, daemon) for daemon in loan.theatre.daemons)))
        shown, said = await _said(loan)
        screen.draw(view(loan.theatre.height, looks, shown, said))
        await asyncio.sleep(REFRESH)


async def _look(loan: Loan, daemon: DaemonProcess) -> Look:
    look = Look(daemon.name, daemon.presence)
    try:
        async with asyncio.timeout(5):
            look.info = await daemon.call("node.info")
            if loan.watch.vaults and daemon.name in PARTIES:
                look.show = await daemon.call("vault.show", id=loan.watch.vaults[-1])
    except ABSENT:
        pass  # it is starting, or has not heard of the vault yet
    return look


async def _said(loan: Loan) -> tuple[dict[str, Any], dict[str, list[dict[str, str]]]]:
    """The loan as the first party shows it, and what each party's policy says."""
    first: dict[str, Any] = {}
    said: dict[str, list[dict[str, str]]] = {}
    for name in PARTIES if loan.vault else ():
        try:
            async with asyncio.timeout(5):
                shown = await loan.theatre[name].call("loan.show", id=loan.vault)
        except ABSENT:
            continue
        first = first or dict(shown)
        said[name] = shown["decisions"]
    return first, said
