"""Loans whose attestors fall silent or sign twice, and loans under other rules than their ledger's: real processes and messages.

Every test begins with a copy of the world of tests/functional/lending.py and ends with every wallet compared to the sat and every
SIMULATED account to the cent. What no daemon of the product sends is sent by a node of the test's own, over the same wire.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from native._native.keys import Secret, Seed
from node.daemon import QUICK
from node.demo.loan_stage import ATTESTORS, CAST, PARTIES, ROLES, Watch
from node.demo.processes import DaemonProcess
from node.demo.stage import MINER, Theatre, each
from node.faults import PeerFault
from node.keys import Keys
from node.ledger.words import read, write
from node.letters import to_body
from node.limits import PRODUCT
from node.p2p.envelope import encode as signed
from node.p2p.peers import Peers
from node.proposing import propose
from node.rpc.client import RpcError
from tests.functional.frozen import thawed
from tests.functional.lending import (
    FIRST,
    GRACE,
    LOAN,
    MATURITY,
    POLICIES,
    SLOT,
    SLOTS,
    Ice,
    Scene,
    graph,
    scene,
    stage,
)
from vault.faults import TermsFault
from vault.ledger.checkpoint import Checkpoint, Signature
from vault.ledger.follow import Signed
from vault.ledger.forms import from_json
from vault.ledger.rules import Rules
from vault.terms import Proposal, encode

pytestmark = [pytest.mark.functional, pytest.mark.timeout(1800), pytest.mark.xdist_group("lending")]

SHARE = LOAN // SLOTS
DEARER, DEFAULTED = 6_300_000, 60_000
"""A price that no quorum has signed; what a lender pays for a slot by it: 63,000 / 1.05."""
MORE = 30_000
"""Cents minted for a lender that has lent nearly all it had."""
SECONDS = 60
AUTO, MANUAL = 'policy = "auto"\ncoins', 'policy = "manual"\ncoins'


# ---- worlds in which some attestors' operators are away ------------------------------------------------------------------
def attests(daemon: DaemonProcess, policy: str) -> None:
    """From its next start on: `auto`, or `manual` and nobody there to approve."""
    old, new = (MANUAL, AUTO) if policy == "auto" else (AUTO, MANUAL)
    assert old in daemon.more
    daemon.more = daemon.more.replace(old, new)
    daemon.write_config()


@asynccontextmanager
async def world(ice: Ice, folder: Path, away: str) -> AsyncIterator[Scene]:
    """A copy in which one attestor signs nothing: its operator is to approve, and does not."""

    def staged(there: Path) -> Theatre:
        theatre = stage(there, ice.proving, POLICIES)
        theatre[away].folder.mkdir(parents=True, exist_ok=True)
        attests(theatre[away], "manual")
        return theatre

    async with thawed(ice.folder, folder, staged) as theatre:
        watch = Watch(theatre)
        watch.vaults.append(ice.vault)
        watch.worth(FIRST)
        await watch.calm()
        yield Scene(theatre, watch, ice)


async def ledger(play: Scene, name: str) -> dict[str, Any]:
    """The ledger as a node shows it."""
    return dict(await play.theatre[name].call("ledger.show", ledger=play.ice.ledger))


async def awaited(done: Callable[[], Any], what: str) -> None:
    """What comes without a block."""
    try:
        async with asyncio.timeout(SECONDS):
            while not await done():  # noqa: ASYNC110 - a daemon is asked, nothing tells
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"{what}: not within {SECONDS} s") from None


async def unsigned(play: Scene, blocks: int) -> None:
    """Blocks that the keeper's ledger follows and no quorum signs."""
    play.watch.worth(play.watch.price)
    await play.theatre.chain.call("generatetoaddress", blocks, MINER)
    play.theatre.height += blocks
    running = [daemon for daemon in play.theatre.daemons if daemon.running]

    async def there() -> bool:
        infos = await each(running, "node.info")
        kept = (await play.theatre["keeper"].call("money.show"))["keeper"]["height"]
        return kept == play.theatre.height and all(info["height"] == play.theatre.height for info in infos)

    await awaited(there, f"height {play.theatre.height}")


