"""Logs: one line an event, no secrets, no flood from a library."""

import io
import logging

import pytest
import structlog

from node.log import Level, configure


@pytest.fixture(autouse=True)
def restored() -> object:
    root, level = logging.getLogger(), logging.getLogger().level
    handlers = root.handlers[:]
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(level: Level = "info") -> tuple[io.StringIO, structlog.typing.FilteringBoundLogger]:
    stream = io.StringIO()
    configure(level, stream=stream)
    return stream, structlog.get_logger()


def test_one_line_an_event_with_its_values() -> None:
    stream, log = lines()
    log.info("vault funded", height=7, vault=bytes([0xAB]) * 4, note="two\nlines and = sign", peers=["a", b"\1"])
    [line] = stream.getvalue().splitlines()
    assert " info vault funded height=7 vault=abababab " in line
    assert "note='two\\nlines and = sign'" in line and "peers=\"['a', '01']\"" in line


def test_an_event_text_cannot_forge_a_line() -> None:
    stream, log = lines()
    log.warning("peer says\n2026-01-01 info all is well", reason="x\r\ny")
    assert len(stream.getvalue().splitlines()) == 1


@pytest.mark.parametrize(
    "name", ["secret", "master_seed", "passphrase", "rpc_cookie", "preimage_r", "password", "PrivateKey"]
)
def test_values_under_a_secret_sounding_name_are_masked_at_any_depth(name: str) -> None:
    stream, log = lines()
    log.error("x", **{name: b"canary-1"}, table={name: "canary-2"}, list_of={"a": [{name: "canary-3"}]})
    assert "canary" not in stream.getvalue() and stream.getvalue().count("***") == 3


def test_long_values_are_cut() -> None:
    stream, log = lines()
    log.info("x", raw=bytes(100_000), text="a" * 100_000, many=[1] * 100_000)
    assert len(stream.getvalue()) < 3000 and "100000 bytes" in stream.getvalue()


def test_a_traceback_shows_no_local_variables() -> None:
    stream, log = lines()
    canary = "canary-in-a-local"
    try:
        raise ValueError("shown")
    except ValueError:
        log.exception("failed")
    assert "ValueError: shown" in stream.getvalue() and canary not in stream.getvalue()


@pytest.mark.parametrize(("level", "shown"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_levels(level: Level, shown: int) -> None:
    stream, log = lines(level)
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)("x")
    assert len(stream.getvalue().splitlines()) == shown


def test_libraries_warnings_are_shown_and_libp2ps_at_debug_only() -> None:
    stream, _ = lines("info")
    logging.getLogger("asyncio").warning("slow %s", "callback")
    logging.getLogger("libp2p.stream_muxer.yamux").error("peer did something")
    assert "warning asyncio slow callback" in stream.getvalue() and "peer did" not in stream.getvalue()
    stream, _ = lines("debug")
    logging.getLogger("libp2p.stream_muxer.yamux").error("peer did something")
    assert "peer did something" in stream.getvalue()
