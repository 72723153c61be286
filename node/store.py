"""One RocksDB per data folder: everything the node must remember across a crash, except keys and the guard.

Promises: `commit` is one synced write batch, all of it or nothing, durable when it returns; a data folder belongs to
one network, one genesis block, one schema version and one process at a time; a failed write stops the store for good
(nothing is committed on top of a batch whose fate is unknown). Does NOT know what the bytes mean, and never holds a
secret: keys live in `node.keys`, the never-sign-twice record in `node.guard`, neither is part of a checkpoint.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import rocksdict

from node.faults import LocalFault
from node.limits import PRODUCT, Limits

SCHEMA_VERSION = 1

Put = tuple[str, bytes, bytes | None]
"""(column, key, value); None deletes."""

COLUMNS: dict[str, str] = {
    "meta": "schema version, network, genesis, pairing with the guard: checked before anything else is read",
    "vaults": "state of each vault's machine: what restart continues from",
    "outbox": "actions not known to be done: replayed after a crash (P2, P3)",
    "blobs": "large values referred to by hash from a state: written once, never changed",
    "outgoing": "signed transactions, stored before they leave: one version of each, repeated after a restart or reorg",
    "presigned": "presigned graphs: must be durable and read back before a coin moves (P1)",
    "watches": "transactions and coins of each agreed graph: what a start looks for in blocks without deriving it again",
    "chain": "hashes of the last blocks, up to the reorg bound: where the fork point of a reorg is found",
    "wallet": "coins, addresses handed out, reservations",
    "jobs": "what a job must find again after a crash: the Stakes transaction it published",
    "ledgers": "each ledger: genesis, queued events, batches with their proofs and signatures, evidence of equivocation",
    "spends": "who spent the coins of loans that this node keeps or attests: with the block that holds it, gone with it",
    "loans": "this party's part of loans: what was spent today, and a row of each loan a block",
    "bans": "peers refused for a time",
}

_MARKER = "IN_USE"  # beside the database's own files, which ignore it
_VERSION, _NETWORK, _GENESIS = b"schema version", b"network", b"genesis"


def raw_options() -> rocksdict.Options:
    """Options of every database of the node: bytes as they are (never pickles), checked on every read.

    A torn last record (the batch that had not returned) is dropped at opening; damage anywhere else refuses to open
    rather than silently forgetting what came after it.
    """
    options = rocksdict.Options(raw_mode=True)
    options.create_if_missing(True)
    options.create_missing_column_families(True)
    options.set_paranoid_checks(True)
    options.set_wal_recovery_mode(rocksdict.DBRecoveryMode.tolerate_corrupted_tail_records())
    options.set_write_buffer_size(8 * 1024 * 1024)
    options.set_keep_log_file_num(3)
    options.set_max_log_file_size(1024 * 1024)
    return options


def synced() -> rocksdict.WriteOptions:
    """Write options: the write-ahead log is on the disk before the call returns."""
    options = rocksdict.WriteOptions()
    options.sync = True
    return options


def open_database(path: Path, *, what: str, columns: Sequence[str]) -> rocksdict.Rdict:
    """Open or create a RocksDB folder (mode 0700) with these columns.

    Raises:
        LocalFault: another process has it, it holds columns of a newer version, the disk refused or it is damaged.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (path / "CURRENT").exists():
            foreign = set(rocksdict.Rdict.list_cf(str(path), raw_options())) - {"default", *columns}
            if foreign:
                raise LocalFault(
                    what=f"{what} {path}",
                    expected=f"columns {', '.join(columns)}",
                    came=f"also {', '.join(sorted(foreign))}",
                    todo="This folder was written by a newer version: run that one.",
                )
        return rocksdict.Rdict(str(path), raw_options(), column_families={c: raw_options() for c in columns})
    except LocalFault:
        raise
    except Exception as error:
        raise _opening_fault(path, what, str(error)) from error


def _opening_fault(path: Path, what: str, reason: str) -> LocalFault:
    if "lock" in reason.lower() or "Resource temporarily unavailable" in reason:
        return LocalFault(
            what=f"{what} {path}",
            expected="a folder that no other daemon uses",
            came="it is locked: another daemon has it open",
            todo="Stop the other daemon (bitvm3 stop), or give this one its own data folder.",
        )
    return LocalFault(
        what=f"{what} {path}",
        expected="a readable, undamaged database on a disk with free space",
        came=reason,
        todo="Check permissions and free space; if the files are damaged, restore the last backup (docs/recover.md).",
    )


