"""`bitvm3 proof`: verify a Groth16 proof, or show what a file is; no daemon, no data folder. Proving: `node.cli.prove`.

Promises the exit status: 0 valid, 1 invalid, 2 malformed or unreadable, the reason on standard error. Does NOT know what a
proof proves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from native import NativeError
from native._native.proving import ProvingKey
from node.cli.show import complain
from snark.faults import MalformedFault
from snark.formats import KEY, PROOF, PUBLIC, Curve, Format
from snark.groth16 import Proof, PublicInputs, VerifyingKey, verify
from snark.proving import Assignment, Circuit

VALID, INVALID, MALFORMED = 0, 1, 2
BINARY_BYTES = 1 << 31
"""Of a circuit or an assignment; the native readers have their own limits of what stands in them."""
_EXAMPLES = """
Examples:

  bitvm3 proof verify --key verification_key.json --proof proof.json --public public.json

  bitvm3 proof verify --key vk.bin --proof proof.bin --public witness.bin --format gnark

  bitvm3 proof inspect verification_key.json
"""
_FORGEABLE = (
    "gamma is delta in this key: no phase 2 of its setup took place, and whoever holds one valid proof makes others"
)
_ALONE = "no contribution: a single party made this key, and can forge every proof under it"
_SECRETS = "this file holds every secret of its witness"

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
    with refusing(key):
        parsed_key = VerifyingKey.parse(read_up_to(key, KEY.limit), format_, curve)
    with refusing(proof_file):
        parsed_proof = Proof.parse(read_up_to(proof_file, PROOF.limit), parsed_key.curve, format_)
    with refusing(public):
        inputs = PublicInputs.parse(read_up_to(public, PUBLIC.limit), parsed_key.curve, format_)
        valid = verify(parsed_key, inputs, parsed_proof)
    if parsed_key.forgeable:
        say_error(f"warning: {_FORGEABLE}")
    _, printer = context.obj
    printer({"valid": valid, "key": parsed_key.id.hex(), "curve": parsed_key.curve.value, "inputs": parsed_key.inputs})
    if not valid:
        say_error(f"invalid: {proof_file} does not prove {public} under the key {parsed_key.id.hex()[:16]}")
        raise typer.Exit(INVALID)


@proof.command("inspect", epilog=_EXAMPLES)
def proof_inspect(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A key, a proof, a circuit or a witness.")],
    format_: FormatOption = None,
    curve: CurveOption = None,
) -> None:
    """Show what a file is: a verifying key, a proof, or iden3's .zkey, .r1cs, .wtns; its curve, counts and ids."""
    with refusing(file):
        raw = read_up_to(file, KEY.limit)
        binary = _BINARY.get(raw[:4])
        shown = _inspect(raw, format_, curve) if binary is None else binary(file)
    _, printer = context.obj
    printer(shown)
    if "warning" in shown:
        say_error(f"warning: {shown['warning']}")


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


def _inspect_zkey(file: Path) -> dict[str, Any]:
    key = ProvingKey.open(str(file), None)
    verifying = VerifyingKey.parse(key.verifying_key(), Format.ARKWORKS, Curve.BN254)
    warnings = [_FORGEABLE] if verifying.forgeable else [_ALONE] if key.contributions == 0 else []
    return {
        "kind": "proving key",
        "curve": verifying.curve.value,
        "inputs": key.public,
        "wires": key.wires,
        "domain": key.domain,
        "contributions": key.contributions,
        "key": verifying.id.hex(),
        "digest": key.digest.hex(),
        **({"warning": "; ".join(warnings)} if warnings else {}),
    }


def _inspect_r1cs(file: Path) -> dict[str, Any]:
    circuit = Circuit.parse(read_up_to(file, BINARY_BYTES))
    return {
        "kind": "circuit",
        "curve": Curve.BN254.value,
        "circuit": circuit.id.hex(),
        "inputs": circuit.public,
        "wires": circuit.wires,
        "constraints": circuit.constraints,
        "nonzeros": circuit.nonzeros,
    }


def _inspect_wtns(file: Path) -> dict[str, Any]:
    Assignment.parse(read_up_to(file, BINARY_BYTES))
    return {"kind": "assignment", "curve": Curve.BN254.value, "warning": _SECRETS}


_BINARY: dict[bytes, Callable[[Path], dict[str, Any]]] = {
    b"zkey": _inspect_zkey,
    b"r1cs": _inspect_r1cs,
    b"wtns": _inspect_wtns,
}
"""The first four bytes of iden3's files."""


def read_up_to(file: Path, limit: int) -> bytes:
    """The file, or one byte more than it may have: the parser then refuses it. Ends the command when it cannot be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(limit + 1)
    except OSError as error:
        end(f"{file}: expected a readable file, got {error.strerror or error}")


@contextmanager
def refusing(file: Path) -> Iterator[None]:
    """Ends the command with the status for malformed files, naming the file."""
    try:
        yield
    except (MalformedFault, NativeError, OSError) as fault:
        end(f"{file}: {fault}")


def end(line: str) -> NoReturn:
    """Ends the command with the status for malformed files."""
    say_error(f"malformed: {line}")
    raise typer.Exit(MALFORMED)


def say_error(line: str) -> None:
    """One line on standard error."""
    complain(line)
