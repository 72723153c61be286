"""Disputes and setups of loans when something else goes wrong too: an old state, dear blocks, a party that is gone.

As in test_lending.py every scenario begins with a copy of one world, and ends with every wallet compared to the sat and every
account to the cent.
"""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from bitcoin.core import CBlock, CTransaction

from node.demo.loan_stage import PARTIES
from node.demo.rules import ANCHOR
from node.demo.stage import MINER, each
from snark.formats import Curve, Format
from snark.groth16 import Proof
from tests.functional.lending import EDGE, FIRST, GRACE, LOAN, MATURITY, SLOTS, Ice, Scene, graph, propose, scene

pytestmark = [pytest.mark.functional, pytest.mark.timeout(600), pytest.mark.xdist_group("lending")]

SHARE = LOAN // SLOTS
"""What one slot of four owes, cents."""
MORE = 30_000
"""Cents minted for a lender that has lent nearly all it had."""


# ---- claims that rest on an old state ------------------------------------------------------------------------------------
async def proof_now(play: Scene, name: str, slot: int, outcome: str) -> tuple[int, bytes]:
    """The checkpoint that is final for a party now, and its proof of a record under it, in the form of EIP-197."""
    terms = (await play.vault(name))["graphs"][graph(name, slot)]
    told = await play.theatre[name].call(
        "ledger.claim", ledger=play.ice.ledger, vault=play.ice.vault, slot=slot, action=outcome,
        claimant=await play.watch.identity(name), template=terms["template"],
    )  # fmt: skip
    proof = Proof.parse(bytes.fromhex(told["proof"]), Curve.BN254, Format.ARKWORKS)
    return int(told["seq"]), bytes(proof.handle.encode(Format.EIP197.value))


async def final(play: Scene, name: str) -> int:
    """The last checkpoint that is final for a party."""
    return int((await play.theatre[name].call("ledger.show", ledger=play.ice.ledger))["seq"])


async def contested(play: Scene, number: int) -> None:
    """The challenger contests a proven claim against better knowledge, and the game goes to its end."""
    await play.theatre.order(play.theatre.challenger, "vault.contest", id=play.ice.vault, graph=number, insist=True)
    await play.until_phase(number, "paid", 90)
    k = PARTIES.index("challenger")
    assert await play.games(number) == ["claim", "contest", "assert", f"reveal/{k}", f"refute/{k}", "contested_payout"]


async def test_a_proof_made_at_an_old_checkpoint_is_paid_for_ever(ice: Ice, tmp_path: Path) -> None:
    """A record does not go away: the ledger has moved on by three checkpoints when the claim is made, and it is contested."""
    async with scene(ice, tmp_path, lender='release = "manual"') as play:
        claim = graph("borrower", 3)
        await play.ask("borrower", "loan.tender", slot=3)
        await play.until_record(3, "withdraw")
        at, old = await proof_now(play, "borrower", 3, "withdraw")
        for number, cents in enumerate((1_000, 2_000, 3_000), start=1):
            await play.ask("borrower", "loan.repay", cents=cents)
            assert await final(play, "challenger") >= at + number
        said = await play.ask("borrower", "vault.claim", graph=claim, proof=old.hex())
        assert said["source"] == "given, verified"
        await play.until_phase(claim, "claimed", 3)
        await contested(play, claim)
        await play.until_closed(3)
        again = await play.theatre.borrower.call("vault.claim", id=ice.vault, graph=claim)
        assert (again["outcome"], again["proof"]) == ("duplicate", old.hex())
        await play.exact(borrower=-SHARE - 6_000, lender=SHARE + 6_000)


async def test_a_claim_on_what_was_true_once_loses_its_bond(ice: Ice, tmp_path: Path) -> None:
    """The slot was a liquidator's to buy at an old checkpoint; now it is the lender's, whose proof is of no use to another."""
    async with scene(ice, tmp_path) as play:
        true, false = graph("lender", 0), graph("liquidator-1", 0)
        await play.price(EDGE - 1)
        assert [row["slot"] for row in (await play.loan())["slots"] if not row["outcome"]] == [*range(SLOTS)]
        await play.refused("liquidator-1", "vault.claim", "outcome.record", graph=false)
        await play.price(FIRST)
        await play.skip(MATURITY + GRACE)
        await play.theatre["keeper"].call(
            "money.mint", ledger=ice.ledger, identity=await play.watch.identity("lender"), cents=MORE
        )
        await play.ask("lender", "loan.default", slot=0)
        await play.until_record(0, "default")
        await play.refused("liquidator-1", "vault.claim", "outcome.record", graph=false)
        _, proof = await proof_now(play, "lender", 0, "default")
        await play.refused("liquidator-1", "vault.claim", "valid for another statement", graph=false, proof=proof.hex())
        await play.ask("liquidator-1", "vault.claim", graph=false, proof=proof.hex(), knowingly_false=True)
        await play.until_phase(true, "paid", 40)
        await play.until_phase(false, "disproved", 60)
        await play.until_closed(0)
        assert await play.games(true) == ["claim", "uncontested_payout"]
        await play.exact(lender=MORE)


