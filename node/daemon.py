"""`bitvm3d`: one node as a process. Opens everything in the order that refuses early, runs, closes in the reverse order.

Promise: a wrong network, a foreign chain, a folder in use, a wrong passphrase are refused before anything is written; a stop
or a signal ends the loop between two turns. This module does NOT decide anything about vaults.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import socket
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from bitcoin_scripts.transaction import display_txid
from challenge.policy import Policy
from native._native.keys import WalletKeys
from node import log as logging
from node.admission import Rules
from node.app import Node
from node.artifacts import Artifacts
from node.book import Book
from node.chain import BitcoinRpc, Cookie, JsonRpc, Password
from node.config import Config, load
from node.faults import LocalFault, PeerFault, Unavailable
from node.guard import Guard, pair
from node.keys import STRONG, Kdf, Keys, harden, read_passphrase
from node.ledger.judgement import Tolerance
from node.ledger.port import OpenLedgers
from node.ledger.room import Ledgers
from node.ledger.wiring import world_of
from node.ledger.world import Keeping
from node.lending.party import Loans
from node.lending.policy import policy_of
from node.loop import Wrote
from node.metrics import exposition
from node.p2p.peers import Peers
from node.precheck import Ceiling
from node.prices import Prices
from node.proving import KeyFolder, Proving
from node.rpc.methods import methods
from node.rpc.server import Server
from node.rpc.table import ClaimParams
from node.rpc.vault import claim
from node.scan import Scanner
from node.store import Store
from node.wallet import Wallet
from node.work.ceremony import derived
from node.work.context import Context

log = structlog.get_logger()

VERSION = "0.1.0"
ADDRESS_PREFIX = b"peer/"
COIN_TYPE = {"mainnet": 0}
PATIENCE = 120.0
FAULTS = (LocalFault, PeerFault, Unavailable)
LONGEST_PAUSE = 8.0
QUICK = Kdf(memory_kib=8 * 1024, iterations=1)
"""On regtest no coin is at stake and many nodes start at once."""


@dataclass(slots=True)
class Daemon:
    """What the RPC shows beside the node itself: wallet, peers, configuration."""

    config: Config
    node: Node
    peers: Peers
    addresses: dict[bytes, str] = field(default_factory=dict)

    def info(self) -> dict[str, Any]:
        """Who this node is and what it is doing."""
        node, keys = self.node, self.node.context.keys
        return {
            "version": VERSION,
            "network": node.rules.network,
            "genesis": display_txid(node.rules.genesis),
            "identity": keys.identity.xonly().hex(),
            "address": self.peers.address(),
            "height": node.scanner.height,
            "block": display_txid(node.scanner.block),
            "vaults": len(list(node.book.items())),
            "turns": node.loop.turns,
            "fee_reserve": node.reserve.sats(),
            **node.under_way(),
        }

    async def new_address(self) -> str:
        """A fresh address, durable before it is shown."""
        wallet = self.node.context.wallet
        address = wallet.new_address()
        await self.node.context.write(tuple(wallet.puts()))
        return address

    def balance(self) -> dict[str, int]:
        """Sats by kind."""
        balance = self.node.context.wallet.balance()
        return {
            "confirmed": balance.confirmed,
            "unconfirmed": balance.unconfirmed,
            "reserved": balance.reserved,
            "immature": balance.immature,
            "total": sum(coin.value for coin in self.node.context.wallet.coins()),
        }

    def coins(self) -> list[dict[str, Any]]:
        """Every confirmed coin."""
        wallet = self.node.context.wallet
        held = {coin.outpoint: purpose for purpose in wallet.purposes() for coin in wallet.reserved(purpose)}
        return [
            {
                "txid": display_txid(c.txid),
                "vout": c.vout,
                "value": c.value,
                "height": c.height,
                "reserved_for": held.get(c.outpoint),
            }
            for c in wallet.coins()
        ]

    async def backup(self, folder: Path) -> dict[str, Any]:
        """The master key (sealed), the store and the artifacts as of now; never the guard and never ephemeral keys."""
        if not folder.is_absolute():
            raise LocalFault(what="backup folder", expected="an absolute path", came=str(folder))
        context = self.node.context
        context.keys.backup(folder / "keys")
        context.store.checkpoint(folder / "store")
        await asyncio.to_thread(shutil.copytree, self.config.datadir / "artifacts", folder / "artifacts")
        return {"folder": str(folder), "vaults": len(list(self.node.book.items()))}

    def peer_list(self) -> list[dict[str, Any]]:
        """Known peers with their identities."""
        identities = {address.rpartition("/")[2]: identity.hex() for identity, address in self.addresses.items()}
        return [
            {"peer_id": p.peer_id, "address": p.address, "presence": p.presence, "identity": identities.get(p.peer_id)}
            for p in self.peers.list()
        ]

    def reach(self, identity: bytes) -> str:
        """The libp2p peer id behind an identity. Raises Unavailable when no address is known."""
        address = self.addresses.get(identity)
        if address is None:
            raise Unavailable(
                what=f"peer {identity.hex()[:16]}",
                expected="a known address",
                came="none",
                todo="`bitvm3 peer connect` tells the node.",
            )
        return address.rpartition("/")[2]

    def present(self) -> set[bytes]:
        """The identities whose nodes are connected."""
        up = {peer.peer_id for peer in self.peers.list() if peer.presence == "up"}
        return {identity for identity in self.addresses if self.reach(identity) in up}

    async def connect(self, identity: str | None, address: str) -> dict[str, Any]:
        """Remember where an identity lives, and connect."""
        if identity is not None:
            name = bytes.fromhex(identity)
            self.addresses[name] = address
            await self.node.context.write((("meta", ADDRESS_PREFIX + name, address.encode()),))
        return {"peer_id": await self.peers.connect(address)}

    def show_policy(self) -> dict[str, Any]:
        """What this node does by itself."""
        policy = self.node.rules.policy
        return {
            "contest": policy.contest,
            "known": {commitment.hex(): balance for commitment, balance in policy.known.items()},
            "release": policy.release,
            "accept": self.node.rules.accept,
            "minimum_depth": self.node.rules.minimum_depth,
            "reorg_bound": self.node.rules.bound,
        }


async def run(config: Config) -> None:
    """Open, run until stopped, close. Raises LocalFault with what to do."""
    async with AsyncExitStack() as stack:
        daemon = await _open(config, stack)
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, daemon.node.stop)
        log.info(
            "ready",
            identity=daemon.node.context.keys.identity.xonly().hex(),
            address=daemon.peers.address(),
            height=daemon.node.scanner.height,
        )
        await daemon.node.run()
        log.info("stopping")


async def _open(config: Config, stack: AsyncExitStack) -> Daemon:
    chain = BitcoinRpc(JsonRpc(config.chain_url, _credentials(config)))
    stack.push_async_callback(chain.close)
    server = await _patiently(chain, config.network)
    passphrase = read_passphrase(config.passphrase_path)
    for table, host, port in (("rpc", config.rpc.host, config.rpc.port), ("p2p", config.p2p.host, config.p2p.port)):
        _refuse_taken(table, host, port)
    config.datadir.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = Store.open(config.datadir / "store", network=config.network, genesis=server.genesis)
    stack.callback(store.close)
    guard = Guard(config.datadir / "guard")
    stack.callback(guard.close)
    pair(store, guard)
    keys = Keys.open(
        config.datadir / "keys",
        passphrase,
        kdf=QUICK if config.network == "regtest" else STRONG,
    )
    bound = config.policy.reorg_bound
    wallet = Wallet.load(
        WalletKeys(keys.wallet_seed, coin_type=COIN_TYPE.get(config.network, 1)),
        network=config.network,
        keep=bound,
        items=store.items("wallet"),
    )
    scanner = Scanner.load(wallet=wallet, keep=bound, store=store)
    await _refuse_other_chain(chain, config.datadir, scanner.recent())
    start = 0 if config.network == "regtest" else (await chain.tip()).height
    rules = Rules(
        network=config.network,
        genesis=server.genesis,
        policy=Policy(
            contest=config.policy.contest,
            known={bytes.fromhex(k.commitment): k.balance for k in config.policy.known},
            release=config.policy.release,
        ),
        accept=config.policy.accept,
        minimum_depth=config.policy.minimum_depth,
        bound=bound,
        start=start,
        patience=config.policy.setup_patience_seconds,
    )
    holder: list[Node] = []
    peers = await Peers.start(
        host=config.p2p.host,
        port=config.p2p.port,
        seed=keys.transport_seed(),
        on_message=lambda peer, raw: holder[0].on_message(peer, raw),
        on_chunk=lambda peer, artifact, index: holder[0].on_chunk(peer, artifact, index),
    )
    stack.push_async_callback(peers.stop)
    addresses = {name[len(ADDRESS_PREFIX) :]: address.decode() for name, address in store.items("meta", ADDRESS_PREFIX)}
    addresses |= {bytes.fromhex(peer.identity): peer.address for peer in config.p2p.peers}
    prices = Prices.of(config.prices, config.datadir)
    stack.push_async_callback(prices.close)
    proving = Proving(
        KeyFolder(path=config.proving_path, network=config.network),
        tell=lambda event, value: holder[0].tell(event, value),
    )
    stack.push_async_callback(proving.close)
    daemon_holder: list[Daemon] = []
    context = Context(
        store=store,
        guard=guard,
        keys=keys,
        chain=chain,
        wallet=wallet,
        artifacts=Artifacts(config.datadir / "artifacts", quota=config.quota.artifact_bytes),
        peers=peers,
        reach=lambda identity: daemon_holder[0].reach(identity),
        write=lambda puts: holder[0].loop.put(Wrote(puts=puts)),
        height=lambda: scanner.height,
        derive=derived,
        prices=prices,
        proving=proving,
        ledgers=OpenLedgers(lambda: holder[0].ledgers),
        ceiling=Ceiling(rate=config.lending.fee_ceiling_rate, sats=config.lending.fee_ceiling_sats),
    )
    node = Node(rules=rules, context=context, book=Book.load(store), scanner=scanner)
    holder.append(node)
    daemon = Daemon(config, node, peers, addresses)
    daemon_holder.append(daemon)
    node.ledgers = Ledgers.load(
        world_of(
            node,
            prices=prices,
            proving=proving,
            known=lambda: tuple(addresses),
            present=daemon.present,
            now=lambda: int(time.time()),
            policy=config.attestor.policy,
            tolerance=Tolerance(
                price=config.attestor.tolerance,
                price_age=config.attestor.price_age,
                time=config.attestor.time_tolerance,
            ),
            coins=config.attestor.coins,
            keeping=Keeping(
                automatic=config.keeper.automatic,
                accrue_blocks=config.keeper.accrue_blocks,
                mark_seconds=config.keeper.mark_seconds,
            ),
            trusted_keys=frozenset(bytes.fromhex(key) for key in config.ledger.trusted_keys),
        )
    )
    node.loans = Loans(
        node=node,
        policy=policy_of(config.lending),
        poll_seconds=config.lending.poll_seconds,
        now=lambda: int(time.time()),
        claim=lambda vault, graph: claim(node, ClaimParams(id=vault.hex(), graph=graph)),
    )
    stack.push_async_callback(node.close)
    await node.start()
    for address in addresses.values():
        await peers.keep(address)
    rpc = await Server.start(
        host=config.rpc.host,
        port=config.rpc.port,
        folder=config.datadir,
        methods=methods(daemon),
        version=VERSION,
        exposition=lambda: exposition(daemon),
    )
    stack.push_async_callback(rpc.stop)
    node.tell = rpc.publish
    return daemon


def _credentials(config: Config) -> Cookie | Password:
    if config.chain.cookie is not None:
        return Cookie(path=config.chain.cookie)
    return Password(user=config.chain.user, password=config.chain.password.get_secret_value())


def _refuse_taken(table: str, host: str, port: int) -> None:
    """Before anything is written: somebody else listens where this node is to listen. Port 0 is always free."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise LocalFault(
                what=f"{table}.port",
                expected="a free port",
                came=f"{host}:{port}: {error.strerror}",
                todo="Stop what listens there (another bitvm3d?), or name another port in the configuration.",
            ) from error


