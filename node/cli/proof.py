"""`bitvm3 proof`: verify a Groth16 proof, or show what a file of one is; no daemon, no data folder.

Promises the exit status: 0 valid, 1 invalid, 2 malformed or unreadable, the reason on standard error. Does NOT know what a
proof proves.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from snark.faults import MalformedFault
from snark.formats import KEY, PROOF, PUBLIC, Curve, Format, Kind
from snark.groth16 import Proof, PublicInputs, VerifyingKey, verify

VALID, INVALID, MALFORMED = 0, 1, 2
_EXAMPLES = """
Examples:

  bitvm3 proof verify --key verification_key.json --proof proof.json --public public.json

  bitvm3 proof verify --key vk.bin --proof proof.bin --public witness.bin --format gnark

  bitvm3 proof inspect verification_key.json
"""
_FORGEABLE = (
    "gamma is delta in this key: no phase 2 of its setup took place, and whoever holds one valid proof makes others"
)

proof = typer.Typer(no_args_is_help=True, help="Groth16 proofs, without a daemon.", epilog=_EXAMPLES)

FormatOption = Annotated[Format | None, typer.Option("--format", help="Of all files; guessed from each when left out.")]
CurveOption = Annotated[Curve | None, typer.Option(help="The curve, where the file does not say; else both are tried.")]


def _file(help_: str) -> Any:
    return typer.Option(metavar="FILE", help=help_)


@proof.command("verify", epilog=_EXAMPLES)
def proof_verify(
    context: typer.Context,
    key: Annotated[Path, _file("The verifying key.")],
    proof_file: Annotated[Path, typer.Option("--proof", metavar="FILE", help="The proof.")],
    public: Annotated[Path, _file("The public inputs.")],
    format_: FormatOption = None,
    curve: CurveOption = None,
) -> None:
    """Verify a proof: exit status 0 valid, 1 invalid, 2 malformed; the reason is on standard error."""
    with _naming(key):
        parsed_key = VerifyingKey.parse(_read(key, KEY), format_, curve)
    with _naming(proof_file):
        parsed_proof = Proof.parse(_read(proof_file, PROOF), parsed_key.curve, format_)
    with _naming(public):
        inputs = PublicInputs.parse(_read(public, PUBLIC), parsed_key.curve, format_)
        valid = verify(parsed_key, inputs, parsed_proof)
    if parsed_key.forgeable:
        _say(f"warning: {_FORGEABLE}")
    _, printer = context.obj
    printer({"valid": valid, "key": parsed_key.id.hex(), "curve": parsed_key.curve.value, "inputs": parsed_key.inputs})
    if not valid:
        _say(f"invalid: {proof_file} does not prove {public} under the key {parsed_key.id.hex()[:16]}")
        raise typer.Exit(INVALID)


@proof.command("inspect", epilog=_EXAMPLES)
def proof_inspect(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A verifying key or a proof.")],
    format_: FormatOption = None,
    curve: CurveOption = None,
) -> None:
    """Show what a file is: of a key its curve, number of public inputs and id, of a proof its curve and format."""
    with _naming(file):
        raw = _read(file, KEY)
        shown = _inspect(raw, format_, curve)
    _, printer = context.obj
    printer(shown)
    if "warning" in shown:
        _say(f"warning: {_FORGEABLE}")


def _inspect(raw: bytes, format_: Format | None, curve: Curve | None) -> dict[str, Any]:
    try:
        key = VerifyingKey.parse(raw, format_, curve)
    except MalformedFault as as_key:
        refused = as_key
        for guess in tuple(Curve) if curve is None else (curve,):
            try:
                found = Proof.parse(raw, guess, format_)
            except MalformedFault as as_proof:
                if b'"pi_a"' in raw and refused is as_key:  # meant as a proof
                    refused = as_proof
                continue
            return {"kind": "proof", "curve": found.curve.value, "format": found.format.value}
        raise refused from None
    shown = {
        "kind": "verifying key",
        "curve": key.curve.value,
        "format": key.format.value,
        "inputs": key.inputs,
        "key": key.id.hex(),
    }
    return {**shown, "warning": _FORGEABLE} if key.forgeable else shown


def _read(file: Path, kind: Kind) -> bytes:
    """The file, or one byte more than its kind may have: the parser then refuses it."""
    try:
        with file.open("rb") as opened:
            return opened.read(kind.limit + 1)
    except OSError as error:
        _end(f"{file}: expected a readable file, got {error.strerror or error}")


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Ends the command with the status for malformed files, naming the file."""
    try:
        yield
    except MalformedFault as fault:
        _end(f"{file}: {fault}")


def _end(line: str) -> NoReturn:
    _say(f"malformed: {line}")
    raise typer.Exit(MALFORMED)


def _say(line: str) -> None:
    print(f"bitvm3: {line}", file=sys.stderr)
