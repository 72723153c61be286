"""`make demo ARGS=lending`: a loan of four slots through a price fall, by six daemons on a regtest chain.

The borrower and the lender open a loan with two liquidators and a challenger; a sixth node keeps the ledger and the SIMULATED
money. The daemons' own policies do nearly everything; the play moves the price, mines, and gives the few orders that are an
operator's. This module tells the story; `loan_stage` knows how to wait, `loan_rules` what everybody must have in the end.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from node.chart import Event, Row
from node.demo.book import open_ledger
from node.demo.loan_rules import BITCOIN, Happened, Numbers
from node.demo.loan_stage import PARTIES, ROLES, Watch
from node.demo.stage import Theatre
from node.faults import LocalFault

Say = Callable[[str], None]

SLOT, SLOTS = 1_000_000, 4
"""Sats."""
LOAN = 118_000
"""Cents: 49 % of what four slots are worth at the first price."""
PRICES = {"first": 6_000_000, "margin call": 4_100_000, "liquidation": 2_750_000}
"""Cents per BTC."""
MINTED = {"lender": 150_000, "liquidator-1": 40_000, "liquidator-2": 40_000}
"""SIMULATED cents."""
RULES = {
    "rate": 10**14,  # 0.01 % a block, so that interest shows within an hour's worth of blocks
    "target_health": 10_300,  # two slots of five heal the loan
    "grace": 2, "tender_window": 6, "settle_window": 60,
}  # fmt: skip
"""What differs from the defaults: blocks are made on demand here."""
MATURITY = 160
NUMBERS = Numbers(rate=Fraction(RULES["rate"], 10**18), bonus=Fraction(5, 100), loan=LOAN)
LIQUIDATION = Fraction(83, 100)


@dataclass(slots=True)
class Loan:
    """One performance: the stage, what was agreed, and what has happened."""

    theatre: Theatre
    watch: Watch
    tell_story: Say
    ledger: str = ""
    genesis: int = 0
    vault: str = ""
    linked: str = ""
    events: list[Event] = field(default_factory=list)
    story: list[Happened] = field(default_factory=list)
    setups: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def say(self, line: str) -> None:
        """A line of the story."""
        self.tell_story(line)

    def happened(self, words: str, *moved: Happened) -> None:
        """Something for the chart, and what of it moved money."""
        self.events.append(Event(height=self.theatre.height, words=words))
        self.story += moved
        self.say(f"  height {self.theatre.height}: {words}")

    async def shown(self, name: str = "borrower") -> dict[str, Any]:
        """The loan as a party's node shows it."""
        return await self.watch.loan(self.vault, name)

    async def slot(self, slot: int) -> dict[str, Any]:
        """One slot of the ledger."""
        return next(row for row in (await self.shown())["slots"] if row["slot"] == slot)

    async def until(self, done: Callable[[], Awaitable[bool]], what: str, limit: int) -> int:
        """Mine until `done`; a row of the chart for every block."""
        for mined in range(limit + 1):
            if await done():
                return mined
            await self.watch.mine()
        raise LocalFault(what=what, expected=f"within {limit} blocks", came="not yet", todo="See the daemons' logs.")


def dollars(cents: int) -> str:
    """1234 -> 12.34 $."""
    return f"{cents // 100:,}.{cents % 100:02} $"


async def begin(loan: Loan) -> None:
    """1. A ledger, and SIMULATED money for who will pay."""
    theatre = loan.theatre
    loan.say("1. a lending ledger, and SIMULATED dollars (numbers in the keeper's books, minted by its operator)")
    loan.watch.worth(PRICES["first"])
    loan.genesis = theatre.height
    loan.ledger = await open_ledger(theatre, loan.say, RULES, keeper="keeper")
    for name, cents in MINTED.items():
        await theatre["keeper"].call(
            "money.mint", ledger=loan.ledger, identity=await loan.watch.identity(name), cents=cents
        )
    told = ", ".join(f"{name} {dollars(cents)}" for name, cents in MINTED.items())
    loan.say(
        f"  kept by the keeper; attested by keeper, lender and challenger, two of whom are a quorum; minted: {told}"
    )


