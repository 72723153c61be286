"""What publishing digits shows, and every way to publish something else, before the consensus engine.

One Assert of the product, presigned by MuSig2 under the points of the claimant's digits. Ours holds; each broken
variant that the design warns of is built beside it and loses.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from bitcoin_scripts import script
from bitcoin_scripts.outputs import Leaf, Output, Sign, anchor
from bitcoin_scripts.transaction import Template, witness_stack
from native._native import signing
from native._native.keys import Seed
from tests.consensus.judge import accepts
from tests.models import secp256k1 as model
from tests.models.bitcoin_tx import parse, tagged
from tests.vault_kit import ORDER, Kit, kit, scalar, secret
from vault.faults import PresignedFault
from vault.presigned import finish

KIT = kit(digits=5, digit_bits=2)
VALUES = [3, 0, 2, 1, 3]
NAME = "0/assert"
TEMPLATE = KIT.graph.templates[NAME]


def completed(values=VALUES) -> list[bytes]:
    return KIT.digit_signatures(0, values)


def verdict(digits: list[bytes], *, first: bytes | None = None) -> bool:
    """The engine's word on these digit signatures, digit 0 first, with the claimant's own signature."""
    mine = KIT.personal(0).sign(TEMPLATE.sighash(0)) if first is None else first
    spent = TEMPLATE.inputs[0].spends
    tail = [spent.leaf("digits").script, spent.control_block("digits")]
    tx = parse(TEMPLATE.signed([[*reversed(digits), mine, *tail]]))
    return accepts(tx, list(TEMPLATE.prevouts))


def presignature(digit: int, value: int) -> bytes:
    return KIT.presigned.presignature(KIT.graph.digit(0, digit)[value])


def with_digit(digit: int, signature: bytes) -> list[bytes]:
    digits = completed()
    digits[digit] = signature
    return digits


def test_every_value_of_every_digit_can_be_asserted_and_is_read_back_with_its_secret() -> None:
    for value in range(4):
        values = [(value + w) % 4 for w in range(5)]
        assert verdict(completed(values))
        tx = parse(KIT.finish(NAME, values=values))
        read = KIT.presigned.read_assert(0, tx.inputs[0].witness)
        assert [digit.value for digit in read] == values
        for w, digit in enumerate(read):
            assert secret(int.from_bytes(digit.secret, "big")).point() == KIT.digit_secret(0, w, digit.value).point()


def test_nothing_but_a_completion_of_that_digit_is_accepted() -> None:
    right = completed()
    assert verdict(right)
    bare = presignature(2, VALUES[2])[1:]
    wrong_value = signing.complete(presignature(2, VALUES[2]), KIT.digit_secret(0, 2, 1))
    wrong_digit = signing.complete(presignature(2, VALUES[2]), KIT.digit_secret(0, 3, VALUES[2]))
    other_graph = KIT.digit_signatures(1, VALUES)[2]
    cases = {
        "the bare presignature": with_digit(2, bare),
        "the secret of another value": with_digit(2, wrong_value),
        "the secret of another digit": with_digit(2, wrong_digit),
        "a digit of another graph": with_digit(2, other_graph),
        "an empty signature": with_digit(2, b""),
        "two digits swapped": [right[1], right[0], *right[2:]],
        "one signature for two digits": with_digit(3, right[2]),
        "too few": right[:-1],
        "too many": [*right, right[-1]],
    }
    assert [what for what, digits in cases.items() if verdict(digits)] == []


def test_whoever_completes_digits_without_the_claimant_publishes_nothing() -> None:
    message = TEMPLATE.sighash(0)
    others = [KIT.personal(1).sign(message), KIT.personal(2).sign(message), completed()[0], bytes(64), b""]
    assert [signature.hex() for signature in others if verdict(completed(), first=signature)] == []


def test_the_messages_of_all_digits_differ_and_one_digit_has_one_message() -> None:
    found = [{KIT.graph.signatures[i].message for i in KIT.graph.digit(0, w)} for w in range(5)]
    assert all(len(messages) == 1 for messages in found)
    assert len(set().union(*found)) == 5


def test_without_the_first_key_the_group_alone_would_take_the_coin_and_learn_nothing() -> None:
    """The broken leaf has no `first`: whoever holds K signs every digit freshly. Ours refuses the same signatures."""
    spent = TEMPLATE.inputs[0].spends
    group = KIT.graph.cast.group
    ours = spent.leaf("digits")
    pieces = tuple(p for p in ours.witness if isinstance(p, Sign) and p.key == group)
    broken = replace(ours, script=ours.script[34:], witness=pieces)
    for leaf, spendable in ((broken, True), (ours, False)):
        output = Output(role="x", value=spent.value, internal_key=spent.internal_key, leaves=(leaf,))
        spend = replace(TEMPLATE.inputs[0], spends=output)
        template = replace(TEMPLATE, inputs=(spend,))
        shift = 2 if leaf is broken else 0  # two opcodes less stand before every code separator
        positions = [script.digit_position(w) - (shift if w else 0) for w in range(5)]
        signatures = group_signatures(template.sighashes(0, positions))
        first = [] if leaf is broken else [signatures[0]]
        stack = [*reversed(signatures), *first, leaf.script, output.control_block("digits")]
        tx = parse(template.signed([stack]))
        assert accepts(tx, list(template.prevouts)) is spendable


def group_signatures(messages: list[bytes]) -> list[bytes]:
    keys = KIT.terms.musig_keys
    batch = signing.Presigning(keys, [(message, None, None) for message in messages])
    seeds = [Seed.generate() for _ in keys]
    nonces = [batch.public_nonces(seed, KIT.musig(i)) for i, seed in enumerate(seeds)]
    partials = [batch.sign(seed, KIT.musig(i), nonces) for i, seed in enumerate(seeds)]
    whole = batch.aggregate(nonces, partials)
    return [whole[65 * i + 1 : 65 * i + 65] for i in range(len(messages))]


def test_without_code_separators_one_signature_would_serve_every_digit() -> None:
    group, claimant = KIT.graph.cast.group, KIT.personal(0)
    broken = b"\x20" + claimant.xonly() + b"\xad\x20" + group + b"\x7d\xad" * 4 + b"\xac"
    sound = script.digit_leaf(claimant.xonly(), group, 5)
    for raw, spendable in ((broken, True), (sound, False)):
        leaf = Leaf(name="digits", script=raw, witness=(Sign(key=group),) * 5 + (Sign(key=claimant.xonly()),))
        output = Output(role="x", value=10_000, internal_key=KIT.graph.plan.nums("test"), leaves=(leaf,))
        spend = replace(TEMPLATE.inputs[0], spends=output)
        template = Template(name="x", inputs=(spend,), outputs=(anchor(),))
        (signature,) = group_signatures([template.sighash(0)])
        pieces = [*[signature] * 5, claimant.sign(template.sighash(0))]
        tx = parse(template.signed([witness_stack(output, "digits", pieces)]))
        assert accepts(tx, list(template.prevouts)) is spendable


def test_attack_15_a_second_presigning_round_under_one_group_shows_nothing() -> None:
    """Two rounds under one G: an Assert completed from round 1 tells holders of round 2 no secret.

    That is why a round that did not end with `ready` burns every key. Within one round every digit is read back.
    """
    again = Kit(proposal=KIT.proposal, name=KIT.name, coins=KIT.coins)
    assert again.graph.digest() == KIT.graph.digest()
    assert again.presigned.signatures != KIT.presigned.signatures
    tx = parse(KIT.finish(NAME, values=VALUES))
    assert accepts(tx, list(TEMPLATE.prevouts))
    assert [d.value for d in KIT.presigned.read_assert(0, tx.inputs[0].witness)] == VALUES
    with pytest.raises(PresignedFault, match="completion"):
        again.presigned.read_assert(0, tx.inputs[0].witness)


def group_scalar() -> int:
    """The secret key of G, even: what all parties together could compute before they delete their keys (BIP327)."""
    keys = KIT.terms.musig_keys
    listed = tagged("KeyAgg list", b"".join(keys))
    second = next(key for key in keys if key != keys[0])
    total = 0
    for party, key in enumerate(keys):
        weight = 1 if key == second else int.from_bytes(tagged("KeyAgg coefficient", listed + key), "big")
        total += weight * scalar(KIT.name, "musig", party)
    assert model.compress(model.mul(total % ORDER))[1:] == KIT.graph.cast.group
    return total if model.compress(model.mul(total % ORDER))[0] == 2 else -total


def test_attack_17_equal_nonces_within_a_digit_are_found_and_would_assert_two_values() -> None:
    """Nonces chosen as k - t_v give all values of a digit one R': each presignature verifies, one signature fits all."""
    indices, digit = KIT.graph.digit(0, 1), 1
    message, key = KIT.graph.signatures[indices[0]].message, KIT.graph.cast.group
    k = next(n for n in range(2, 50) if model.compress(model.mul(n))[0] == 2)
    nonce = model.compress(model.mul(k))
    e = int.from_bytes(tagged("BIP0340/challenge", nonce[1:] + key + message), "big")
    whole = k + e * group_scalar()
    parts = [KIT.presigned.presignature(i) for i in range(len(KIT.graph.signatures))]
    for value, index in enumerate(indices):
        basis = [scalar(KIT.name, "digit", 0, digit, j) for j in range(3)]
        t = basis[0] + sum(step for j, step in enumerate(basis[1:]) if value >> j & 1)
        parts[index] = nonce + ((whole - t) % ORDER).to_bytes(32, "big")
    broken = replace(KIT.presigned, signatures=b"".join(parts))
    assert KIT.graph.presigning().check(broken.signatures) == []  # each of them alone is right
    assert broken.check() == list(indices[1:])  # ours refuses the round
    signatures = [broken.digit_signature(0, digit, v, KIT.digit_secret(0, digit, v)) for v in range(4)]
    assert len(set(signatures)) == 1
    assert verdict(with_digit(digit, signatures[0]))  # one signature asserts every value
    witness = [*reversed(with_digit(digit, signatures[0])), b"", b"", b""]
    assert broken.read_assert(0, witness)[digit].value == 0  # several match: no error, the smallest counts
    assert KIT.presigned.check() == []


def test_finish_refuses_digits_it_cannot_verify() -> None:
    right = completed()
    good = finish(KIT.presigned, NAME, personal=KIT.personal(0), digits=right)
    assert accepts(parse(good), list(TEMPLATE.prevouts))
    for digits in ([right[1], right[0], *right[2:]], right[:-1], [*right, right[0]], [b"", *right[1:]], None):
        with pytest.raises(PresignedFault, match="assert"):
            finish(KIT.presigned, NAME, personal=KIT.personal(0), digits=digits)
    with pytest.raises(PresignedFault, match="secret of digit"):
        KIT.presigned.digit_signature(0, 1, 2, KIT.digit_secret(0, 1, 3))
    for digit, value in ((-1, 0), (5, 0), (0, 4), (0, -1)):
        with pytest.raises(PresignedFault, match="digit"):
            KIT.presigned.digit_signature(0, digit, value, KIT.digit_secret(0, 0, 0))
