"""What the methods of proofs, proving keys and prices do. Holds no state."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from node.faults import LocalFault
from node.prices import Prices
from node.proving import KeyLine, Proving
from node.rpc.table import Nothing, ProofJobParams, ProveParams

__all__ = ["key_rows", "proving_methods"]


def proving_methods(proving: Proving, prices: Prices) -> dict[str, Callable[[Any], Awaitable[object]]]:
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

    async def price(_: Nothing) -> Any:
        quote = await prices.quote(int(time.time()))
        return {
            "price": quote.price,
            "time": quote.time,
            "sources": [{"source": each.source, "price": each.price, "time": each.time} for each in quote.sources],
            "left_out": [{"source": each.source, "why": each.why} for each in quote.dropped],
        }

    return {
        "proof.prove": prove,
        "proof.jobs": jobs,
        "proof.job": job,
        "proof.cancel": cancel,
        "setup.list": keys,
        "price.show": price,
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
