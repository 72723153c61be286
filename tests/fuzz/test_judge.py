"""The judge of fuzz inputs finds what it is there to find, and mutants come out the same each time."""

import time
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest

from native import NativeError
from native._native import panics
from tests.fuzz import target as module
from tests.fuzz.mutate import mutations
from tests.fuzz.target import Finding, Form, Target, judge


class Refusal(Exception):
    pass


def upper(raw: bytes) -> bytes:
    """Reads letters of either case: two inputs say the same."""
    if not raw.isalpha():
        raise Refusal("letters")
    return raw.upper()


def target(read: Callable[[bytes], Any], **fields: Any) -> Target:
    base: dict[str, Any] = {"refusals": (Refusal, NativeError), "seeds": lambda: [b"A"]}
    return Target(name="letters", read=read, **{**base, **fields})


def raising(error: BaseException) -> Callable[[bytes], Any]:
    def read(raw: bytes) -> Any:
        raise error

    return read


def test_a_value_and_a_refusal_are_no_findings() -> None:
    assert judge(target(upper), b"A")
    assert not judge(target(upper), b"1")
    assert judge(target(upper, write=bytes), b"A")
    assert judge(target(upper, write=bytes, form=Form.FREE), b"a")


@pytest.mark.parametrize(
    ("found", "what"),
    [
        (target(raising(ZeroDivisionError("x"))), "raised ZeroDivisionError"),
        (target(raising(SystemExit(1))), "raised SystemExit"),
        (target(raising(Refusal(""))), "refused with 0 characters"),
        (target(raising(Refusal("x" * 5_001))), "refused with 5001 characters"),
        (target(lambda raw: panics()), "native code panic"),
        (target(upper, write=bytes), "is written as 41"),
        (target(upper, write=lambda value: b"1", form=Form.FREE), "that is refused"),
        (target(upper, write=lambda value: 1 // 0), "cannot be written: ZeroDivisionError"),
        (target(lambda raw: len(raw), write=lambda n: b"x" * (n + 1), form=Form.FREE), "reads as another value"),
    ],
)
def test_anything_else_is(found: Target, what: str) -> None:
    with pytest.raises(Finding, match=what):
        judge(found, b"a")


def test_an_input_that_costs_much_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CPU_SECONDS", 0.05)

    def endless(raw: bytes) -> None:
        began = time.thread_time()
        while time.thread_time() - began < 0.1:
            pass

    with pytest.raises(Finding, match="s of the processor"):
        judge(target(endless), b"a")


def test_mutants_are_the_same_each_time_and_bounded() -> None:
    seeds = [msgspec.json.encode({"a": [1, "2", None]}), bytes(range(64)), b""]
    first, again = (list(mutations(seeds, Random(1), 300, 100)) for _ in range(2))
    assert first == again
    assert first[:3] == seeds
    assert len(set(first)) > 150
    assert all(len(raw) <= 100 for raw in first)
