"""`bitvm3 attestor`: what this node signs of ledgers. Each command is one call."""

from __future__ import annotations

from typing import Annotated

import typer

from node.cli.call import call, say
from node.cli.numbers import cents as whole_cents

_EXAMPLES = """
Examples:

  bitvm3 attestor key --json > attestor.json     # for whoever writes the genesis

  bitvm3 attestor show                           # what waits for you, and why

  bitvm3 attestor approve LEDGER SEQ             # policy manual: you have looked at it

  bitvm3 attestor price --cents 6512300          # your own word, for sources of kind "manual"
"""

attestor = typer.Typer(no_args_is_help=True, help="Attesting ledgers: keys, prices, approval.", epilog=_EXAMPLES)


@attestor.command()
def key(
    context: typer.Context,
    number: Annotated[int, typer.Option(min=0, max=15, help="Which of this node's attestor keys.")] = 0,
) -> None:
    """This node's identity and both public keys. The secrets follow from the master key and never leave the daemon."""
    say(context, call(context, "attestor.key", number=number))


@attestor.command()
def show(context: typer.Context) -> None:
    """Ledgers that this node attests, and checkpoints that wait, with the reason."""
    say(context, call(context, "attestor.show"))


@attestor.command()
def approve(
    context: typer.Context,
    ledger_id: Annotated[str, typer.Argument(metavar="LEDGER", help="Ledger id: 8 or more of its first digits.")],
    seq: Annotated[int, typer.Argument(metavar="SEQ", min=1, help="Seq of the checkpoint that waits.")],
    price: Annotated[
        str,
        typer.Option(help="checked: our sources bear it out; vouched: they do not, and you have checked it elsewhere."),
    ] = "checked",
) -> None:
    """Sign a checkpoint that waits for you. Rules, proof, heights and times are checked in any case."""
    if price not in ("checked", "vouched"):
        raise typer.BadParameter(f"expected checked or vouched, came {price!r}", param_hint="--price")
    say(context, call(context, "attestor.approve", ledger=ledger_id, seq=seq, price=price))


@attestor.command("price")
def price_(
    context: typer.Context,
    cents: Annotated[
        int | None,
        typer.Option(
            metavar="CENTS",
            parser=whole_cents,
            help='Whole cents per BTC: your own word, for sources of kind "manual".',
        ),
    ] = None,
) -> None:
    """What the price sources say now, and which of them count; with --cents, state a price first."""
    stated = {} if cents is None else {"cents": cents}
    say(context, call(context, "attestor.price", **stated))
