"""Outputs commit to exactly the leaves of the protocol; trees and addresses agree with two other implementations."""

from __future__ import annotations

import pytest
from bitcoinutils.keys import PublicKey
from bitcoinutils.script import Script
from bitcoinutils.setup import setup
from bitcoinutils.utils import ControlBlock

from bitcoin_scripts import outputs
from bitcoin_scripts.faults import ScriptFault
from bitcoin_scripts.outputs import Leaf, Output, Preimage, RawOutput, Sign
from bitcoin_scripts.transaction import leaf_depth
from native._native import tapscript
from tests.models import secp256k1 as model
from tests.vault_kit import Kit, kit, scalar, secret

KIT, BABE_KIT = kit(challengers=3), kit(engine="babe")


def taproot(vault: Kit) -> dict[str, Output]:
    """Every output of a vault that has an internal key, also the coins that come in."""
    templates = vault.graph.templates.values()
    every = [o for t in templates for o in (*t.outputs, *(i.spends for i in t.inputs))]
    return {o.role: o for o in every if isinstance(o, Output)}


TAPROOT, BABE_TAPROOT = taproot(KIT), taproot(BABE_KIT)
NEW = [role for role in BABE_TAPROOT if role.startswith(("0/arena", "0/stake", "0/refute", "0/no_payout"))]
EVERY = [*((TAPROOT, r) for r in TAPROOT if r[0] in "pvb0"), *((BABE_TAPROOT, r) for r in NEW)]


