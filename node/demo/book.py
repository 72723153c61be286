"""A lending ledger on the stage: the lender keeps it, lender and challenger attest it, the borrower follows by proofs alone.

Promise: `entry` returns when its events are proven, signed by the quorum and followed by everybody. This module does NOT
know what a ledger is used for.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from node.demo.processes import DaemonProcess
from node.demo.stage import Theatre, each
from node.faults import LocalFault

Say = Callable[[str], None]
PATIENCE = 600.0
PRICE = 6_000_000  # cents per BTC


@dataclass(slots=True)
class Book:
    """One ledger, by its id."""

    theatre: Theatre
    say: Say
    id: str
    number: int = 0

    async def entry(self, words: str, *events: Mapping[str, Any]) -> int:
        """A block, its interest and these events: sealed, proven, attested, followed. Returns the height."""
        theatre, began = self.theatre, time.monotonic()
        await theatre.mine()
        told = await theatre.lender.call("ledger.post", ledger=self.id, events=[{"kind": "accrue"}, *events])
        if told["waiting"]:  # those that fill a batch are sealed already
            await theatre.lender.call("ledger.seal", ledger=self.id)
        seq = told["seq"]
        async with asyncio.timeout(PATIENCE):
            while True:
                views = await asyncio.gather(*(d.call("ledger.show", ledger=self.id) for d in theatre.daemons))
                if all(view["seq"] == seq for view in views):
                    break
                await asyncio.sleep(0.1)
        self.number += 1
        self.say(
            f"  transition {self.number}, {1 + len(events)} events: {words} (proven, signed by 2, followed in "
            f"{time.monotonic() - began:.1f} s)"
        )
        return theatre.height


async def open_book(theatre: Theatre, say: Say, rules: Mapping[str, int]) -> Book:
    """A new ledger, open on all three nodes, with a price."""
    tell(theatre, PRICE)
    return Book(theatre, say, await open_ledger(theatre, say, rules, keeper="lender"))


async def open_ledger(theatre: Theatre, say: Say, rules: Mapping[str, int], *, keeper: str) -> str:
    """The id of a new ledger, open on all nodes: kept by one, attested by those with a price, two of whom are a quorum."""
    for statement in ("transition", "outcome"):
        await _proving_key(theatre, say, statement)
    members = [await theatre[name].call("attestor.key") for name in theatre.cast if name in theatre.attestors]
    file = await theatre[keeper].call("ledger.genesis", attestors=members, threshold=2, rules=dict(rules))
    opened = await each(theatre.daemons, "ledger.open", file=file)
    return str(opened[0]["ledger"])


def tell(theatre: Theatre, price: int) -> None:
    """What every price source on the stage says from now on."""
    for daemon in theatre.daemons:
        quote(daemon, price)


def quote(daemon: DaemonProcess, price: int) -> None:
    """What a daemon's price source, if it has one, says from now on."""
    if "[prices]" in daemon.more:
        new = daemon.folder / "price.new"
        new.write_text(json.dumps({"price": price, "time": int(time.time())}))
        new.replace(daemon.folder / "price.json")


async def _proving_key(theatre: Theatre, say: Say, statement: str) -> None:
    """Make a proving key, as an operator does, when there is none yet."""
    folder = str(theatre.lender.folder)
    command = [sys.executable, "-m", "node.cli", "--datadir", folder, "setup", "run", statement]
    have = {row["statement"] for row in await theatre.lender.call("setup.list")}
    if any(name.partition("-")[0] == statement for name in have):
        return
    say(f"  proving key of {statement}, made by a single party (regtest only), kept in {theatre.proving}")
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise LocalFault(what=" ".join(command[2:]), expected="a proving key", came=out.decode(errors="replace")[-800:])
