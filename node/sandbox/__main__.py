"""The sandbox as a process: `python -m node.sandbox --datadir DIR --rpcport N`.

Promises: prints one line when it answers, stops cleanly on SIGTERM, SIGINT or the call `stop`, says why it does not
start. The cookie lies in DIR/regtest/.cookie, as bitcoind's: `bitcoin-cli -regtest -datadir=DIR -rpcport=N` works.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import signal
import sys
from decimal import Decimal
from pathlib import Path

from aiohttp import web

from node.sandbox import policy
from node.sandbox.calls import Calls
from node.sandbox.faults import SandboxFault
from node.sandbox.regtest import Regtest
from node.sandbox.server import Server

COOKIE_USER = "__cookie__"
CLOSE_SECONDS = 2.0


def main() -> int:
    """Run until stopped; 0 after a clean stop, 1 with a reason on standard error."""
    parser = argparse.ArgumentParser(prog="python -m node.sandbox", description=__doc__.splitlines()[0])
    parser.add_argument("--datadir", type=Path, required=True, help="the chain lies in DATADIR/regtest")
    parser.add_argument("--rpcport", type=int, required=True, help="0: any free port, see the line printed")
    parser.add_argument("--rpcbind", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--rpcuser", default="", help="a second user besides the cookie")
    parser.add_argument("--rpcpasswordfile", type=Path, help="a file with that user's password")
    parser.add_argument(
        "-minrelaytxfee", "--minrelaytxfee", type=_rate, default=policy.MIN_RELAY_RATE,
        help="BTC/kvB, as bitcoind's: what the mempool takes at least",
    )  # fmt: skip
    given = parser.parse_args()
    try:
        return asyncio.run(_serve(given))
    except (SandboxFault, OSError) as fault:
        print(f"Error: {fault}", file=sys.stderr)
        return 1


def _rate(btc: str) -> int:
    """sat/kvB."""
    return int(Decimal(btc) * policy.COIN)


async def _serve(given: argparse.Namespace) -> int:
    folder: Path = given.datadir / "regtest"
    chain = Regtest(folder, given.minrelaytxfee)
    cookie = folder / ".cookie"
    try:
        credentials = [f"{COOKIE_USER}:{secrets.token_hex(32)}"]
        if given.rpcuser:
            if given.rpcpasswordfile is None:
                raise SandboxFault("--rpcuser needs --rpcpasswordfile")
            credentials.append(f"{given.rpcuser}:{given.rpcpasswordfile.read_text().strip()}")
        calls = Calls(chain)
        server = Server(calls, tuple(credentials))
        runner = web.AppRunner(
            server.app(),
            handle_signals=False,
            handler_cancellation=True,
            access_log=None,
            shutdown_timeout=CLOSE_SECONDS,
        )
        await runner.setup()
        site = web.TCPSite(runner, given.rpcbind, given.rpcport)
        await site.start()
        _write_cookie(cookie, credentials[0])
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, calls.stopping.set)
        host, port = runner.addresses[0][:2]
        tip = chain.ledger.tip
        print(f"sandbox answers on http://{host}:{port} at height {tip.height}, cookie {cookie}", flush=True)
        await calls.stopping.wait()
        await asyncio.sleep(0.05)  # let the answer to `stop` leave
        await runner.cleanup()
        if server.fault is not None:
            raise server.fault
        return 0
    finally:
        cookie.unlink(missing_ok=True)
        chain.close()


def _write_cookie(path: Path, line: str) -> None:
    fresh = path.with_suffix(".tmp")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(line)
    fresh.replace(path)


if __name__ == "__main__":
    sys.exit(main())
