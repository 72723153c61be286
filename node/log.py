"""Logging: one line an event on standard error, structured, without secrets.

Promises: bytes are shown as short hex, values under a secret-sounding name are masked, one line never grows beyond its
limit, tracebacks show no local variables, and a peer cannot fill the disk through libp2p's own complaints (they appear
at level debug only). libp2p sets up logging when it is imported: this module imports it first, so that `configure`
comes after. Does NOT know where the lines go: the service manager does.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from typing import Any, Literal, TextIO

import libp2p  # noqa: F401 - see above
import structlog

Level = Literal["debug", "info", "warning", "error"]

_LONGEST_VALUE = 1000
_LONGEST_BYTES = 40
_SECRET = re.compile(r"secret|passphrase|password|cookie|preimage|seed|private", re.IGNORECASE)
_PLAIN = re.compile(r"[\w./:+@%-]+\Z")
_FIRST = ("timestamp", "level", "logger", "event")


def configure(level: Level, *, stream: TextIO | None = None) -> None:
    """Send our lines from `level` on, and libraries' warnings, to `stream` (standard error)."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    output = stream if stream is not None else sys.stderr
    shape: list[structlog.typing.Processor] = [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask,
    ]
    structlog.configure(
        processors=[structlog.processors.add_log_level, *shape, render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=output),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name, *shape],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("libp2p", "async_service", "anyio_service"):
        for each in _family(name):
            each.handlers.clear()
            each.propagate = True
            each.setLevel(logging.WARNING if level == "debug" else logging.CRITICAL + 1)


def _family(name: str) -> Iterator[logging.Logger]:
    """A library's logger and those below it that exist: some set a level of their own when they are imported."""
    yield logging.getLogger(name)
    for child in list(logging.root.manager.loggerDict):
        if child.startswith(f"{name}."):
            yield logging.getLogger(child)


def mask(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask values under secret-sounding names and cut long ones, also inside tables and lists."""
    for key in event:
        event[key] = _masked(key, event[key])
    return event


def _masked(key: str, value: Any) -> Any:
    if _SECRET.search(key) and not isinstance(value, bool | int | None):
        return "***"
    match value:
        case bytes() | bytearray() | memoryview():
            text = bytes(value[:_LONGEST_BYTES]).hex()
            return text if len(value) <= _LONGEST_BYTES else f"{text}... ({len(value)} bytes)"
        case dict():
            return {str(name): _masked(str(name), item) for name, item in value.items()}
        case list() | tuple():
            return [_masked(key, item) for item in value[:50]]
        case str() if key != "exception" and len(value) > _LONGEST_VALUE:
            return f"{value[:_LONGEST_VALUE]}... ({len(value)} characters)"
        case _:
            return value


def render(_: object, __: str, event: MutableMapping[str, Any]) -> str:
    """`timestamp level event key=value ...`; a traceback follows on lines of its own."""
    traceback = event.pop("exception", None)
    head = [str(event.pop(name)) for name in _FIRST if name in event]
    line = " ".join([*(_one_line(part) for part in head), *(f"{key}={_shown(value)}" for key, value in event.items())])
    return line if traceback is None else f"{line}\n{traceback}"


def _one_line(text: str) -> str:
    return (
        text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r") if "\n" in text or "\r" in text else text
    )


def _shown(value: Any) -> str:
    text = str(value)
    return text if _PLAIN.match(text) else repr(text)
