"""Bitcoin Core's consensus engine (py-bitcoinkernel) as two verbs: submit, close.

Promises: `submit` says whether the engine found the block valid and which blocks it connected and disconnected; the
engine's own answer is not believed (`process_block` is true for an invalid block), only its callbacks are. Keeps
nothing on disk that matters: the folder is wiped at every opening and filled from the block log. Does NOT know
transactions, coins or RPC. Source of the pitfalls: bitcoinkernel.h of v31. On regtest the engine checks its whole block
index after every block (chainparams DefaultConsistencyChecks, as bitcoind does): a block costs 0.3 ms at height 1,000
and 1.5 ms at 5,000. Importing a file at once would check the full index for each of its blocks: blocks go in one by one.
"""

from __future__ import annotations

import ctypes
import re
import shutil
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pbk
from pbk.capi import bindings
from pbk.util.exc import ProcessBlockException

from node.sandbox.faults import SandboxFault

_LOG: deque[str] = deque(maxlen=64)  # the engine gives rejection reasons in its log only
_CONNECTION: list[Any] = []  # one logging connection a process, made before the first engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The tip moved by one block."""

    connected: bool
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a block: `reason` is empty when it is valid or not yet judged (a side branch)."""

    reason: str
    moves: tuple[Move, ...]


class Kernel:
    """One engine on one scratch folder. All calls from one thread."""

    def __init__(self, folder: Path) -> None:
        if not _CONNECTION:
            _CONNECTION.append(
                pbk.LoggingConnection(lambda line: _LOG.append(line))
            )  # a builtin has no signature to check
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._moves: list[Move] = []
        self._invalid: list[str] = []
        self._faults: list[BaseException] = []
        options = pbk.ContextOptions()
        options.set_chainparams(pbk.ChainParameters(pbk.ChainType.REGTEST))
        self._callbacks = pbk.ValidationInterfaceCallbacks(
            block_checked=self._on_checked,
            block_connected=lambda _, block, __: self._on_move(block, True),
            block_disconnected=lambda _, block, __: self._on_move(block, False),
        )
        options.set_validation_interface(self._callbacks)
        try:
            manager = pbk.ChainstateManagerOptions(pbk.Context(options), str(folder), str(folder / "blocks"))
            manager.update_block_tree_db_in_memory(True)
            manager.update_chainstate_db_in_memory(True)
            self._manager: Any = pbk.ChainstateManager(manager)
        except RuntimeError as fault:
            raise SandboxFault(f"the consensus engine does not open {folder}: {fault}; {_last_log()}") from fault
        self._manager.import_blocks([])  # connects the genesis block

    def _on_checked(self, _: object, block: Any, state: Any) -> None:
        # an exception here would be swallowed by ctypes: keep it and raise it after the call
        try:
            if state.validation_mode != pbk.ValidationMode.VALID:
                self._invalid.append(_reason(bytes(block.block_hash)[::-1].hex()))
        except BaseException as fault:
            self._faults.append(fault)

    def _on_move(self, block: Any, connected: Any) -> None:
        try:
            self._moves.append(Move(connected=connected, hash=bytes(block.block_hash)))
        except BaseException as fault:
            self._faults.append(fault)

    def drain(self) -> tuple[Move, ...]:
        """The moves since the last call, in order."""
        if self._faults:
            raise SandboxFault("a callback of the consensus engine failed") from self._faults[0]
        moves, self._moves = tuple(self._moves), []
        return moves

    def submit(self, raw: bytes) -> Verdict:
        """Hand one block to the engine."""
        self._invalid.clear()
        _LOG.clear()
        try:
            # pbk.Block(bytes) splats the bytes through Python integers: 31 ms for a large block
            handle = bindings.btck_block_create((ctypes.c_ubyte * len(raw)).from_buffer_copy(raw), len(raw))
            if not handle:
                return Verdict(reason="Block decode failed", moves=())
            self._manager.process_block(pbk.Block._from_handle(handle))
        except ProcessBlockException:
            return Verdict(reason=_reason("") or "inconclusive", moves=self.drain())
        return Verdict(reason=self._invalid[0] if self._invalid else "", moves=self.drain())

    def close(self) -> None:
        """Destroy the engine; it flushes nothing that is needed again."""
        self._manager.__exit__(None, None, None)


def _reason(shown_hash: str) -> str:
    for line in reversed(_LOG):
        for pattern in (r"Block validation error: ([^\n]*)", r"AcceptBlock FAILED \(([^\n]*)\)$"):
            if found := re.search(pattern, line.strip()):
                return found.group(1)
    return f"block {shown_hash} is invalid: {_last_log()}" if shown_hash else ""


def _last_log() -> str:
    return " | ".join(line.strip() for line in list(_LOG)[-3:])