async def _refuse_other_chain(chain: BitcoinRpc, folder: Path, recent: list[tuple[int, bytes]]) -> None:
    """A folder belongs to one chain, not only to one genesis block: every regtest has the same."""
    if not recent:
        return
    height, block = recent[0]
    found = await chain.hash_at(height)
    if found != block:
        raise LocalFault(
            what=f"the chain of the data folder {folder}",
            expected=f"block {display_txid(block)} at height {height}, which this folder has seen",
            came=f"a chain with {display_txid(found)} there" if found else "a chain that is shorter",
            todo="If the chain server is syncing or reindexing, start again when it has caught up; else this is another "
            "chain: give the node its old server, or an empty data folder.",
        )


async def _patiently(chain: BitcoinRpc, network: str) -> Any:
    """Who answers; a chain that is still starting is waited for, one that refuses us is not."""
    pause, clock = 0.25, asyncio.get_running_loop().time
    end = clock() + PATIENCE
    while True:
        try:
            return await chain.check_version(network=network, genesis=None)
        except Unavailable as fault:
            if clock() > end:
                raise
            log.info("waiting for the chain", reason=str(fault))
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def main() -> None:
    """The console script."""
    parser = argparse.ArgumentParser(prog="bitvm3d", description="Run a vault and challenge node.")
    parser.add_argument(
        "--config", type=Path, required=True, help="configuration file (TOML); `bitvm3 init` writes one"
    )
    options = parser.parse_args()
    harden()
    try:
        config = load(options.config)
        logging.configure(config.log_level)
        asyncio.run(run(config))
    except FAULTS as fault:
        print(f"bitvm3d: {fault}", file=sys.stderr)
        sys.exit(1)
    except ExceptionGroup as group:
        faults, bugs = group.split(FAULTS)
        for each in faults.exceptions if faults else ():
            print(f"bitvm3d: {each}", file=sys.stderr)
        if bugs is not None:
            raise bugs from None
        sys.exit(1)


if __name__ == "__main__":
    main()
