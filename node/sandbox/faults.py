"""What the sandbox refuses, and in whose words.

`RpcFault` carries the code and the message of Bitcoin Core's JSON-RPC; `SandboxFault` stops the process because its
own folder or engine is not usable. Nothing else leaves this package.
"""

from __future__ import annotations

# rpc/protocol.h
MISC_ERROR = -1
TYPE_ERROR = -3
INVALID_ADDRESS_OR_KEY = -5
INVALID_PARAMETER = -8
DATABASE_ERROR = -20
DESERIALIZATION_ERROR = -22
VERIFY_ERROR = -25
VERIFY_REJECTED = -26
ALREADY_IN_UTXO_SET = -27
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INTERNAL_ERROR = -32603
PARSE_ERROR = -32700


class SandboxFault(Exception):
    """Our own fault: the folder is taken or damaged, or the engine refuses its own log."""


class RpcFault(Exception):
    """A call that bitcoind answers with an error: `code` of rpc/protocol.h and the message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
