"""RPC: calls are answered, errors say whose fault, the cookie is needed, and every limit holds."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from node.faults import LocalFault, PeerFault, Unavailable
from node.limits import PRODUCT, Limits
from node.rpc.client import RpcClient, RpcError
from node.rpc.ledger import _member
from node.rpc.server import Server
from node.rpc.table import TABLE, ClaimParams, Method, Nothing, VaultParams, bind, from_hex

VAULT = "ab" * 32


@dataclass(frozen=True)
class Answer:
    """A result with bytes in it."""

    txid: bytes
    parts: tuple[bytes, ...]
    named: dict[str, bytes]


async def echo(params: VaultParams) -> object:
    return Answer(txid=bytes.fromhex(params.id), parts=(b"\x01", b"\x02"), named={"x": b"\xff"})


async def claim(params: ClaimParams) -> object:
    return [params.graph, params.balance, params.salt]


def failing(error: Exception) -> Callable[[Any], Awaitable[object]]:
    async def handler(params: Nothing) -> object:
        raise error

    return handler


async def never(params: Nothing) -> object:
    await asyncio.Event().wait()
    return None


METHODS = [
    Method(name="vault.show", params=VaultParams, handler=echo, summary="Echo."),
    Method(name="vault.claim", params=ClaimParams, handler=claim, summary="Echo."),
    Method(
        name="local",
        params=Nothing,
        handler=failing(LocalFault(what="a", expected="b", came="c", todo="Do d.")),
        summary="",
    ),
    Method(name="peer", params=Nothing, handler=failing(PeerFault(what="a", expected="b", came="c")), summary=""),
    Method(name="later", params=Nothing, handler=failing(Unavailable(what="a", expected="b", came="c")), summary=""),
    Method(name="bug", params=Nothing, handler=failing(ZeroDivisionError("secret detail")), summary=""),
    Method(name="never", params=Nothing, handler=never, summary=""),
]


async def started(folder: Path, limits: Limits = PRODUCT, methods: list[Method] = METHODS) -> Server:
    return await Server.start(
        host="127.0.0.1", port=0, folder=folder, methods=methods, version="0", exposition=bytes, limits=limits
    )


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    made = await started(tmp_path)
    yield made
    await made.stop()


@pytest.fixture
async def client(server: Server, tmp_path: Path) -> AsyncIterator[RpcClient]:
    async with RpcClient.from_datadir(tmp_path) as made:
        yield made


async def post(folder: Path, body: bytes) -> Any:
    """One raw body, as anyone holding the cookie can send it."""
    user, _, password = (folder / "rpc.cookie").read_text().partition(":")
    url = (folder / "rpc.address").read_text()
    async with (
        aiohttp.ClientSession(headers={"Authorization": aiohttp.encode_basic_auth(user, password)}) as session,
        session.post(url, data=body) as r,
    ):
        raw = await r.read()
        return msgspec.json.decode(raw) if raw else r.status


async def test_a_call_by_name_or_position_is_answered_with_bytes_as_hex(client: RpcClient) -> None:
    expected = {"txid": VAULT, "parts": ["01", "02"], "named": {"x": "ff"}}
    assert await client.call("vault.show", {"id": VAULT}) == expected
    assert await client.call("vault.show", [VAULT]) == expected
    assert await client.call("vault.claim", [VAULT, 1, 5000, "00ff"]) == [1, 5000, "00ff"]


@pytest.mark.parametrize(
    ("method", "code", "whose"),
    [("local", -32000, "local"), ("peer", -32001, "peer"), ("later", -32002, "unavailable"), ("bug", -32603, "local")],
)
async def test_a_fault_keeps_whose_it_is(client: RpcClient, method: str, code: int, whose: str) -> None:
    with pytest.raises(RpcError) as caught:
        await client.call(method)
    assert (caught.value.code, caught.value.whose) == (code, whose)
    assert "secret detail" not in str(caught.value) + str(caught.value.data)


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({}, "id"),
        ({"id": VAULT, "more": 1}, "more"),
        ({"id": "AB" * 32}, "id"),
        (
            {"id": "abcdef0"},
            r"id of vault.show: expected vault or proposal id, or 8 or more of .*, came .abcdef0. \(7 characters\)$",
        ),
        ({"id": "z" * 70}, r"came 'zzzzzzzzzzzzzzzz'\.\. \(70 characters\)"),
        ({"id": "ab" * 33}, "id"),
        ({"id": 5}, "id"),
        ([VAULT, 1], "by position"),
    ],
)
async def test_wrong_parameters_are_the_callers_fault_and_named(client: RpcClient, params: Any, named: str) -> None:
    with pytest.raises(RpcError, match=named) as caught:
        await client.call("vault.show", params or {"": None} if params == {} else params)
    assert (caught.value.code, caught.value.whose) == (-32602, "caller")


@pytest.mark.parametrize(
    ("changed", "value", "code"),
    [
        ("jsonrpc", "1.0", -32600),
        ("jsonrpc", None, -32600),
        ("method", "vault.shown", -32601),
        ("method", 7, -32601),
        ("method", ["vault.show"], -32601),
        ("params", "text", -32602),
        ("params", 3, -32602),
        ("params", {"id": VAULT, "id2": VAULT}, -32602),
        ("id", 1.5, -32600),
        ("id", True, -32600),
        ("id", [1], -32600),
        ("extra", 1, -32600),
    ],
)
async def test_one_changed_field_of_a_valid_request_is_refused(
    server: Server, tmp_path: Path, changed: str, value: Any, code: int
) -> None:
    valid = {"jsonrpc": "2.0", "method": "vault.show", "params": {"id": VAULT}, "id": 1}
    assert (await post(tmp_path, msgspec.json.encode(valid)))["result"]["txid"] == VAULT
    answer = await post(tmp_path, msgspec.json.encode({**valid, changed: value}))
    assert answer["error"]["code"] == code and answer["error"]["data"]["whose"] == "caller"


async def test_batches_are_answered_in_order_and_notifications_are_not(server: Server, tmp_path: Path) -> None:
    call = {"jsonrpc": "2.0", "method": "vault.show", "params": [VAULT]}
    answers = await post(tmp_path, msgspec.json.encode([{**call, "id": 1}, call, {**call, "id": "two"}, 5]))
    assert [answer["id"] for answer in answers] == [1, "two", None]
    assert await post(tmp_path, msgspec.json.encode(call)) == 204
    assert await post(tmp_path, msgspec.json.encode([call, call])) == 204


async def test_the_largest_batch_passes_and_one_more_call_does_not(server: Server, tmp_path: Path) -> None:
    call = {"jsonrpc": "2.0", "method": "vault.show", "params": [VAULT], "id": 1}
    most = PRODUCT.rpc_batch_calls
    assert len(await post(tmp_path, msgspec.json.encode([call] * most))) == most
    for count in (0, most + 1):
        answer = await post(tmp_path, msgspec.json.encode([call] * count))
        assert answer["error"]["code"] == -32600


async def test_a_call_over_its_time_says_so_and_the_server_goes_on(tmp_path: Path) -> None:
    server = await started(tmp_path, replace(PRODUCT, rpc_call_seconds=0.05))
    async with RpcClient.from_datadir(tmp_path) as client:
        with pytest.raises(RpcError) as caught:
            await client.call("never")
        assert (caught.value.code, caught.value.whose) == (-32003, "unavailable")
        assert await client.call("vault.show", [VAULT])
    await server.stop()


async def test_the_cookie_file_is_private_new_each_time_and_gone_afterwards(tmp_path: Path) -> None:
    cookies = set()
    for _ in range(2):
        server = await started(tmp_path)
        cookies.add((tmp_path / "rpc.cookie").read_text())
        assert (tmp_path / "rpc.cookie").stat().st_mode & 0o777 == 0o600
        await server.stop()
        assert not (tmp_path / "rpc.cookie").exists()
    assert len(cookies) == 2


@pytest.mark.parametrize("authorization", [None, "", "Basic", "Basic AAAA", "Bearer x"])
async def test_without_the_cookie_nothing_is_answered(
    server: Server, tmp_path: Path, authorization: str | None
) -> None:
    url = (tmp_path / "rpc.address").read_text()
    headers = {} if authorization is None else {"Authorization": authorization}
    body = msgspec.json.encode({"jsonrpc": "2.0", "method": "rpc.discover", "id": 1})
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(url, data=body) as response:
            assert response.status == 401 and "cookie" in await response.text()
        with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
            await session.ws_connect(f"{url}/ws")


async def test_the_cookie_with_one_character_changed_is_refused(server: Server, tmp_path: Path) -> None:
    cookie = (tmp_path / "rpc.cookie").read_text()
    changed = cookie[:-1] + ("0" if cookie[-1] != "0" else "1")
    headers = {"Authorization": "Basic " + base64.b64encode(changed.encode()).decode()}
    url = (tmp_path / "rpc.address").read_text()
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, data=b"{}") as response:
        assert response.status == 401


async def test_events_reach_every_subscriber_in_order(server: Server, tmp_path: Path) -> None:
    async with RpcClient.from_datadir(tmp_path) as one, RpcClient.from_datadir(tmp_path) as two:
        streams = [one.events(), two.events()]
        firsts = [asyncio.ensure_future(anext(stream)) for stream in streams]
        async with asyncio.timeout(20):
            while len(server._subscribers) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0)  # one turn of the loop
        for height in range(3):
            server.publish("block", {"height": height, "hash": bytes(2)})
        for first, stream in zip(firsts, streams, strict=True):
            seen = [await first, await anext(stream), await anext(stream)]
            assert seen == [("block", {"height": height, "hash": "0000"}) for height in range(3)]


async def test_a_subscriber_that_does_not_read_is_cut_off_and_others_are_not(tmp_path: Path) -> None:
    server = await started(tmp_path, replace(PRODUCT, rpc_events_queued=3, rpc_subscribers=1))
    async with RpcClient.from_datadir(tmp_path) as client, RpcClient.from_datadir(tmp_path) as second:
        stream = client.events()
        first = asyncio.ensure_future(anext(stream))
        async with asyncio.timeout(20):
            while not server._subscribers:  # noqa: ASYNC110
                await asyncio.sleep(0)  # one turn of the loop
        with pytest.raises(LocalFault, match="HTTP 503"):
            await anext(second.events())
        for number in range(20):  # without letting the loop run: the queue must overflow
            server.publish("flood", number)
        assert not server._subscribers
        with pytest.raises(StopAsyncIteration):
            await first
    await server.stop()


async def test_a_missing_daemon_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"Start it with `bitvm3d --config .*bitvm3\.toml`"):
        RpcClient.from_datadir(tmp_path)
    server = await started(tmp_path)
    cookie, address = (tmp_path / "rpc.cookie").read_text(), (tmp_path / "rpc.address").read_text()
    await server.stop()
    (tmp_path / "rpc.cookie").write_text(cookie)
    (tmp_path / "rpc.address").write_text(address)
    async with RpcClient.from_datadir(tmp_path) as client:  # what a killed daemon leaves behind
        with pytest.raises(Unavailable, match=r"Start it with `bitvm3d --config .*bitvm3\.toml`"):
            await client.call("vault.show", [VAULT])


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "::"])
async def test_another_address_than_loopback_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(LocalFault, match="loopback"):
        await Server.start(host=host, port=0, folder=tmp_path, methods=METHODS, version="0", exposition=bytes)


async def test_a_taken_port_is_refused_and_leaves_the_first_server_alone(server: Server, tmp_path: Path) -> None:
    with pytest.raises(LocalFault, match="free port"):
        await Server.start(
            host="127.0.0.1", port=server.port, folder=tmp_path, methods=METHODS, version="0", exposition=bytes
        )
    async with RpcClient.from_datadir(tmp_path) as client:
        assert await client.call("vault.show", [VAULT])


async def test_discover_describes_every_method_of_the_table(tmp_path: Path) -> None:
    server = await started(tmp_path, methods=bind({name: failing(ZeroDivisionError()) for name in TABLE}))
    async with RpcClient.from_datadir(tmp_path) as client:
        document = await client.call("rpc.discover")
    await server.stop()
    described = {method["name"]: method for method in document["methods"]}
    assert described.keys() == {*TABLE, "rpc.discover"}
    assert all(method["summary"] for method in described.values())
    names = ["id", "graph", "balance", "salt", "proof", "knowingly_false"]
    assert [p["name"] for p in described["vault.claim"]["params"]] == names
    assert [p["required"] for p in described["vault.graph"]["params"]] == [True, False]


def test_binding_needs_exactly_the_methods_of_the_table() -> None:
    handlers = {name: failing(ZeroDivisionError()) for name in TABLE}
    assert [method.name for method in bind(handlers)] == list(TABLE)
    for wrong in ({**handlers, "more": handlers["node.info"]}, {k: v for k, v in handlers.items() if k != "node.info"}):
        with pytest.raises(ValueError, match=r"more|node\.info"):
            bind(wrong)


@pytest.mark.parametrize(("text", "size"), [("xyz", None), ("abc", None), ("abcd", 3)])
def test_bad_hex_names_the_field(text: str, size: int | None) -> None:
    assert from_hex("salt", "00ff", 2) == b"\x00\xff"
    with pytest.raises(PeerFault, match="salt"):
        from_hex("salt", text, size)


async def test_figures_are_served_to_whoever_has_the_cookie(tmp_path: Path) -> None:
    server = await Server.start(
        host="127.0.0.1",
        port=0,
        folder=tmp_path,
        methods=METHODS,
        version="0",
        exposition=lambda: b"bitvm3_height 7.0\n",
    )
    user, _, password = (tmp_path / "rpc.cookie").read_text().partition(":")
    url = f"http://127.0.0.1:{server.port}/metrics"
    try:
        async with aiohttp.ClientSession() as session:
            async with session.get(url) as refused:
                assert refused.status == 401
            async with session.get(url, headers={"Authorization": aiohttp.encode_basic_auth(user, password)}) as answer:
                assert (answer.status, await answer.read()) == (200, b"bitvm3_height 7.0\n")
    finally:
        await server.stop()


def test_the_wrong_file_for_an_attestor_says_which_one_and_where_the_right_one_is_from() -> None:
    info = {"identity": "ab" * 32, "network": "regtest"}
    with pytest.raises(LocalFault, match=r"^attestors\[1\]: expected what `bitvm3 attestor key --json` prints"):
        _member(1, info)
    right = {"identity": "ab" * 32, "eddsa": "cd" * 64, "bip340": "ef" * 32}
    assert _member(1, right).identity == bytes.fromhex("ab" * 32)