def halves(leaves: list[bytes], leaf):
    """The nested list the other library wants."""
    if len(leaves) == 1:
        return leaf(leaves[0])
    middle = -(-len(leaves) // 2)
    return [halves(leaves[:middle], leaf), halves(leaves[middle:], leaf)]


@pytest.mark.parametrize(("found", "role"), EVERY, ids=[role for _, role in EVERY])
def test_keys_roots_and_control_blocks_agree_with_the_model(found: dict[str, Output], role: str) -> None:
    output = found[role]
    leaves = [leaf.script for leaf in output.leaves]
    root = model.node_hash(model.halves(leaves)) if leaves else b""
    assert output.merkle_root == root
    assert output.script_pubkey == b"\x51\x20" + model.output_key(output.internal_key, root)[1:]
    for leaf in output.leaves:
        assert output.control_block(leaf.name) == model.control_block(output.internal_key, leaves, leaf.script)


SOME = [
    *((TAPROOT, r) for r in ("prefund/0", "vault/1", "0/bond", "0/contest", "0/payout", "0/verdict", "0/arena/2")),
    *((BABE_TAPROOT, r) for r in ("0/stake/1", "0/refute/2")),
]


@pytest.mark.parametrize(("found", "role"), SOME, ids=[role for _, role in SOME])
def test_addresses_and_control_blocks_agree_with_bitcoinutils(found: dict[str, Output], role: str) -> None:
    setup("regtest")
    output = found[role]
    leaves = [leaf.script for leaf in output.leaves]
    internal = PublicKey("02" + output.internal_key.hex())
    raw = {leaf: Script.from_raw(leaf.hex()) for leaf in leaves}
    assert all(bytes.fromhex(parsed.to_hex()) == leaf for leaf, parsed in raw.items())
    tree = (
        [halves(leaves, raw.__getitem__)] if len(leaves) == 1 else halves(leaves, raw.__getitem__) if leaves else None
    )
    address = internal.get_taproot_address(tree)
    assert address.to_string() == tapscript.address(output.script_pubkey, "regtest")
    for index, leaf in enumerate(output.leaves):
        block = ControlBlock(internal, tree, index, is_odd=address.is_odd())
        assert block.to_hex() == output.control_block(leaf.name).hex()


def test_the_leaves_are_those_of_the_protocol() -> None:
    named = {role: [leaf.name for leaf in output.leaves] for role, output in TAPROOT.items()}
    assert named["prefund/0"] == ["vault", "refund"]
    assert named["vault/0"] == ["repay", "dead_man"]
    assert named["0/bond"] == []
    assert named["0/contest"] == ["timeout", "contest/1", "contest/2", "contest/3", "contest/4", "release"]
    assert named["0/payout"] == ["settle", "release"]
    assert named["0/assertion"] == ["digits", "timeout"]
    assert named["0/verdict"] == ["timeout"]
    assert named["0/arena/1"] == ["disprove", "release"]
    assert named["0/disprove/1/burn"] == []
    times = KIT.proposal.timelocks
    delays = {(r, leaf.name): leaf.delay for r, o in TAPROOT.items() for leaf in o.leaves if leaf.delay}
    assert delays["prefund/0", "refund"] == times.refund
    assert delays["vault/0", "dead_man"] == times.dead_man
    assert delays["0/contest", "timeout"] == times.contest
    assert delays["0/assertion", "timeout"] == times.assert_
    assert delays["0/verdict", "timeout"] == times.verdict
    for role in ("0/contest", "0/payout", "0/arena/1"):
        assert delays[role, "release"] == times.bond_release


def test_the_leaves_of_engine_babe_are_those_of_the_protocol() -> None:
    shown = {role: [leaf.name for leaf in BABE_TAPROOT[role].leaves] for role in NEW}
    for k in (1, 2):
        assert shown[f"0/arena/{k}"] == ["digits", "release"]
        assert shown[f"0/refute/{k}"] == ["refute", "timeout", "return"]
        assert shown[f"0/stake/{k}"] == shown[f"0/no_payout/{k}/burn"] == []
        arena, refute = BABE_TAPROOT[f"0/arena/{k}"], BABE_TAPROOT[f"0/refute/{k}"]
        mine, claimant, group = BABE_KIT.personal(k).xonly(), BABE_KIT.personal(0).xonly(), BABE_KIT.graph.cast.group
        key, lock = BABE_KIT.reveal_key(0, k).xonly(), BABE_KIT.lock(0, k).xonly()
        assert arena.leaf("digits").witness == (Sign(key=key, position=5), Sign(key=key), Sign(key=mine))
        assert refute.leaf("refute").witness == (Sign(key=lock), Sign(key=claimant))
        assert refute.leaf("timeout").witness == (Sign(key=group),)
        assert refute.leaf("return").witness == (Sign(key=mine),)
        times = BABE_KIT.proposal.timelocks
        delays = [leaf.delay for leaf in (*arena.leaves, *refute.leaves)]
        assert delays == [0, times.bond_release, 0, times.refute, times.refute + times.margin]
        assert BABE_TAPROOT[f"0/stake/{k}"].internal_key == mine
    internal = [BABE_TAPROOT[role].internal_key for role in NEW if not role.startswith("0/stake")]
    assert internal == [
        tapscript.nums_key(BABE_KIT.terms.vault_id + role.encode()) for role in NEW if not role.startswith("0/stake")
    ]
    assert len(set(internal)) == len(internal)


def test_only_vault_and_bond_have_a_key_path_and_every_other_internal_key_is_its_own() -> None:
    group, bonded = KIT.graph.cast.group, KIT.personal(0).xonly()
    internal = {role: output.internal_key for role, output in TAPROOT.items()}
    assert {role for role, key in internal.items() if key == group} == {"vault/0", "vault/1"}
    assert internal["0/bond"] == bonded
    nums = [key for role, key in internal.items() if not role.startswith("vault") and not role.endswith("bond")]
    assert len(set(nums)) == len(nums)
    assert all(
        tapscript.nums_key(KIT.terms.vault_id + role.encode()) == key for role, key in internal.items() if key in nums
    )


def test_the_digit_leaf_wants_the_last_digit_at_the_bottom_and_the_claimant_on_top() -> None:
    leaf = TAPROOT["0/assertion"].leaf("digits")
    group, claimant = KIT.graph.cast.group, KIT.personal(0).xonly()
    assert leaf.witness == (Sign(key=group, position=5), Sign(key=group), Sign(key=claimant))
    assert TAPROOT["prefund/0"].leaf("vault").witness[1] == Preimage(digest=KIT.graph.cast.hashlock_a)


@pytest.mark.parametrize("leaves", range(1, 20))
def test_depths_are_those_of_the_control_blocks(leaves: int) -> None:
    scripts = [bytes([0x20]) + secret(scalar("leaf", i)).xonly() + b"\xac" for i in range(leaves)]
    blocks = tapscript.taproot(secret(scalar("internal")).xonly(), scripts)[2]
    assert [33 + 32 * leaf_depth(i, leaves) for i in range(leaves)] == [len(block) for block in blocks]


def test_destinations_are_p2tr_with_a_key_on_the_curve() -> None:
    good = outputs.p2tr(secret(scalar("home")).xonly())
    assert outputs.destination(role="home", value=330, script_pubkey=good).script_pubkey == good
    for bad in (b"", good[:-1], good + b"\0", b"\x00\x20" + good[2:], b"\x51\x20" + bytes(32), b"\x6a\x01\x01"):
        with pytest.raises(ScriptFault):
            outputs.destination(role="home", value=330, script_pubkey=bad)


def test_the_anchor_is_the_pay_to_anchor_script_with_240_sat() -> None:
    assert outputs.anchor() == RawOutput(role="anchor", value=240, script_pubkey=bytes.fromhex("51024e73"))


def test_unknown_paths_are_refused() -> None:
    output = TAPROOT["0/payout"]
    for ask in (output.leaf, output.control_block, output.pieces):
        with pytest.raises(ScriptFault, match="settle"):
            ask("nothing")
    with pytest.raises(ScriptFault, match="key path"):
        outputs.anchor().pieces("key")
    broken = Output(role="x", value=1, internal_key=bytes(32), leaves=(Leaf(name="a", script=b"\x51", witness=()),))
    with pytest.raises(ScriptFault, match="on the curve"):
        _ = broken.script_pubkey
