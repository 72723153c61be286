"""`bitvm3 vault`: proposing, claiming, contesting, repaying. Each command is one call; read `node.rpc.table` for what they mean.

Promises that files are read within a limit, and that a proof in any of the known formats reaches the daemon in the one that
travels. Does NOT know the rules, nor whether a proof is valid.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from node.cli.call import call, say
from node.cli.numbers import sats
from node.cli.setup_watch import attend
from node.cli.show import show_json
from node.cli.watched import watched
from node.faults import LocalFault
from snark.faults import MalformedFault
from snark.formats import PROOF, Curve, Format
from snark.groth16 import Proof

_PROPOSAL_BYTES = 1 << 20
_RAW_PROOF_BYTES = 256

_EXAMPLES = """
Examples:

  bitvm3 vault propose vault.json --ledger 3f9a02c1

  bitvm3 vault claim ID 0             # its proof is made from the ledger

  bitvm3 vault claim ID 0 --proof proof.json    # snarkjs, EIP-197, ..

  bitvm3 vault claim ID 0 --balance 600000 --salt 2a    # engine core

  bitvm3 vault drill ID               # is all here that an answer needs?
"""

vault = typer.Typer(no_args_is_help=True, help="Vaults: proposing, claiming, contesting, repaying.", epilog=_EXAMPLES)

Id = Annotated[str, typer.Argument(metavar="ID", help="Vault or proposal id: 8 or more of its first digits.")]
Graph = Annotated[int, typer.Argument(metavar="GRAPH", min=0, help="Index of the graph in the proposal.")]
Slot = Annotated[int, typer.Argument(metavar="SLOT", min=0, help="Index of the slot.")]


@vault.command(epilog=_EXAMPLES)
def propose(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A proposal: JSON, or TOML.")],
    ledger: Annotated[
        str | None,
        typer.Option(
            metavar="LEDGER", help="For graphs that name neither a ledger nor a commitment: 8 or more digits."
        ),
    ] = None,
) -> None:
    """Check a proposal and send it to its parties; says what each graph puts at stake."""
    proposal = _proposal(file)
    graphs = proposal.get("graphs")
    for graph in graphs if ledger is not None and isinstance(graphs, list) else ():
        if isinstance(graph, dict) and not graph.keys() & {"ledger", "commitment"}:
            graph["ledger"] = ledger
    _agreement(context, call(context, "vault.propose", proposal=proposal))


def _agreement(context: typer.Context, answer: dict[str, Any]) -> None:
    """Print an answer; what a party risks by agreeing in parts, each with its heading."""
    risks = answer.get("risks")
    if context.obj[1] is show_json or not isinstance(risks, dict):
        say(context, answer)
        return
    parts: dict[str, Any] = {name: value for name, value in answer.items() if name not in ("risks", "graphs")}
    say(
        context,
        {
            **parts,
            "you are": risks["you"],
            **({"what is lent": risks["loan"]} if "loan" in risks else {}),
            "what you can lose": risks["can_lose"],
            "what this node must keep running for": risks["keep_running"],
            "what must be there, in sats": risks["totals"],
            "what the setup takes; the time is an ESTIMATE": risks["setup"],
            "what is trusted, and what is simulated": [
                {"": f"{n}.", "not proven to you": line} for n, line in enumerate(risks["trusts"], 1)
            ],
            "graphs": risks.get("graphs", answer.get("graphs")),
        },
    )


def _proposal(file: Path) -> dict[str, Any]:
    raw = _content(file, "proposal file", _PROPOSAL_BYTES)
    try:
        parsed = tomllib.loads(raw.decode()) if file.suffix == ".toml" else json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise LocalFault(
            what=f"proposal file {file}", expected="JSON (or TOML in a .toml file)", came=str(error)
        ) from error
    if not isinstance(parsed, dict):
        raise LocalFault(what=f"proposal file {file}", expected="an object", came=type(parsed).__name__)
    return parsed


def _content(file: Path, what: str, most: int) -> bytes:
    try:
        with file.open("rb") as opened:
            raw = opened.read(most + 1)
    except OSError as error:
        raise LocalFault(what=f"{what} {file}", expected="a readable file", came=str(error)) from error
    if len(raw) > most:
        raise LocalFault(what=f"{what} {file}", expected=f"at most {most} bytes", came="more")
    return raw


@vault.command()
def accept(context: typer.Context, vault_id: Id) -> None:
    """Accept a proposal; says what this party has agreed to (`vault show` says it before)."""
    _agreement(context, call(context, "vault.accept", id=vault_id))


@vault.command()
def reject(
    context: typer.Context, vault_id: Id, reason: Annotated[str, typer.Option(help="What the proposer is told.")] = ""
) -> None:
    """Reject a proposal."""
    say(context, call(context, "vault.reject", id=vault_id, reason=reason))


@vault.command("list")
def vault_list(context: typer.Context) -> None:
    """Vaults and proposals."""
    say(context, call(context, "vault.list"))


@vault.command("show")
def vault_show(context: typer.Context, vault_id: Id) -> None:
    """One vault: state, deadlines, transactions."""
    _agreement(context, call(context, "vault.show", id=vault_id))


@vault.command("watch")
def vault_watch(context: typer.Context, vault_id: Id) -> None:
    """Watch a setup until the vault lives: every party's progress, who is waited for, what it costs.

    Exit status 1: the setup ended.
    """
    show = attend(context, vault_id)
    say(context, {name: show[name] for name in ("vault", "stage", "end", "waits", "setup", "cost")})
    if show["stage"] != "live":
        raise typer.Exit(1)


@vault.command(epilog=_EXAMPLES)
def claim(
    context: typer.Context,
    vault_id: Id,
    graph: Graph,
    balance: Annotated[
        int | None,
        typer.Option(metavar="SATS", parser=sats, help="Engine core: the sealed balance, in whole satoshis."),
    ] = None,
    salt: Annotated[str | None, typer.Option(help="Engine core: the salt of the commitment, hex.")] = None,
    proof: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Engine babe: a proof made elsewhere, in any format.")
    ] = None,
    knowingly_false: Annotated[
        bool, typer.Option("--knowingly-false", help="Engine babe, regtest: claim without a valid proof.")
    ] = False,
) -> None:
    """Publish Claim of a graph; in engine babe with a proof that this node makes from its ledger."""
    if (balance is None) is not (salt is None):
        raise typer.BadParameter("expected --balance and --salt, or neither of them")
    if balance is not None and (proof is not None or knowingly_false):
        raise typer.BadParameter(
            "expected --balance and --salt (engine core), or what belongs to a proof (engine babe)"
        )
    given: dict[str, Any] = {"balance": balance, "salt": salt, "proof": None if proof is None else _proof(proof)}
    chosen = {name: value for name, value in given.items() if value is not None}
    if knowingly_false:
        chosen["knowingly_false"] = True
    say(context, watched(context, "proof of the claim", "vault.claim", id=vault_id, graph=graph, **chosen))


def _proof(file: Path) -> str:
    """A proof's file as hex of the form that travels; 256 bytes that are no proof are left to the daemon."""
    raw = _content(file, "proof file", PROOF.limit)
    try:
        return Proof.parse(raw, Curve.BN254).handle.encode(Format.EIP197.value).hex()
    except MalformedFault as fault:
        if len(raw) == _RAW_PROOF_BYTES:
            return raw.hex()
        raise LocalFault(what=f"proof file {file}", expected="a Groth16 proof on BN254", came=str(fault)) from fault


