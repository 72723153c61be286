"""Where proving keys come from: one party on regtest, a ceremony everywhere else.

Promises: a key is taken into the folder only after its points, its coefficients and a test proof were checked; whatever fails, a
full disk too, leaves the folder as it was. Does NOT know that a ceremony was honest: `snarkjs zkey verify` and the names of
those who took part say that (docs/ceremony.md). Works beside a running daemon: it sees a key when it is whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from node.faults import LocalFault, Unavailable
from node.proving.folder import KeyFolder, KeyLine, Origin
from node.proving.sample import witness
from node.proving.statements import Statement
from snark.faults import LocalFault as SnarkFault
from snark.faults import MalformedFault
from snark.formats import Format
from snark.proving import Cancelled, Circuit, Progress, ProvingKey, setup_single_party
from snark.statements import proves

__all__ = ["FORGEABLE", "export", "import_key", "single_party"]

FORGEABLE = (
    "this key was made by a single party. Whoever made it knew the secret of its setup for a moment, and can forge every proof "
    "under it, if it was kept. It serves regtest only, where nothing is at stake"
)


def single_party(folder: KeyFolder, statement: Statement, progress: Progress) -> KeyLine:
    """Make a key here and now, on regtest.

    Raises:
        LocalFault: another network, a key is there already, another setup is under way, or the disk refuses.
        Unavailable: cancelled.
    """
    if folder.network != "regtest":
        raise LocalFault(
            what=f"setup run on {folder.network}",
            expected="regtest",
            came=f"{folder.network}: whoever runs a setup alone can forge every proof under its key, and take the coins of "
            "every vault that relies on it",
            todo="Export the circuit with `bitvm3 setup export`, hold a ceremony (docs/ceremony.md), and import its key.",
        )
    circuit = statement.circuit()
    with folder.changing():
        part = folder.vacant(statement, circuit.id)
        with _naming(statement, "a key on a disk with free space"):
            setup_single_party(circuit, str(part), progress)
            proving = ProvingKey.open(str(part), circuit)
        return _take(folder, statement, proving, part, "single-party, regtest", progress)


def export(statement: Statement, file: Path) -> Circuit:
    """Write the circuit as an iden3 .r1cs, for the ceremony. Raises LocalFault when the file exists or the disk refuses."""
    if file.exists():
        raise LocalFault(what=f"file {file}", expected="a new file", came="it exists", todo="Choose another name.")
    circuit = statement.circuit()
    try:
        circuit.write(str(file))
    except (SnarkFault, OSError) as error:
        raise LocalFault(what=f"file {file}", expected="a writable place with free space", came=str(error)) from error
    return circuit


def import_key(folder: KeyFolder, statement: Statement, file: Path, progress: Progress) -> KeyLine:
    """Take a key file from a ceremony, or on regtest another party's, into the folder.

    Checks: the sections and counts; that the coefficients are exactly this circuit's; every point on its curve and in the
    subgroup; gamma is not delta; that a proof of a sample witness made with it verifies.

    Raises:
        LocalFault: a check failed (`came` says which), a single party's key outside regtest, a key is there already, or
            the disk refuses.
        Unavailable: cancelled.
    """
    circuit = statement.circuit()
    with folder.changing():
        part = folder.vacant(statement, circuit.id)
        try:
            shutil.copyfile(file, part)
        except (OSError, shutil.SameFileError) as error:
            raise LocalFault(
                what=f"copying {file}",
                expected="a readable file, and room for a copy in the data folder",
                came=str(error),
            ) from error
        with _naming(statement, "a key of exactly this circuit"):
            proving = ProvingKey.open(str(part), circuit)
            proving.check_points(progress)
        if proving.contributions == 0 and folder.network != "regtest":
            raise LocalFault(
                what=f"key file {file}",
                expected=f"a key with contributions of a ceremony on {folder.network}",
                came="one that a single party made: it can forge every proof",
                todo="See docs/ceremony.md.",
            )
        origin: Origin = "ceremony" if proving.contributions else "single-party, regtest"
        return _take(folder, statement, proving, part, origin, progress)


def _take(
    folder: KeyFolder,
    statement: Statement,
    proving: ProvingKey,
    part: Path,
    origin: Origin,
    progress: Progress,
) -> KeyLine:
    if proving.verifying.forgeable:
        raise LocalFault(
            what=f"key of {statement.label}",
            expected="a key with a phase 2",
            came="gamma is delta: whoever holds one valid proof makes others",
            todo="Contribute to it first (docs/ceremony.md).",
        )
    _try(statement, proving, progress)
    line = KeyLine(
        statement=statement,
        circuit=proving.circuit.id,
        digest=proving.digest,
        key=proving.verifying.id,
        verifying_key=proving.verifying.handle.encode(Format.ARKWORKS.value),
        origin=origin,
    )
    folder.adopt(part, line)
    return line


def _try(statement: Statement, proving: ProvingKey, progress: Progress) -> None:
    """A proof of a sample witness, made and verified."""
    assignment, x = statement.assign(witness(statement))
    with _naming(statement, "a key that proves a sample witness"):
        proof = proving.prove(assignment, progress)
    if not proves(proving.verifying, x, proof):
        raise LocalFault(
            what=f"key of {statement.label}",
            expected="a key whose proofs verify",
            came="a proof of a sample witness that does not",
            todo="Do not use it: `snarkjs zkey verify` names the contribution that is wrong.",
        )


@contextmanager
def _naming(statement: Statement, expected: str) -> Iterator[None]:
    """Refusals as faults that name the key."""
    try:
        yield
    except Cancelled:
        raise Unavailable(what=f"setup of {statement.label}", expected="to go on", came="it was cancelled") from None
    except (SnarkFault, MalformedFault, OSError) as error:
        raise LocalFault(what=f"key of {statement.label}", expected=expected, came=str(error)[:300]) from error
