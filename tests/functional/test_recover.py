"""P10, with Bitcoin Core and nothing else: docs/recover.py finds keys in a backup, Core's own calls find and take the coins.

Runs on bitcoind only (the sandbox has no descriptors). No wallet is needed there, as docs/recover.md promises.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from native._native import tapscript
from native._native.keys import WalletKeys
from node.chain.jsonrpc import Refusal
from node.keys import Kdf, Keys
from tests.functional.chain_fixture import OTHER, OTHER_ADDRESS, Backend, start_backend
from tests.unit.docs.test_recover import Ours, babe_kit, load, locks_of, plain
from tests.vault_kit import BORROWER, LENDER, make_proposal
from vault.graph import derive

pytestmark = pytest.mark.functional

PASSPHRASE = b"a passphrase for a test"
FEE = 1_000
ANY = 0xFFFFFFFD


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[Backend]:
    running = await start_backend("bitcoind", tmp_path)
    yield running
    await running.close()


async def taken(core: Backend, script: ModuleType, descriptor: str, sequence: int, preimage: bytes = b"") -> str | None:
    """Find the descriptor's only coin and sign it away, by Core's calls; the raw transaction, or None: Core cannot."""
    private = [{"desc": descriptor + script.checksum(descriptor), "range": 50}]
    found = (await core.call("scantxoutset", "start", private))["unspents"]
    assert len(found) == 1
    value = f"{Decimal(str(found[0]['amount'])) - Decimal(FEE) / 10**8:.8f}"
    inputs = [{"txid": found[0]["txid"], "vout": found[0]["vout"], "sequence": sequence}]
    psbt = await core.call("createpsbt", inputs, json.loads(f'{{"{OTHER_ADDRESS}": "{value}"}}'))
    if preimage:
        assert not (await core.call("descriptorprocesspsbt", psbt, private))["complete"]
        psbt = script.with_preimage(await core.call("utxoupdatepsbt", psbt), preimage)
    signed = await core.call("descriptorprocesspsbt", psbt, private)
    return str(signed["hex"]) if signed["complete"] else None


async def test_bitcoin_core_takes_every_coin_from_the_backup_alone(core: Backend, tmp_path: Path) -> None:
    script = load("recover")
    keys = Keys.open(tmp_path / "keys", PASSPHRASE, kdf=Kdf(memory_kib=64, iterations=1))
    seed = script.master_seed((tmp_path / "keys" / "master.sealed").read_bytes(), PASSPHRASE)
    kit = Ours(proposal=make_proposal(), name="recover")
    terms = kit.with_own(keys, BORROWER)
    templates, times = derive(terms, kit.points).templates, terms.proposal.timelocks
    lines = {what.partition(",")[0]: text for what, text in script.vault_lines(seed, plain(terms), BORROWER, {})}
    bond, refund, slots = (
        lines["bonds and stakes not played with"],
        lines["Refund of slot 0"],
        [lines[f"Repay (with r) and DeadMan of slot {s}"] for s in (0, 1)],
    )
    coin, deposit = templates["vault"].outputs, templates["prefund"].outputs
    wallet = WalletKeys(keys.wallet_seed, coin_type=1)
    owned = [
        b"\x51\x20" + wallet.output_key(0, 5),
        terms.bond(0).script_pubkey,
        deposit[0].script_pubkey,
        coin[0].script_pubkey,
        coin[1].script_pubkey,
    ]
    for output in owned:
        await core.call("generatetoaddress", 1, tapscript.address(output, "regtest"))
    await core.call("generatetoaddress", 100, OTHER_ADDRESS)
    ways: list[tuple[str, str, int, bytes]] = [
        ("wallet", script.wallet_descriptors(seed)[0], ANY, b""),
        ("bond", bond, ANY, b""),
        ("Refund", refund, times.refund, b""),
        ("Repay", slots[0], ANY, kit.r(0)),
    ]
    for _, descriptor, sequence, preimage in ways:
        await core.call("sendrawtransaction", await taken(core, script, descriptor, sequence, preimage), 0)
    # DeadMan: this coin is the youngest, and one block short of its age it is refused
    raw = await taken(core, script, slots[1], times.dead_man)
    missing = times.dead_man - 101  # confirmations: its own block and a hundred more
    await core.call("generatetoaddress", missing - 1, OTHER_ADDRESS)
    with pytest.raises(Refusal, match="non-BIP68-final"):
        await core.call("sendrawtransaction", raw, 0)
    await core.call("generatetoaddress", 1, OTHER_ADDRESS)
    await core.call("sendrawtransaction", raw, 0)
    mined = await core.call("generatetoaddress", 1, OTHER_ADDRESS)
    block: dict[str, Any] = await core.call("getblock", mined[0], 2)
    assert {out["scriptPubKey"]["hex"] for tx in block["tx"][1:] for out in tx["vout"]} == {OTHER.hex()}
    assert len((await core.call("scantxoutset", "start", [f"raw({owned[4].hex()})"]))["unspents"]) == 0


async def test_bitcoin_core_takes_what_engine_babe_leaves_behind(core: Backend, tmp_path: Path) -> None:
    script = load("recover")
    keys = Keys.open(tmp_path / "keys", PASSPHRASE, kdf=Kdf(memory_kib=64, iterations=1))
    seed = script.master_seed((tmp_path / "keys" / "master.sealed").read_bytes(), PASSPHRASE)
    kit, times = babe_kit(), babe_kit().proposal.timelocks
    lender, borrower = kit.with_own(keys, LENDER), kit.with_own(keys, BORROWER)
    of_lender = dict(script.vault_lines(seed, plain(lender), LENDER, locks_of(kit)))
    of_borrower = dict(script.vault_lines(seed, plain(borrower), BORROWER, locks_of(kit)))
    stake = of_lender["bonds and stakes not played with, and nothing else of this key path"]
    (back,) = [text for what, text in of_lender.items() if what.startswith("StakeBack")]
    arena = of_borrower[f"unused arena of challenger {LENDER} in graph 0"]
    leaf, control = map(bytes.fromhex, of_borrower[f"its leaf, SCRIPT CONTROL, for arena {LENDER} of graph 0"].split())
    refute = derive(lender, kit.points).templates[f"0/reveal/{LENDER}"].outputs[0].script_pubkey
    for output in (lender.stake(0, LENDER).script_pubkey, refute, bytes.fromhex(arena[4:-1])):
        await core.call("generatetoaddress", 1, tapscript.address(output, "regtest"))
    await core.call("generatetoaddress", 100, OTHER_ADDRESS)  # older than every delay but a dead man's
    await core.call("sendrawtransaction", await taken(core, script, stake, ANY), 0)
    early = await taken(core, script, back, times.refute + times.margin - 1)
    assert early is None, "the leaf asks for its delay"
    await core.call("sendrawtransaction", await taken(core, script, back, times.refute + times.margin), 0)
    # the arena: no descriptor says its other leaf, so the leaf goes into the PSBT
    found = (await core.call("scantxoutset", "start", [arena]))["unspents"]
    value = f"{Decimal(str(found[0]['amount'])) - Decimal(FEE) / 10**8:.8f}"
    inputs = [{"txid": found[0]["txid"], "vout": found[0]["vout"], "sequence": times.bond_release}]
    psbt = await core.call("createpsbt", inputs, json.loads(f'{{"{OTHER_ADDRESS}": "{value}"}}'))
    psbt = script.with_leaf(await core.call("utxoupdatepsbt", psbt), leaf, control)
    own = of_borrower["bonds and stakes not played with, and nothing else of this key path"]
    signed = await core.call("descriptorprocesspsbt", psbt, [own + script.checksum(own)])
    assert signed["complete"]
    await core.call("sendrawtransaction", signed["hex"], 0)
    mined = await core.call("generatetoaddress", 1, OTHER_ADDRESS)
    assert len((await core.call("getblock", mined[0], 1))["tx"]) == 4