# ---- dear blocks ---------------------------------------------------------------------------------------------------------
DEAR = 20
"""sat/vB. The presigned transactions pay 1."""
P2A = bytes.fromhex("51024e73")


async def asks(play: Scene, rate: int) -> None:
    """The chain takes nothing below so many sat/vB from now on."""
    chain = play.theatre.chain
    assert not await chain.call("getrawmempool"), "a stopped chain forgets what waits"
    await chain.stop()
    chain.options = (f"-minrelaytxfee={rate / 100_000:.8f}",)
    await chain.start()
    await play.watch.calm()


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A mined transaction that spent an anchor: whose, who paid, and sats and sat/vB that both pay together."""

    parent: str
    payer: str
    fee: int
    rate: float


async def children(play: Scene) -> list[Child]:
    """Read from the blocks and the wallets, nothing else."""
    chain, mined = play.theatre.chain, dict[bytes, CTransaction]()
    for height in range(1, play.theatre.height + 1):
        raw = await chain.call("getblock", await chain.call("getblockhash", height), 0)
        mined |= {bytes(tx.GetTxid()): tx for tx in CBlock.deserialize(bytes.fromhex(raw)).vtx}
    spender = {(bytes(i.prevout.hash), i.prevout.n): txid for txid, tx in mined.items() for i in tx.vin}
    owner = {
        (bytes.fromhex(coin["txid"])[::-1], coin["vout"]): name
        for name in PARTIES
        for coin in await play.theatre[name].call("wallet.coins")
    }
    names = {tx["txid"]: tx["name"] for tx in (await play.vault())["transactions"]}

    def fee(tx: CTransaction) -> int:
        spent = [mined[bytes(i.prevout.hash)].vout[i.prevout.n].nValue for i in tx.vin]
        return int(sum(spent) - sum(out.nValue for out in tx.vout))

    def payer(txid: bytes) -> str:
        """Whose the change is; where it is spent again, another child of the same wallet spent it."""
        return owner.get((txid, 0)) or payer(spender[txid, 0])

    found = []
    for txid, tx in mined.items():
        for spent in (i.prevout for i in tx.vin if not tx.is_coinbase()):
            parent = mined[bytes(spent.hash)]
            if bytes(parent.vout[spent.n].scriptPubKey) == P2A:
                vsize = sum(-(-each.calc_weight() // 4) for each in (parent, tx))
                name = names.get(bytes(spent.hash)[::-1].hex(), "another")
                rate = (fee(parent) + fee(tx)) / vsize
                found.append(Child(parent=name, payer=payer(txid), fee=fee(tx), rate=rate))
    return found


async def test_when_blocks_become_dear_in_a_dispute_children_pay_and_every_deadline_is_met(
    ice: Ice, tmp_path: Path
) -> None:
    """From the claim on the chain asks for twenty times what was presigned: the game and its end are the same."""
    async with scene(ice, tmp_path) as play:
        claim, k = graph("liquidator-1", 0), PARTIES.index("challenger")
        await play.price(EDGE - 1)
        await play.ask("liquidator-1", "loan.liquidate", slot=0)
        await play.until_record(0, "liquidate")
        paid = (await play.slot(0))["paid"]
        await play.until_phase(claim, "claimed", 5)
        assert not await children(play)
        await asks(play, DEAR)
        await contested(play, claim)
        await play.until_closed(0)
        for _ in range(8):  # bonds and stakes come home, dear too
            await play.watch.mine()
            if not await play.theatre.chain.call("getrawmempool"):
                break
        paying = await children(play)
        assert all(child.rate >= DEAR for child in paying), paying
        by = {child.parent: child.payer for child in paying}
        mine, theirs = ("assert", f"refute/{k}", "contested_payout"), ("contest", f"reveal/{k}")
        assert all(by[f"{claim}/{name}"] == "liquidator-1" for name in mine[:2]), by
        assert all(by[f"{claim}/{name}"] == "challenger" for name in theirs), by
        assert f"{claim}/{mine[2]}" in by
        fees = [sum(ANCHOR - child.fee for child in paying if child.payer == name) for name in PARTIES]
        play.ice = replace(ice, before=[sats + more for sats, more in zip(ice.before, fees, strict=True)])
        await play.exact(lender=paid, liquidator_1=-paid)


# ---- a signer that never answers -----------------------------------------------------------------------------------------
SILENT = "challenger"
HOMEWARD = 124
"""vB of what takes a bond or stake back: one coin, one output, an anchor. It pays 1 sat/vB."""
PATIENCE = 120.0
"""Seconds, for what takes two to ten when nobody else uses the machine."""


async def heard(play: Scene, vault: str, names: tuple[str, ...], stage: str) -> list[dict[str, Any]]:
    """What these parties say of a vault once it is at a stage for all of them; nobody waits for those who are away."""
    async with asyncio.timeout(PATIENCE):
        while True:
            shows = await each([play.theatre[name] for name in names], "vault.show", id=vault)
            if all(shown["stage"] == stage for shown in shows):
                return shows
            await asyncio.sleep(0.1)


async def staked(play: Scene) -> tuple[str, set[str]]:
    """A second vault that everybody has agreed to, and everybody's Stakes, in the mempool."""
    vault = await propose(play.watch, play.ice.ledger, slots=1, cents=20_000, graphs=(("lender", "default", 0),))
    for name in PARTIES[1:]:
        await play.theatre[name].call("vault.accept", id=vault)
    return vault, await waiting(play, len(PARTIES))


