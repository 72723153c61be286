"""`bitvm3 ledger` and `bitvm3 attestor` as people use them: a keeper, two attestors and a follower as processes, real proofs of
the real statement (two events a proof), the mistakes people make, and kill -9 at random moments.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from node.demo.processes import ChainProcess, DaemonProcess
from node.demo.stage import MINER
from node.proving import Statement
from tests.functional.reaper import stubborn
from tests.functional.test_cli import Said, bitvm3
from tests.proving_kit import TWO, keys

pytestmark = [pytest.mark.functional, pytest.mark.timeout(400)]

VAULT, OWNER, LENDER, PAYER, TEMPLATE = (f"{n:02x}" * 32 for n in range(1, 6))
PRICE = 6_000_000
OUTCOME = Statement(name="outcome", batch=0)
PATIENCE = 120.0
SETTINGS = '\n[attestor]\npolicy = "{policy}"\ncoins = "unlinked"\n\n[prices]\nsources = [{{ kind = "manual", name = "own" }}]\n'
KILLS = 8


@dataclass
class Bank:
    """A chain and four daemons; everybody knows everybody."""

    folder: Path
    chain: ChainProcess = field(init=False)
    daemons: dict[str, DaemonProcess] = field(default_factory=dict)
    ledger: str = ""

    async def open(self, **policies: str) -> None:
        self.chain = ChainProcess("sandbox", self.folder / "chain")
        await self.chain.start()
        await self.chain.call("generatetoaddress", 3, MINER)
        for name in ("keeper", "ann", "bob", "fay"):
            daemon = self.daemons[name] = DaemonProcess(name, self.folder / name, self.chain)
            daemon.write_config()
            with daemon.config.open("a") as file:
                file.write(SETTINGS.format(policy=policies.get(name, "auto")))
        keys(self.folder / "keeper" / "proving", TWO)
        await asyncio.gather(*(daemon.start() for daemon in self.daemons.values()))
        infos = {name: await daemon.call("node.info") for name, daemon in self.daemons.items()}
        for name, daemon in self.daemons.items():
            for other, info in infos.items():
                if other != name:
                    await daemon.call("peer.connect", identity=info["identity"], address=info["address"])
        for name in ("keeper", "ann", "bob"):
            await self.daemons[name].call("attestor.price", cents=PRICE)

    async def final(self, seq: int, *names: str) -> dict[str, Any]:
        """What everybody (or these) shows once they stand on a checkpoint."""
        shown: dict[str, Any] = {}

        async def look(name: str) -> None:
            while True:
                shown[name] = await stubborn(lambda: self.daemons[name].call("ledger.show", ledger=self.ledger))
                if shown[name]["seq"] >= seq:
                    return
                await asyncio.sleep(0.1)

        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*(look(name) for name in names or self.daemons))
        except TimeoutError:
            raise AssertionError(f"seq {seq} is not final: {json.dumps(shown, indent=1)[:4000]}") from None
        return shown

    async def close(self) -> None:
        await asyncio.gather(*(daemon.stop() for daemon in self.daemons.values()), return_exceptions=True)
        await self.chain.stop()


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Bank]:
    made = Bank(tmp_path)
    try:
        yield made
    finally:
        await made.close()


async def a_genesis(bank: Bank, *options: str) -> Said:
    """What a keeper does with the files that the attestors sent."""
    files = []
    for name in ("ann", "bob"):
        said = await bitvm3(bank.daemons[name], "attestor", "key", "--json")
        assert said.status == 0, said.err
        files.append(bank.folder / f"{name}.json")
        files[-1].write_text(said.out)
    attestors = [argument for file in files for argument in ("--attestor", str(file))]
    return await bitvm3(
        bank.daemons["keeper"], "ledger", "genesis", str(bank.folder / "ledger.json"), *attestors, *options
    )


async def opened(bank: Bank) -> None:
    """The genesis, open everywhere."""
    said = await a_genesis(bank, "--threshold", "2")
    assert said.status == 0, said.err
    for name, daemon in bank.daemons.items():
        said = await bitvm3(daemon, "ledger", "open", str(bank.folder / "ledger.json"), "--json")
        role = {"keeper": "keeper", "fay": "follower"}.get(name, "attestor")
        assert said.value["roles"] == [role] and said.value["seq"] == 0
        bank.ledger = said.value["ledger"]


def loan(**changes: Any) -> str:
    event = {
        "kind": "open", "vault": VAULT, "owner": OWNER, "lender": LENDER, "sats": [500_000, 500_000], "cents": 28_000,
        "maturity": 1_000, "last_record": 2_000,
    }  # fmt: skip
    return json.dumps({**event, **changes})


async def metrics(daemon: DaemonProcess) -> str:
    """What a monitoring system reads."""
    user, _, password = (daemon.folder / "rpc.cookie").read_text().partition(":")
    headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
    address = (daemon.folder / "rpc.address").read_text()
    async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{address}/metrics") as answer:
        return await answer.text()


async def seen(look: Callable[[], Awaitable[list[int]]], wanted: list[int]) -> None:
    """Look again and again until this is shown."""
    async with asyncio.timeout(PATIENCE):
        while await look() != wanted:  # noqa: ASYNC110 - a command asks, nothing tells
            await asyncio.sleep(0.2)


async def test_a_ledger_by_hand(bank: Bank) -> None:
    await bank.open(bob="manual")
    keeper, ann, bob, fay = (bank.daemons[name] for name in ("keeper", "ann", "bob", "fay"))

    # a genesis, first with what people get wrong
    for options, message in (
        (("--threshold", "3"), "threshold: expected 1 to 2, came 3"),
        (("--threshold", "2", "--keeper", "ab" * 31), "keeper"),
        (("--threshold", "2", "--key", "ab" * 32), "bitvm3 setup"),
    ):
        said = await a_genesis(bank, *options)
        assert said.status in (1, 2) and message in said.err, said.err
    missing = await bitvm3(keeper, "ledger", "genesis", "x.json", "--attestor", "none.json", "--threshold", "1")
    assert missing.status == 1 and "none.json" in missing.err
    await opened(bank)
    again = await bitvm3(ann, "ledger", "genesis", str(bank.folder / "ledger.json"), "--attestor",
                         str(bank.folder / "ann.json"), "--threshold", "1")  # fmt: skip
    assert again.status == 1 and "proving key" in again.err and "setup" in again.err
    broken = bank.folder / "broken.json"
    genesis = json.loads((bank.folder / "ledger.json").read_text())
    for change, message in (
        ({"network": "00" * 32}, "belongs to one chain"),
        ({"threshold": 9}, "threshold"),
        ({"transition_key": "00" * 32}, "which the genesis names"),
    ):
        broken.write_text(json.dumps({**genesis, "genesis": {**genesis["genesis"], **change}}))
        said = await bitvm3(fay, "ledger", "open", str(broken))
        assert said.status == 1 and message in said.err, said.err
    broken.write_text("{}")
    assert "bitvm3 ledger genesis" in (await bitvm3(fay, "ledger", "open", str(broken))).err

    # events, first with what people get wrong
    short = bank.ledger[:8]
    wrong = [
        (("post", short, "nonsense.json"), 1, "nonsense.json"),
        (("post", short, "{"), 1, "bitvm3 ledger post --help"),
        (("post", short, '{"kind": "lend"}'), 1, "expected one of accrue, mark_price, open"),
        (("post", short, loan(cents="28000")), 1, "cents"),
        (("post", short, loan(vault="ab")), 1, "event.vault: expected 32 bytes as 64 hex digits"),
        (("post", short, loan()), 1, "open.fresh"),
        (("post", "deadbeef", "[]"), 2, "events"),
        (("show", "deadbeef"), 1, "bitvm3 ledger list"),
        (("seal", short), 1, "bitvm3 ledger post"),
        (("position", short, VAULT), 1, "bitvm3 ledger show"),
        (("entry", short), 1, "none yet"),
    ]
    told = await asyncio.gather(*(bitvm3(keeper, "ledger", *arguments) for arguments, _, _ in wrong))
    for said, (arguments, status, message) in zip(told, wrong, strict=True):
        assert said.status == status and message in said.err, (arguments, said.err)
    stranger = await bitvm3(fay, "ledger", "accrue", short)
    assert stranger.status == 1 and "Ask the keeper" in stranger.err

    await bank.chain.call("generatetoaddress", 1, MINER)
    for arguments in (("accrue", short), ("price", short)):
        assert (await bitvm3(keeper, "ledger", *arguments)).status == 0
    steep = await bitvm3(keeper, "ledger", "post", short, loan(cents=30_001))
    assert steep.status == 1 and "open.ltv" in steep.err and "30001" in steep.err
    posted = await bitvm3(keeper, "ledger", "post", short, loan(), "--json")
    assert posted.value["seq"] == 3 and posted.value["waiting"] == 1, "two filled a batch and were sealed"
    assert (await bitvm3(keeper, "ledger", "seal", short)).status == 0

    # bob's operator looks, and approves
    async def waiting() -> list[int]:
        return [row["seq"] for row in (await bitvm3(bob, "attestor", "show", "--json")).value["waiting"]]

    await seen(waiting, [2])
    assert (await bank.final(0, "keeper"))["keeper"]["seq"] == 0
    assert (await bitvm3(bob, "attestor", "approve", short, "7")).status == 1
    assert (await bitvm3(bob, "attestor", "approve", short, "2")).status == 0
    await bank.final(2)
    await seen(waiting, [3])
    assert (await bitvm3(bob, "attestor", "approve", short, "3")).status == 0
    shown = await bank.final(3)
    assert len({view["root"] for view in shown.values()}) == 1
    assert shown["fay"]["proofs_verified"] == 2 and not shown["fay"]["equivocations"]
    assert shown["fay"]["principal"] == 28_000

    figures = await metrics(fay)
    assert f'bitvm3_ledger_seq{{ledger="{bank.ledger[:16]}"}} 3.0' in figures
    assert f'bitvm3_ledger_proofs_verified{{ledger="{bank.ledger[:16]}"}} 2.0' in figures

    # a lender at the follower's node, an auditor with files
    position = await bitvm3(fay, "ledger", "position", short, VAULT, "--json")
    assert position.value["debt"] == 28_000 and position.value["collateral"] == 1_000_000
    assert [slot["state"] for slot in position.value["slots"]] == ["open", "open"]
    table = await bitvm3(fay, "ledger", "position", short, VAULT)
    assert "debt" in table.out and "28000" in table.out and "frees_for" in table.out
    files = str(bank.folder / "audit")
    entry = await bitvm3(fay, "ledger", "entry", short, "2", "--files", files)
    assert entry.status == 0 and "bitvm3 proof verify" in entry.err
    verify = ["proof", "verify", "--key", f"{files}.vk", "--proof", f"{files}.proof", "--public", f"{files}.public"]
    valid = await bitvm3(fay, *verify)
    assert valid.status == 0, valid.err
    public = bank.folder / "audit.public"
    public.write_text(json.dumps([str(int(json.loads(public.read_text())[0]) ^ 1)]))
    assert (await bitvm3(fay, *verify)).status == 1


async def test_a_follower_proves_what_a_slots_record_says(bank: Bank) -> None:
    await bank.open()
    await opened(bank)
    keeper, fay, short = bank.daemons["keeper"], bank.daemons["fay"], bank.ledger[:8]
    vault = {"vault": VAULT}
    story: list[dict[str, Any]] = [
        {"kind": "accrue"}, {"kind": "mark_price"}, json.loads(loan()), {"kind": "tender", **vault},
        {"kind": "withdraw", **vault, "how": 1, "template": TEMPLATE},
    ]  # fmt: skip
    await bank.chain.call("generatetoaddress", 1, MINER)
    await keeper.call("node.wait", height=await bank.chain.call("getblockcount"))
    await keeper.call("ledger.post", ledger=bank.ledger, events=story)
    await keeper.call("ledger.seal", ledger=bank.ledger)
    await bank.final(len(story))
    right = ("ledger", "claim", short, VAULT, "1", "withdraw", "--claimant", OWNER, "--template", TEMPLATE)
    no_key = await bitvm3(fay, *right)
    assert no_key.status == 1 and "bitvm3 setup run outcome" in no_key.err
    keys(bank.folder / "fay" / "proving", OUTCOME)
    wrong = [
        ((*right[:4], "0", *right[5:]), "outcome.record"),  # an open slot proves nothing
        ((*right[:5], "default", *right[6:]), "outcome.record"),
        ((*right[:7], LENDER, *right[8:]), "outcome.record"),
        ((*right[:9], PAYER), "outcome.record"),
        ((*right[:3], PAYER, *right[4:]), "with a position"),
    ]
    for said, (_, rule) in zip(await asyncio.gather(*(bitvm3(fay, *each) for each, _ in wrong)), wrong, strict=True):
        assert said.status == 1 and rule in said.err, said.err
    files = str(bank.folder / "claim")
    claimed = await bitvm3(fay, *right, "--files", files, "--json")
    assert claimed.value["seq"] == len(story)
    valid = await bitvm3(
        fay, "proof", "verify", "--key", f"{files}.vk", "--proof", f"{files}.proof", "--public", f"{files}.public"
    )
    assert valid.status == 0, valid.err
    assert (await bitvm3(fay, *right, "--json")).value == claimed.value, "made once, kept"


async def test_kill_9_of_keeper_attestors_and_follower(bank: Bank) -> None:
    seed = int(os.environ.get("BITVM3_KILL_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
    print(f"BITVM3_KILL_SEED={seed}")
    chance = random.Random(seed)
    await bank.open()
    await opened(bank)
    keeper = bank.daemons["keeper"]
    goal, struck = 0, 0
    for number in range(4):
        await bank.chain.call("generatetoaddress", 1, MINER)
        events: list[dict[str, Any]] = [{"kind": "accrue"}]
        if number == 0:
            events = [{"kind": "accrue"}, {"kind": "mark_price"}, json.loads(loan())]
        else:
            events += [{"kind": "repay", "vault": VAULT, "cents": 100 + number}] * 2
        goal += len(events)

        async def post(events: list[dict[str, Any]] = events, goal: int = goal) -> None:
            shown = await keeper.call("ledger.show", ledger=bank.ledger)
            height = (await keeper.call("node.info"))["height"]
            if shown["posted"]["seq"] < goal and height == await bank.chain.call("getblockcount"):
                await keeper.call("ledger.post", ledger=bank.ledger, events=events)
            shown = await keeper.call("ledger.show", ledger=bank.ledger)
            if shown["waiting"]:
                await keeper.call("ledger.seal", ledger=bank.ledger)
            if shown["posted"]["seq"] < goal:
                raise TimeoutError

        work = asyncio.ensure_future(stubborn(post))
        while struck < KILLS * (number + 1) // 4:
            await asyncio.sleep(chance.uniform(0, 1.2))
            victim = chance.choice(list(bank.daemons.values()))
            await victim.kill()
            await victim.start()
            struck += 1
        await work
    shown = await bank.final(goal)
    assert struck == KILLS
    assert len({view["root"] for view in shown.values()}) == 1 and {view["seq"] for view in shown.values()} == {goal}
    assert all(not view["equivocations"] and not view["other_histories"] for view in shown.values())
    assert all(not view["faults_of_peers"] for view in shown.values())
    position = await bank.daemons["fay"].call("ledger.position", ledger=bank.ledger, vault=VAULT)
    assert position["nonce"] == 7, "every repayment once"
