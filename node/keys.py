"""The key folder: one sealed master seed, and ephemeral seeds that are destroyed.

Promises: secrets on disk are sealed (Argon2id passphrase, XChaCha20-Poly1305) in files of mode 0600; Python sees
opaque handles only; `backup` copies the master seed and nothing else; after `burn` no file of this folder opens that
seed again and none is ever made for the same name. Does NOT know what a vault is, nor what is signed.

    keys/master.sealed            magic, salt, Argon2id costs, and the sealed seed of identity, wallet and vault seeds
    keys/ephemeral/NAME.sealed    one random seed: this party's share of G and its presigning nonces
    keys/ephemeral/NAME.burnt     empty; NAME's seed was destroyed

Overwriting destroys what a file system keeps in place; on a copy-on-write disk the sealed bytes may survive until
reused, which is why they are sealed at all and why the passphrase must not be kept beside old disks.
"""

from __future__ import annotations

import ctypes
import os
import resource
import secrets
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from native import NativeError
from native._native.keys import SealingKey, Secret, Seed
from node.durable import sync_folder, write_private
from node.faults import LocalFault

_MAGIC = b"BVM3KEY1"
_HEADER = struct.Struct(">8s16sII")
_SEALED_BYTES = 73
_MASTER_CONTEXT = b"bitvm3 2026 master seed v1"
_EPHEMERAL_CONTEXT = b"bitvm3 2026 ephemeral seed v1/"
_MOST_MEMORY_KIB = 4 * 1024 * 1024
_MOST_ITERATIONS = 64
_MOST_PASSPHRASE_BYTES = 1024
_PR_SET_DUMPABLE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Kdf:
    """Argon2id costs for a new key folder; an existing one keeps the costs it was made with."""

    memory_kib: int
    iterations: int


STRONG = Kdf(memory_kib=256 * 1024, iterations=3)
"""For keys that hold coins: about half a second, 256 MiB (above the second choice of RFC 9106)."""


class Keys:
    """An open key folder. Make one with `Keys.open`."""

    def __init__(self, folder: Path, seed: Seed, sealing: SealingKey) -> None:
        """Use `open`."""
        self._folder = folder
        self._seed = seed
        self._sealing = sealing
        self.identity: Secret = seed.secret(b"identity")
        self.wallet_seed: Seed = seed.derive(b"wallet")

    @classmethod
    def open(cls, folder: Path, passphrase: bytes, *, kdf: Kdf) -> Keys:
        """Open the folder; a missing one is made with a fresh master seed.

        Args:
            folder: `keys` of the data folder.
            passphrase: not empty.
            kdf: costs for a new folder.

        Raises:
            LocalFault: wrong passphrase, damaged file, permissions wider than the owner's, disk trouble.
        """
        path = folder / "master.sealed"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / "ephemeral").mkdir(mode=0o700, exist_ok=True)
            _only_owner(folder)
            if not path.exists():
                _create(path, passphrase, kdf)
            _only_owner(path)
            raw = path.read_bytes()
        except OSError as error:
            raise _disk(path, error) from error
        sealing, seed = _unseal_master(path, raw, passphrase)
        keys = cls(folder, seed, sealing)
        keys._finish_burning()
        return keys

    def vault_seed(self, nonce: bytes) -> Seed:
        """The long-lived seed of the vault with this party's `nonce` (32 bytes): can be made again from a backup."""
        if len(nonce) != 32:
            raise ValueError(f"a vault nonce is 32 bytes, came {len(nonce)}")
        return self._seed.derive(b"vault/" + nonce)

    def attestor_seed(self, number: int) -> Seed:
        """The seed of this node's attestor keys with a number: the same after a restore."""
        return self._seed.derive(b"attestor/%d" % number)

    def transport_seed(self) -> bytes:
        """The libp2p key's 32 bytes: the one secret that has to leave its handle, for libp2p's own use."""
        return self._seed.derive(b"libp2p").reveal()

    def ephemeral(self, name: bytes) -> Seed:
        """The ephemeral seed called `name` (a vault's), made at the first call. It is never in a backup.

        Raises:
            LocalFault: it was burnt, its file is damaged, disk trouble.
        """
        sealed, burnt = self._paths(name)
        context = _EPHEMERAL_CONTEXT + name
        try:
            if burnt.exists():
                raise LocalFault(
                    what=f"ephemeral key {name.hex()}",
                    expected="one that is still needed",
                    came="it was destroyed",
                    todo="What was presigned is all that can ever be signed with it. Set up a new vault.",
                )
            if not sealed.exists():
                seed = Seed.generate()
                write_private(sealed, seed.seal(self._sealing, context))
                return seed
            _only_owner(sealed)
            raw = sealed.read_bytes()
        except OSError as error:
            raise _disk(sealed, error) from error
        try:
            return Seed.unseal(raw, self._sealing, context)
        except NativeError as error:
            raise LocalFault(
                what=f"ephemeral key {sealed}",
                expected="a file that the master key's passphrase opens",
                came="a damaged or exchanged one",
                todo="The setup it belongs to cannot go on: abort it and begin again.",
            ) from error

    def burn(self, name: bytes) -> None:
        """Destroy the ephemeral seed called `name`, durably, and never make it again. Idempotent.

        Raises:
            LocalFault: the disk refused; it is tried again at the next opening.
        """
        sealed, burnt = self._paths(name)
        try:
            if not burnt.exists():
                write_private(burnt, b"")
            _destroy(sealed)
        except OSError as error:
            raise _disk(sealed, error) from error

    def backup(self, folder: Path) -> None:
        """Copy the sealed master seed, and nothing else, into a new folder.

        Raises:
            LocalFault: it exists, or the disk refused.
        """
        if folder.exists():
            raise LocalFault(
                what=f"backup folder {folder}", expected="a new folder", came="it exists", todo="Choose another."
            )
        try:
            folder.mkdir(mode=0o700, parents=True)
            write_private(folder / "master.sealed", (self._folder / "master.sealed").read_bytes())
        except OSError as error:
            raise _disk(folder, error) from error

    def _paths(self, name: bytes) -> tuple[Path, Path]:
        if not 1 <= len(name) <= 64:
            raise ValueError(f"an ephemeral key's name has 1 to 64 bytes, came {len(name)}")
        folder = self._folder / "ephemeral"
        return folder / f"{name.hex()}.sealed", folder / f"{name.hex()}.burnt"

    def _finish_burning(self) -> None:
        """A crash between the two steps of `burn` is made good here."""
        for burnt in (self._folder / "ephemeral").glob("*.burnt"):
            try:
                _destroy(burnt.with_suffix(".sealed"))
            except OSError as error:
                raise _disk(burnt, error) from error


