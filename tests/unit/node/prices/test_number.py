"""Decimal text becomes whole cents exactly, or is refused with what came."""

import pytest

from node.faults import PeerFault
from node.prices.number import MOST_CENTS, MOST_SECONDS, at, cents, document, seconds


def price(text: str, unit: str = "dollars") -> int:
    return cents(at(document(b'{"p": %s}' % text.encode(), "one"), ("p",), "one"), unit, "one")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("64123.45", 6_412_345),
        ('"64123.45"', 6_412_345),
        ("64123", 6_412_300),
        ("64123.4", 6_412_340),
        ("64123.459999999999999999", 6_412_345),
        ("0.01", 1),
        ("10995116277.75", MOST_CENTS),
        ("0.1", 10),
        ("4503599627.37", 450_359_962_737),
    ],
)
def test_dollars_are_read_without_a_float(text: str, found: int) -> None:
    assert price(text) == found


def test_cents_are_whole() -> None:
    assert price("6412345", "cents") == 6_412_345 and price(str(MOST_CENTS), "cents") == MOST_CENTS
    for text in ("6412345.0", "6412345.5", str(MOST_CENTS + 1), "0"):
        with pytest.raises(PeerFault):
            price(text, "cents")


def test_times_are_seconds() -> None:
    read = lambda text: seconds(document(text, "one"), "one.time")  # noqa: E731
    assert read(b"1700000000") == read(b'"1700000000"') == read(b"1700000000.999") == 1_700_000_000
    assert read(b"%d" % MOST_SECONDS) == MOST_SECONDS and read(b"0") == 0
    for text in (b"1700000000000", b"%d" % (MOST_SECONDS + 1), b"-1", b"true", b'"2026-11-22T10:00:00Z"', b"null"):
        with pytest.raises(PeerFault):
            read(text)


def test_a_path_goes_through_objects_and_lists() -> None:
    value = document(b'{"a": [{"b": 5}, 6], "0": 7}', "one")
    assert (
        at(value, ("a", 0, "b"), "one") == "5" and at(value, ("a", 1), "one") == "6" and at(value, ("0",), "one") == "7"
    )
    for path in (("a", 2), ("a", -1), ("a", "0"), (0,), ("a", 0, "c"), ("a", 1, "b"), ("b",), ("a", 1, 0)):
        with pytest.raises(PeerFault, match="nothing at"):
            at(value, path, "one")
