"""`python -m node.demo`: a chain, three daemons, seven scenarios; with the word `lending` a loan by six daemons instead.

The exit status is 0 only when every balance is right.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from node.demo.grounds import ENGINES
from node.demo.ledger import lending
from node.demo.loan_play import perform as lend
from node.demo.processes import Backend, DaemonProcess
from node.demo.rules import entries, expected
from node.demo.scenarios import SCENARIOS, Play, games
from node.demo.screen import Look, Screen, balances, final_tables, ledger_table, who_got_what
from node.demo.stage import Theatre, each
from node.faults import LocalFault, PeerFault, Unavailable
from node.rpc.client import RpcError

REFRESH = 0.3


def arguments(argv: list[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="make demo ARGS=...", description=__doc__)
    parser.add_argument(
        "play",
        nargs="?",
        choices=["lending"],
        help="a loan of four slots through a price fall; left out: the seven scenarios",
    )
    parser.add_argument("--bitcoind", action="store_true", help="play on Bitcoin Core instead of the embedded chain")
    default = next(iter(ENGINES))
    parser.add_argument(
        "--engine", choices=list(ENGINES), default=default, help=f"the dispute engine (default: {default})"
    )
    parser.add_argument(
        "--profile",
        choices=["test", "fast", "default", "paranoid"],
        default="default",
        help="cut-and-choose profile of scenario 3",
    )
    parser.add_argument(
        "--only", choices=["vault", "ledger"], help="scenarios 1 to 6 (vault) or 7 (ledger); all seven when left out"
    )
    parser.add_argument("--report", type=Path, help="also write balances, transactions and setup costs as JSON")
    parser.add_argument("--chart", type=Path, help="lending: where the chart goes (default: lending.svg here)")
    parser.add_argument("--folder", type=Path, help="keep all data here (must not exist); default: a temporary folder")
    options = parser.parse_args(argv)
    if options.play == "lending" and (options.engine != default or options.only or options.profile != "default"):
        parser.error("lending has one form: engine babe, profile test, all scenes")
    if options.play is None and options.chart is not None:
        parser.error("--chart belongs to lending")
    return options


async def perform(options: argparse.Namespace, folder: Path) -> bool:
    """Play everything; True when every balance is what the rules say."""
    screen = Screen()
    theatre, play = stage(options, folder, screen)
    watcher = asyncio.create_task(_watch(play, screen))
    screen.start()
    try:
        screen.say(f"regtest on {theatre.backend}; three daemons: borrower, lender, challenger")
        await theatre.open()
        before = [int(b["total"]) for b in await each(theatre.daemons, "wallet.balance")]
        if options.only != "ledger":
            for scene in SCENARIOS.values():
                await scene(play)
            await theatre.mine(8)
        found = [int(b["total"]) for b in await each(theatre.daemons, "wallet.balance")]
        shows = await each(theatre.daemons, "vault.show", id=play.vault) if play.vault else []
        if options.only != "vault":
            await lending(play)
    finally:
        watcher.cancel()
        screen.stop()
        await theatre.close()
    if shows:
        final_tables(screen.console, shows[0], play.setups)
        who_got_what(screen.console, entries(shows), [daemon.name for daemon in theatre.daemons])
    if play.ledger:
        ledger_table(screen.console, play.ledger)
    change = expected(shows) if shows else Counter[int]()
    rows = [
        {"party": daemon.name, "before": before[i], "expected": before[i] + change[i], "found": found[i]}
        for i, daemon in enumerate(theatre.daemons)
    ]
    if options.report is not None:
        report = {
            "backend": theatre.backend, "engine": play.engine, "balances": rows,
            "vaults": shows, "setup": play.setups, "ledger": play.ledger or None,
        }  # fmt: skip
        options.report.write_text(json.dumps(report, indent=1))
    return balances(screen.console, rows)


def stage(options: argparse.Namespace, folder: Path, screen: Screen) -> tuple[Theatre, Play]:
    """What the play needs of its stage follows from what its claims rest on."""
    wanted = games(options.profile)
    grounds = ENGINES[options.engine](wanted)
    backend: Backend = "bitcoind" if options.bitcoind else "sandbox"
    theatre = Theatre(folder, backend, known=grounds.known())
    return theatre, Play(theatre, options.engine, screen.say, wanted)


async def _watch(play: Play, screen: Screen) -> None:
    """Refresh the live view beside the story; without one there is nothing to refresh."""
    while screen.console.is_terminal:
        screen.update(play.theatre.height, list(await asyncio.gather(*(_look(play, d) for d in play.theatre.daemons))))
        await asyncio.sleep(REFRESH)


async def _look(play: Play, daemon: DaemonProcess) -> Look:
    look = Look(daemon.name, daemon.presence)
    try:
        async with asyncio.timeout(5):
            look.info = await daemon.call("node.info")
            if play.vault:
                look.show = await daemon.call("vault.show", id=play.vault)
    except (OSError, TimeoutError, LocalFault, PeerFault, Unavailable, RpcError):
        pass  # it is starting, or killed on purpose, or has not heard of the vault yet
    return look


def main() -> int:
    """Run the demo."""
    options = arguments(sys.argv[1:])
    if options.folder is not None and options.folder.exists():
        print(f"--folder: expected a folder that does not exist yet, came {options.folder}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="bitvm3-demo-") as temporary:
        folder = options.folder or Path(temporary)
        try:
            right = asyncio.run((lend if options.play == "lending" else perform)(options, folder))
        except (LocalFault, PeerFault, Unavailable, TimeoutError) as fault:
            print(f"the demo stopped: {fault}", file=sys.stderr)
            for log in sorted(folder.glob("*/process.log")):
                print(f"--- {log.parent.name}\n{log.read_text(errors='replace')[-1500:]}", file=sys.stderr)
            return 1
    print("every balance is what the rules say, to the sat" if right else "A BALANCE IS WRONG")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
