"""What a node pays for every vault it watches: memory, time of a start, processor time of a block, block to action.

One vault is set up by three real nodes of a simulated world (engine babe, profile test); its challenger's folder then gets a
thousand or ten thousand more of the same, each with a salt, coins and transactions of its own. Of those in which somebody
claims the graphs are real; of the others the txids to look for are drawn, because deriving takes 40 ms each. A process of its
own opens the folder and lives on a chain without consensus rules, which answers at once: blocks that hold nothing, then blocks
that hold the Claim of one vault each. Baselines are goals: 50 KB a vault, 100 ms from a block to the Contest that answers it.
Ratio is baseline by value.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import structlog
from bitcoin.core import CTransaction
from blake3 import blake3

from challenge.bodies import Funded, encode
from challenge.classify import Index, index
from challenge.policy import Policy
from challenge.states import Seen, VaultState
from native._native import tapscript
from native._native.keys import Secret, Seed
from node.book import decode_state
from node.chain import Accepted, AlreadyKnown, Rejected, Tip, Utxo
from node.store import Put, Store
from node.watches import put_of, watches
from node.work.ceremony import derived
from node.work.funding import Stakes, stakes_key
from tests.simulation.babe import open_vault
from tests.simulation.power import Fuse
from tests.simulation.scenarios import a_world
from tests.simulation.world import GENESIS, Actor, World
from vault.graph import VaultGraph
from vault.terms import Coin, PartyKeys
from vault.terms import encode as encode_terms

Figure = dict[str, float | str]
COUNTS = (1_000, 10_000)
GOAL_BYTES, GOAL_MS = 50_000, 100.0
EMPTY, CLAIMS = 20, 100
CHALLENGER = "challenger"
BATCH = 200
KEYS = msgspec.msgpack.Decoder(PartyKeys)


# ---- a folder with many vaults -------------------------------------------------------------------------------------
class Disk:
    """As much of a job's context as deriving a graph takes."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def blob(self, name: bytes) -> bytes:
        """A bulk value."""
        return self.store.get("blobs", name) or b""


def _moved(coin: Coin, salt: bytes) -> Coin:
    return msgspec.structs.replace(coin, txid=blake3(salt + coin.txid).digest())


def _copy(state: VaultState, stakes: Stakes, shares: list[Secret], number: int) -> tuple[VaultState, Stakes]:
    """The same vault between the same parties about other coins: nothing that is watched is shared."""
    salt = blake3(number.to_bytes(8, "big")).digest()
    raw = stakes.raw[:-4] + (number + 1).to_bytes(4, "little")  # another locktime, another txid
    posted = tapscript.txid(raw)
    facts = dict(state.facts)
    for p in range(len(state.proposal.parties)):
        keys = KEYS.decode(facts[f"keys/{p}"])
        own = p == state.me
        facts[f"keys/{p}"] = encode_terms(
            msgspec.structs.replace(
                keys,
                musig=shares[p].point(),
                bonds=tuple((g, _moved(coin, salt)) for g, coin in keys.bonds),
                stakes=tuple(
                    (g, msgspec.structs.replace(coin, txid=posted) if own else _moved(coin, salt))
                    for g, coin in keys.stakes
                ),
                prefund_inputs=tuple(_moved(coin, salt) for coin in keys.prefund_inputs),
            )
        )
    funded = msgspec.msgpack.decode(facts["funded"], type=Funded)
    mine = tuple((g, msgspec.structs.replace(coin, txid=posted)) for g, coin in funded.stakes)
    facts["funded"] = encode(msgspec.structs.replace(funded, stakes=mine))
    log = tuple(Seen(name=s.name, txid=blake3(salt + s.txid).digest(), height=s.height) for s in state.log)
    proposal = msgspec.structs.replace(state.proposal, salt=salt)
    return (
        msgspec.structs.replace(state, proposal=proposal, facts=facts, log=log),
        msgspec.structs.replace(stakes, raw=raw),
    )


def _drawn(known: Index, salt: bytes) -> Index:
    """An index of the same size with other txids."""
    return Index(
        names={blake3(salt + txid).digest(): name for txid, name in known.names.items()},
        coins={(blake3(salt + txid).digest(), vout): name for (txid, vout), name in known.coins.items()},
    )


def _signed(graph: VaultGraph, stored: bytes, shares: list[Secret]) -> bytes:
    """The group's presignatures, those of Contest and NoAssert made again for this graph."""
    places = [i for i, each in enumerate(graph.signatures) if each.template in ("0/contest", "0/no_assert")]
    batch = graph.presigning(range(places[0], places[-1] + 1))
    seeds = [Seed.generate() for _ in shares]
    public = [batch.public_nonces(seed, share) for seed, share in zip(seeds, shares, strict=True)]
    partials = [batch.sign(seed, share, public) for seed, share in zip(seeds, shares, strict=True)]
    made = batch.aggregate(public, partials)
    return stored[: 65 * places[0]] + made + stored[65 * (places[-1] + 1) :]


