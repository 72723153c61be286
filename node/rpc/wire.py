"""JSON-RPC 2.0 itself: bytes in, bytes out, through a table of methods.

Promises: hostile bytes give an error answer and nothing else; the error's `data` says whose fault it is; bytes in a
result become hex. Does NOT know HTTP, authentication or sockets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import structlog

from node.faults import LocalFault, PeerFault, Unavailable
from node.limits import Limits
from node.rpc.table import Method

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
LOCAL_FAULT, PEER_FAULT, UNAVAILABLE, TOO_SLOW = -32000, -32001, -32002, -32003

_SHOWN = 16
"""Characters of a wrong text that are repeated."""

_Id = int | str | None


def _error(code: int, message: str, call_id: _Id, data: dict[str, str]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": {"code": code, "message": message, "data": data}, "id": call_id}


def _yours(code: int, what: str, expected: str, came: str, call_id: _Id) -> dict[str, Any]:
    fault = PeerFault(what=what, expected=expected, came=came)
    return _error(code, str(fault), call_id, {**fault.as_json(), "whose": "caller"})


def plain(value: object) -> Any:
    """A result as JSON values: structs and dataclasses opened, bytes as hex."""
    built = msgspec.to_builtins(value, builtin_types=(bytes, bytearray), str_keys=True)
    return _hexed(built)


def _hexed(value: Any) -> Any:
    match value:
        case bytes() | bytearray():
            return value.hex()
        case dict():
            return {_hexed(key): _hexed(item) for key, item in value.items()}
        case list() | tuple():
            return [_hexed(item) for item in value]
        case _:
            return value


class Dispatcher:
    """Answers request bodies by a table of methods."""

    def __init__(self, methods: Mapping[str, Method], limits: Limits) -> None:
        self._methods = methods
        self._limits = limits

    async def answer(self, body: bytes) -> bytes | None:
        """The answer to one body; None when it held notifications only."""
        try:
            request = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _encode(_yours(PARSE_ERROR, "request body", "JSON", str(error)[:200], None))
        if not isinstance(request, list):
            reply = await self._one(request)
            return None if reply is None else _encode(reply)
        most = self._limits.rpc_batch_calls
        if not 1 <= len(request) <= most:
            return _encode(_yours(INVALID_REQUEST, "batch", f"1 to {most} calls", f"{len(request)}", None))
        replies = [reply for item in request if (reply := await self._one(item)) is not None]
        return _encode(replies) if replies else None

    async def _one(self, request: Any) -> dict[str, Any] | None:
        if not isinstance(request, dict):
            return _yours(INVALID_REQUEST, "request", "an object", type(request).__name__, None)
        call_id = request.get("id")
        if isinstance(call_id, bool) or not isinstance(call_id, int | str | None):
            return _yours(INVALID_REQUEST, "id", "a string, an integer or null", type(call_id).__name__, None)
        if request.get("jsonrpc") != "2.0":
            return _yours(INVALID_REQUEST, "jsonrpc", '"2.0"', repr(request.get("jsonrpc"))[:40], call_id)
        extra = request.keys() - {"jsonrpc", "method", "params", "id"}
        if extra:
            return _yours(
                INVALID_REQUEST, "request", "jsonrpc, method, params, id", f"also {sorted(extra)[0][:40]!r}", call_id
            )
        name = request.get("method")
        method = self._methods.get(name) if isinstance(name, str) else None
        if method is None:
            return _yours(METHOD_NOT_FOUND, "method", "one that rpc.discover lists", repr(name)[:80], call_id)
        reply = await self._run(method, request.get("params", {}), call_id)
        return reply if "id" in request else None

    async def _run(self, method: Method, raw: Any, call_id: _Id) -> dict[str, Any]:
        fields = msgspec.structs.fields(method.params)
        if isinstance(raw, list):
            if len(raw) > len(fields):
                came = f"{len(raw)}"
                return _yours(INVALID_PARAMS, "params", f"at most {len(fields)} by position", came, call_id)
            raw = {item.encode_name: value for item, value in zip(fields, raw, strict=False)}
        try:
            params = msgspec.convert(raw, method.params)
        except (msgspec.ValidationError, RecursionError) as error:
            found = _described(method, raw, str(error))
            if found is not None:
                return _yours(INVALID_PARAMS, *found, call_id)
            names = ", ".join(item.encode_name for item in fields) or "nothing"
            return _yours(INVALID_PARAMS, f"params of {method.name}", names, str(error)[:200], call_id)
        try:
            async with asyncio.timeout(self._limits.rpc_call_seconds):
                result = plain(await method.handler(params))
        except LocalFault as fault:
            return _error(LOCAL_FAULT, str(fault), call_id, fault.as_json())
        except PeerFault as fault:
            return _error(PEER_FAULT, str(fault), call_id, fault.as_json())
        except Unavailable as fault:
            return _error(UNAVAILABLE, str(fault), call_id, fault.as_json())
        except TimeoutError:
            slow = Unavailable(
                what=method.name,
                expected=f"an answer within {self._limits.rpc_call_seconds:g} s",
                came="none",
                todo="Ask again; work that was begun goes on.",
            )
            return _error(TOO_SLOW, str(slow), call_id, slow.as_json())
        except Exception as error:
            structlog.get_logger("rpc").error("a method failed", method=method.name, exc_info=error)
            bug = LocalFault(
                what=method.name, expected="a result", came="an internal error", todo="This is a bug: see the log."
            )
            return _error(INTERNAL_ERROR, str(bug), call_id, bug.as_json())
        return {"jsonrpc": "2.0", "result": result, "id": call_id}


def _described(method: Method, raw: Any, error: str) -> tuple[str, str, str] | None:
    """A text in the wrong form, in the words of the table instead of a pattern's: what, expected, came."""
    name = error.partition("matching regex")[2].rpartition("$.")[2].rstrip("`")
    value = raw.get(name) if isinstance(raw, dict) else None
    if not name or not isinstance(value, str):
        return None
    schema = msgspec.json.schema(method.params)["$defs"][method.params.__name__]["properties"][name]
    words = next((each["description"] for each in (schema, *schema.get("anyOf", ())) if "description" in each), None)
    if words is None:
        return None
    shown = repr(value) if len(value) <= _SHOWN else f"{value[:_SHOWN]!r}.."
    return f"{name} of {method.name}", words, f"{shown} ({len(value)} characters)"


def _encode(value: Any) -> bytes:
    return msgspec.json.encode(value)
