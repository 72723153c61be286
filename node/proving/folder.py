"""The key folder, `<datadir>/proving` unless configured otherwise: one file and one small JSON beside it for each circuit.

    transition-16-<first 16 hex of the circuit's id>.zkey     snarkjs' format
    transition-16-<first 16 hex of the circuit's id>.json     what it must be: `KeyLine`

Promises: a key is used only when the file is what the JSON says, byte for byte, and when the JSON's circuit is the one that this
software would prove; a key appears whole or not at all, and is never replaced. A bad entry says what to run and leaves the
others alone. Does NOT judge how a key was made: `node.proving.setup` does, before it gets here.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from node.durable import sync_folder, write_private
from node.faults import LocalFault
from node.limits import PRODUCT, Limits
from node.proving.statements import Statement
from snark.faults import MalformedFault
from snark.formats import Curve, Format
from snark.groth16 import VerifyingKey
from snark.proving import ProvingKey

__all__ = ["KeyFolder", "KeyLine", "Origin"]

Origin = Literal["single-party, regtest", "ceremony"]
Hex32 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
HexBytes = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{2})+$", max_length=8192)]


class _Sidecar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The JSON beside a key file."""

    version: Literal[1]
    statement: Annotated[str, msgspec.Meta(max_length=32)]
    circuit: Hex32
    digest: Hex32
    key: Hex32
    verifying_key: HexBytes
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLine:
    """One key: its statement, the circuit's id, BLAKE3 of the file, the verifying key (arkworks, compressed) and its id."""

    statement: Statement
    circuit: bytes
    digest: bytes
    key: bytes
    verifying_key: bytes
    origin: Origin

    @property
    def stem(self) -> str:
        """Of its two file names."""
        return stem(self.statement, self.circuit)