def fill(folder: Path, count: int, claims: int) -> Iterator[bytes]:
    """Add vaults to a challenger's folder; yields the Claim of each of the first `claims`, raw."""
    store = Store.open(folder / "store", network="regtest", genesis=GENESIS)
    ((name, raw),) = store.items("vaults")
    state, known = decode_state(name, raw), watches(store)(name)
    stakes = msgspec.msgpack.decode(store.get("jobs", stakes_key(name)) or b"", type=Stakes)
    presigned, disk = store.get("presigned", name) or b"", Disk(store)
    shares = [Seed.generate().secret(b"share") for _ in state.proposal.parties]
    puts: list[Put] = []
    for number in range(count - 1):
        copied, posted = _copy(state, stakes, shares, number)
        vault = copied.proposal.proposal_id
        if number < claims:
            graph: VaultGraph = derived(copied, disk)  # type: ignore[arg-type]  # it reads blobs and nothing else
            log = tuple(msgspec.structs.replace(s, txid=graph.templates[s.name].txid) for s in copied.log)
            copied = msgspec.structs.replace(copied, log=log)
            puts += [put_of(vault, index(graph)), ("presigned", vault, _signed(graph, presigned, shares))]
            yield graph.templates["0/claim"].raw
        else:
            puts.append(put_of(vault, _drawn(known, vault)))
        puts.append(("vaults", vault, msgspec.msgpack.encode(copied)))
        puts.append(("jobs", stakes_key(vault), msgspec.msgpack.encode(posted)))
        if number % BATCH == 0 or number == count - 2:
            store.commit(puts)
            puts = []
    store.close()


# ---- a chain that answers at once ----------------------------------------------------------------------------------
class QuickChain:
    """Blocks of whatever it is given; every coin that no block spent is there, deep."""

    def __init__(self, height: int, block: bytes) -> None:
        self.start, self.blocks = height, [(block, b"")]
        self.waiting: dict[bytes, bytes] = {}
        self.spent: set[tuple[bytes, int]] = set()
        self.offered: dict[bytes, float] = {}
        self._changed = asyncio.Condition()

    async def mine(self, *raws: bytes) -> None:
        """A block of these and of all that waits."""
        raws = (*raws, *self.waiting.values())
        self.waiting = {}
        for raw in raws:
            self.spent |= {(i.prevout.hash, i.prevout.n) for i in CTransaction.deserialize(raw).vin}
        height, previous = self.start + len(self.blocks), self.blocks[-1][0]
        coinbase = b"\x02\0\0\0\x01" + bytes(32) + b"\xff" * 4 + b"\x08" + height.to_bytes(8, "little") + b"\xff" * 4
        coinbase += b"\x01" + bytes(8) + b"\x01\x51" + bytes(4)
        header = b"\x04\0\0\0" + previous + blake3(b"".join(raws)).digest() + height.to_bytes(4, "little") + bytes(8)
        name = tapscript_hash(header)
        self.blocks.append((name, header + bytes([1 + len(raws)]) + coinbase + b"".join(raws)))
        async with self._changed:
            self._changed.notify_all()

    @property
    def height(self) -> int:
        """Of the last block."""
        return self.start + len(self.blocks) - 1

    async def tip(self) -> Tip:
        """The last block."""
        return Tip(height=self.height, hash=self.blocks[-1][0])

    async def hash_at(self, height: int) -> bytes | None:
        """None outside of what was mined here."""
        at = height - self.start
        return self.blocks[at][0] if 0 <= at < len(self.blocks) else None

    async def block(self, hash_: bytes) -> bytes:
        """The raw block."""
        return next(raw for name, raw in reversed(self.blocks) if name == hash_)

    async def wait_for_block(self, known: bytes, seconds: float) -> Tip:
        """As the port says."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.blocks[-1][0] != known)
        return await self.tip()

    async def broadcast(self, raw: bytes) -> Accepted | AlreadyKnown | Rejected:
        """Everything is taken; the time of the first offer is kept."""
        txid = tapscript.txid(raw)
        if txid in self.offered:
            return AlreadyKnown(txid=txid)
        self.offered[txid] = time.perf_counter()
        self.waiting[txid] = raw
        return Accepted(txid=txid)

    async def submit_package(self, raws: list[bytes]) -> Accepted | AlreadyKnown | Rejected:
        """One by one."""
        return [await self.broadcast(raw) for raw in raws][-1]

    async def utxo(self, txid: bytes, vout: int) -> Utxo | None:
        """There until spent."""
        if (txid, vout) in self.spent:
            return None
        return Utxo(value=10_000, script=b"\x51", confirmations=100, coinbase=False)

    async def transaction(self, txid: bytes, block_hash: bytes | None) -> bytes | None:
        """What waits."""
        return self.waiting.get(txid) if block_hash is None else None

    async def median_time(self, height: int) -> int | None:
        """Nothing asks here."""
        return None

    async def feerate(self) -> int:
        """sat/vB."""
        return 1


def tapscript_hash(header: bytes) -> bytes:
    """A block's name: no proof of work is checked."""
    return blake3(header).digest()


