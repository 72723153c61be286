"""The commands. Each is a line of typer around one call; read `node.rpc.table` for what the methods mean."""

from __future__ import annotations

import asyncio
import json
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from circuits.faults import CircuitFault
from circuits.run import Mode, run_file
from native import NativeError
from node.cli.attestor import attestor
from node.cli.call import call, say
from node.cli.ledger import ledger
from node.cli.prove import proof
from node.cli.setup import initialise
from node.cli.setup_keys import setup
from node.cli.show import complain, show, show_json
from node.faults import LocalFault, PeerFault, Unavailable
from node.rpc.client import RpcClient, RpcError

EXIT_STATUS: dict[str, int] = {
    "local": 1,  # something here has to be changed first
    "caller": 2,  # the command was wrong (as typer's own usage errors)
    "unavailable": 3,  # the same command may succeed later; a daemon that does not run too
    "peer": 4,  # somebody else refused or cheated
}
_PROPOSAL_BYTES = 1 << 20

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="BitVM3 vault and challenge node. Commands talk to the daemon bitvm3d of a data folder.",
)
wallet = typer.Typer(no_args_is_help=True, help="The built-in wallet.")
peer = typer.Typer(no_args_is_help=True, help="Other nodes.")
vault = typer.Typer(no_args_is_help=True, help="Vaults: proposing, claiming, contesting, repaying.")
circuit = typer.Typer(no_args_is_help=True, help="Circuits, without a daemon.")
app.add_typer(wallet, name="wallet")
app.add_typer(peer, name="peer")
app.add_typer(vault, name="vault")
app.add_typer(circuit, name="circuit")
app.add_typer(proof, name="proof")
app.add_typer(setup, name="setup")
app.add_typer(ledger, name="ledger")
app.add_typer(attestor, name="attestor")

Id = Annotated[str, typer.Argument(metavar="ID", help="Vault or proposal id: 8 or more of its first digits.")]
Graph = Annotated[int, typer.Argument(metavar="GRAPH", min=0, help="Index of the graph in the proposal.")]
Slot = Annotated[int, typer.Argument(metavar="SLOT", min=0, help="Index of the slot.")]


@app.callback()
def _options(
    context: typer.Context,
    datadir: Annotated[
        Path, typer.Option(envvar="BITVM3_DATADIR", help="Data folder of the daemon.", show_default="~/.bitvm3")
    ] = Path("~/.bitvm3"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    context.obj = (datadir.expanduser(), show_json if as_json else show)


@app.command()
def init(
    context: typer.Context,
    network: Annotated[str, typer.Option(help="regtest, signet, testnet or testnet4.")] = "regtest",
) -> None:
    """Make a data folder: configuration and passphrase."""
    if network not in ("regtest", "signet", "testnet", "testnet4"):
        raise typer.BadParameter(
            f"expected regtest, signet, testnet or testnet4, came {network!r} (mainnet is refused until this is audited)"
        )
    say(context, initialise(context.obj[0].absolute(), network))


@app.command()
def info(context: typer.Context) -> None:
    """Who this node is, and what it is doing."""
    say(context, call(context, "node.info"))


@app.command()
def wait(context: typer.Context, height: Annotated[int, typer.Argument(min=0)]) -> None:
    """Wait until a height is processed and nothing is left to do."""
    say(context, call(context, "node.wait", height=height))


@app.command()
def stop(context: typer.Context) -> None:
    """Stop the daemon."""
    say(context, call(context, "node.stop"))


@app.command()
def backup(context: typer.Context, folder: Annotated[Path, typer.Argument(help="A new folder.")]) -> None:
    """Copy master key, vaults and artifacts into a new folder, while the daemon runs."""
    say(context, call(context, "node.backup", folder=str(folder.absolute())))


@app.command()
def policy(context: typer.Context) -> None:
    """What this node does by itself."""
    say(context, call(context, "policy.show"))


@app.command()
def rpc(
    context: typer.Context,
    method: str,
    params: Annotated[str, typer.Argument(metavar="[JSON]", help="Parameters: an object or an array.")] = "{}",
) -> None:
    """Call any method; prints JSON. `bitvm3 rpc rpc.discover` lists them."""
    try:
        parsed = json.loads(params)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"expected a JSON object or array, came {params[:60]!r} ({error})") from error
    if not isinstance(parsed, dict | list):
        raise typer.BadParameter(f"expected a JSON object or array, came {params[:60]!r}")
    folder, _ = context.obj

    async def once() -> Any:
        async with RpcClient.from_datadir(folder) as client:
            return await client.call(method, parsed)

    show_json(asyncio.run(once()))


@wallet.command()
def address(context: typer.Context) -> None:
    """A fresh address."""
    say(context, call(context, "wallet.address"))


@wallet.command()
def balance(context: typer.Context) -> None:
    """Satoshis, confirmed, unconfirmed and reserved."""
    say(context, call(context, "wallet.balance"))


@wallet.command()
def coins(context: typer.Context) -> None:
    """Coins, and what they are reserved for."""
    say(context, call(context, "wallet.coins"))


@peer.command("list")
def peer_list(context: typer.Context) -> None:
    """Peers, wanted or connected."""
    say(context, call(context, "peer.list"))


@peer.command()
def connect(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="/ip4/HOST/tcp/PORT/p2p/PEER-ID")],
    identity: Annotated[str | None, typer.Option(help="The peer's identity: x-only key, hex.")] = None,
) -> None:
    """Connect to a peer, and stay connected."""
    known = {} if identity is None else {"identity": identity.lower()}
    say(context, call(context, "peer.connect", address=address, **known))


