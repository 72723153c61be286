"""The six scenarios of a vault, played as people would: over RPC, one block at a time; the same ones with either engine.

One vault of six slots; four of them carry a claim game each. True claims stand on the highest slots, which a ledger frees first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from node.demo.book import Say
from node.demo.grounds import ENGINES, SLOT, Game, Grounds
from node.demo.stage import Theatre, each
from node.faults import LocalFault

HONEST, FALSE, SILENT, DOUBTED = range(4)
"""Graphs."""
LEFT, REPAID = 0, 3
"""Slots without a claim."""
SLOTS = 6


def games(profile: str) -> tuple[Game, ...]:
    """The demo's graphs; `profile` is the cut-and-choose of the false claim, the others have the quickest."""
    return (
        Game(slot=5, claim="true", profile="test"),
        Game(slot=2, claim="false", profile=profile),
        Game(slot=1, claim="false", profile="test"),
        Game(slot=4, claim="true", profile="test"),
    )


@dataclass(slots=True)
class Play:
    """One performance: the stage, the vault, what claims rest on, and where to tell the story."""

    theatre: Theatre
    engine: str
    say: Say
    games: Sequence[Game]
    slots: int = SLOTS
    grounds: Grounds = field(init=False)
    vault: str = ""
    setups: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    ledger: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.grounds = ENGINES[self.engine](self.games)

    async def show(self) -> dict[str, Any]:
        """The borrower's view of the vault."""
        return dict(await self.theatre.borrower.call("vault.show", id=self.vault))

    async def seen(self) -> dict[str, Any]:
        """The view of a party that runs, the challenger's first."""
        borrower, lender, challenger = self.theatre.daemons
        there = next(daemon for daemon in (challenger, lender, borrower) if daemon.running)
        return dict(await there.call("vault.show", id=self.vault))

    async def claim(self, graph: int, **more: Any) -> None:
        """The borrower claims, with a reason or without one."""
        argument = await self.grounds.argument(graph)
        await self.theatre.order(self.theatre.borrower, "vault.claim", id=self.vault, graph=graph, **argument, **more)

    async def until(self, graph: int, phase: str, limit: int) -> None:
        """Mine until a graph has reached a phase."""

        async def there() -> bool:
            return bool((await self.seen())["graphs"][graph]["phase"] == phase)

        blocks = await self.theatre.mine_until(there, f"graph {graph} {phase}", limit)
        self.say(f"  height {self.theatre.height}: graph {graph} is {phase} ({blocks} blocks)")

    async def until_mined(self, graph: int, kind: str, limit: int) -> None:
        """Mine until somebody's transaction of this kind is in a block."""

        async def there() -> list[str]:
            names = [row["name"] for row in (await self.seen())["transactions"]]
            return [name for name in names if name.startswith(f"{graph}/{kind}/")]

        async def mined() -> bool:
            return bool(await there())

        blocks = await self.theatre.mine_until(mined, f"{kind} of graph {graph}", limit)
        who = " and ".join(
            self.theatre.daemons[k].name for k in sorted(int(n.rpartition("/")[2]) for n in await there())
        )
        self.say(f"  height {self.theatre.height}: {kind} of graph {graph} with the {who} ({blocks} blocks)")


def wanted(identities: Sequence[str], play: Play) -> dict[str, Any]:
    """The proposal as a person writes it: borrower, lender, challenger."""
    roles = ("borrower", "lender", "challenger")
    return {
        "parties": [{"identity": i, "role": r} for i, r in zip(identities, roles, strict=True)],
        "slots": [SLOT] * play.slots,
        "graphs": [
            {
                "claimant": 0, "outcome": "withdraw", "slot": game.slot, "engine": play.engine, "profile": game.profile,
                **play.grounds.terms(graph),
            }
            for graph, game in enumerate(play.games)
        ],
    }  # fmt: skip


async def make(play: Play) -> None:
    """1. A vault is proposed, set up by all three, stored, funded."""
    theatre = play.theatre
    play.say(f"1. propose, set up, store, fund a vault of {play.slots} slots (engine {play.engine})")
    await play.grounds.begin(theatre, play.say)
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
    await play.grounds.agreed(play.vault)


async def honest(play: Play) -> None:
    """2. A true claim: Claim, window, UncontestedPayout."""
    play.say("2. a true claim: nobody contests it")
    await play.claim(HONEST)
    await play.until(HONEST, "paid", 40)


async def false(play: Play) -> None:
    """3. A false claim: Claim, Contest, Assert, then Disprove (core) or Reveal and NoPayout (babe); the bond is split."""
    play.say(f"3. a false claim: {play.grounds.falsehood} (profile {play.games[FALSE].profile})")
    await play.claim(FALSE)
    for phase, limit in (("claimed", 3), ("contested", 5), ("asserted", 5)):
        await play.until(FALSE, phase, limit)
    await play.until_mined(FALSE, play.grounds.answer, 15)
    await play.until(FALSE, "disproved", 20)


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
    """5. A true claim contested all the same: Assert, with babe Reveal and Refute, window, ContestedPayout."""
    play.say("5. a true claim, contested by the challenger against better knowledge")
    await play.claim(DOUBTED)
    await play.until(DOUBTED, "claimed", 3)
    await contest(play, DOUBTED)
    for phase, limit in (("contested", 5), ("asserted", 5)):
        await play.until(DOUBTED, phase, limit)
    for kind in play.grounds.futile:
        await play.until_mined(DOUBTED, kind, 15)
    await play.until(DOUBTED, "paid", 40)


async def contest(play: Play, graph: int) -> None:
    """The challenger contests, whatever it knows."""
    challenger = play.theatre.challenger
    await play.theatre.order(challenger, "vault.contest", id=play.vault, graph=graph, **play.grounds.insistence)


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
