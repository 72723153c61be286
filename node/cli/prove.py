"""`bitvm3 proof prove`, and the daemon's queue of proofs from the command line.

Promises: a proof that is written was verified first (by the prover); the exit status: 0 proved, 1 the witness
breaks a rule, 2 a file is malformed. Does NOT know statements: `node.proving.statements` names them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from node.cli.attended import attended
from node.cli.call import call, say
from node.cli.proof import BINARY_BYTES, INVALID, end, proof, read_up_to, refusing, say_error
from node.cli.setup_keys import KeyFormat, folder_of, refuse_existing, write_new
from node.limits import PRODUCT
from node.proving.statements import Statement
from snark.faults import LocalFault
from snark.formats import Curve
from snark.groth16 import Proof, PublicInputs, VerifyingKey
from snark.proving import Assignment, Cancelled, Circuit, Progress, ProvingKey

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
            made, inputs, key = _own(context, statement, witness)
        case None, None, Path(), Path(), Path():
            made, inputs, key = _foreign(zkey, r1cs, wtns)
        case _:
            raise typer.BadParameter("expected --statement and --witness, or --zkey, --r1cs and --wtns")
    write_new(out, made.handle.encode(format_.value))
    if public is not None:
        write_new(public, inputs.handle.encode(format_.value))
    say(context, {"written": str(out), "key": key.id.hex(), "inputs": [str(number) for number in inputs.numbers]})


def _own(context: typer.Context, label: str, witness: Path) -> tuple[Proof, PublicInputs, VerifyingKey]:
    folder, statement = folder_of(context), Statement.parse(label)
    line = folder.key_of(statement)
    said = read_up_to(witness, PRODUCT.witness_bytes)

    def work(progress: Progress) -> tuple[Proof, PublicInputs, VerifyingKey]:
        assignment, x = statement.assign(said)
        key = folder.load(line)
        inputs = PublicInputs.of([int.from_bytes(x)], Curve.BN254)
        return key.prove(assignment, progress), inputs, key.verifying

    with _telling(witness):
        return attended(f"proof of {statement.label}", work)


def _foreign(zkey: Path, r1cs: Path, wtns: Path) -> tuple[Proof, PublicInputs, VerifyingKey]:
    with refusing(r1cs):
        circuit = Circuit.parse(read_up_to(r1cs, BINARY_BYTES))
    with refusing(wtns):
        assignment = Assignment.parse(read_up_to(wtns, BINARY_BYTES))
    with refusing(zkey):
        key = ProvingKey.open(str(zkey), circuit)
    with _telling(wtns):
        made = attended("proof", lambda progress: key.prove(assignment, progress))
    return made, assignment.public(circuit), key.verifying


@contextmanager
def _telling(witness: Path) -> Iterator[None]:
    """Ends the command when nothing is proved, naming the witness."""
    try:
        yield
    except (LocalFault, Cancelled) as refused:
        say_error(f"invalid: {witness}: {refused}")
        raise typer.Exit(INVALID) from None


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
