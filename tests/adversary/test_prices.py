"""Hostile price sources: content that is not quite a number, servers that hang, flood, redirect or inflate, files that are no
files. The source is left out with its reason, its address stays private, and the next quote works.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import time as clock
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from node.config import FilePrice, HttpPrice, ManualPrice, PricesConfig, load
from node.faults import LocalFault, PeerFault, Unavailable
from node.limits import PRODUCT
from node.prices import Prices
from node.prices.number import cents, document

NOW = 1_700_000_000
LIMITS = replace(PRODUCT, price_seconds=0.5)
GOOD = b'{"data": {"amount": "64123.45"}, "at": 1700000000}'

NUMBERS = [
    b"NaN", b"Infinity", b"-Infinity", b"1e5", b"1E5", b"6.4e4", b"-1", b"-0", b"0", b"0.00",
    b"0.009", b"true", b"false",
    b"null", b"[]", b"{}", b"[64123]", b'""', b'" 64123"', b'"64123 "', b'"64,123"', b'"64.123,45"', b'"NaN"', b'"1e5"', b'"+5"',
    b'"0x10"', b'"064123"', b'"64123."', b'".5"', b'"\\u0661\\u0662"', b'"\xef\xbc\x91\xef\xbc\x92"', b'"64123\\n"',
    b'"64123\\u0000"', b"9" * 16,
    b"9" * 5000, b'"' + b"9" * 5000 + b'"', b"1." + b"0" * 19, b"10995116277.76", b"064", b"+5", b".5", b"5.", b"0x10",
    b"1_000", b'"1_000"', b"64123.45.1", b"\"\\ud800\"", b'"dollars"',
]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS, ids=range(len(NUMBERS)))
def test_what_is_not_quite_a_price_is_refused(number: bytes) -> None:
    assert cents(document(b"64123.45", "one"), "dollars", "one") == 6_412_345
    with pytest.raises(PeerFault) as raised:
        cents(document(number, "one"), "dollars", "one")
    assert len(str(raised.value)) < 400


DOCUMENTS = [
    b"", b"{", b"\xff\xfe", b"\xef\xbb\xbf5", b"[" * 50_000, b'{"a":' * 5_000, b'{"a": 1, "a": 2}', b'{"b": {"a": 1, "a": 2}}',
    b"{'a': 1}", b"5 6", b"\x00", b'{"x": NaN}', b"nul", b'{"a": 1,}', b"<html>", b"// 5\n5",
]  # fmt: skip


@pytest.mark.parametrize("raw", DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_what_is_not_quite_json_is_refused(raw: bytes) -> None:
    with pytest.raises(PeerFault):
        document(raw, "one")


@dataclass
class Stranger:
    """A raw HTTP server: `say` writes whatever it likes to whoever connects."""

    say: Callable[[asyncio.StreamWriter], Awaitable[None]]
    asked: list[bytes] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.asked.append(await reader.readuntil(b"\r\n\r\n"))
            await self.say(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def stranger() -> AsyncIterator[Stranger]:
    async def good(writer: asyncio.StreamWriter) -> None:
        writer.write(answer(GOOD))

    made = Stranger(good)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


def answer(body: bytes, status: bytes = b"200 OK", *more: bytes) -> bytes:
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), b"Connection: close", *more]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def source(port: int, name: str = "one", query: str = "?key=SECRET") -> HttpPrice:
    return HttpPrice(
        kind="http", name=name, url=f"http://127.0.0.1:{port}/price{query}", price=("data", "amount"), time=("at",)
    )


async def quoted(folder: Path, *sources: FilePrice | HttpPrice | ManualPrice) -> object:
    prices = Prices.of(PricesConfig(sources=sources), folder, limits=LIMITS)
    try:
        return await prices.quote(NOW)
    finally:
        await prices.close()


async def hang(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(5)


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
    for _ in range(100):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def flood(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(2_000):
        writer.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
        await writer.drain()


async def headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1_000_000)


def said(raw: bytes) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    return say


SERVERS: dict[str, tuple[Callable[[asyncio.StreamWriter], Awaitable[None]], str]] = {
    "hangs": (hang, "within 0.5 s"),
    "drips": (drip, "within 0.5 s"),
    "floods": (flood, "at most 65536 bytes"),
    "endless headers": (headers, "an answer"),
    "declares less": (said(answer(GOOD + b" " * 70_000)), "at most 65536 bytes"),
    "closes": (said(b""), "an answer"),
    "half": (said(answer(GOOD)[:-10]), "an answer"),
    "no http": (said(b"\x00\xff garbage\r\n\r\n"), "an answer"),
    "error": (said(answer(GOOD, b"500 Oops")), "HTTP 500"),
    "redirect": (said(answer(GOOD, b"302 Found", b"Location: file:///etc/passwd")), "HTTP 302"),
    "inflates": (said(answer(gzip.compress(GOOD), b"200 OK", b"Content-Encoding: gzip")), "JSON"),
    "no price": (said(answer(GOOD.replace(b"amount", b"amounts"))), "nothing at 'amount'"),
    "NaN": (said(answer(GOOD.replace(b'"64123.45"', b"NaN"))), "NaN"),
    "bool": (said(answer(GOOD.replace(b'"64123.45"', b"true"))), "true"),
    "milliseconds": (said(answer(GOOD.replace(b"1700000000", b"1700000000000"))), "at most 4294967295"),
    "old": (said(answer(GOOD.replace(b"1700000000", b"1699999399"))), "601 s old"),
    "ahead": (said(answer(GOOD.replace(b"1700000000", b"1700000061"))), "61 s ahead"),
}


@pytest.mark.parametrize("name", SERVERS)
async def test_a_hostile_server_is_left_out_and_the_next_quote_works(
    stranger: Stranger, tmp_path: Path, name: str
) -> None:
    good = stranger.say
    stranger.say, expected = SERVERS[name]
    prices = Prices.of(PricesConfig(sources=(source(stranger.port),)), tmp_path, limits=LIMITS)
    try:
        with pytest.raises(Unavailable) as raised:
            await prices.quote(NOW)
        assert expected in str(raised.value) and "SECRET" not in str(raised.value)
        assert "Accept-Encoding: identity" in stranger.asked[0].decode()
        stranger.say = good
        quote = await prices.quote(NOW)
        assert (quote.price, quote.time) == (6_412_345, NOW)
    finally:
        await prices.close()


async def test_nobody_at_the_address_is_left_out(tmp_path: Path, stranger: Stranger) -> None:
    far = source(1, "two")
    with pytest.raises(Unavailable, match="two: expected an answer"):
        await quoted(tmp_path, far)
    with pytest.raises(Unavailable, match="one \\(6412345 at 1700000000\\); left out: two"):
        await quoted(tmp_path, source(stranger.port), far)


async def test_slow_sources_are_asked_at_once(stranger: Stranger, tmp_path: Path) -> None:
    stranger.say = hang
    begun = clock.monotonic()
    with pytest.raises(Unavailable):
        await quoted(tmp_path, *(source(stranger.port, f"s{n}") for n in range(8)))
    assert clock.monotonic() - begun < 8 * LIMITS.price_seconds / 2  # one after the other would take twice that


async def test_files_that_are_no_price(tmp_path: Path) -> None:
    path = tmp_path / "feed.json"
    feed = FilePrice(kind="file", name="feed", path=path)
    with pytest.raises(Unavailable, match="none yet"):
        await quoted(tmp_path, feed)
    right = b'{"price": 6412345, "time": 1700000000}'
    wrong = [
        b"", b"[]", b"null", right.replace(b"6412345", b"6412345.0"), right.replace(b"6412345", b"true"), right[:-1],
        right.replace(b"6412345", b"NaN"), right.replace(b"6412345", b"-6412345"), right.replace(b"price", b"prices"),
        right.replace(b"}", b', "more": 1}'), right.replace(b"}", b', "price": 1}'), right + b" " * 65536, b"\xff" + right,
    ]  # fmt: skip
    for raw in wrong:
        path.write_bytes(raw)
        with pytest.raises(Unavailable, match="feed"):
            await quoted(tmp_path, feed)
    path.write_bytes(right)
    assert (await quoted(tmp_path, feed)).price == 6_412_345  # type: ignore[attr-defined]
    path.unlink()
    os.mkfifo(path)  # nobody ever writes: an open that waits would hang for ever
    async with asyncio.timeout(10):
        with pytest.raises(Unavailable, match="a folder, pipe or device"):
            await quoted(tmp_path, feed)
    path.unlink()
    path.mkdir()
    with pytest.raises(Unavailable, match="feed"):
        await quoted(tmp_path, feed)


async def test_the_operators_word_survives_a_restart_and_gets_stale(tmp_path: Path) -> None:
    config = PricesConfig(sources=(ManualPrice(kind="manual", name="me"),))
    first = Prices.of(config, tmp_path)
    await first.state(price=6_000_000, time=NOW)
    await first.close()
    again = Prices.of(config, tmp_path)
    assert (await again.quote(NOW + 600)).price == 6_000_000
    with pytest.raises(Unavailable, match="601 s old"):
        await again.quote(NOW + 601)
    for price, time in ((0, NOW), (2**40, NOW), (1, -1), (1, 2**32)):
        with pytest.raises(LocalFault):
            await again.state(price=price, time=time)
    assert (await again.quote(NOW)).price == 6_000_000
    assert (tmp_path / "price.json").stat().st_mode & 0o077 == 0
    await again.close()


async def test_without_sources_there_is_no_price_and_no_word(tmp_path: Path) -> None:
    prices = Prices.of(PricesConfig(), tmp_path)
    with pytest.raises(Unavailable, match="a source under"):
        await prices.quote(NOW)
    with pytest.raises(LocalFault, match="manual"):
        await prices.state(price=1, time=NOW)
    await prices.close()


VALID = """
[[prices.sources]]
kind = "http"
name = "one"
url = "https://example.org/price"
price = ["data", 0, "amount"]
[[prices.sources]]
kind = "file"
name = "two"
path = "/feed.json"
"""


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('name = "two"', 'name = "one"', "name of its own"),
        ('kind = "file"', 'kind = "oracle"', "prices.sources.1"),
        ('path = "/feed.json"', 'path = "/feed.json"\nurl = "http://x"', "no such key"),
        ('path = "/feed.json"', "", "prices.sources.1.file.path"),
        ("https://example.org", "ftp://example.org", "prices.sources.0.http.url"),
        ("https://example.org", "https://user:word@example.org", "prices.sources.0.http.url"),
        ('"data", 0', '"data", 0.5', "prices.sources.0.http.price"),
        ('"data", 0', '"data", true', "prices.sources.0.http.price"),
        ("[[prices.sources]]\nkind = \"http\"", "[prices]\nminimum = 3\n[[prices.sources]]\nkind = \"http\"", "minimum"),
        ("[[prices.sources]]\nkind = \"http\"", "[prices]\nminimum = 0\n[[prices.sources]]\nkind = \"http\"", "minimum"),
        ("[[prices.sources]]\nkind = \"http\"", "[prices]\nspread = 10001\n[[prices.sources]]\nkind = \"http\"", "spread"),
    ],
)  # fmt: skip
def test_a_wrong_configuration_is_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    path = tmp_path / "bitvm3.toml"
    path.write_text(VALID)
    assert load(path).prices.needed == 2
    assert old in VALID
    path.write_text(VALID.replace(old, new, 1))
    with pytest.raises(LocalFault) as raised:
        load(path)
    assert named in str(raised.value)
