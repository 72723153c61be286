"""BIP341's wallet vectors through the product's own trees and signatures.

The product builds one tree shape (halves, the first with the odd leaf) of version 0xc0 leaves and signs SIGHASH_DEFAULT
only. The vector with another leaf version is checked by its refusal to match; the seven sighashes of all hash types run
in the Rust test of the crate `tapscript`, through the same function.
"""

from typing import Any

import pytest

from native._native.keys import Secret
from native._native.signing import verify
from native._native.tapscript import sighashes, taproot
from tests.vectors.locate import json_vector

VECTORS = json_vector("bitcoin/bip341/wallet-test-vectors.json")
OUTPUTS = VECTORS["scriptPubKey"]
SPENDS = [(group, spend) for group in VECTORS["keyPathSpending"] for spend in group["inputSpending"]]


def leaves_of(tree: Any) -> list[Any]:
    """Leaves of a vector's tree, left to right."""
    if tree is None:
        return []
    return [tree] if isinstance(tree, dict) else [leaf for side in tree for leaf in leaves_of(side)]


def halves(leaves: list[Any]) -> Any:
    """The product's tree over leaves, written as the vectors write trees."""
    middle = (len(leaves) + 1) // 2
    return leaves[0] if len(leaves) == 1 else [halves(leaves[:middle]), halves(leaves[middle:])]


def ours(tree: Any) -> bool:
    leaves = leaves_of(tree)
    return not leaves or (tree == halves(leaves) and all(leaf["leafVersion"] == 0xC0 for leaf in leaves))


def mirrored(tree: Any) -> Any:
    """The same tree (branches hash sorted) with the sides of every branch exchanged."""
    return tree if tree is None or isinstance(tree, dict) else [mirrored(tree[1]), mirrored(tree[0])]


def test_all_cases_are_there() -> None:
    assert len(OUTPUTS) == 7
    assert len(SPENDS) == 7
    shapes = [ours(case["given"]["scriptTree"]) or ours(mirrored(case["given"]["scriptTree"])) for case in OUTPUTS]
    assert shapes == [True, True, True, False, True, True, True]  # the fourth has a leaf of version 0xfa


@pytest.mark.parametrize("case", OUTPUTS, ids=[str(i) for i in range(len(OUTPUTS))])
def test_output(case: dict[str, Any]) -> None:
    given, expected = case["given"], case["expected"]
    tree = given["scriptTree"]
    turned = not ours(tree) and ours(mirrored(tree))
    leaves = leaves_of(mirrored(tree) if turned else tree)
    key, root, blocks = taproot(
        bytes.fromhex(given["internalPubkey"]), [bytes.fromhex(leaf["script"]) for leaf in leaves]
    )
    if not ours(tree) and not turned:
        assert expected["scriptPubKey"] != "5120" + key.hex()
        return
    assert expected["scriptPubKey"] == "5120" + key.hex()
    assert (case["intermediary"]["merkleRoot"] or "") == root.hex()
    by_id = {leaf["id"]: block.hex() for leaf, block in zip(leaves, blocks, strict=True)}
    assert [by_id[i] for i in sorted(by_id)] == expected.get("scriptPathControlBlocks", [])


@pytest.mark.parametrize(("group", "spend"), SPENDS, ids=[f"input{s['given']['txinIndex']}" for _, s in SPENDS])
def test_key_path(group: dict[str, Any], spend: dict[str, Any]) -> None:
    given, middle = spend["given"], spend["intermediary"]
    spent = [(out["amountSats"], bytes.fromhex(out["scriptPubKey"])) for out in group["given"]["utxosSpent"]]
    secret = Secret.from_revealed(bytes.fromhex(given["internalPrivkey"]))
    assert secret.xonly().hex() == middle["internalPubkey"]
    root = given["merkleRoot"] and bytes.fromhex(given["merkleRoot"])
    message = bytes.fromhex(middle["sigHash"])
    signature = secret.sign_key_path(message, root, bytes(32))
    witness = bytes.fromhex(spend["expected"]["witness"][0])
    assert signature == witness[:64]
    assert verify(spent[given["txinIndex"]][1][2:], message, signature)
    tx = bytes.fromhex(group["given"]["rawUnsignedTx"])
    (default,) = sighashes(tx, spent, given["txinIndex"], None, [0xFFFFFFFF])
    assert (default == message) is (given["hashType"] == 0)