async def make(loan: Loan) -> None:
    """2. Proposed, set up by all five, funded, lent."""
    loan.say(
        f"2. a loan of {dollars(LOAN)} against {SLOTS} slots of {SLOT:,} sat: proposed, accepted by all five, set up"
    )
    loan.vault = await _agree(loan, [SLOT] * SLOTS, {"ledger": loan.ledger, "cents": LOAN})
    loan.setups = await loan.watch.setups(loan.vault)
    await _audited(loan)

    async def lent() -> bool:
        await _alive(loan, loan.vault)
        return (await loan.shown()).get("phase") == "open"

    await loan.until(lent, "an open position", 60)
    opened = (await loan.watch.position(loan.ledger, loan.vault))["opened"]
    words = f"{dollars(LOAN)} lent under a's hash lock, Vault mined, the position open"
    loan.happened(words, Happened("open", opened, sats=(SLOT,) * SLOTS))


async def _agree(loan: Loan, slots: list[int], about: dict[str, Any]) -> str:
    """Propose, accept by everybody else, mine until everybody holds every signature."""
    theatre = loan.theatre
    identities = [await loan.watch.identity(name) for name in PARTIES]
    parties = [{"identity": who, "role": ROLES[name]} for who, name in zip(identities, PARTIES, strict=True)]
    proposal = {"parties": parties, "slots": slots, "maturity": MATURITY, "loan": about}
    vault = str((await theatre.order(theatre.borrower, "vault.propose", proposal=proposal))["id"])
    loan.watch.vaults.append(vault)
    for name in PARTIES[1:]:
        await theatre[name].call("vault.accept", id=vault)
    await theatre.quiet()

    async def live() -> bool:
        await _alive(loan, vault)
        return bool((await theatre.borrower.call("vault.show", id=vault))["stage"] == "live")

    await loan.until(live, "a vault that is set up", 30)
    loan.happened(f"the vault {vault[:16]} is set up: every signature is there, no coin has moved")
    return vault


async def _audited(loan: Loan) -> None:
    """The challenger writes down all that it holds, and judges it as a stranger would: another process, no daemon, no network."""
    file = loan.theatre.folder / "vault.bv3"
    told = await loan.theatre.challenger.call("vault.bundle", id=loan.vault, path=str(file))
    command = (sys.executable, "-m", "node.cli", "audit", str(file))
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise LocalFault(what="the audit", expected="every check to hold", came=out.decode(errors="replace")[:2000])
    loan.say(f"  the challenger's bundle of it, {told['bytes']:,} bytes: audited offline, every check holds")


async def _alive(loan: Loan, vault: str) -> None:
    end = (await loan.theatre.borrower.call("vault.show", id=vault))["end"]
    if end:
        raise LocalFault(what="the setup", expected="a vault", came=end)


async def fall(loan: Loan, price: int, words: str) -> None:
    """The world's price is another one."""
    loan.watch.worth(price)
    loan.happened(f"the price is {dollars(price)} a BTC: {words}")


async def margin_call(loan: Loan) -> None:
    """3. The price falls; the borrower is warned and adds a slot."""
    loan.say("3. the price falls: a margin call, and a top-up by a linked slot")
    await fall(loan, PRICES["margin call"], "more than 70 % of the collateral's value is owed")

    async def warned() -> bool:
        return bool((await loan.shown())["margin_call"])

    await loan.until(warned, "a margin call", 20)
    loan.happened(f"margin call: health {await _health(loan)}")
    about = {"ledger": loan.ledger, "vault": loan.vault, "first_slot": SLOTS}
    loan.linked = await _agree(loan, [SLOT], about)

    async def added() -> bool:
        await _alive(loan, loan.linked)
        return any(row["slot"] == SLOTS and row["state"] == "open" for row in (await loan.shown())["slots"])

    await loan.until(added, "the linked slot in the position", 60)
    words = f"top-up: slot {SLOTS} is collateral too, health {await _health(loan)}"
    loan.happened(words, Happened("top_up", loan.theatre.height, sats=(SLOT,)))


async def _health(loan: Loan) -> str:
    return f"{((await loan.shown())['health'] or 0) / 10_000:.3f}"


