"""What the setup of a loan costs, against parties and slots: whole ceremonies from the proposal to the last `ready`.

All nodes live in this one process (tests/simulation): real machines, stores, keys, garblings, signatures. Messages and artifacts
pass through memory and the chain makes blocks on demand, so seconds are processor time of all parties together; nobody waits
for a network or for a block. Engine babe, profile `test`, four-bit digits, one graph a (claimant, outcome, slot): B withdraws,
L defaults, every liquidator liquidates; each is set up with every other party. Bytes are what the busiest party receives,
messages and artifacts; signatures are partial ones and presignatures, made and checked by all parties. LONG=1 in the
environment adds 8 parties with 2 slots and 5 parties with 4.

The baseline is the count of pairs (graph, challenger); the ratio is what a pair costs.
"""

from __future__ import annotations

import asyncio
import os
import time

import pytest
import structlog

from challenge.rules import pairs
from challenge.states import Stage
from node.phases import totals
from tests.simulation import toy
from tests.simulation.scenarios import a_world

Figure = dict[str, float | str]
ROLES = (
    "borrower",
    "lender",
    "liquidator-1",
    "liquidator-2",
    "challenger-1",
    "challenger-2",
    "challenger-3",
    "challenger-4",
)
SHAPES = ((5, 1), (6, 1), (7, 1), (8, 1), (5, 2))
LONG = ((5, 4), (8, 2))
SLOT, CENTS_A_SLOT, MATURITY = 1_000_000, 20_000, 10
MEGA = 1_000_000


async def _ceremony(parties: int, slots: int) -> dict[str, float]:
    cast = ROLES[:parties]
    async with a_world(contest={}, engine="babe", cast=cast) as world:
        wanted = {
            "parties": [
                {"identity": world.actors[name].identity.hex(), "role": name.partition("-")[0]} for name in cast
            ],
            "slots": [SLOT] * slots,
            "maturity": MATURITY,
            "loan": {"ledger": world.registry.file.ledger_id.hex(), "cents": CENTS_A_SLOT * slots},
        }
        busy, began = time.process_time(), time.perf_counter()
        vault = bytes.fromhex(await world.actors["borrower"].node.propose(wanted))
        for _ in range(20):
            await world.quiet()
            if all(world.stage(name, vault) is Stage.LIVE for name in cast):
                break
            await world.chain.mine()
        else:
            raise AssertionError(world.describe())
        spent, took = time.process_time() - busy, time.perf_counter() - began
        sums = [totals(world.actors[name].node.context.phases.table(vault)) for name in cast]
        return {
            "pairs": len(pairs(world.state("borrower", vault).proposal)),
            "cpu": spent,
            "wall": took,
            "received": max(each["received"] for each in sums) / MEGA,
            "signatures": sum(each["made"] + each["checked"] for each in sums),
        }


def run() -> dict[str, Figure]:
    """A row a figure and shape."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    patch, figures = pytest.MonkeyPatch(), dict[str, Figure]()
    toy.swift(patch)
    try:
        for parties, slots in (*SHAPES, *(LONG if os.environ.get("LONG") else ())):
            found = asyncio.run(_ceremony(parties, slots))
            for name, unit in (("cpu", "s"), ("received", "MB"), ("signatures", "")):
                figures[f"{parties} parties, {slots} slots: {name}"] = {
                    "value": round(found[name], 2),
                    "unit": unit,
                    "baseline": found["pairs"],
                    "ratio": round(found[name] / found["pairs"], 2),
                }
    finally:
        patch.undo()
    return figures
