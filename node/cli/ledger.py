"""`bitvm3 ledger`: lending ledgers of the running daemon. Each command is one call; read `node.rpc.table` for what they mean.

Promises that a file is read within a limit and that what an auditor takes away are files that `bitvm3 proof verify` reads.
Does NOT know the rules.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from node.cli.call import call, say
from node.faults import LocalFault
from node.limits import PRODUCT

_EXAMPLES = """
Examples:

  bitvm3 attestor key --json > attestor.json          # on each attestor's node; send the file to the keeper

  bitvm3 ledger genesis ledger.json --attestor a.json --attestor b.json --attestor c.json --threshold 2

  bitvm3 ledger open ledger.json                      # on every node; the role follows from its keys

  bitvm3 ledger accrue LEDGER && bitvm3 ledger price LEDGER && bitvm3 ledger seal LEDGER

  bitvm3 ledger position LEDGER VAULT
"""
_EVENTS = """
An event is a JSON object with its kind and fields; a list of them is queued whole or not at all. What follows from the ledger's
state (nonce, next slot, cents of a tender or of a seized slot, rules' version) may be left out. Ids are 64 hex digits.

Examples:

  bitvm3 ledger post LEDGER '{"kind": "accrue"}'                       # our chain's tip

  bitvm3 ledger post LEDGER '{"kind": "mark_price"}'                   # our sources' median

  bitvm3 ledger post LEDGER '{"kind": "open", "vault": "..", "owner": "..", "lender": "..", "sats": [1000000],
    "cents": 30000, "maturity": 900000, "last_record": 950000}'

  bitvm3 ledger post LEDGER '{"kind": "add_collateral", "vault": "..", "sats": 500000}'

  bitvm3 ledger post LEDGER '{"kind": "tender", "vault": ".."}'

  bitvm3 ledger post LEDGER '{"kind": "withdraw", "vault": "..", "how": 1, "template": ".."}'

  bitvm3 ledger post LEDGER '{"kind": "repay", "vault": "..", "cents": 12500}'

  bitvm3 ledger post LEDGER '{"kind": "liquidate", "vault": "..", "payer": "..", "template": ".."}'

  bitvm3 ledger post LEDGER '{"kind": "default", "vault": "..", "template": ".."}'

  bitvm3 ledger post LEDGER '{"kind": "close", "vault": "..", "slot": 0, "how": 1}'
"""

ledger = typer.Typer(no_args_is_help=True, help="Lending ledgers: keep, follow, audit.", epilog=_EXAMPLES)

Ledger = Annotated[str, typer.Argument(metavar="LEDGER", help="Ledger id: 8 or more of its first digits.")]
Vault = Annotated[str, typer.Argument(metavar="VAULT", help="Vault id, 64 hex digits.")]
Files = Annotated[
    str | None,
    typer.Option(
        "--files", metavar="PREFIX", help="Also write PREFIX.vk, .proof and .public for `bitvm3 proof verify`."
    ),
]


@ledger.command(epilog=_EXAMPLES)
def genesis(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new genesis file.")],
    attestor: Annotated[
        list[Path], typer.Option(metavar="FILE", help="What `bitvm3 attestor key --json` printed; repeat.")
    ],
    threshold: Annotated[int, typer.Option(min=1, max=5, help="Signatures that make a checkpoint final.")],
    keeper: Annotated[
        str | None, typer.Option(metavar="IDENTITY", help="Who orders events; this node when left out.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="HEX", help="Id of the verifying key, when this node has several.")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rules that differ from the defaults: JSON or TOML.")
    ] = None,
) -> None:
    """Write the file that begins a ledger at this node's tip. Everybody opens the same file; it holds no secret."""
    wanted: dict[str, Any] = {"attestors": [_read(each, "attestor file") for each in attestor], "threshold": threshold}
    if keeper is not None:
        wanted["keeper"] = keeper.lower()
    if key is not None:
        wanted["key"] = key.lower()
    if rules is not None:
        wanted["rules"] = _read(rules, "rules file")
    made = call(context, "ledger.genesis", **wanted)
    try:
        with file.open("x") as target:
            target.write(json.dumps(made, indent=2) + "\n")
    except OSError as error:
        raise LocalFault(
            what=f"genesis file {file}", expected="a new file in a folder that exists", came=str(error.strerror),
            todo="A genesis cannot be changed: choose another name.",
        ) from error  # fmt: skip
    say(context, {"written": str(file), "attestors": len(attestor), "threshold": threshold})


@ledger.command("open")
def open_(
    context: typer.Context, file: Annotated[Path, typer.Argument(metavar="FILE", help="The genesis file.")]
) -> None:
    """Open a ledger; from now on this node keeps, attests or follows it."""
    say(context, call(context, "ledger.open", file=_read(file, "genesis file")))


@ledger.command("list")
def list_(context: typer.Context) -> None:
    """Open ledgers."""
    say(context, call(context, "ledger.list"))


@ledger.command()
def show(context: typer.Context, ledger_id: Ledger) -> None:
    """One ledger: checkpoint, rules, attestors, what waits for whom."""
    say(context, call(context, "ledger.show", ledger=ledger_id))


@ledger.command(epilog=_EVENTS)
def post(
    context: typer.Context,
    ledger_id: Ledger,
    events: Annotated[
        str, typer.Argument(metavar="EVENTS", help="JSON, the name of a file with it, or - for standard input.")
    ],
) -> None:
    """Queue events (keeper). Refused at once, with the rule's name and numbers, when the rules forbid one."""
    found = _events(events)
    say(context, call(context, "ledger.post", ledger=ledger_id, events=found))


