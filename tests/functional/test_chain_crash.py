"""What the sandbox answered for is there after kill -9 or a torn write, and it never shares a folder."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from node.chain import BitcoinRpc, Cookie, JsonRpc
from node.demo.processes import free_port
from node.faults import Unavailable
from tests.functional.chain_fixture import (
    OTHER,
    OTHER_ADDRESS,
    ROOT,
    Backend,
    coinbases,
    mine,
    spend,
    start_backend,
    transactions,
)

pytestmark = pytest.mark.functional


@pytest.fixture
async def sandbox(tmp_path: Path) -> Backend:
    return await start_backend("sandbox", tmp_path)


async def restart(server: Backend) -> BitcoinRpc:
    await server.start()
    return server.chain()


async def test_every_answered_block_survives_kill_9(sandbox: Backend) -> None:
    chain = sandbox.chain()
    hashes = await mine(chain, 101)
    (coin,) = await coinbases(chain, range(1, 2))
    raw = spend([coin], [(coin.value - 2_000, OTHER)])
    await chain.broadcast(raw)
    hashes += await mine(chain, 3)
    for round_ in range(3):
        assert sandbox.kill() == -signal.SIGKILL
        chain = await restart(sandbox)
        assert (await chain.tip()).hash == hashes[-1]
        assert [await chain.block_hash(height) for height in (1, 102, len(hashes))] == [
            hashes[0],
            hashes[101],
            hashes[-1],
        ]
        assert transactions(await chain.block(hashes[101]))[1] == raw
        assert await chain.utxo(coin.txid, 0) is None
        hashes += await mine(chain, 1 + round_)
    await sandbox.close()


async def test_killed_in_the_middle_of_mining_it_keeps_a_prefix(sandbox: Backend) -> None:
    chain = sandbox.chain()
    answered = await mine(chain, 5)
    mining = asyncio.create_task(mine(chain, 3_000))
    seen = await chain.tip()
    while seen.height < 100:
        seen = await chain.wait_for_block(seen.hash, 30.0)
    sandbox.kill()
    with pytest.raises(Unavailable):
        await mining
    chain = await restart(sandbox)
    tip = await chain.tip()
    assert 100 <= seen.height <= tip.height < 3_005
    assert await chain.block_hash(seen.height) == seen.hash
    assert await chain.block_hash(5) == answered[-1]
    await mine(chain, 1)
    await sandbox.close()


@pytest.mark.parametrize("cut", [1, 100, "zeros"])
async def test_a_torn_tail_costs_the_torn_block_only(sandbox: Backend, cut: int | str) -> None:
    hashes = await mine(sandbox.chain(), 4)
    sandbox.kill()
    log = sandbox.folder / "regtest" / "blocks.log"
    data = log.read_bytes()
    if cut == "zeros":
        log.write_bytes(data + bytes(64))
    else:
        log.write_bytes(data[: -int(cut)])
    chain = await restart(sandbox)
    left = hashes if cut == "zeros" else hashes[:-1]
    assert (await chain.tip()).hash == left[-1]
    (fresh,) = await mine(chain, 1)
    sandbox.kill()
    chain = await restart(sandbox)
    assert (await chain.tip()).hash == fresh
    assert (await chain.header(fresh)).previous == left[-1]  # type: ignore[union-attr]
    await sandbox.close()


async def test_a_damaged_log_is_refused_with_its_place(sandbox: Backend) -> None:
    await mine(sandbox.chain(), 4)
    sandbox.kill()
    log = sandbox.folder / "regtest" / "blocks.log"
    data = bytearray(log.read_bytes())
    data[0] ^= 1
    log.write_bytes(bytes(data))
    with pytest.raises(RuntimeError, match="damaged at byte 0"):
        await sandbox.start()
    await sandbox.close()


async def test_an_invalidated_block_stays_invalidated(sandbox: Backend) -> None:
    chain = sandbox.chain()
    hashes = await mine(chain, 5)
    await sandbox.call("invalidateblock", hashes[2][::-1].hex())
    (other,) = await mine(chain, 1, OTHER_ADDRESS)
    sandbox.kill()
    chain = await restart(sandbox)
    assert (await chain.tip()).hash == other
    await sandbox.call("reconsiderblock", hashes[2][::-1].hex())
    assert (await chain.tip()).hash == hashes[-1]
    sandbox.kill()
    chain = await restart(sandbox)
    assert (await chain.tip()).hash == hashes[-1]
    await sandbox.close()


async def test_a_second_sandbox_on_the_folder_is_refused(sandbox: Backend) -> None:
    await mine(sandbox.chain(), 1)
    command = [sys.executable, "-m", "node.sandbox", "--datadir", str(sandbox.folder), "--rpcport", str(free_port())]
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Cannot obtain a lock on directory" in done.stderr
    assert "Another sandbox is running on it" in done.stderr
    assert (await sandbox.chain().tip()).height == 1
    await sandbox.close()


async def test_a_second_sandbox_on_the_port_is_refused(sandbox: Backend, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "node.sandbox", "--datadir", str(tmp_path / "b"), "--rpcport", str(sandbox.port)]
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "address already in use" in done.stderr
    await sandbox.close()


async def test_sigterm_stops_it_cleanly_while_a_client_waits(sandbox: Backend) -> None:
    chain = sandbox.chain()
    (tip,) = await mine(chain, 1)
    waiting = asyncio.create_task(chain.wait_for_block(tip, 20.0))
    await asyncio.sleep(0.3)
    assert await asyncio.to_thread(sandbox.kill, signal.SIGTERM) == 0
    assert not sandbox.cookie.exists()
    with pytest.raises(Unavailable):
        await waiting
    await sandbox.close()


async def test_a_restarted_server_has_a_new_cookie_and_the_client_reads_it(sandbox: Backend) -> None:
    chain = sandbox.chain()
    await mine(chain, 2)
    before = sandbox.cookie.read_text()
    sandbox.kill()
    with pytest.raises(Unavailable):
        await chain.tip()
    await sandbox.start()
    assert sandbox.cookie.read_text() != before
    assert (await chain.tip()).height == 2
    await sandbox.close()


async def test_a_missing_cookie_says_where_it_was_looked_for(tmp_path: Path) -> None:
    chain = BitcoinRpc(JsonRpc(f"http://127.0.0.1:{free_port()}", Cookie(path=tmp_path / "none")))
    with pytest.raises(Unavailable, match=r"cookie .*none.*Start the server"):
        await chain.tip()
    await chain.close()