@vault.command()
def propose(
    context: typer.Context, file: Annotated[Path, typer.Argument(metavar="FILE", help="A proposal: JSON, or TOML.")]
) -> None:
    """Check a proposal and send it to its parties."""
    say(context, call(context, "vault.propose", proposal=_proposal(file)))


def _proposal(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            raw = opened.read(_PROPOSAL_BYTES + 1)
    except OSError as error:
        raise LocalFault(what=f"proposal file {file}", expected="a readable file", came=str(error)) from error
    if len(raw) > _PROPOSAL_BYTES:
        raise LocalFault(what=f"proposal file {file}", expected=f"at most {_PROPOSAL_BYTES} bytes", came="more")
    try:
        parsed = tomllib.loads(raw.decode()) if file.suffix == ".toml" else json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise LocalFault(
            what=f"proposal file {file}", expected="JSON (or TOML in a .toml file)", came=str(error)
        ) from error
    if not isinstance(parsed, dict):
        raise LocalFault(what=f"proposal file {file}", expected="an object", came=type(parsed).__name__)
    return parsed


@vault.command()
def accept(context: typer.Context, vault_id: Id) -> None:
    """Accept a proposal."""
    say(context, call(context, "vault.accept", id=vault_id))


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
    say(context, call(context, "vault.show", id=vault_id))


@vault.command()
def claim(
    context: typer.Context,
    vault_id: Id,
    graph: Graph,
    balance: Annotated[int, typer.Option(min=0, help="The sealed balance, in satoshis.")],
    salt: Annotated[str, typer.Option(help="The salt of the commitment, hex.")],
) -> None:
    """Publish Claim of a graph."""
    say(context, call(context, "vault.claim", id=vault_id, graph=graph, balance=balance, salt=salt))


@vault.command()
def contest(context: typer.Context, vault_id: Id, graph: Graph) -> None:
    """Contest a claim, whatever the policy says."""
    say(context, call(context, "vault.contest", id=vault_id, graph=graph))


def _slot_command(name: str, help_: str) -> None:
    def command(context: typer.Context, vault_id: Id, slot: Slot) -> None:
        say(context, call(context, f"vault.{name}", id=vault_id, slot=slot))

    vault.command(name, help=help_)(command)


_slot_command("repay", "Publish Repay of a slot (borrower, once the lender has shown r).")
_slot_command("release", "Show r of a slot to the borrower (lender).")
_slot_command("deadman", "Publish DeadMan of a slot (borrower, when everyone else has vanished).")
_slot_command("refund", "Publish Refund of a slot (borrower, when the vault did not come about).")


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


@circuit.command("run")
def circuit_run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A circuit in Bristol Fashion.")],
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="HEX", help="An input, in order: a big-endian number; wire i is bit i of it."),
    ] = None,
    garbled: Annotated[bool, typer.Option("--garbled", help="Garble it and evaluate on labels.")] = False,
) -> None:
    """Evaluate a circuit: one line of hex an output."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise LocalFault(what=f"circuit file {file}", expected="a readable file", came=str(error)) from error
    try:
        for line in run_file(raw, inputs or [], Mode.GARBLED if garbled else Mode.PLAIN):
            print(line)
    except CircuitFault as fault:
        raise LocalFault(
            what=f"circuit run {file}, {fault.field}",
            expected=fault.expected,
            came=str(fault.got),
            todo="Correct the file or the inputs.",
        ) from fault
    except NativeError as error:
        raise LocalFault(what=f"circuit file {file}", expected="a circuit", came=str(error)) from error


def run(arguments: list[str]) -> int:
    """Run one command line; returns the exit status. Faults are one line on standard error."""
    if "--json" in arguments:  # wherever it stands
        arguments = ["--json", *(argument for argument in arguments if argument != "--json")]
    try:
        app(arguments, prog_name="bitvm3")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    except RpcError as error:
        return _failed(error.whose, error.message)
    except LocalFault as fault:
        return _failed("local", str(fault))
    except PeerFault as fault:
        return _failed("peer", str(fault))
    except Unavailable as fault:
        return _failed("unavailable", str(fault))
    return 0


def _failed(whose: str, line: str) -> int:
    complain(line)
    return EXIT_STATUS.get(whose, 1)


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))