class Store:
    """The node's database. Make one with `Store.open`; not for use from several threads at once."""

    def __init__(self, database: rocksdict.Rdict, path: Path, limits: Limits) -> None:
        self._database = database
        self._path = path
        self._limits = limits
        self._columns: dict[str, rocksdict.Rdict] = {c: database.get_column_family(c) for c in COLUMNS}
        self._handles: dict[str, Any] = {c: database.get_column_family_handle(c) for c in COLUMNS}
        self._synced = synced()
        self._stopped: str | None = None

    @classmethod
    def open(cls, path: Path, *, network: str, genesis: bytes, limits: Limits = PRODUCT) -> Store:
        """Open the folder, creating it when missing, and check whom it belongs to.

        Args:
            path: folder of the database itself (not the data folder).
            network: regtest, signet, testnet...
            genesis: 32 bytes, internal byte order; tells one regtest from another.
            limits: the table of limits.

        Raises:
            LocalFault: another network, genesis or version (both values are named), locked, damaged.
        """
        store = cls(open_database(path, what="database", columns=tuple(COLUMNS)), path, limits)
        try:
            store._check_meta(network, genesis)
        except BaseException:
            store.close()
            raise
        return store

    def _check_meta(self, network: str, genesis: bytes) -> None:
        wanted: tuple[tuple[bytes, bytes, str], ...] = (
            (_VERSION, SCHEMA_VERSION.to_bytes(4, "big"), "Run the version that wrote this folder."),
            (_NETWORK, network.encode(), "Give each network its own data folder."),
            (_GENESIS, genesis, "This is another chain of the same network: start with an empty data folder."),
        )
        held = dict(self.items("meta"))
        marker = self._path / _MARKER
        if not held and marker.exists():  # a lost log would otherwise pass for a new folder
            raise _reading_fault(self._path, ValueError("nothing, but it was in use before"))
        if not held:
            self.commit([("meta", key, value) for key, value, _ in wanted])
            held = dict(self.items("meta"))
        if not marker.exists():
            _mark(marker)
        for key, value, todo in wanted:
            came = held.get(key)
            if came != value:
                raise LocalFault(
                    what=f"{key.decode()} of the data folder {self._path}",
                    expected=_shown(key, value),
                    came=f"{_shown(key, came)} in the folder",
                    todo=todo,
                )

    def get(self, column: str, key: bytes) -> bytes | None:
        """The value, or None. Raises LocalFault when the disk fails or its content is damaged."""
        try:
            value: bytes | None = self._columns[column].get(key)
        except rocksdict.DbClosedError:
            raise
        except Exception as error:
            raise _reading_fault(self._path, error) from error
        return value

    def items(self, column: str, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Pairs whose key starts with `prefix`, in key order, as of the moment of the call.

        Raises:
            LocalFault: the disk fails or its content is damaged, also in the midst of the pairs.
        """
        snapshot = self._columns[column].iter()
        snapshot.seek(prefix)
        return self._walk(snapshot, prefix)

    def _walk(self, snapshot: rocksdict.RdictIter, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        while snapshot.valid():
            key = snapshot.key()
            if not key.startswith(prefix):
                return
            yield key, snapshot.value()
            snapshot.next()
        try:
            snapshot.status()  # an iterator that met damage ends like one that is through
        except Exception as error:
            raise _reading_fault(self._path, error) from error

    def commit(self, puts: Sequence[Put]) -> None:
        """Write all of it durably, or nothing. An empty sequence does nothing.

        Raises:
            LocalFault: the disk refused (full, failed), or an earlier commit had failed: the daemon must stop.
            KeyError: a column that is not in COLUMNS.
        """
        if self._stopped is not None:
            raise self._stop_fault(self._stopped)
        if not puts:
            return
        batch = rocksdict.WriteBatch(raw_mode=True)
        for column, key, value in puts:
            if value is None:
                batch.delete(key, self._handles[column])
            else:
                batch.put(key, value, self._handles[column])
        if batch.size_in_bytes() > self._limits.store_batch_bytes:
            raise LocalFault(
                what="one step's batch",
                expected=f"at most {self._limits.store_batch_bytes} bytes",
                came=f"{batch.size_in_bytes()} bytes",
                todo="This is a bug: large values belong in artifacts.",
            )
        try:
            self._database.write(batch, self._synced)
        except Exception as error:
            self._stopped = str(error)
            raise self._stop_fault(self._stopped) from error

    def _stop_fault(self, reason: str) -> LocalFault:
        return LocalFault(
            what=f"writing to {self._path}",
            expected="a durable write",
            came=reason,
            todo="Nothing of this step was written. Free space or replace the disk, then start the daemon again.",
        )

    def checkpoint(self, path: Path) -> None:
        """A consistent copy as a new folder, while running: the online backup. Holds no key and no guard.

        Raises:
            LocalFault: the folder exists already, or the disk refused.
        """
        if path.exists():
            raise LocalFault(
                what=f"backup folder {path}", expected="a new folder", came="it exists", todo="Choose another name."
            )
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            rocksdict.Checkpoint(self._database).create_checkpoint(str(path))
            os.chmod(path, 0o700)
        except Exception as error:
            raise LocalFault(
                what=f"backup to {path}",
                expected="a folder on a disk with free space",
                came=str(error),
                todo="Choose another place.",
            ) from error

    def close(self) -> None:
        """Release the folder. Idempotent; nothing is lost by not calling it."""
        self._handles.clear()
        columns = [*self._columns.values()]
        self._columns.clear()
        try:
            for column in columns:
                column.close()
            self._database.close()
        except Exception:
            if not self._stopped:  # after a failed write closing fails again, and must not hide what the first one said
                raise


def _mark(marker: Path) -> None:
    try:
        marker.touch(mode=0o600)
        folder = os.open(marker.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _opening_fault(marker.parent, "database", str(error)) from error


def _reading_fault(path: Path, error: Exception) -> LocalFault:
    return LocalFault(
        what=f"reading {path}",
        expected="what was written",
        came=str(error),
        todo="The disk has changed or lost data: stop, and restore the last backup (docs/recover.md).",
    )


def _shown(key: bytes, value: bytes | None) -> str:
    match key, value:
        case _, None:
            return "nothing"
        case b"schema version", bytes():
            return str(int.from_bytes(value, "big"))
        case b"network", bytes():
            return value.decode(errors="replace")
        case _:
            return value.hex() if value is not None else "nothing"