@ledger.command()
def accrue(context: typer.Context, ledger_id: Ledger) -> None:
    """Queue the event of our chain's tip: interest runs to it (keeper)."""
    say(context, call(context, "ledger.post", ledger=ledger_id, events=[{"kind": "accrue"}]))


@ledger.command()
def price(context: typer.Context, ledger_id: Ledger) -> None:
    """Queue the price that our sources agree on (keeper); `bitvm3 attestor price` shows it."""
    say(context, call(context, "ledger.post", ledger=ledger_id, events=[{"kind": "mark_price"}]))


@ledger.command()
def seal(context: typer.Context, ledger_id: Ledger) -> None:
    """Seal what waits (keeper): it is proved, signed and final without further asking."""
    say(context, call(context, "ledger.seal", ledger=ledger_id))


@ledger.command()
def discard(context: typer.Context, ledger_id: Ledger) -> None:
    """Drop the events and batches that nobody has seen yet (keeper)."""
    say(context, call(context, "ledger.discard", ledger=ledger_id))


@ledger.command()
def position(context: typer.Context, ledger_id: Ledger, vault: Vault) -> None:
    """A vault's debt, health, slots and records, in cents, sats, blocks and basis points.

    A follower gets it from a peer and checks it against its own root before it is shown.
    """
    say(context, call(context, "ledger.position", ledger=ledger_id, vault=vault.lower()))


@ledger.command()
def entry(
    context: typer.Context,
    ledger_id: Ledger,
    seq: Annotated[
        int | None, typer.Argument(metavar="[SEQ]", min=1, help="A final checkpoint; the last when left out.")
    ] = None,
    files: Files = None,
) -> None:
    """A final checkpoint with its proof and signatures, for auditors."""
    chosen = {} if seq is None else {"seq": seq}
    found = call(context, "ledger.entry", ledger=ledger_id, **chosen)
    if files is not None:
        _write(files, found["statement"])
    say(context, found)


@ledger.command()
def claim(
    context: typer.Context,
    ledger_id: Ledger,
    vault: Vault,
    slot: Annotated[int, typer.Argument(metavar="SLOT", min=0, max=7)],
    action: Annotated[str, typer.Argument(metavar="ACTION", help="withdraw, default or liquidate.")],
    claimant: Annotated[str, typer.Option(metavar="HEX", help="Key that the record names: owner, lender or payer.")],
    template: Annotated[str, typer.Option(metavar="HEX", help="Template id that the record names.")],
    files: Files = None,
) -> None:
    """Prove what a slot's record says, under the last final checkpoint."""
    if action not in ("withdraw", "default", "liquidate"):
        raise typer.BadParameter(f"expected withdraw, default or liquidate, came {action!r}", param_hint="ACTION")
    found = call(
        context, "ledger.claim", ledger=ledger_id, vault=vault.lower(), slot=slot, action=action,
        claimant=claimant.lower(), template=template.lower(),
    )  # fmt: skip
    if files is not None:
        _write(files, found)
    say(context, found)


# ---- files -----------------------------------------------------------------------------------------------------------
def _content(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as opened:
            raw = opened.read(PRODUCT.ledger_file_bytes + 1)
    except OSError as error:
        raise LocalFault(what=f"{what} {path}", expected="a readable file", came=str(error.strerror)) from error
    if len(raw) > PRODUCT.ledger_file_bytes:
        raise LocalFault(what=f"{what} {path}", expected=f"at most {PRODUCT.ledger_file_bytes} bytes", came="more")
    return raw


def _read(path: Path, what: str) -> dict[str, Any]:
    """A JSON object (TOML in a .toml file)."""
    raw = _content(path, what)
    try:
        parsed = tomllib.loads(raw.decode()) if path.suffix == ".toml" else json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise LocalFault(what=f"{what} {path}", expected="JSON (or TOML in a .toml file)", came=str(error)) from error
    if not isinstance(parsed, dict):
        raise LocalFault(what=f"{what} {path}", expected="an object", came=type(parsed).__name__)
    return parsed


def _events(text: str) -> list[Any]:
    if text == "-":
        raw: str | bytes = sys.stdin.buffer.read(PRODUCT.rpc_body_bytes)
    else:
        raw = text if text.lstrip()[:1] in ("{", "[") else _content(Path(text), "events file")
    try:
        parsed = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise LocalFault(
            what="events", expected='JSON such as {"kind": "accrue"}, a file with it, or -', came=str(error),
            todo="`bitvm3 ledger post --help` has an example of each kind.",
        ) from error  # fmt: skip
    return parsed if isinstance(parsed, list) else [parsed]


Part = Literal["vk", "proof", "public"]


def _write(prefix: str, statement: dict[str, Any]) -> None:
    """Key, proof (arkworks) and public input (snarkjs) where `bitvm3 proof verify` finds them."""
    contents: dict[Part, bytes] = {
        "vk": bytes.fromhex(statement["verifying_key"]),
        "proof": bytes.fromhex(statement["proof"]),
        "public": json.dumps([str(int(statement["public"], 16))]).encode(),
    }
    for part, content in contents.items():
        path = Path(f"{prefix}.{part}")
        try:
            path.write_bytes(content)
        except OSError as error:
            raise LocalFault(what=f"file {path}", expected="a writable file", came=str(error.strerror)) from error
    print(
        f"bitvm3: check it with: bitvm3 proof verify --key {prefix}.vk --proof {prefix}.proof --public {prefix}.public",
        file=sys.stderr,
    )
