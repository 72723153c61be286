"""The commands. Each is a line of typer around one call; read `node.rpc.table` for what the methods mean."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from circuits.faults import CircuitFault
from circuits.run import Mode, run_file
from native import NativeError
from node.cli.attestor import attestor
from node.cli.audit import audit_command
from node.cli.call import call, say
from node.cli.ledger import ledger
from node.cli.loan import loan, money
from node.cli.prove import proof
from node.cli.setup import initialise
from node.cli.setup_keys import setup
from node.cli.show import complain, show, show_json
from node.cli.vault import vault
from node.faults import LocalFault, PeerFault, Unavailable
from node.rpc.client import RpcClient, RpcError

EXIT_STATUS: dict[str, int] = {
    "local": 1,  # something here has to be changed first
    "caller": 2,  # the command was wrong (as typer's own usage errors)
    "unavailable": 3,  # the same command may succeed later; a daemon that does not run too
    "peer": 4,  # somebody else refused or cheated
}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="BitVM3 vault and challenge node. Commands talk to the daemon bitvm3d of a data folder.",
)
wallet = typer.Typer(no_args_is_help=True, help="The built-in wallet.")
peer = typer.Typer(no_args_is_help=True, help="Other nodes.")
circuit = typer.Typer(no_args_is_help=True, help="Circuits, without a daemon.")
app.add_typer(wallet, name="wallet")
app.add_typer(peer, name="peer")
app.add_typer(vault, name="vault")
app.add_typer(circuit, name="circuit")
app.add_typer(proof, name="proof")
app.add_typer(setup, name="setup")
app.add_typer(ledger, name="ledger")
app.add_typer(attestor, name="attestor")
app.add_typer(loan, name="loan")
app.add_typer(money, name="money")
app.command("audit")(audit_command)


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
