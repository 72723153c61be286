"""The presigned transactions of a party's backup, signed as far as its own key goes, as hex for `sendrawtransaction`.

    python docs/finish.py keys passphrase store          `keys` and `store` are the folders of the backup

Promise: needs this project's packages but no daemon, peer or chain, and changes nothing in `store`. It prints what the daemon
had signed already (`outgoing`), then everything that shows no secret. It never makes Assert, Reveal, Disprove, Refute, Vault or
PreFund: a second version of Assert or Reveal would cost its maker more than it wins, the others belong to a daemon that watches
the chain.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec
import rocksdict

from challenge.bodies import Funded, decode
from challenge.states import VaultState
from node.keys import STRONG, Keys, read_passphrase
from node.work.ceremony import derived
from node.work.own import Own
from vault.presigned import Presigned, finish

SHOWS_A_SECRET = ("assert", "reveal", "disprove", "refute", "vault", "prefund", "repay")


@dataclass(frozen=True, slots=True)
class Backup:
    """A store, read only."""

    database: rocksdict.Rdict

    @classmethod
    def open(cls, folder: Path) -> Backup:
        """Open the RocksDB folder `store`."""
        options = rocksdict.Options(raw_mode=True)
        columns = {n: rocksdict.Options(raw_mode=True) for n in rocksdict.Rdict.list_cf(str(folder), options)}
        return cls(rocksdict.Rdict(str(folder), options, columns, access_type=rocksdict.AccessType.read_only()))

    def column(self, name: str) -> dict[bytes, bytes]:
        """All pairs of a column."""
        return dict(self.database.get_column_family(name).items())

    def blob(self, name: bytes) -> bytes:
        """A bulk value; what the derivation of a graph asks for."""
        return cast("bytes", self.database.get_column_family("blobs")[name])


def transactions(backup: Backup, keys: Keys) -> dict[str, dict[str, str]]:
    """Vault (hex) -> name -> raw transaction (hex)."""
    found: dict[str, dict[str, str]] = {}
    presigned, outgoing = backup.column("presigned"), backup.column("outgoing")
    for vault, raw in backup.column("vaults").items():
        if vault not in presigned:
            continue
        state = msgspec.msgpack.decode(raw, type=VaultState)
        own = Own(keys.vault_seed(decode(Funded, state.facts["funded"], "funded").nonce))
        graph = derived(state, cast("Any", backup))
        whole = Presigned(graph=graph, signatures=presigned[vault])
        lines = {k[32:].decode(): v.hex() for k, v in outgoing.items() if k.startswith(vault)}
        for name in graph.templates:
            kind = name.split("/")[1] if name[0].isdigit() else name.split("/")[0]
            if name in lines or kind in SHOWS_A_SECRET or state.me not in graph.spenders[name]:
                continue
            leaf = state.me if kind == "contest" else None
            lines[name] = finish(whole, name, personal=own.personal, leaf=leaf).hex()
        found[vault.hex()] = lines
    return found


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, what in (("keys", "folder"), ("passphrase", "file"), ("store", "folder")):
        parser.add_argument(name, type=Path, help=what)
    options = parser.parse_args()
    keys = Keys.open(options.keys, read_passphrase(options.passphrase), kdf=STRONG)
    for vault, lines in transactions(Backup.open(options.store), keys).items():
        print(f"vault {vault}")
        for name, raw in sorted(lines.items()):
            print(f"  {name}\n    {raw}")


if __name__ == "__main__":
    main()