async def liquidation(loan: Loan) -> None:
    """4. The price falls further; two slots are paid for by liquidators and claimed with proofs."""
    loan.say("4. the price falls further: two of five slots are liquidated, one claim is contested in vain")
    await fall(loan, PRICES["liquidation"], "below the liquidation threshold")
    for slot, payer in enumerate(("liquidator-1", "liquidator-2")):
        await _liquidated(loan, slot, payer)
    graphs = [
        await loan.watch.graph(loan.vault, slot, payer) for slot, payer in enumerate(("liquidator-1", "liquidator-2"))
    ]

    async def claimed() -> bool:
        return (await loan.watch.phase(loan.vault, graphs[0])) == "claimed"

    await loan.until(claimed, "liquidator-1's Claim", 20)
    loan.happened("liquidator-1 claims slot 0 with a proof; the challenger contests it against better knowledge")
    challenger = loan.theatre.challenger
    await loan.theatre.order(challenger, "vault.contest", id=loan.vault, graph=graphs[0], insist=True)

    async def paid() -> bool:
        phases = [await loan.watch.phase(loan.vault, graph) for graph in graphs]
        return phases == ["paid", "paid"]

    await loan.until(paid, "both payouts", 90)
    loan.happened("both liquidators have their coins; the challenger's stake went to liquidator-1")

    async def closed() -> bool:
        return all(row["settled"] for row in (await loan.shown())["slots"] if row["outcome"] == "liquidate")

    await loan.until(closed, "the records of slots 0 and 1 settled", 20)
    loan.happened(f"the lender has what they paid; health {await _health(loan)}")


async def _liquidated(loan: Loan, slot: int, payer: str) -> None:
    """liquidator-1 buys by its own policy; liquidator-2 says what it would do (dry-run) until its operator orders it."""
    if payer == "liquidator-2":

        async def wished() -> bool:
            rows = (await loan.shown(payer))["decisions"]
            return any(row["does"] == "dry-run" and row["about"] == f"liquidate/{slot}" for row in rows)

        await loan.until(wished, f"slot {slot} for sale", 20)
        loan.say(f"  {payer} would buy slot {slot}, its policy is dry-run: its operator orders it")
        await loan.theatre[payer].call("loan.liquidate", id=loan.vault, slot=slot)
        await loan.watch.calm()

    async def recorded() -> bool:
        return bool((await loan.slot(slot))["outcome"] == "liquidate")

    await loan.until(recorded, f"a record of slot {slot}", 20)
    row = await loan.slot(slot)
    name = await loan.watch.name_of(row["claimant"])
    sats, price = SLOT * (SLOTS + 1 - slot), PRICES["liquidation"]
    health = int(Fraction(sats * price, BITCOIN) * LIQUIDATION / row["debt"] * 10_000)
    loan.watch.moment(Row(height=row["recorded"], price=price, health=health, debt=row["debt"]))
    loan.happened(
        f"{name} pays {dollars(row['paid'])} for slot {slot}",
        Happened("liquidate", row["recorded"], party=name, price=PRICES["liquidation"]),
    )


async def repayment(loan: Loan) -> None:
    """5. The borrower repays the rest, slot by slot."""
    loan.say("5. the borrower repays the rest: a tender, the lender shows r, the slot is swept by itself")
    for slot in range(SLOTS, 1, -1):
        vault, local = (loan.linked, 0) if slot == SLOTS else (loan.vault, slot)
        await loan.theatre.borrower.call("loan.tender", id=vault, slot=slot)
        height = await loan.watch.tendered(vault, slot)
        await loan.watch.calm()

        async def home(vault: str = vault, local: int = local) -> bool:
            shown = await loan.theatre.borrower.call("vault.show", id=vault)
            return bool(shown["slots"][local]["phase"] == "closed")

        await loan.until(home, f"Repay of slot {slot}", 20)
        loan.happened(f"slot {slot} repaid: r was shown, Repay is mined", Happened("tender", height))

    async def over() -> bool:
        shown = await loan.shown()
        return shown["debt"] == 0 and all(row["settled"] for row in shown["slots"])

    await loan.until(over, "a closed loan", 30)
    loan.happened("the loan is closed: no debt, no slot, nothing held for anybody")


SCENES: tuple[Callable[[Loan], Awaitable[None]], ...] = (begin, make, margin_call, liquidation, repayment)
