"""The never-sign-twice record: what was released once is never released in another version.

Promises: `claim` is on the disk before it returns, so whatever is released after it is covered after any crash; a
second claim of the same (domain, key) passes only with the same digest (a replay). Lives in its own small RocksDB,
which is never part of a backup: an old copy of it would allow exactly what it forbids. `pair` notices a data folder
that was put together from parts. Does NOT know what is signed; callers digest it.
"""

from __future__ import annotations

import secrets
import threading
from pathlib import Path
from typing import Literal

from node.faults import LocalFault
from node.store import Store, open_database, synced

Domain = Literal["nonce", "kept-set", "assert", "reveal", "checkpoint", "attestation"]

DOMAINS: dict[str, str] = {
    "nonce": "presigning batch -> digest of its aggregated nonces, messages and adaptor points: no nonce signs twice",
    "kept-set": "setup id -> the set of instances left closed: no kept instance is opened later",
    "assert": "Assert of a graph -> its digit signatures, ever shown in one version: two would show two secrets of a digit",
    "reveal": "Reveal of a graph -> its digit signatures, ever shown in one version: two would show two labels of a wire",
    "attestation": "ledger, attestor key, nonce -> the (price, day) attested with it: two messages would give the key away",
    "checkpoint": "ledger, attestor key, seq -> digest of the checkpoint signed: two for one seq would be an equivocation",
}

_IDENTITY = b"identity"
_PAIRED = b"guard identity"
_DIGEST_BYTES = 32


class GuardViolation(LocalFault):
    """Releasing this would be the second version of something that may exist once. Never retried, never overridden."""

    def __init__(self, *, domain: str, key: bytes, held: bytes, asked: bytes) -> None:
        self.domain, self.key, self.held, self.asked = domain, key, held, asked
        super().__init__(
            what=f"guard domain {domain}, key {key.hex()}",
            expected=f"digest {held.hex()}, claimed before",
            came=f"digest {asked.hex()}",
            todo="Nothing was released. The step that asked for this must be given up.",
        )


class Guard:
    """One per data folder; safe to call from several threads."""

    def __init__(self, path: Path) -> None:
        """Open or create. Raises LocalFault when another process has it, the disk refuses, or it is damaged."""
        self._path = path
        self._database = open_database(path, what="guard", columns=tuple(DOMAINS))
        self._columns = {domain: self._database.get_column_family(domain) for domain in DOMAINS}
        self._synced = synced()
        self._lock = threading.Lock()
        self._stopped: str | None = None
        identity: bytes | None = self._database.get(_IDENTITY)
        if identity is None:
            identity = secrets.token_bytes(16)
            self._put(self._database, _IDENTITY, identity)
        self.identity: bytes = identity

    def claim(self, domain: Domain, key: bytes, digest: bytes) -> None:
        """Take (domain, key) for `digest` (32 bytes), durably. The same digest again is fine.

        Raises:
            GuardViolation: taken for another digest.
            LocalFault: the disk refused; treat as not claimed and release nothing.
            ValueError: empty key, or a digest that is not 32 bytes.
        """
        if not key or len(digest) != _DIGEST_BYTES:
            raise ValueError(f"a claim needs a key and a digest of 32 bytes, came {len(key)} and {len(digest)} bytes")
        column = self._columns[domain]
        with self._lock:
            held: bytes | None = column.get(key)
            if held == digest:
                return
            if held is not None:
                raise GuardViolation(domain=domain, key=key, held=held, asked=digest)
            self._put(column, key, digest)

    def held(self, domain: Domain, key: bytes) -> bytes | None:
        """The digest claimed for (domain, key), or None."""
        value: bytes | None = self._columns[domain].get(key)
        return value

    def _put(self, column: object, key: bytes, value: bytes) -> None:
        if self._stopped is None:
            try:
                column.put(key, value, self._synced)  # type: ignore[attr-defined]
                return
            except Exception as error:
                self._stopped = str(error)
        raise LocalFault(
            what=f"writing to the guard {self._path}",
            expected="a durable write",
            came=self._stopped,
            todo="Nothing was released. Free space or replace the disk, then start the daemon again.",
        )

    def close(self) -> None:
        """Release the folder. Idempotent."""
        for column in self._columns.values():
            column.close()
        self._columns.clear()
        self._database.close()


def pair(store: Store, guard: Guard) -> None:
    """Check that this guard has watched over this store from its beginning.

    A store restored from a backup beside a new or older guard is noticed here: the record of what was released is
    missing, so nothing may be signed for its vaults.

    Raises:
        LocalFault: they were not made together.
    """
    held = store.get("meta", _PAIRED)
    if held is None and next(store.items("vaults"), None) is None:
        store.commit([("meta", _PAIRED, guard.identity)])
        return
    if held != guard.identity:
        raise LocalFault(
            what="guard database",
            expected=f"the one made with this data folder ({held.hex() if held else 'none was recorded'})",
            came=guard.identity.hex(),
            todo=(
                "What this node has signed is recorded only there: put the original guard folder back. If it is lost, "
                "do not run this node's vaults again; recover the coins with docs/recover.md."
            ),
        )
