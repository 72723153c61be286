"""What the methods of proofs and proving keys do. Holds no state."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from node.faults import LocalFault
from node.proving import KeyLine, Proving
from node.rpc.table import Nothing, ProofJobParams, ProveParams

__all__ = ["key_rows", "proving_methods"]


def proving_methods(proving: Proving) -> dict[str, Callable[[Any], Awaitable[object]]]:
    """Handlers by name, as `node.rpc.table.bind` takes them."""

    async def prove(params: ProveParams) -> Any:
        line = proving.key_of(params.statement)
        return proving.submit(line, msgspec.json.encode(params.witness), params.purpose).shown()

    async def jobs(_: Nothing) -> Any:
        return [job.shown() for job in proving.jobs()]

    async def job(params: ProofJobParams) -> Any:
        return proving.job(params.job).shown()

    async def cancel(params: ProofJobParams) -> Any:
        return proving.cancel(params.job).shown()

    async def keys(_: Nothing) -> Any:
        return await asyncio.to_thread(lambda: key_rows(list(proving.folder.entries())))

    return {
        "proof.prove": prove,
        "proof.jobs": jobs,
        "proof.job": job,
        "proof.cancel": cancel,
        "setup.list": keys,
    }


def key_rows(entries: list[tuple[Path, KeyLine | LocalFault]]) -> list[dict[str, Any]]:
    """The key folder as JSON values, one row an entry."""
    return [_key_row(path, entry) for path, entry in entries]


def _key_row(path: Path, entry: KeyLine | LocalFault) -> dict[str, Any]:
    match entry:
        case LocalFault():
            return {"file": path.name, "fault": str(entry)}
        case KeyLine():
            return {
                "file": f"{entry.stem}.zkey",
                "statement": entry.statement.label,
                "origin": entry.origin,
                "circuit": entry.circuit.hex(),
                "key": entry.key.hex(),
                "digest": entry.digest.hex(),
            }
