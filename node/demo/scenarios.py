"""The six scenarios, played as people would: over RPC, one block at a time.

One vault of six slots; four of them carry a claim game each. Sealed balance 600,000 sat everywhere; the two false claims
want 900,000. The lender and the challenger know the sealed balances out of band and contest what exceeds them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from node.demo.stage import Theatre, each
from node.faults import LocalFault

BALANCE, TOO_MUCH, SLOT = 600_000, 900_000, 1_000_000
HONEST, FALSE, SILENT, DOUBTED, REPAID, LEFT = range(6)
AMOUNTS = {HONEST: BALANCE, FALSE: TOO_MUCH, SILENT: TOO_MUCH, DOUBTED: BALANCE}
PROFILES = {HONEST: "test", FALSE: "default", SILENT: "test", DOUBTED: "test"}

Say = Callable[[str], None]


def salt(graph: int) -> int:
    """The 128-bit salt of a sealed balance; each graph has its own."""
    return int.from_bytes(hashlib.sha256(b"demo salt %d" % graph).digest()[:16], "big")


def commitment(graph: int) -> str:
    """SHA256(balance || salt), hex: what everybody sees of the sealed balance."""
    return hashlib.sha256(BALANCE.to_bytes(32, "big") + salt(graph).to_bytes(16, "big")).hexdigest()


def known() -> dict[str, int]:
    """What lender and challenger were told out of band."""
    return {commitment(g): BALANCE for g in AMOUNTS}


@dataclass(slots=True)
class Play:
    """One performance: the stage, the vault, and where to tell the story."""

    theatre: Theatre
    engine: str
    say: Say
    profiles: dict[int, str]
    amounts: dict[int, int] = field(default_factory=lambda: dict(AMOUNTS))
    slots: int = 6
    vault: str = ""
    setups: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    ledger: dict[str, Any] = field(default_factory=dict)

    async def show(self) -> dict[str, Any]:
        """The borrower's view of the vault."""
        return dict(await self.theatre.borrower.call("vault.show", id=self.vault))

    async def phase(self, graph: int) -> str:
        """The phase of a graph as the challenger sees it (it is never switched off)."""
        view = await self.theatre.challenger.call("vault.show", id=self.vault)
        return str(view["graphs"][graph]["phase"])

    async def claim(self, graph: int) -> None:
        """The borrower claims with what was really sealed."""
        borrower = self.theatre.borrower
        await self.theatre.order(
            borrower, "vault.claim", id=self.vault, graph=graph, balance=BALANCE, salt=f"{salt(graph):x}"
        )

    async def until(self, graph: int, phase: str, limit: int) -> None:
        """Mine until a graph has reached a phase."""

        async def there() -> bool:
            return await self.phase(graph) == phase

        blocks = await self.theatre.mine_until(there, f"graph {graph} {phase}", limit)
        self.say(f"  height {self.theatre.height}: graph {graph} is {phase} ({blocks} blocks)")


def wanted(identities: Sequence[str], play: Play) -> dict[str, Any]:
    """The proposal as a person writes it: borrower, lender, challenger; graph g on slot g."""
    roles = ("borrower", "lender", "challenger")
    return {
        "parties": [{"identity": i, "role": r} for i, r in zip(identities, roles, strict=True)],
        "slots": [SLOT] * play.slots,
        "graphs": [
            {
                "claimant": 0, "outcome": "withdraw", "slot": g, "engine": play.engine, "profile": play.profiles[g],
                "commitment": commitment(g), "amount": amount,
            }
            for g, amount in play.amounts.items()
        ],
    }  # fmt: skip


async def make(play: Play) -> None:
    """1. A vault is proposed, set up by all three, stored, funded."""
    theatre = play.theatre
    play.say(f"1. propose, set up, store, fund a vault of {play.slots} slots")
    identities = [info["identity"] for info in await each(theatre.daemons, "node.info")]
    proposal = wanted(identities, play)
    play.vault = (await theatre.order(theatre.borrower, "vault.propose", proposal=proposal))["id"]
    for daemon in (theatre.lender, theatre.challenger):
        await daemon.call("vault.accept", id=play.vault)
    await theatre.quiet()

    async def open_slots() -> bool:
        view = await play.show()
        if view["end"]:
            raise LocalFault(what="the setup", expected="a vault", came=view["end"])
        return all(slot["phase"] == "open" for slot in view["slots"])

    await theatre.mine_until(open_slots, "an open vault", 60)
    shows = await each(theatre.daemons, "vault.show", id=play.vault)
    play.setups = {daemon.name: view["setup"] for daemon, view in zip(theatre.daemons, shows, strict=True)}
    play.say(f"  height {theatre.height}: the vault {play.vault[:16]} is open")


async def honest(play: Play) -> None:
    """2. An honest claim: Claim, window, UncontestedPayout."""
    play.say("2. an honest claim")
    await play.claim(HONEST)
    await play.until(HONEST, "paid", 40)


async def false(play: Play) -> None:
    """3. A false claim: Claim, Contest, Assert, Disprove, bond split."""
    play.say(f"3. a false claim: {TOO_MUCH} sat of a sealed {BALANCE} (profile {play.profiles[FALSE]})")
    await play.claim(FALSE)
    for phase, limit in (("claimed", 3), ("contested", 5), ("asserted", 5), ("disproved", 20)):
        await play.until(FALSE, phase, limit)


async def silent(play: Play) -> None:
    """4. A claimant that stays silent: NoAssert."""
    play.say("4. a claimant that stays silent (its daemon is killed after its claim)")
    await play.claim(SILENT)
    await play.until(SILENT, "claimed", 3)
    await play.theatre.borrower.kill()
    await play.until(SILENT, "contested", 5)
    await play.until(SILENT, "defaulted", 40)
    await play.theatre.borrower.start()
    await play.theatre.meet()
    await play.theatre.quiet()


async def doubted(play: Play) -> None:
    """5. An unfounded contest of an honest claim: Assert, window, ContestedPayout."""
    play.say("5. an unfounded contest of an honest claim")
    await play.claim(DOUBTED)
    await play.until(DOUBTED, "claimed", 3)
    await play.theatre.order(play.theatre.challenger, "vault.contest", id=play.vault, graph=DOUBTED)
    for phase, limit in (("contested", 5), ("asserted", 5), ("paid", 40)):
        await play.until(DOUBTED, phase, limit)


async def exits(play: Play) -> None:
    """6. Repayment (Repay), and DeadMan on another slot."""
    theatre = play.theatre
    play.say("6. repayment of one slot, DeadMan on another")
    await theatre.order(theatre.borrower, "vault.repay", id=play.vault, slot=REPAID)
    await theatre.order(theatre.borrower, "vault.deadman", id=play.vault, slot=LEFT)

    def closed(slot: int) -> Callable[[], Awaitable[bool]]:
        async def done() -> bool:
            return bool((await play.show())["slots"][slot]["phase"] == "closed")

        return done

    for slot, name, limit in ((REPAID, "Repay", 10), (LEFT, "DeadMan", 300)):
        blocks = await theatre.mine_until(closed(slot), name, limit)
        play.say(f"  height {theatre.height}: {name} took slot {slot} ({blocks} blocks)")


SCENARIOS: dict[int, Callable[[Play], Awaitable[None]]] = {
    1: make,
    2: honest,
    3: false,
    4: silent,
    5: doubted,
    6: exits,
}
