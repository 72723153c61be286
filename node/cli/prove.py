"""`bitvm3 proof prove`, and the daemon's queue of proofs from the command line.

Promises: a proof that is written was verified first (by the prover); the exit status: 0 proved, 1 the witness
breaks a rule, 2 a file is malformed. Does NOT know statements: `node.proving.statements` names them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from native import NativeError
from native._native.proving import Assignment, Circuit, Progress, ProvingKey
from node.cli.attended import attended
from node.cli.call import call, say
from node.cli.proof import BINARY_BYTES, INVALID, end, proof, read_up_to, refusing, say_error
from node.cli.setup_keys import KeyFormat, folder_of, refuse_existing, write_new
from node.limits import PRODUCT
from node.proving.statements import Statement
from snark.formats import Curve, Format
from snark.groth16 import Proof, PublicInputs, VerifyingKey

__all__ = ["proof"]

Job = Annotated[int, typer.Argument(metavar="JOB", min=1, help="The job's number.")]
_EXAMPLES = """
Examples:

  bitvm3 proof prove --statement outcome --witness witness.json --out proof.json --public public.json

  bitvm3 proof prove --zkey circuit_final.zkey --r1cs circuit.r1cs --wtns witness.wtns --out proof.json
"""


def _file(help_: str, name: str = "") -> Any:
    return typer.Option(*([name] if name else []), metavar="FILE", help=help_)


@proof.command("prove", epilog=_EXAMPLES)
def proof_prove(
    context: typer.Context,
    out: Annotated[Path, _file("A new file for the proof.")],
    statement: Annotated[
        str | None, typer.Option(help="outcome, transition or transition-N, by this node's key.")
    ] = None,
    witness: Annotated[Path | None, _file("Of the statement, in JSON.")] = None,
    zkey: Annotated[Path | None, _file("Any circuit's proving key (snarkjs).")] = None,
    r1cs: Annotated[Path | None, _file("With --zkey: the circuit (circom).")] = None,
    wtns: Annotated[Path | None, _file("With --zkey: the witness (circom).")] = None,
    public: Annotated[Path | None, _file("A new file for the public inputs.")] = None,
    format_: Annotated[KeyFormat, typer.Option("--format", help="Of what is written.")] = KeyFormat.SNARKJS,
) -> None:
    """Make a proof, without a daemon: of a statement, or of any circuit on BN254."""
    for file in (out, public):
        if file is not None:
            refuse_existing(file)
    match statement, witness, zkey, r1cs, wtns:
        case str(), Path(), None, None, None:
            raw, inputs, key = _own(context, statement, witness)
        case None, None, Path(), Path(), Path():
            raw, inputs, key = _foreign(zkey, r1cs, wtns)
        case _:
            raise typer.BadParameter("expected --statement and --witness, or --zkey, --r1cs and --wtns")
    write_new(out, Proof.parse(raw, Curve.BN254, Format.ARKWORKS).handle.encode(format_.value))
    if public is not None:
        write_new(public, inputs.handle.encode(format_.value))
    say(context, {"written": str(out), "key": key.id.hex(), "inputs": [str(number) for number in inputs.numbers]})


def _own(context: typer.Context, label: str, witness: Path) -> tuple[bytes, PublicInputs, VerifyingKey]:
    folder, statement = folder_of(context), Statement.parse(label)
    line = folder.key_of(statement)
    said = read_up_to(witness, PRODUCT.witness_bytes)

    def work(progress: Progress) -> tuple[bytes, bytes]:
        assignment, x = statement.assign(said)
        loaded = folder.load(line)
        return loaded.proving.prove(loaded.circuit, assignment, progress), x

    raw, x = attended(f"proof of {statement.label}", work)
    return (
        raw,
        PublicInputs.of([int.from_bytes(x)], Curve.BN254),
        VerifyingKey.parse(line.verifying_key, Format.ARKWORKS, Curve.BN254),
    )


def _foreign(zkey: Path, r1cs: Path, wtns: Path) -> tuple[bytes, PublicInputs, VerifyingKey]:
    with refusing(r1cs):
        circuit = Circuit.from_r1cs(read_up_to(r1cs, BINARY_BYTES))
    with refusing(wtns):
        assignment = Assignment.from_wtns(read_up_to(wtns, BINARY_BYTES))
    with refusing(zkey):
        key = ProvingKey.open(str(zkey), circuit)
    try:
        raw = attended("proof", lambda progress: key.prove(circuit, assignment, progress))
    except NativeError as refused:
        say_error(f"invalid: {wtns}: {refused}")
        raise typer.Exit(INVALID) from None
    words = [int.from_bytes(word) for word in assignment.public(circuit)]
    return (
        raw,
        PublicInputs.of(words, Curve.BN254),
        VerifyingKey.parse(key.verifying_key(), Format.ARKWORKS, Curve.BN254),
    )


@proof.command("submit")
def proof_submit(
    context: typer.Context,
    statement: Annotated[str, typer.Argument(metavar="STATEMENT", help="outcome, transition or transition-N.")],
    witness: Annotated[Path, _file("The witness, in JSON.")],
    purpose: Annotated[str, typer.Option(help="What `proof jobs` shows.")] = "asked for by hand",
) -> None:
    """Queue a proof in the running daemon."""
    raw = read_up_to(witness, PRODUCT.witness_bytes)
    try:
        said = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        end(f"{witness}: expected a JSON object, got {error}")
    say(context, call(context, "proof.prove", statement=statement, witness=said, purpose=purpose))


@proof.command("jobs")
def proof_jobs(context: typer.Context) -> None:
    """Proofs of the daemon: waiting, running and lately ended."""
    say(context, call(context, "proof.jobs"))


@proof.command("job")
def proof_job(context: typer.Context, job: Job) -> None:
    """One of them, with its proof."""
    say(context, call(context, "proof.job", job=job))


@proof.command("cancel")
def proof_cancel(context: typer.Context, job: Job) -> None:
    """Ask a proof to end."""
    say(context, call(context, "proof.cancel", job=job))