# ---- one life ------------------------------------------------------------------------------------------------------
def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def live(folder: Path, claims: list[bytes]) -> dict[str, float]:
    """Open the folder, live through the blocks, tell what it took."""
    store = Store.open(folder / "store", network="regtest", genesis=GENESIS)
    tip = store.get("meta", b"tip") or b""
    store.close()
    chain = QuickChain(int.from_bytes(tip[:8], "big"), tip[8:])
    world = World(folder, contest={CHALLENGER: "always"}, engine="babe", chain=chain)  # type: ignore[arg-type]
    world.called = lambda raw: ""  # type: ignore[method-assign]  # names are for crash tests: they read every vault
    policy = Policy(contest="always", known={}, release="auto")
    actor = Actor(CHALLENGER, folder, world, policy, Fuse())
    world.actors[CHALLENGER] = actor
    before, busy = time.perf_counter(), time.process_time()
    await actor.open()
    found = {"opened": time.perf_counter() - before}

    async def calm() -> None:
        while not actor.node.quiet(chain.height):  # noqa: ASYNC110 - quiet is a sum of many parts, none of which tells
            await asyncio.sleep(0.001)

    await calm()
    for _ in range(3):
        await chain.mine()
        await calm()
    found |= {"start": time.perf_counter() - before, "start_cpu": time.process_time() - busy}
    gc.collect()
    found["resident"] = _resident()
    spent = []
    for _ in range(EMPTY):
        busy = time.process_time()
        await chain.mine()
        await calm()
        spent.append(1e3 * (time.process_time() - busy))
    found["empty"] = statistics.median(spent)
    took = []
    for claim in claims:
        known, mined = set(chain.offered), time.perf_counter()
        await chain.mine(claim)
        await calm()
        answers = [
            at
            for txid, at in chain.offered.items()
            if txid not in known and _spends(chain.waiting.get(txid), tapscript.txid(claim))
        ]
        if len(answers) != 1:
            raise AssertionError(f"{len(answers)} answers to a Claim")
        took.append(1e3 * (answers[0] - mined))
    if took:
        found |= {"median": statistics.median(took), "p99": sorted(took)[-(len(took) // 100) - 1]}
    found["alarms"] = actor.node.alarms
    await actor.close()
    return found


def _spends(raw: bytes | None, txid: bytes) -> bool:
    return raw is not None and any(i.prevout.hash == txid for i in CTransaction.deserialize(raw).vin)


async def _grow(home: Path) -> Path:
    """The folder of a challenger of one real living vault."""
    async with a_world(contest={CHALLENGER: "always"}, engine="babe") as world:
        await open_vault(world)
        await world.mine(3)
        await world.close()
        shutil.copytree(world.folder / CHALLENGER, home / "one")
    return home / "one"


def run() -> dict[str, Figure]:
    """Each count in a process of its own, so that one's memory is not the other's."""
    figures: dict[str, Figure] = {}
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with TemporaryDirectory() as name:
        home = Path(name)
        one = asyncio.run(_grow(home))
        alone = _of_a_process(one, [])
        for count in COUNTS:
            folder = home / str(count)
            shutil.copytree(one, folder)
            found = _of_a_process(folder, list(fill(folder, count, CLAIMS)))
            kib = (found["resident"] - alone["resident"]) / (count - 1)
            figures |= {
                f"{count} vaults: memory a vault": _figure(kib / 1e3, "kB", GOAL_BYTES / 1e3),
                f"{count} vaults: memory of the node": _figure(found["resident"] / 1e6, "MB", None),
                f"{count} vaults: start": _figure(found["start"], "s", None),
                f"{count} vaults: processor a block without events": _figure(found["empty"], "ms", None),
                f"{count} vaults: block to Contest, median": _figure(found["median"], "ms", GOAL_MS),
                f"{count} vaults: block to Contest, p99": _figure(found["p99"], "ms", GOAL_MS),
            }
            shutil.rmtree(folder)
    return figures


def _of_a_process(folder: Path, claims: list[bytes]) -> dict[str, float]:
    told = subprocess.run(
        [sys.executable, "-m", "benches.watch", str(folder)],
        input="\n".join(claim.hex() for claim in claims),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(told.stdout.splitlines()[-1])
    return found


def _figure(value: float, unit: str, baseline: float | None) -> Figure:
    return {
        "value": round(value, 2),
        "unit": unit,
        "baseline": "" if baseline is None else baseline,
        "ratio": "" if baseline is None else round(baseline / value, 2),
    }


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    print(json.dumps(asyncio.run(live(Path(sys.argv[1]), [bytes.fromhex(line) for line in sys.stdin.read().split()]))))
