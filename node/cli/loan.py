"""`bitvm3 loan` and `bitvm3 money`: loans of this node, and the keeper's SIMULATED money. Each command is one call.

Promises that whatever shows or moves money says that it is SIMULATED. Does NOT know the rules: the keeper judges a request.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from node import chart
from node.cli.call import call, say
from node.cli.numbers import cents as whole_cents
from node.cli.show import show_json
from node.faults import LocalFault

_EXAMPLES = """
Money is SIMULATED: cents are numbers in the keeper's books. Blocks are the only time.

Examples:

  bitvm3 loan list                    # debt, health, price of each loan

  bitvm3 loan show VAULT              # deadlines in blocks, slots, decisions

  bitvm3 loan policy VAULT            # what is done without asking

  bitvm3 loan tender VAULT            # borrower: repay the highest open slot

  bitvm3 loan repay VAULT 25000       # borrower: pay 250 dollars back

  bitvm3 loan liquidate VAULT         # liquidator: pay for the lowest slot

  bitvm3 loan chart VAULT --svg loan.svg
"""
_SIMULATED = "SIMULATED money: nothing of value has moved in the keeper's books; the coins are real"

loan = typer.Typer(
    no_args_is_help=True, help="Loans: what is owed, what ends when, what this node does.", epilog=_EXAMPLES
)
money = typer.Typer(no_args_is_help=True, help="The SIMULATED money of a ledger that this node keeps.")

Id = Annotated[str, typer.Argument(metavar="VAULT", help="Vault id: 8 or more of its first digits.")]
Slot = Annotated[
    int | None,
    typer.Argument(
        metavar="[SLOT]", min=0, max=7, help="The ledger's number of the slot; the only one allowed when left out."
    ),
]
Cents = Annotated[
    int,
    typer.Argument(metavar="CENTS", parser=whole_cents, help="Whole cents: 25000 is 250 dollars."),
]
Ledger = Annotated[str | None, typer.Option(metavar="LEDGER", help="When this node keeps several: 8 or more digits.")]


def _simulated() -> None:
    print(f"bitvm3: {_SIMULATED}", file=sys.stderr)


@loan.command("list", epilog=_EXAMPLES)
def list_(context: typer.Context) -> None:
    """Loans of this node: debt in cents, health in basis points (below 10000 it may be liquidated), price in cents per BTC."""
    say(context, call(context, "loan.list"))


@loan.command(epilog=_EXAMPLES)
def show(context: typer.Context, vault: Id) -> None:
    """One loan: debt, health, price levels, deadlines in blocks, slots, decisions with their reasons."""
    shown, (_, printer) = call(context, "loan.show", id=vault), context.obj
    say(context, shown if printer is show_json else for_people(shown))


def for_people(shown: dict[str, Any]) -> dict[str, Any]:
    """The same with units, and its slots in three tables: what they owe, where their coins are, how they ended."""
    slots = shown.get("slots", [])
    tables = {
        name: [{"slot": row["slot"], **{each: row[each] for each in columns}} for row in slots if wanted(row)]
        for name, columns, wanted in _TABLES
    }
    plain = {key: _with_unit(key, value) for key, value in shown.items() if key != "slots"}
    levels = {name: _with_unit("price", price) for name, price in shown.get("levels", {}).items()}
    return plain | ({"levels": levels} if levels else {}) | tables


def _with_unit(key: str, value: Any) -> Any:
    unit = _UNITS.get(key)
    if unit is None or not isinstance(value, int):
        return value
    return f"{value} {unit}" + (f", {value / 100:,.2f} dollars" if unit.startswith("cents") else "")


_UNITS = {
    **dict.fromkeys(("principal", "debt", "account"), "cents"),
    **dict.fromkeys(("price", "own_price"), "cents per BTC"),
    "health": "basis points; below 10000 it may be liquidated",
}


_TABLES: tuple[tuple[str, tuple[str, ...], Callable[[dict[str, Any]], bool]], ...] = (
    ("slots", ("here", "sats", "state", "frees_for", "costs"), lambda row: True),
    ("coins", ("coin", "our_chain", "coin_height", "template_paid", "claims", "vault_id", "by"), lambda row: True),
    (
        "records",
        ("outcome", "debt", "paid", "surplus", "recorded", "settled", "claimant", "template"),
        lambda row: bool(row["outcome"]),
    ),
)


@loan.command()
def policy(context: typer.Context, vault: Id) -> None:
    """What this node does by itself in a loan now, and why; what of the day's budget is spent."""
    say(context, call(context, "loan.policy", id=vault))


@loan.command()
def repay(context: typer.Context, vault: Id, cents: Cents) -> None:
    """Pay debt back to the lender at once (borrower). Frees no slot: `tender` does."""
    say(context, call(context, "loan.repay", id=vault, cents=cents))
    _simulated()


def _slot_command(name: str, help_: str) -> None:
    def command(context: typer.Context, vault: Id, slot: Slot = None) -> None:
        chosen = {} if slot is None else {"slot": slot}
        say(context, call(context, f"loan.{name}", id=vault, **chosen))
        _simulated()

    loan.command(name, help=help_)(command)


_slot_command("tender", "Repay a slot into escrow (borrower): its coin comes home once the lender has shown r.")
_slot_command(
    "liquidate", "Pay for the lowest open slot of an unhealthy loan (liquidator); its coin is claimed with a proof."
)
_slot_command(
    "default", "Pay for the lowest open slot after maturity and grace (lender); its coin is claimed with a proof."
)


@loan.command("chart")
def chart_(
    context: typer.Context,
    vault: Id,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a drawing into this file.")] = None,
) -> None:
    """What this node has seen of a loan, block by block: price, health, debt, events."""
    found = call(context, "loan.chart", id=vault)
    if svg is None:
        say(context, found)
        return
    try:
        svg.write_text(drawing(found))
    except OSError as error:
        raise LocalFault(what=f"file {svg}", expected="a writable file", came=str(error)) from error
    say(context, {"written": str(svg), "blocks": len(found["rows"])})


def drawing(found: dict[str, Any]) -> str:
    """The chart of `loan.chart` as SVG. Raises LocalFault when nothing was seen yet."""
    if not found["rows"]:
        raise LocalFault(
            what="chart", expected="a block that this node has seen of the loan", came="none yet",
            todo="Rows begin when the keeper knows the loan.",
        )  # fmt: skip
    rows = [
        chart.Row(
            height=row["height"], price=row["price"] or None, health=row["health"] or None, debt=row["debt"] or None
        )
        for row in found["rows"]
    ]
    return chart.svg(
        title=f"Loan {found['vault'][:16]}",
        note="SIMULATED money: cents are numbers in the keeper's books",
        rows=rows,
        events=[chart.Event(height=row["height"], words=words) for row in found["rows"] for words in row["events"]],
        levels=[chart.Level(health=health, words=words) for words, health in found["health_levels"].items()],
    )


@money.command("show")
def money_show(context: typer.Context, ledger: Ledger = None) -> None:
    """All accounts, locked principals and escrow, in cents."""
    say(context, call(context, "money.show", **({} if ledger is None else {"ledger": ledger})))


@money.command()
def mint(
    context: typer.Context,
    identity: Annotated[str, typer.Argument(metavar="IDENTITY", help="Whose account: an identity, 64 hex digits.")],
    cents: Cents,
    ledger: Ledger = None,
) -> None:
    """Make SIMULATED money (regtest, the keeper's operator)."""
    chosen = {} if ledger is None else {"ledger": ledger}
    say(context, call(context, "money.mint", identity=identity.lower(), cents=cents, **chosen))
    _simulated()
