"""The JSON-RPC calls of the sandbox: one table.

Promises: for the calls of the table the answers, error codes and messages of Bitcoin Core v31; a call that is not in
the table is answered "Method not found". Does NOT know HTTP.
"""
# ruff: noqa: D102 - each method is the bitcoind call of its name, with the names of its parameters

from __future__ import annotations

import asyncio
import time

from node.sandbox import chain_calls, mempool_calls, mining_calls
from node.sandbox.parameters import Call, Parameter, text
from node.sandbox.regtest import Regtest


class Calls:
    """Every call by name. `stopping` is set by `stop`."""

    def __init__(self, chain: Regtest) -> None:
        self.stopping = asyncio.Event()
        self._started = time.monotonic()
        parts: tuple[tuple[object, dict[str, tuple[Parameter, ...]]], ...] = (
            (chain_calls.ChainCalls(chain, self.stopping), chain_calls.PARAMETERS),
            (mempool_calls.MempoolCalls(chain), mempool_calls.PARAMETERS),
            (mining_calls.MiningCalls(chain), mining_calls.PARAMETERS),
            (self, PARAMETERS),
        )
        self.table = {
            name: Call(name, parameters, getattr(part, name))
            for part, rows in parts
            for name, parameters in rows.items()
        }

    def uptime(self) -> int:
        return int(time.monotonic() - self._started)

    def stop(self) -> str:
        self.stopping.set()
        return "Bitcoin Core stopping"

    def help(self, command: str) -> str:
        if not command:
            return "\n".join(call.usage for call in sorted(self.table.values(), key=lambda c: c.name))
        call = self.table.get(command)
        return call.usage if call else f"help: unknown command: {command}"


PARAMETERS: dict[str, tuple[Parameter, ...]] = {
    "uptime": (),
    "stop": (),
    "help": (Parameter("command", text, ""),),
}