@vault.command()
def contest(
    context: typer.Context,
    vault_id: Id,
    graph: Graph,
    insist: Annotated[
        bool, typer.Option("--insist", help="Engine babe: also a claim that is proven. Its Reveal loses the stake.")
    ] = False,
) -> None:
    """Contest a claim, whatever the policy says."""
    chosen = {"insist": True} if insist else {}
    say(context, call(context, "vault.contest", id=vault_id, graph=graph, **chosen))


@vault.command()
def drill(context: typer.Context, vault_id: Id) -> None:
    """Check what this node keeps to answer with: every chunk, and one opened instance evaluated.

    Nothing that a dispute needs is used up: what is kept is read and hashed, never evaluated. Exit status 1: it is not all right.
    """
    rows = call(context, "vault.drill", id=vault_id)
    say(context, rows)
    if not all(row["ok"] for row in rows):
        raise typer.Exit(1)


def _slot_command(name: str, help_: str) -> None:
    def command(context: typer.Context, vault_id: Id, slot: Slot) -> None:
        say(context, call(context, f"vault.{name}", id=vault_id, slot=slot))

    vault.command(name, help=help_)(command)


_slot_command("repay", "Publish Repay of a slot (borrower, once the lender has shown r).")
_slot_command("release", "Show r of a slot to the borrower (lender).")
_slot_command("deadman", "Publish DeadMan of a slot (borrower, when everyone else has vanished).")
_slot_command("refund", "Publish Refund of a slot (borrower, when the vault did not come about).")


@vault.command()
def bundle(
    context: typer.Context,
    vault_id: Id,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A new file on the daemon's machine.")],
) -> None:
    """Write an audit bundle of a living vault: all that was stated and signed, and no secret. `bitvm3 audit` judges it."""
    say(context, call(context, "vault.bundle", id=vault_id, path=str(out.absolute())))


@vault.command()
def graph(
    context: typer.Context,
    vault_id: Id,
    svg: Annotated[Path | None, typer.Option(help="Write an SVG drawing into this file.")] = None,
    dot: Annotated[bool, typer.Option("--dot", help="Print Graphviz instead of text.")] = False,
) -> None:
    """The vault's transactions as text, SVG or Graphviz."""
    if svg is not None and dot:
        raise typer.BadParameter("expected --svg FILE or --dot, came both")
    form = "svg" if svg is not None else "dot" if dot else "text"
    picture = call(context, "vault.graph", id=vault_id, format=form)["picture"]
    if svg is None:
        print(picture)
        return
    try:
        svg.write_text(picture)
    except OSError as error:
        raise LocalFault(what=f"file {svg}", expected="a writable file", came=str(error)) from error
    say(context, {"written": str(svg)})