async def decided(play: Scene, name: str, about: str, does: str, why: str) -> None:
    """Until a party's own policy says so."""

    async def said() -> bool:
        rows = (await play.loan(name))["decisions"]
        return any(row["about"] == about and row["does"] == does and why in row["why"] for row in rows)

    await awaited(said, f"{name}: {about} {does}: {why}")


# ---- silence -----------------------------------------------------------------------------------------------------------
async def test_without_attestors_nothing_is_proven_and_what_was_in_time_is_settled_when_they_are_back(
    ice: Ice, tmp_path: Path
) -> None:
    """The keeper alone books a tender made in time and a default after grace: no r, no claim, until a second signature comes."""
    async with world(ice, tmp_path, "lender") as play:
        claim, keeper, challenger = graph("lender", 0), play.theatre["keeper"], play.theatre.challenger
        due = (await play.watch.position(ice.ledger, ice.vault))["maturity"]
        await play.skip(due - 1 - play.theatre.height)
        assert (await play.money())["held"] == 0
        await keeper.call("money.mint", ledger=ice.ledger, identity=await play.watch.identity("lender"), cents=MORE)
        await challenger.stop()
        final = await ledger(play, "borrower")
        assert final["price"] == FIRST

        # in time, and booked: the lender hears of it from the keeper, and shows no r on the keeper's word
        await play.theatre.borrower.call("loan.tender", id=ice.vault, slot=3)
        assert (await play.money())["held"] == SHARE
        await decided(play, "lender", "release/3", "waits", "our own final checkpoint does not prove it yet")

        # a new price, maturity and grace pass
        play.watch.worth(DEARER)
        await unsigned(play, due + GRACE + 1 - play.theatre.height)
        told = await play.theatre.lender.call("loan.default", id=ice.vault, slot=0)
        assert told["cents"] == DEFAULTED, "the keeper's price, which nobody else has signed"
        assert (await play.money())["held"] == SHARE + DEFAULTED
        with pytest.raises(RpcError, match=r"outcome\.record"):
            await play.theatre.lender.call("vault.claim", id=ice.vault, graph=claim)
        now = await ledger(play, "borrower")
        assert (now["seq"], now["root"], now["price"]) == (final["seq"], final["root"], FIRST)
        assert (await ledger(play, "keeper"))["posted"]["seq"] > final["seq"]
        assert not any(name.startswith(("repay/", f"{claim}/")) for name in await play.mined())

        # the challenger's attestor is back: two of three sign all of it, in order
        await challenger.start()
        await play.theatre.meet()
        await play.watch.calm()
        now = await ledger(play, "borrower")
        assert now["seq"] > final["seq"] and now["price"] == DEARER
        assert now["equivocations"] == []
        await play.until_closed(3)
        assert "repay/3" in await play.mined(), "r, not a claim"
        await play.until_phase(claim, "paid", 40)
        await play.until_closed(0)
        assert await play.games(claim) == ["claim", "uncontested_payout"]
        row = await play.slot(0)
        assert (row["outcome"], row["paid"], row["surplus"]) == ("default", DEFAULTED, 0)
        assert (await play.loan())["debt"] == LOAN - SHARE - DEFAULTED
        await play.exact(borrower=-SHARE, lender=SHARE + MORE)


# ---- two histories -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Voice:
    """A node of the test's own: another process's transport, whatever key signs the envelope."""

    peers: Peers
    genesis: bytes

    async def say(self, to: DaemonProcess, kind: str, about: bytes, body: bytes, identity: Secret) -> bytes:
        """One message over the wire, and the reply. Raises PeerFault with the other's reason."""
        info = await to.call("node.info")
        raw = signed(
            vault=about, kind=kind, sequence=1, recipient=bytes.fromhex(info["identity"]), body=body, identity=identity,
            genesis=self.genesis, limits=PRODUCT,
        )  # fmt: skip
        return await self.peers.send(await self.peers.connect(info["address"]), raw, SECONDS)


async def _no_message(_: str, raw: bytes) -> bytes:
    raise PeerFault(what="message", expected="none to a voice", came=f"{len(raw)} bytes")


async def _no_chunk(_: str, artifact: bytes, index: int) -> bytes | None:
    return None


