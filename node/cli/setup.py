"""`bitvm3 init`: a data folder with a configuration and a passphrase.

Promises: nothing that exists is overwritten; files are private. Does NOT make keys: the daemon does at its first start.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from node.config import FILE_NAME, example
from node.faults import LocalFault


def initialise(folder: Path, network: str) -> dict[str, str]:
    """Make the folder, `bitvm3.toml` and, unless there is one, a random passphrase; returns what was made.

    Raises:
        LocalFault: there is a configuration already, or the disk refuses.
    """
    config, passphrase = folder / FILE_NAME, folder / "passphrase"
    if config.exists():
        raise LocalFault(
            what=f"data folder {folder}",
            expected="a new or empty folder",
            came=f"one with {FILE_NAME}",
            todo="Edit that file, or choose another folder with --datadir.",
        )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not passphrase.exists():
            _write(passphrase, secrets.token_hex(32) + "\n")
        _write(config, example(network, folder))
    except OSError as error:
        raise LocalFault(
            what=f"data folder {folder}", expected="a writable folder", came=str(error), todo="Check permissions."
        ) from error
    return {
        "configuration": str(config),
        "passphrase": f"{passphrase} (keep a copy apart from backups: without it the keys are lost)",
        "next": f"bitvm3d --config {config}",
    }


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