def stem(statement: Statement, circuit: bytes) -> str:
    """The name of a key's files without their endings."""
    return f"{statement.label}-{circuit.hex()[:16]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFolder:
    """The keys of a data folder for one network."""

    path: Path
    network: str
    limits: Limits = PRODUCT

    def entries(self) -> Iterator[tuple[Path, KeyLine | LocalFault]]:
        """Every JSON with what it says, or why it says nothing. Raises LocalFault when the folder cannot be read."""
        try:
            found = sorted(self.path.glob("*.json")) if self.path.exists() else []
        except OSError as error:
            raise self._disk(error) from error
        for path in found:
            try:
                yield path, self._line(path)
            except LocalFault as fault:
                yield path, fault

    def keys(self) -> tuple[KeyLine, ...]:
        """The keys that can be used here; bad entries are left out (`bitvm3 setup list` shows them)."""
        return tuple(line for _, line in self.entries() if isinstance(line, KeyLine))

    def key(self, key: bytes) -> KeyLine:
        """By the verifying key's id. Raises LocalFault when it is not here."""
        unusable = []
        for path, entry in self.entries():
            match entry:
                case LocalFault():
                    unusable.append(f"{path.name}: {entry.came}")
                case KeyLine() if entry.key == key:
                    return entry
                case _:
                    pass
        raise LocalFault(
            what=f"proving key {key.hex()[:16]}",
            expected=f"one in {self.path}",
            came="; ".join(("none that can be used", *unusable)) if unusable else "none",
            todo="Get its .zkey file from whoever made it: `bitvm3 setup import STATEMENT --zkey FILE`; `bitvm3 setup list` "
            "shows what is here.",
        )

    def key_of(self, statement: Statement) -> KeyLine:
        """By the statement, where there is one key of it. Raises LocalFault."""
        found = [line for line in self.keys() if line.statement == statement]
        if len(found) == 1:
            return found[0]
        run = f"`bitvm3 setup run {statement.label}` or " if self.network == "regtest" else ""
        raise LocalFault(
            what=f"proving key of {statement.label}",
            expected=f"one in {self.path}",
            came=f"{len(found)}",
            todo=f"Run {run}`bitvm3 setup import {statement.label} --zkey FILE` (docs/ceremony.md)."
            if not found
            else "Those of another version of this software do not serve any more: move them away.",
        )

    def load(self, line: KeyLine) -> ProvingKey:
        """Map a key and check it whole; takes seconds: call it in a thread.

        Raises:
            LocalFault: missing, damaged, swapped, or of another circuit than this software proves.
        """
        circuit, path = line.statement.circuit(), self.zkey(line)
        if circuit.id != line.circuit:
            raise LocalFault(
                what=f"proving key {path.name}",
                expected=f"the circuit {circuit.id.hex()[:16]}, which this version proves",
                came=f"{line.circuit.hex()[:16]}",
                todo=f"It belongs to another version. {self._again(line.statement)}",
            )
        if not path.is_file():
            raise self._bad(path, line, "a file", "none")
        try:
            proving = ProvingKey.open(str(path), circuit)
        except (MalformedFault, OSError) as error:
            raise self._bad(path, line, "an undamaged key of this circuit", str(error)[:300]) from error
        if proving.digest != line.digest:
            raise self._bad(path, line, f"the file with digest {line.digest.hex()}", proving.digest.hex())
        if proving.verifying.id != line.key:
            raise self._bad(path, line, f"the verifying key {line.key.hex()[:16]}", "another one")
        return proving

    def zkey(self, line: KeyLine) -> Path:
        """The key file."""
        return self.path / f"{line.stem}.zkey"

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the folder for one setup; leftovers of one that was killed are removed.

        Raises:
            LocalFault: another setup is under way, or the disk refuses.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._disk(error) from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise LocalFault(
                    what=f"key folder {self.path}",
                    expected="no other setup in it",
                    came="one",
                    todo="Wait for its end.",
                ) from None
            self._sweep()
            try:
                yield
            finally:
                self._sweep()
        finally:
            os.close(handle)

    def vacant(self, statement: Statement, circuit: bytes) -> Path:
        """Where to write a new key file, inside `changing`. Raises LocalFault when there is a key of this circuit already."""
        name = stem(statement, circuit)
        if (self.path / f"{name}.json").exists():
            raise LocalFault(
                what=f"key folder {self.path}",
                expected=f"no key of {statement.label} yet",
                came=f"{name}.zkey",
                todo="Ledgers and vaults are bound to the key they began with. To have another, move both files away.",
            )
        return self.path / f"{name}.part"

    def adopt(self, part: Path, line: KeyLine) -> None:
        """Take a finished and checked file into the folder, durably; the JSON comes last and makes it a key.

        Raises:
            LocalFault: the disk refuses; nothing is taken then.
        """
        sidecar = _Sidecar(
            version=1,
            statement=line.statement.label,
            circuit=line.circuit.hex(),
            digest=line.digest.hex(),
            key=line.key.hex(),
            verifying_key=line.verifying_key.hex(),
            origin=line.origin,
        )
        try:
            part.chmod(0o400)  # it is mapped while it is used: nobody may change it in place
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(self.zkey(line))
            sync_folder(self.path)
            text = msgspec.json.format(msgspec.json.encode(sidecar), indent=2)
            write_private(self.path / f"{line.stem}.json", text + b"\n")
        except OSError as error:
            raise self._disk(error) from error

    def _line(self, path: Path) -> KeyLine:
        try:
            with path.open("rb") as file:
                raw = file.read(self.limits.key_sidecar_bytes + 1)
        except OSError as error:
            raise self._unreadable(path, "a readable file", str(error)) from error
        if len(raw) > self.limits.key_sidecar_bytes:
            raise self._unreadable(path, f"at most {self.limits.key_sidecar_bytes} bytes", "more")
        try:
            said = msgspec.json.decode(raw, type=_Sidecar)
            verifying = VerifyingKey.parse(bytes.fromhex(said.verifying_key), Format.ARKWORKS, Curve.BN254)
        except (msgspec.DecodeError, ValueError, RecursionError, MalformedFault) as error:
            raise self._unreadable(path, "what a setup wrote", str(error)[:200]) from error
        line = KeyLine(
            statement=Statement.parse(said.statement),
            circuit=bytes.fromhex(said.circuit),
            digest=bytes.fromhex(said.digest),
            key=bytes.fromhex(said.key),
            verifying_key=bytes.fromhex(said.verifying_key),
            origin=said.origin,
        )
        if path.stem != line.stem:
            raise self._unreadable(path, f"the name {line.stem}.json", path.name)
        if verifying.id != line.key:
            raise self._unreadable(path, f"the verifying key {line.key.hex()[:16]}", verifying.id.hex()[:16])
        if line.origin != "ceremony" and self.network != "regtest":
            raise LocalFault(
                what=f"proving key {path.stem}",
                expected=f"a key from a ceremony on {self.network}",
                came="one that a single party made: it can forge every proof",
                todo="Move it away and import one from a ceremony (docs/ceremony.md).",
            )
        return line

    def _again(self, statement: Statement) -> str:
        run = f"`bitvm3 setup run {statement.label}` or " if self.network == "regtest" else ""
        return f"Move its two files away, then {run}`bitvm3 setup import {statement.label} --zkey FILE`."

    def _bad(self, path: Path, line: KeyLine, expected: str, came: str) -> LocalFault:
        return LocalFault(
            what=f"proving key {path}",
            expected=expected,
            came=came,
            todo="Put the right file back from a copy (its digest is in the .json), or: " + self._again(line.statement),
        )

    def _unreadable(self, path: Path, expected: str, came: str) -> LocalFault:
        return LocalFault(
            what=f"key description {path}",
            expected=expected,
            came=came,
            todo="Put it back from a copy, or move it and its .zkey away and run `bitvm3 setup` again.",
        )

    def _disk(self, error: OSError) -> LocalFault:
        return LocalFault(
            what=f"key folder {self.path}",
            expected="a folder on a disk with free space",
            came=error.strerror or str(error),
            todo="Nothing was taken into the folder. Free space or mend the permissions, then run it again.",
        )

    def _sweep(self) -> None:
        for part in self.path.glob("*.part"):
            part.unlink(missing_ok=True)