@asynccontextmanager
async def voice(play: Scene) -> AsyncIterator[Voice]:
    """Somebody who can be heard."""
    seed = secrets.token_bytes(32)
    peers = await Peers.start(host="127.0.0.1", port=0, seed=seed, on_message=_no_message, on_chunk=_no_chunk)
    try:
        info = await play.theatre.borrower.call("node.info")
        yield Voice(peers, bytes.fromhex(info["genesis"])[::-1])
    finally:
        await peers.stop()


async def history(play: Scene, since: int, cents: int) -> dict[int, Signed]:
    """Two repayments, and every final checkpoint from then on, by seq."""
    for _ in range(2):
        await play.ask("borrower", "loan.repay", cents=cents)
        await play.watch.mine()
    heads = {}
    for seq in range(since + 1, (await ledger(play, "borrower"))["seq"] + 1):
        try:
            told = await play.theatre.borrower.call("ledger.entry", ledger=play.ice.ledger, seq=seq)
        except RpcError:
            continue  # within a batch
        heads[seq] = Signed(
            checkpoint=from_json(told["checkpoint"], Checkpoint, TermsFault, "checkpoint"),
            signatures=from_json(told["signatures"], tuple[Signature, ...], TermsFault, "signatures"),
        )
    return heads


def signers(head: Signed) -> set[str]:
    """Who signed: attestors stand in the genesis in the order of the cast."""
    members = [name for name in CAST if name in ATTESTORS]
    return {members[signature.index] for signature in head.signatures}


