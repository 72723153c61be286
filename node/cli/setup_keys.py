"""`bitvm3 setup`: proving keys of the statements; without a daemon, or beside a running one.

Promises: every command says what it checked and what it did not. Does NOT hold a ceremony: docs/ceremony.md says how.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from node.cli.attended import attended
from node.cli.call import say
from node.cli.show import complain
from node.config import FILE_NAME, load
from node.faults import LocalFault
from node.proving.folder import KeyFolder, KeyLine
from node.proving.setup import FORGEABLE, export, import_key, single_party
from node.proving.statements import Statement
from node.rpc.proving import key_rows
from snark.formats import Curve, Format
from snark.groth16 import VerifyingKey

__all__ = ["setup"]

_EXAMPLES = """
Examples:

  bitvm3 setup run transition

  bitvm3 setup export outcome --r1cs outcome.r1cs

  bitvm3 setup import outcome --zkey outcome_final.zkey
"""

setup = typer.Typer(no_args_is_help=True, help="Proving keys of the statements, without a daemon.", epilog=_EXAMPLES)

StatementArgument = Annotated[
    str, typer.Argument(metavar="STATEMENT", help="outcome, transition (16 events) or transition-N.")
]


class KeyFormat(Enum):
    """Formats that a verifying key is written in."""

    SNARKJS = Format.SNARKJS.value
    ARKWORKS = Format.ARKWORKS.value


def folder_of(context: typer.Context) -> KeyFolder:
    """The key folder that the data folder's configuration names. Raises LocalFault."""
    datadir, _ = context.obj
    config = load(datadir / FILE_NAME)
    return KeyFolder(path=config.proving_path, network=config.network)


@setup.command("run")
def setup_run(context: typer.Context, statement: StatementArgument) -> None:
    """Make a key alone, on regtest only: whoever runs this can forge every proof under it."""
    folder, parsed = folder_of(context), Statement.parse(statement)
    line = attended(f"setup of {parsed.label}", lambda progress: single_party(folder, parsed, progress))
    _warn(FORGEABLE)
    say(context, _shown(folder, line, "a test proof"))


@setup.command("export")
def setup_export(
    context: typer.Context,
    statement: StatementArgument,
    r1cs: Annotated[Path, typer.Option(metavar="FILE", help="A new file for the circuit.")],
) -> None:
    """Write a statement's circuit as .r1cs, for a ceremony with snarkjs (docs/ceremony.md)."""
    parsed = Statement.parse(statement)
    circuit = attended(f"circuit of {parsed.label}", lambda _: export(parsed, r1cs))
    say(
        context,
        {
            "written": str(r1cs),
            "statement": parsed.label,
            "circuit": circuit.id.hex(),
            "constraints": circuit.constraints,
            "wires": circuit.wires,
            "public": circuit.public,
        },
    )


@setup.command("import")
def setup_import(
    context: typer.Context,
    statement: StatementArgument,
    zkey: Annotated[Path, typer.Option(metavar="FILE", help="The last .zkey of the ceremony.")],
) -> None:
    """Check a key file and take it into the key folder."""
    folder, parsed = folder_of(context), Statement.parse(statement)
    line = attended(f"key of {parsed.label}", lambda progress: import_key(folder, parsed, zkey, progress))
    _warn(
        "checked: the file's coefficients are exactly this circuit's, its points lie in their groups, a test proof verifies. "
        "Not checked: that the ceremony was honest. `snarkjs zkey verify CIRCUIT.r1cs POWERS.ptau FILE.zkey` must have said "
        "ZKey Ok!, and one of those who contributed must have been honest"
        if line.origin == "ceremony"
        else FORGEABLE
    )
    say(context, _shown(folder, line, "sections, coefficients, points, a test proof"))


@setup.command("list")
def setup_list(context: typer.Context) -> None:
    """The keys in the folder, and what is wrong with those that cannot be used."""
    say(context, key_rows(list(folder_of(context).entries())))


@setup.command("verifying-key")
def setup_verifying_key(
    context: typer.Context,
    statement: StatementArgument,
    format_: Annotated[KeyFormat, typer.Option("--format", help="snarkjs: JSON.")] = KeyFormat.SNARKJS,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there instead of printing it.")] = None,
) -> None:
    """The verifying key of a statement: what everyone else needs to check this node's proofs."""
    line = folder_of(context).key_of(Statement.parse(statement))
    raw = _encoded(line, format_)
    if out is not None:
        write_new(out, raw)
        say(context, {"written": str(out), "key": line.key.hex()})
    elif format_ is KeyFormat.SNARKJS:
        print(raw.decode())
    else:
        print(raw.hex())


def refuse_existing(path: Path) -> None:
    """Before long work: its file must not exist. Raises LocalFault."""
    if path.exists():
        raise LocalFault(what=f"file {path}", expected="a new file", came="it exists", todo="Choose another name.")


def write_new(path: Path, raw: bytes) -> None:
    """A new file with this content. Raises LocalFault when there is one, or the disk refuses."""
    try:
        with path.open("xb") as file:
            file.write(raw)
    except OSError as error:
        raise LocalFault(
            what=f"file {path}", expected="a new file in a writable place", came=str(error.strerror)
        ) from error


def _encoded(line: KeyLine, format_: KeyFormat) -> bytes:
    match format_:
        case KeyFormat.SNARKJS:
            return VerifyingKey.parse(line.verifying_key, Format.ARKWORKS, Curve.BN254).handle.encode(
                Format.SNARKJS.value
            )
        case KeyFormat.ARKWORKS:
            return line.verifying_key


def _shown(folder: KeyFolder, line: KeyLine, checked: str) -> dict[str, Any]:
    return {
        "file": str(folder.zkey(line)),
        "statement": line.statement.label,
        "origin": line.origin,
        "circuit": line.circuit.hex(),
        "key": line.key.hex(),
        "digest": line.digest.hex(),
        "checked": checked,
    }


def _warn(text: str) -> None:
    complain(text)