async def waiting(play: Scene, count: int) -> set[str]:
    """What waits for a block, once it is as much."""
    async with asyncio.timeout(PATIENCE):
        while len(found := set(await play.theatre.chain.call("getrawmempool"))) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return found


async def came_home(play: Scene, vault: str, **more: int) -> None:
    """The setup is over for everybody: it has cost the fees of Stakes and of its way back, and `more` sats of somebody."""
    shows = await heard(play, vault, PARTIES, "aborted")
    assert {row["name"] for shown in shows for row in shown["transactions"]} == {"stakes"}
    fees = [shown["transactions"][0]["fee"] + ANCHOR + HOMEWARD + ANCHOR for shown in shows]
    had = zip(PARTIES, play.ice.before, fees, strict=True)
    play.ice = replace(play.ice, before=[sats - fee - more.get(name, 0) for name, sats, fee in had])
    await play.exact()
    for name in PARTIES:
        coins = await play.theatre[name].call("wallet.coins")
        assert not [coin for coin in coins if vault in (coin["reserved_for"] or "")]


async def test_a_signer_that_never_answers_ends_the_setup_and_nothing_is_funded(
    ice: Ice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed when its Stakes are out. The others name it; later it is there again, and everybody is quiet."""
    monkeypatch.setenv("BITVM3_POLICY__SETUP_PATIENCE_SECONDS", "8")
    async with scene(ice, tmp_path) as play:
        chain = play.theatre.chain
        second, posted = await staked(play)
        await play.theatre[SILENT].kill()
        await chain.call("generatetoaddress", 4, MINER)
        play.theatre.height += 4
        others = tuple(name for name in PARTIES if name != SILENT)
        k = PARTIES.index(SILENT)
        for shown in await heard(play, second, others, "aborted"):
            assert f"party {k} (challenger {play.watch.known(SILENT)[:16]}) owes " in shown["end"], shown["end"]
        await play.theatre[SILENT].start()
        await play.theatre.meet()
        async with asyncio.timeout(PATIENCE):
            await play.watch.calm()
        shows = await heard(play, second, PARTIES, "aborted")
        assert {row["txid"] for shown in shows for row in shown["transactions"]} == posted
        await came_home(play, second)


async def stepped(play: Scene, vault: str, names: tuple[str, ...]) -> None:
    """The silent one runs in short steps until these have all its partial signatures, and no further: it never says ready."""
    process, k = play.theatre[SILENT].process, PARTIES.index(SILENT)
    assert process is not None
    async with asyncio.timeout(PATIENCE):
        while True:
            shows = await each([play.theatre[name] for name in names], "vault.show", id=vault)
            seen = [shown["progress"][k]["stage"] for shown in shows]
            if set(seen) == {"ready"}:
                return
            assert "live" not in seen, "it has said ready"
            signing = "partials" in (shown["stage"] for shown in shows)
            process.send_signal(signal.SIGCONT)
            await asyncio.sleep(0.02)
            if signing:
                process.send_signal(signal.SIGSTOP)


async def test_who_has_said_ready_is_freed_by_the_borrower_when_another_one_never_says_it(
    ice: Ice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed after its partial signatures. The borrower takes a coin of PreFund back; that block ends it for all, twice."""
    monkeypatch.setenv("BITVM3_POLICY__SETUP_PATIENCE_SECONDS", "15")
    async with scene(ice, tmp_path) as play:
        chain, bound = play.theatre.chain, tuple(name for name in PARTIES if name not in ("borrower", SILENT))
        second, _ = await staked(play)
        await chain.call("generatetoaddress", 4, MINER)
        play.theatre.height += 4
        await stepped(play, second, ("borrower", *bound))
        await play.theatre[SILENT].kill()
        (ended,) = await heard(play, second, ("borrower",), "aborted")
        k = PARTIES.index(SILENT)
        assert f"party {k} (challenger {play.watch.known(SILENT)[:16]}) owes ready/{k}" in ended["end"], ended["end"]
        await heard(play, second, bound, "ready")
        await waiting(play, 2)  # the coin of PreFund, and the borrower's stake
        for lost in (False, True):  # the block that frees them leaves the chain once
            await chain.call("generatetoaddress", 1, MINER)
            for shown in await heard(play, second, bound, "aborted"):
                assert "spends an input of PreFund elsewhere" in shown["end"], shown["end"]
            if not lost:
                at = await chain.call("getbestblockhash")
                await chain.call("invalidateblock", at)
                await chain.call("generateblock", MINER, [])
                await heard(play, second, bound, "ready")
        play.theatre.height += 2
        await play.theatre[SILENT].start()
        await play.theatre.meet()
        await play.skip(4)
        await came_home(play, second, borrower=HOMEWARD + ANCHOR)