async def test_an_attestor_of_two_histories_is_proved_faulty_to_everybody_and_the_others_go_on(
    ice: Ice, tmp_path: Path
) -> None:
    """The challenger's attestor, copied with its guard, signs in two worlds that begin alike; one hears of the other."""
    async with world(ice, tmp_path / "other", "keeper") as play:
        since = (await ledger(play, "borrower"))["seq"]
        other = await history(play, since, 2_000)
    async with world(ice, tmp_path / "first", "lender") as play:
        first = await history(play, since, 1_000)
        both = [seq for seq in first if seq in other and first[seq].checkpoint != other[seq].checkpoint]
        assert both, (list(first), list(other))
        seq = both[-1]
        mine, theirs = first[seq], other[seq]
        assert (signers(mine), signers(theirs)) == ({"keeper", "challenger"}, {"lender", "challenger"})
        for name in CAST:
            shown = await ledger(play, name)
            assert (shown["equivocations"], shown["other_histories"]) == ([], [])

        async with voice(play) as stranger:
            me, about = Seed.generate().secret(b"identity"), bytes.fromhex(ice.ledger)
            another = bytes(1) + theirs.checkpoint.root[1:-1] + bytes([theirs.checkpoint.root[-1] ^ 1])  # below r
            bent = msgspec.structs.replace(theirs, checkpoint=msgspec.structs.replace(theirs.checkpoint, root=another))
            with pytest.raises(PeerFault, match="signature"):
                await stranger.say(play.theatre.borrower, "ledger-head", about, write(bent), me)
            assert (await ledger(play, "borrower"))["equivocations"] == []
            reply = await stranger.say(play.theatre.borrower, "ledger-head", about, write(theirs), me)
            assert read(Signed, reply, most=PRODUCT.reply_frame_bytes, what="reply") == mine

        wanted = {
            "identity": await play.watch.identity("challenger"),
            "seq": seq,
            "roots": {mine.checkpoint.root.hex(), theirs.checkpoint.root.hex()},
        }

        async def known() -> bool:
            shown = [(await ledger(play, name))["equivocations"] for name in CAST]
            found = [[{**row, "roots": set(row["roots"])} for row in rows] for rows in shown]
            return all(len(rows) == 1 and {field: rows[0][field] for field in wanted} == wanted for rows in found)

        await awaited(known, "the evidence is everybody's")
        shown = await ledger(play, "borrower")
        assert shown["other_histories"] == [{"seq": seq, "root": theirs.checkpoint.root.hex()}]
        assert (shown["root"], shown["seq"]) == (first[max(first)].checkpoint.root.hex(), max(first))

        # the others go on without it, and evidence outlives a restart
        for name, policy in (("challenger", "manual"), ("lender", "auto")):
            daemon = play.theatre[name]
            await daemon.stop()
            attests(daemon, policy)
            await daemon.start()
        await play.theatre.meet()
        await play.watch.calm()
        assert await known()
        left = LOAN - 2_000
        await play.ask("borrower", "loan.tender", slot=3)
        await play.until_closed(3)
        assert "repay/3" in await play.mined()
        at = (await ledger(play, "borrower"))["seq"]
        told = await play.theatre.borrower.call("ledger.entry", ledger=ice.ledger, seq=at)
        indices = {signature["index"] for signature in told["signatures"]}
        assert indices == {row["index"] for row in shown["attestors"] if row["identity"] != wanted["identity"]}
        assert (await play.loan())["debt"] == left - left // SLOTS
        await play.exact(borrower=-2_000 - left // SLOTS, lender=2_000 + left // SLOTS)


# ---- other rules -----------------------------------------------------------------------------------------------------------
async def drawn_up(play: Scene, wanted: dict[str, Any], rules: Rules) -> Proposal:
    """What a proposer would send whose ledger of this id has these rules."""
    info = await play.theatre.borrower.call("node.info")
    keys = await play.theatre.borrower.call("setup.list")
    return propose(
        wanted, network="regtest", genesis=bytes.fromhex(info["genesis"])[::-1],
        keys=[bytes.fromhex(row["key"]) for row in keys if row["statement"].startswith("outcome")],
        ledgers={bytes.fromhex(play.ice.ledger): rules},
    )  # fmt: skip


async def test_a_loan_under_other_rules_than_its_ledgers_is_refused_by_name(ice: Ice, tmp_path: Path) -> None:
    """By the own node, and by the one that is sent it with the borrower's own signature; the unchanged one is taken."""
    async with scene(ice, tmp_path) as play:
        borrower, lender = play.theatre.borrower, play.theatre.lender
        identities = [await play.watch.identity(name) for name in PARTIES]
        loan = {"ledger": ice.ledger, "cents": SHARE}
        wanted = {
            "parties": [{"identity": who, "role": ROLES[name]} for who, name in zip(identities, PARTIES, strict=True)],
            "slots": [SLOT], "maturity": MATURITY, "loan": loan,
        }  # fmt: skip
        for change, match in (
            ({"grace": GRACE + 1}, f"grace of a loan.*{GRACE}.*{GRACE + 1}"),
            ({"loan": {**loan, "rules": {"liquidation": 8_299}}}, "rules"),
            ({"loan": {**loan, "ledger": ice.ledger[::-1]}}, "ledger"),
        ):
            with pytest.raises(RpcError, match=match):
                await borrower.call("vault.propose", proposal={**wanted, **change})

        rules = from_json((await ledger(play, "lender"))["rules"], Rules, TermsFault, "rules")
        passphrase = (borrower.folder / "passphrase").read_bytes()
        identity = Keys.open(borrower.folder / "keys", passphrase, kdf=QUICK).identity
        assert identity.xonly().hex() == identities[0]
        async with voice(play) as proposer:

            async def sent(proposal: Proposal) -> bytes:
                kind, body = to_body("propose", encode(proposal))
                return await proposer.say(lender, kind, proposal.proposal_id, body, identity)

            for field, other in (("version", 2), ("liquidation", 8_299), ("grace", GRACE + 1)):
                own = getattr(rules, field)
                changed = await drawn_up(play, wanted, msgspec.structs.replace(rules, **{field: other}))
                with pytest.raises(
                    PeerFault, match=f"loan.rules.{field}: expected {own}, as the ledger .* came {other}"
                ):
                    await sent(changed)
            assert [row["vault"] for row in await lender.call("vault.list")] == [ice.vault]
            unchanged = await drawn_up(play, wanted, rules)
            assert await sent(unchanged) == b"ack"
        assert {row["vault"] for row in await lender.call("vault.list")} == {ice.vault, unchanged.proposal_id.hex()}
        for name in PARTIES:
            if name != "lender":
                assert [row["vault"] for row in await play.theatre[name].call("vault.list")] == [ice.vault]
        await play.exact()
