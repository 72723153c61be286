"""What a fuzz target is, and the judgement of one input; both runners share it.

Promises that a finding is anything but a value or a refusal of the target's own kinds: another exception, a panic, an
input that costs more than `CPU_SECONDS` or `GROWN_BYTES`, an endless refusal text, bytes that read and write differently.
Does NOT make inputs: `mutate` and atheris do.
"""

from __future__ import annotations

import enum
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

CPU_SECONDS = 5.0
"""Of this thread, so that a busy machine finds nothing. Every seed takes some milliseconds."""
GROWN_BYTES = 512 << 20
"""Of the process's peak: no input here is longer than a MiB."""
REFUSAL_CHARS = 5_000
"""A refusal stands in logs and answers: it must not repeat what came at any length."""


class Form(enum.Enum):
    """How many byte strings say the same."""

    CANONICAL = "canonical"
    """One: what was read is written as the very same bytes."""
    FREE = "free"
    """Several: what was read and written reads and writes as the same bytes again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A parser of foreign bytes.

    `read` returns a value or raises one of `refusals`; `seeds` makes valid inputs; `write` is the inverse of `read`, if
    there is one; `most` bounds the length of inputs, `rounds` the mutations in a plain test run.
    """

    name: str
    read: Callable[[bytes], Any]
    refusals: tuple[type[Exception], ...]
    seeds: Callable[[], Sequence[bytes]]
    write: Callable[[Any], bytes] | None = None
    form: Form = Form.CANONICAL
    most: int = 1 << 16
    rounds: int = 200


class Finding(Exception):
    """An input on which a target does what it must not."""

    def __init__(self, target: Target, raw: bytes, what: str) -> None:
        shown = raw.hex() if len(raw) <= 4096 else f"{raw[:4096].hex()}... ({len(raw)} bytes)"
        super().__init__(f"{target.name}: {what.encode(errors='replace')!r}; input {shown}")


def judge(target: Target, raw: bytes) -> bool:
    """Whether the target took the input; False when it refused. Raises Finding."""
    began, peak = time.thread_time(), _peak()
    taken = _judge(target, raw)
    cost, grown = time.thread_time() - began, _peak() - peak
    if cost > CPU_SECONDS:
        raise Finding(target, raw, f"took {cost:.1f} s of the processor")
    if grown > GROWN_BYTES:
        raise Finding(target, raw, f"took {grown >> 20} MiB")
    return taken


def _judge(target: Target, raw: bytes) -> bool:
    value = _attempt(target, raw, raw)
    if isinstance(value, _Refused):
        return False
    if target.write is None:
        return True
    written = _write(target, value, raw)
    if target.form is Form.CANONICAL:
        if written != raw:
            raise Finding(target, raw, f"was taken but is written as {written.hex()[:2000]}")
        return True
    again = _attempt(target, written, raw)
    if isinstance(again, _Refused):
        raise Finding(target, raw, f"was taken, written as {written.hex()[:2000]}, and that is refused: {again.text}")
    if _write(target, again, raw) != written:
        raise Finding(target, raw, f"was written as {written.hex()[:2000]}, which reads as another value")
    return True


@dataclass(frozen=True, slots=True)
class _Refused:
    text: str


def _attempt(target: Target, raw: bytes, shown: bytes) -> Any:
    try:
        return target.read(raw)
    except target.refusals as refusal:
        text = str(refusal)
        if not text or len(text) > REFUSAL_CHARS:
            raise Finding(target, shown, f"was refused with {len(text)} characters: {text[:200]}") from refusal
        if "no panic" in text:
            raise Finding(target, shown, f"made native code panic: {text}") from refusal
        return _Refused(text)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a panic that nothing caught is no Exception
        raise Finding(target, shown, f"raised {type(error).__qualname__}: {error}"[:2000]) from error


def _write(target: Target, value: Any, raw: bytes) -> bytes:
    assert target.write is not None
    try:
        return target.write(value)
    except Exception as error:
        raise Finding(target, raw, f"was taken but cannot be written: {type(error).__qualname__}: {error}") from error


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