def read_passphrase(path: Path) -> bytes:
    """The passphrase in a file of mode 0600: its content without the last line's end.

    Raises:
        LocalFault: missing, empty, too long, readable by others.
    """
    try:
        _only_owner(path)
        with path.open("rb") as file:
            raw = file.read(_MOST_PASSPHRASE_BYTES + 2)
    except FileNotFoundError as error:
        raise LocalFault(
            what=f"passphrase file {path}",
            expected="a file with the key folder's passphrase",
            came="none",
            todo="`bitvm3 init` makes one; or name yours with passphrase_file.",
        ) from error
    except OSError as error:
        raise _disk(path, error) from error
    passphrase = raw.removesuffix(b"\n").removesuffix(b"\r")
    if not 1 <= len(passphrase) <= _MOST_PASSPHRASE_BYTES:
        came = "an empty one" if not passphrase else "a longer one"
        raise LocalFault(what=f"passphrase file {path}", expected=f"1 to {_MOST_PASSPHRASE_BYTES} bytes", came=came)
    return passphrase


def harden() -> None:
    """No core dumps, and no tracing by other processes of the same user, where the system can."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, AttributeError):  # not Linux
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _create(path: Path, passphrase: bytes, kdf: Kdf) -> None:
    salt = secrets.token_bytes(16)
    sealing = _stretch(path, passphrase, salt, kdf.memory_kib, kdf.iterations)
    sealed = Seed.generate().seal(sealing, _MASTER_CONTEXT)
    write_private(path, _HEADER.pack(_MAGIC, salt, kdf.memory_kib, kdf.iterations) + sealed)


def _unseal_master(path: Path, raw: bytes, passphrase: bytes) -> tuple[SealingKey, Seed]:
    if len(raw) != _HEADER.size + _SEALED_BYTES or not raw.startswith(_MAGIC):
        raise LocalFault(
            what=f"key file {path}",
            expected=f"{_HEADER.size + _SEALED_BYTES} bytes beginning with {_MAGIC.decode()}",
            came=f"{len(raw)} bytes",
            todo="Put the file of your backup there.",
        )
    _, salt, memory_kib, iterations = _HEADER.unpack_from(raw)
    sealing = _stretch(path, passphrase, salt, memory_kib, iterations)
    try:
        return sealing, Seed.unseal(raw[_HEADER.size :], sealing, _MASTER_CONTEXT)
    except NativeError as error:
        raise LocalFault(
            what=f"key file {path}",
            expected="the passphrase it was made with",
            came="another one (or a damaged file)",
            todo="Check passphrase_file; there is no other way to open it.",
        ) from error


def _stretch(path: Path, passphrase: bytes, salt: bytes, memory_kib: int, iterations: int) -> SealingKey:
    if not memory_kib <= _MOST_MEMORY_KIB or not iterations <= _MOST_ITERATIONS:
        raise LocalFault(
            what=f"key file {path}",
            expected=f"Argon2id costs up to {_MOST_MEMORY_KIB} KiB and {_MOST_ITERATIONS} iterations",
            came=f"{memory_kib} KiB and {iterations}",
            todo="The file is damaged: put the one of your backup there.",
        )
    try:
        return SealingKey(passphrase, salt, memory_kib=memory_kib, iterations=iterations)
    except NativeError as error:
        raise LocalFault(
            what=f"passphrase and costs for {path}",
            expected="a passphrase and costs of at least 8 KiB and one iteration",
            came=str(error),
            todo="Give a passphrase.",
        ) from error


def _only_owner(path: Path) -> None:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise LocalFault(
            what=f"permissions of {path}",
            expected="readable by its owner only",
            came=f"{mode:o}",
            todo=f"chmod go= {path}, and take a new passphrase if others could read it.",
        )


def _destroy(path: Path) -> None:
    if not path.exists():
        return
    with path.open("r+b") as file:
        file.write(secrets.token_bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_folder(path.parent)


def _disk(path: Path, error: OSError) -> LocalFault:
    return LocalFault(
        what=f"key folder, {path}",
        expected="a readable and writable file",
        came=str(error),
        todo="Check permissions and free space.",
    )
