"""One scenario after the other on the sandbox and on bitcoind: what passes on the one passes on the other."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from bitcoin.core import Hash

from native._native import tapscript
from native._native.keys import Seed, WalletKeys
from node.chain import (
    Accepted,
    AlreadyKnown,
    BitcoinRpc,
    Connected,
    Disconnected,
    Follower,
    Rejected,
    ReorgTooDeep,
    Server,
)
from node.chain.bitcoin import txid_of
from node.chain.jsonrpc import Refusal
from node.faults import LocalFault, Unavailable
from node.wallet import Payment, Wallet
from tests.functional.chain_fixture import (
    ADDRESS,
    OTHER,
    OTHER_ADDRESS,
    P2A,
    SCRIPT,
    Backend,
    Coin,
    backend,
    coinbases,
    find_bitcoind,
    mine,
    output,
    spend,
    start_backend,
    transactions,
)

__all__ = ["backend"]
pytestmark = pytest.mark.functional

FEE = 2_000
SUBSIDY = 50 * 10**8


def follower(chain: BitcoinRpc, *, start: int = 0, bound: int = 6, recent: Any = ()) -> Follower:
    def raised(fault: Unavailable) -> None:
        raise AssertionError(fault)

    return Follower(chain, recent=recent, start=start, bound=bound, on_unavailable=raised)


async def take(events: AsyncIterator[Connected | Disconnected], count: int) -> list[Connected | Disconnected]:
    found = []
    async with asyncio.timeout(60):
        while len(found) < count:
            found.append(await anext(events))
    return found


async def test_a_server_is_known_by_version_network_and_genesis(backend: Backend) -> None:
    chain = backend.chain()
    told = await chain.check_version(network="regtest", genesis=None)
    assert isinstance(told, Server)
    assert told.version >= 280_000
    assert told.genesis[::-1].hex() == "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
    assert await chain.check_version(network="regtest", genesis=told.genesis) == told
    with pytest.raises(LocalFault, match=r"signet.*came a server on regtest"):
        await chain.check_version(network="signet", genesis=None)
    with pytest.raises(LocalFault, match=r"expected (00){32}, came 0f9188f1"):
        await chain.check_version(network="regtest", genesis=bytes(32))


async def test_mined_coins_are_spent_after_a_hundred_blocks(backend: Backend) -> None:
    chain = backend.chain()
    hashes = await mine(chain, 101)
    tip = await chain.tip()
    assert (tip.height, tip.hash) == (101, hashes[-1])
    header = await chain.header(hashes[50])
    assert header is not None
    assert (header.height, header.previous, header.active) == (51, hashes[49], True)
    coin = (await coinbases(chain, range(1, 2)))[0]
    assert coin.value == SUBSIDY
    assert coin.script == SCRIPT
    found = await chain.utxo(coin.txid, 0)
    assert found is not None
    assert (found.value, found.script, found.confirmations, found.coinbase) == (SUBSIDY, SCRIPT, 101, True)
    young = (await coinbases(chain, range(3, 4)))[0]
    refused = await chain.broadcast(spend([young], [(young.value - FEE, OTHER)]))
    assert isinstance(refused, Rejected)
    assert refused.reason.startswith("bad-txns-premature-spend-of-coinbase")
    raw = spend([coin], [(coin.value - FEE, OTHER)])
    assert await chain.test_accept(raw) == Accepted(txid=txid_of(raw))
    before = await chain.mempool_transactions()
    assert await chain.broadcast(raw) == Accepted(txid=txid_of(raw))
    view = await chain.mempool_transactions()
    assert view.txids == {txid_of(raw)}
    assert view.sequence > before.sequence
    assert await chain.transaction(txid_of(raw), None) == raw
    assert await chain.utxo(coin.txid, 0) is not None
    assert await chain.test_accept(raw) == AlreadyKnown(txid=txid_of(raw))
    (block,) = await mine(chain, 1)
    assert transactions(await chain.block(block))[1:] == [raw]
    assert await chain.utxo(coin.txid, 0) is None
    made = await chain.utxo(txid_of(raw), 0)
    assert made is not None
    assert made.value == coin.value - FEE
    assert await chain.broadcast(raw) == AlreadyKnown(txid=txid_of(raw))
    assert await chain.transaction(txid_of(raw), None) is None
    assert await chain.transaction(txid_of(raw), block) == raw
    assert await chain.transaction(bytes(32), block) is None
    assert await chain.header(bytes(32)) is None
    assert await chain.hash_at(10**6) is None


async def test_a_missing_input_is_told_apart(backend: Backend) -> None:
    chain = backend.chain()
    await mine(chain, 101)
    coin = (await coinbases(chain, range(1, 2)))[0]
    parent = spend([coin], [(coin.value - FEE, SCRIPT), (240, P2A)][:1])
    child = spend([output(parent, 0)], [(coin.value - 2 * FEE, SCRIPT)])
    for answer in (await chain.broadcast(child), await chain.test_accept(child)):
        assert isinstance(answer, Rejected)
        assert answer.missing_inputs
    assert isinstance(await chain.submit_package([parent, child]), Accepted)
    assert isinstance(await chain.submit_package([parent, child]), AlreadyKnown)


async def test_waiting_returns_at_the_next_block_and_misses_none(backend: Backend) -> None:
    chain, other = backend.chain(), backend.chain()
    (first,) = await mine(chain, 1)
    waiting = asyncio.create_task(chain.wait_for_block(first, 30.0))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    (second,) = await mine(other, 1)
    assert (await waiting).hash == second
    assert (await chain.wait_for_block(first, 30.0)).hash == second
    assert (await chain.wait_for_block(second, 0.2)).hash == second


async def test_csv_coins_are_refused_until_they_are_old_enough(backend: Backend) -> None:
    chain = backend.chain()
    await mine(chain, 101)
    coin = (await coinbases(chain, range(1, 2)))[0]
    parent = spend([coin], [(coin.value - FEE, SCRIPT)])
    await chain.broadcast(parent)
    await mine(chain, 1)
    late = spend([output(parent, 0)], [(coin.value - 2 * FEE, SCRIPT)], sequence=3)
    for _ in range(2):
        answer = await chain.broadcast(late)
        assert isinstance(answer, Rejected)
        assert answer.reason == "non-BIP68-final"
        await mine(chain, 1)
    assert isinstance(await chain.broadcast(late), Accepted)


async def test_a_reorg_is_followed_and_its_transactions_wait_again(backend: Backend) -> None:
    chain = backend.chain()
    await mine(chain, 101)
    coin = (await coinbases(chain, range(1, 2)))[0]
    events = follower(chain, start=100).events()
    assert [e.height for e in await take(events, 2)] == [100, 101]
    raw = spend([coin], [(coin.value - FEE, OTHER)])
    await chain.broadcast(raw)
    old = await mine(chain, 3)
    assert [(type(e), e.hash) for e in await take(events, 3)] == [(Connected, one) for one in old]
    await backend.call("invalidateblock", old[0][::-1].hex())
    assert (await chain.tip()).height == 101
    assert (await chain.mempool_transactions()).txids == {txid_of(raw)}
    new = await mine(chain, 4, OTHER_ADDRESS)
    found = await take(events, 7)
    assert [(type(e), e.height, e.hash) for e in found] == [
        *((Disconnected, 104 - i, one) for i, one in enumerate(old[::-1])),
        *((Connected, 102 + i, one) for i, one in enumerate(new)),
    ]
    assert txid_of(transactions(await chain.block(new[0]))[1]) == txid_of(raw)
    gone = await chain.header(old[0])
    assert gone is not None
    assert not gone.active
    await backend.call("reconsiderblock", old[0][::-1].hex())
    assert (await chain.tip()).hash == new[-1]


async def test_following_starts_again_from_the_blocks_that_were_kept(backend: Backend) -> None:
    chain = backend.chain()
    hashes = await mine(chain, 10)
    recent = [(height, hashes[height - 1]) for height in range(5, 9)]
    found = await take(follower(chain, recent=recent).events(), 2)
    assert [(e.height, e.hash) for e in found] == [(9, hashes[8]), (10, hashes[9])]
    await backend.call("invalidateblock", hashes[6][::-1].hex())
    (new,) = await mine(chain, 1, OTHER_ADDRESS)
    found = await take(follower(chain, recent=recent).events(), 3)
    assert [(type(e), e.height) for e in found] == [(Disconnected, 8), (Disconnected, 7), (Connected, 7)]
    assert found[-1].hash == new


async def test_a_reorg_deeper_than_the_bound_stops_before_any_event(backend: Backend) -> None:
    chain = backend.chain()
    hashes = await mine(chain, 10)
    recent = [(height, hashes[height - 1]) for height in range(6, 11)]
    await backend.call("invalidateblock", hashes[5][::-1].hex())
    await mine(chain, 6, OTHER_ADDRESS)
    with pytest.raises(ReorgTooDeep, match="a reorg below height 7"):
        await take(follower(chain, recent=recent, bound=3).events(), 1)
    # the bound is a bound on blocks that left: 5 left, 5 are followed when the sixth is known
    kept = [(5, hashes[4]), *recent]
    found = await take(follower(chain, recent=kept, bound=5).events(), 11)
    assert [type(e) for e in found] == [Disconnected] * 5 + [Connected] * 6


async def test_transactions_of_at_most_ten_lost_blocks_return(backend: Backend) -> None:
    chain = backend.chain()
    await mine(chain, 120)
    coins = await coinbases(chain, range(1, 13))
    blocks, txids = [], []
    for coin in coins:
        raw = spend([coin], [(coin.value - FEE, OTHER)])
        await chain.broadcast(raw)
        txids.append(txid_of(raw))
        blocks += await mine(chain, 1)
    await backend.call("invalidateblock", blocks[0][::-1].hex())
    assert (await chain.mempool_transactions()).txids == set(txids[2:])


async def test_coinbase_spends_leave_with_their_maturity(backend: Backend) -> None:
    chain = backend.chain()
    hashes = await mine(chain, 102)
    coins = await coinbases(chain, range(2, 4))
    kept, lost = (spend([c], [(c.value - FEE, SCRIPT)]) for c in coins)
    child = spend([output(lost, 0)], [(coins[1].value - 2 * FEE, SCRIPT)])
    for raw in (kept, lost, child):
        assert isinstance(await chain.broadcast(raw), Accepted)
    await backend.call("invalidateblock", hashes[-1][::-1].hex())
    assert (await chain.mempool_transactions()).txids == {txid_of(kept)}


async def test_a_block_template_takes_packages_and_leaves_what_pays_nothing(backend: Backend) -> None:
    chain = backend.chain()
    await mine(chain, 105)
    a, b, c = await coinbases(chain, range(1, 4))
    parent = spend([a], [(a.value - 240, SCRIPT), (240, P2A)])
    child = spend([output(parent, 1), b], [(240 + b.value - FEE, SCRIPT)])
    assert isinstance(await chain.broadcast(parent), Rejected)
    assert await chain.submit_package([parent, child]) == Accepted(txid=txid_of(child))
    alone = spend([c], [(c.value - FEE, SCRIPT)])
    await chain.broadcast(alone)
    (block,) = await mine(chain, 1)
    mined = [txid_of(raw) for raw in transactions(await chain.block(block))[1:]]
    assert set(mined) == {txid_of(parent), txid_of(child), txid_of(alone)}
    assert mined.index(txid_of(parent)) < mined.index(txid_of(child))
    value = output(transactions(await chain.block(block))[0], 0).value
    assert value == SUBSIDY + 2 * FEE


def wallet_of(name: bytes) -> Wallet:
    keys = WalletKeys(Seed.generate().derive(name), coin_type=1)
    return Wallet(keys, network="regtest", keep=10)


async def feed(wallet: Wallet, chain: BitcoinRpc) -> None:
    tip = await chain.tip()
    for height in range(max(wallet.height + 1, 0), tip.height + 1):
        wallet.connect(height, transactions(await chain.block(await chain.block_hash(height))))


async def test_the_wallet_funds_bumps_and_replaces(backend: Backend) -> None:
    chain = backend.chain()
    wallet = wallet_of(b"funds")
    await chain.generate(3, wallet.new_address())
    await mine(chain, 100)
    await feed(wallet, chain)
    balance = wallet.balance()
    assert (balance.confirmed, balance.immature, balance.reserved) == (3 * SUBSIDY, 0, 0)
    unsigned = wallet.fund([Payment(value=70_000_000, script=OTHER)], "stakes", 1)
    parent = wallet.sign(unsigned.raw, unsigned.coins)
    assert unsigned.fee == -(-tapscript.weight(parent) // 4)
    assert wallet.balance().reserved == SUBSIDY
    assert isinstance(await chain.broadcast(parent), Accepted)
    wallet.wait_for(parent)
    assert wallet.balance().confirmed == 2 * SUBSIDY
    assert wallet.balance().unconfirmed == SUBSIDY - 70_000_000 - 240 - unsigned.fee
    assert unsigned.anchor is not None
    fees = []
    for rate in (5, 20, 20):
        child = wallet.child(parent, unsigned.anchor, parent_fee=unsigned.fee, rate=rate, coins=wallet.free())
        size = -(-tapscript.weight(child) // 4)
        assert size <= 1_000
        assert await chain.broadcast(child) == Accepted(txid=txid_of(child))
        pool = (await chain.mempool_transactions()).txids
        assert pool == {txid_of(parent), txid_of(child)}
        entry = await backend.call("getmempoolentry", txid_of(child)[::-1].hex())
        fees.append(round(entry["fees"]["base"] * 10**8))
        assert fees[-1] + unsigned.fee >= rate * (size + -(-tapscript.weight(parent) // 4))
    assert fees == sorted(set(fees))
    wallet.wait_for(child)
    await mine(chain, 1)
    await feed(wallet, chain)
    balance = wallet.balance()
    assert balance.unconfirmed == 0
    assert balance.confirmed == 3 * SUBSIDY - 70_000_000 - unsigned.fee - fees[-1]
    assert balance.reserved == 0
    assert {c.outpoint for c in wallet.coins()} == set(wallet.outpoints())
    for coin in wallet.coins():
        found = await chain.utxo(*coin.outpoint)
        assert found is not None
        assert (found.value, found.script) == (coin.value, coin.script)


async def test_a_parent_below_the_floor_goes_out_as_a_package(backend: Backend) -> None:
    chain = backend.chain()
    wallet = wallet_of(b"package")
    await chain.generate(1, wallet.new_address())
    await mine(chain, 110)
    await feed(wallet, chain)
    coin = (await coinbases(chain, range(2, 3)))[0]
    parent = spend([coin], [(coin.value - 240, OTHER), (240, P2A)])
    alone = await chain.broadcast(parent)
    assert isinstance(alone, Rejected)
    assert alone.reason == "min relay fee not met, 0 < 13"
    child = wallet.child(parent, 1, parent_fee=0, rate=3, coins=wallet.free())
    assert await chain.submit_package([parent, child]) == Accepted(txid=txid_of(child))
    await mine(chain, 1)
    await feed(wallet, chain)
    sizes = sum(-(-tapscript.weight(raw) // 4) for raw in (parent, child))
    assert wallet.balance().confirmed == SUBSIDY + 240 - 3 * sizes


async def test_two_clients_share_one_server(backend: Backend) -> None:
    one, two = backend.chain(), backend.chain()
    await mine(one, 101)
    coin = (await coinbases(two, range(1, 2)))[0]
    raw = spend([coin], [(coin.value - FEE, OTHER)])
    answers = await asyncio.gather(one.broadcast(raw), two.broadcast(raw))
    assert all(isinstance(answer, Accepted | AlreadyKnown) for answer in answers)
    assert (await two.mempool_transactions()).txids == {txid_of(raw)}


async def test_the_feerate_is_the_floor_when_nothing_is_known(backend: Backend) -> None:
    assert await backend.chain().feerate() == 1


RAW = spend([Coin(bytes(32), 0, 1_000)], [(500, SCRIPT)]).hex()
BAD_CALLS: tuple[tuple[Any, ...], ...] = (
    ("nosuchcall",),
    ("getblockhash", 10**6),
    ("getblockhash", -1),
    ("getblockheader", "00"),
    ("getblockheader", "zz" * 32),
    ("getblockheader", "00" * 32),
    ("getblock", "00" * 32, 0),
    ("getrawtransaction", "11" * 32),
    ("getrawtransaction", "11" * 32, 0, "00" * 32),
    ("getmempoolentry", "11" * 32),
    ("gettxspendingprevout", []),
    ("gettxspendingprevout", [{"txid": "11" * 32, "vout": -1}]),
    ("sendrawtransaction", ""),
    ("sendrawtransaction", "00"),
    ("sendrawtransaction", "zz"),
    ("sendrawtransaction", "0300000000000000000000"),
    ("sendrawtransaction", RAW, -1),
    ("sendrawtransaction", RAW, "x"),
    ("sendrawtransaction", RAW, 2),
    ("testmempoolaccept", []),
    ("testmempoolaccept", ["00"]),
    ("testmempoolaccept", ["00"] * 26),
    ("submitpackage", []),
    ("submitpackage", ["00"]),
    ("generatetoaddress", 1, "nothing"),
    ("generatetodescriptor", 1, "nothing"),
    ("generateblock", "nothing", []),
    ("generateblock", ADDRESS, ["11" * 32]),
    ("generateblock", ADDRESS, ["00"]),
    ("invalidateblock", "00" * 32),
    ("reconsiderblock", "00" * 32),
    ("submitblock", "00"),
    ("waitfornewblock", -1),
    ("estimatesmartfee", 0),
    ("estimatesmartfee", 2, "never"),
    ("getrawmempool", True, True),
    ("prioritisetransaction", "11" * 32, 1, 1),
    ("setmocktime", -1),
)
# bitcoind words these after its own argument parser; only the code is compared
CODE_ONLY = {"getblockhash", "sendrawtransaction", "estimatesmartfee", "generatetodescriptor", "prioritisetransaction"}


async def refusals(kind: str, folder: Path) -> list[tuple[int, str]]:
    server = await start_backend(kind, folder)
    try:
        found = []
        for method, *params in BAD_CALLS:
            with pytest.raises(Refusal) as caught:
                await server.call(method, *params)
            found.append((caught.value.code, caught.value.message))
        return found
    finally:
        await server.close()


async def test_bad_calls_are_refused_alike(tmp_path: Path) -> None:
    sandbox, bitcoind = await asyncio.gather(refusals("sandbox", tmp_path), refusals("bitcoind", tmp_path))
    differ = [
        (call, mine_, theirs)
        for call, mine_, theirs in zip(BAD_CALLS, sandbox, bitcoind, strict=True)
        if (mine_[0] if call[0] in CODE_ONLY else mine_) != (theirs[0] if call[0] in CODE_ONLY else theirs)
    ]
    assert not differ, "\n".join(map(str, differ))


TARGET = 0x7FFFFF << 232


def hash_number(block: bytes) -> int:
    return int.from_bytes(Hash(block[:80]), "little")


async def invalid_blocks(kind: str, folder: Path) -> list[Any]:
    server = await start_backend(kind, folder)
    try:
        chain = server.chain()
        await mine(chain, 102)
        a, b = await coinbases(chain, range(1, 3))
        late = (await coinbases(chain, range(60, 61)))[0]
        good = spend([a], [(a.value, OTHER)])
        rows: list[list[bytes]] = [
            [spend([a], [(a.value + 1, OTHER)])],
            [spend([late], [(late.value, OTHER)])],
            [good, spend([a], [(a.value - 1, OTHER)])],
            [spend([a], [(a.value, OTHER)], witness=lambda *_: [bytes(64)])],
            [spend([b], [(b.value, OTHER)], sequence=500)],
            [spend([b], [(b.value, OTHER)], lock_time=500)],
        ]
        found: list[Any] = []
        for row in rows:
            with pytest.raises(Refusal) as caught:
                await server.call("generateblock", ADDRESS, [raw.hex() for raw in row])
            found.append((caught.value.code, caught.value.message.split(",")[0]))
        # what no mempool takes, a block may hold: an annex, a fee of zero
        shown = await server.call("generateblock", ADDRESS, [good.hex()])
        found.append(len(transactions(await chain.block(bytes.fromhex(shown["hash"])[::-1]))))
        found.append((await chain.tip()).height)
        raw = await chain.block((await chain.tip()).hash)
        found.append(await server.call("submitblock", raw.hex()))
        others = [raw[:76] + bytes([n]) + raw[77:] for n in range(256)]
        weak = next(one for one in others if one[76] != raw[76] and hash_number(one) > TARGET)
        found.append(await server.call("submitblock", weak.hex()))
        others = [raw[:36] + bytes([n]) * 32 + raw[68:] for n in range(256)]
        unrelated = next(one for one in others if hash_number(one) <= TARGET)
        found.append(await server.call("submitblock", unrelated.hex()))
        return found
    finally:
        await server.close()


async def test_invalid_blocks_are_refused_alike(tmp_path: Path) -> None:
    sandbox, bitcoind = await asyncio.gather(invalid_blocks("sandbox", tmp_path), invalid_blocks("bitcoind", tmp_path))
    assert sandbox == bitcoind


async def test_stock_bitcoin_cli_works_on_the_sandbox(tmp_path: Path) -> None:
    found = find_bitcoind()
    if found is None:
        pytest.skip("no bitcoind, hence no bitcoin-cli: see BITVM3_BITCOIND")
    server = await start_backend("sandbox", tmp_path)
    try:
        base = [found.removesuffix("d") + "-cli", "-regtest", f"-datadir={server.folder}", f"-rpcport={server.port}"]

        async def cli(*words: str) -> str:
            done = await asyncio.to_thread(
                subprocess.run, [*base, *words], capture_output=True, text=True, timeout=30, check=False
            )
            return done.stdout.strip() or done.stderr.strip()

        assert await cli("getblockcount") == "0"
        assert len((await cli("generatetoaddress", "2", ADDRESS)).split()) == 4
        assert await cli("-named", "getblockhash", "height=1") == (await server.chain().block_hash(1))[::-1].hex()
        assert "Chain: regtest" in await cli("-getinfo")
        assert "Method not found" in await cli("nosuchcall")
        assert await cli("stop") == "Bitcoin Core stopping"
        assert server.process is not None
        assert server.process.wait(20) == 0
        assert not server.cookie.exists()
    finally:
        await server.close()
