"""What a challenger can publish by Reveal, and what it shows, before the consensus engine (engine babe).

Ours holds: a challenger completes exactly the digits that were asserted, and each one hands its own secret to the claimant.
Each broken variant that the design warns of is built beside it and loses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import msgspec
import pytest

from bitcoin_scripts import script
from bitcoin_scripts.outputs import Output, Sign
from native._native import engine, signing
from native._native.keys import Seed
from tests.consensus.judge import accepts
from tests.models.bitcoin_tx import parse
from tests.vault_kit import ORDER, digest, kit, scalar, secret
from vault.agreement import Reveals, Rows
from vault.answers import check_answers, read_reveal
from vault.faults import PresignedFault
from vault.graph import VaultGraph, derive
from vault.presigned import AssertedDigit, finish

KIT = kit(digits=5, digit_bits=2, engine="babe")
VALUES = [3, 0, 2, 1, 3]
G, K = 0, 1
NAME = f"{G}/reveal/{K}"
TEMPLATE = KIT.graph.templates[NAME]
RAW = KIT.answers(G, K)


def asserted(values: list[int] = VALUES) -> tuple[AssertedDigit, ...]:
    """What everybody hears from the claimant's Assert."""
    return KIT.presigned.read_assert(G, parse(KIT.finish("0/assert", values=values)).inputs[0].witness)


def verdict(digits: list[bytes], *, first: bytes | None = None, graph: VaultGraph = KIT.graph) -> bool:
    """The engine's word on these digit signatures, digit 0 first; both other signatures are the challenger's own."""
    template, mine = graph.templates[NAME], KIT.personal(K)
    spent = template.inputs[0].spends
    tail = [spent.leaf("digits").script, spent.control_block("digits")]
    opening = mine.sign(template.sighash(0)) if first is None else first
    stake = mine.sign_key_path(template.sighash(1), None)
    tx = parse(template.signed([[*reversed(digits), opening, *tail], [stake]]))
    return accepts(tx, list(template.prevouts))


def presignature(digit: int, value: int, raw: bytes = RAW) -> bytes:
    at = 65 * (4 * digit + value)
    return raw[at : at + 65]


def own(digit: int, value: int, of: int = K, graph: int = G) -> int:
    """s: the challenger's secret of a value."""
    return KIT.digit_scalar(graph, digit, value, of=of)


def heard(digit: int) -> int:
    """a: the claimant's secret of the asserted value."""
    return int.from_bytes(asserted()[digit].secret)


def complete(digit: int, value: int, t: int) -> bytes:
    return signing.complete(presignature(digit, value), secret(t))


def right() -> list[bytes]:
    return [complete(w, v, own(w, v) + heard(w)) for w, v in enumerate(VALUES)]


def with_digit(digit: int, signature: bytes) -> list[bytes]:
    digits = right()
    digits[digit] = signature
    return digits


def test_every_assert_can_be_revealed_and_hands_the_secrets_to_the_claimant() -> None:
    assert check_answers(KIT.graph, G, K, RAW) == []
    for shift in range(4):
        values = [(shift + w) % 4 for w in range(5)]
        shown = asserted(values)
        digits = [complete(w, d.value, own(w, d.value) + int.from_bytes(d.secret)) for w, d in enumerate(shown)]
        raw = finish(KIT.presigned, NAME, personal=KIT.personal(K), digits=digits)
        tx = parse(raw)
        assert accepts(tx, list(TEMPLATE.prevouts))
        read = read_reveal(KIT.graph, G, K, RAW, tx.inputs[0].witness, shown)
        assert [(d.value, int.from_bytes(d.secret)) for d in read] == [(v, own(w, v)) for w, v in enumerate(values)]


def test_the_product_completes_what_it_heard_and_nothing_else() -> None:
    """The native completion of a whole Reveal, from the challenger's seed and the asserted secrets."""
    layout, seed = engine.Layout(input_bits=10, digit_bits=2), Seed.generate()
    points = engine.digit_points(layout, seed)
    basis = [points[at : at + 33] for at in range(0, len(points), 33)]
    rows = tuple(tuple(basis[at : at + 3]) for at in range(0, len(basis), 3))
    graph = with_rows(rows)
    raw = engine.presign_digits(KIT.reveal_key(G, K), Seed.generate(), *graph.reveal_messages(G, K))
    assert check_answers(graph, G, K, raw) == []
    learned = [digit.secret for digit in asserted()]
    digits = engine.complete_bound_digits(raw, layout, seed, VALUES, learned)
    assert verdict(digits, graph=graph)
    assert not verdict(engine.complete_bound_digits(raw, layout, seed, [2, *VALUES[1:]], learned), graph=graph)
    assert not verdict(engine.complete_digits(raw, layout, seed, VALUES), graph=graph)


def test_nothing_but_a_completion_of_an_asserted_digit_is_accepted() -> None:
    assert verdict(right())
    good = right()
    w, v, other = 2, VALUES[2], 1
    cases = {
        "the bare presignature": presignature(w, v)[1:],
        "the own secret alone": complete(w, v, own(w, v)),
        "the claimant's secret alone": complete(w, v, heard(w)),
        "a value that was not asserted": complete(w, other, own(w, other) + heard(w)),
        "the asserted value with the own secret of another": complete(w, v, own(w, other) + heard(w)),
        "the secrets of another digit": complete(w, v, own(3, VALUES[3]) + heard(3)),
        "the secret of another challenger": complete(w, v, own(w, v, of=2) + heard(w)),
        "the difference instead of the sum": complete(w, v, own(w, v) - heard(w)),
        "a digit of another challenger's Reveal": KIT.reveal_signatures(G, 2, VALUES)[w],
        "a digit of another graph's Reveal": KIT.reveal_signatures(1, 2, VALUES)[w],
        "the digit of Assert": KIT.digit_signatures(G, VALUES)[w],
        "an empty signature": b"",
    }
    assert [what for what, signature in cases.items() if verdict(with_digit(w, signature))] == []
    orders = {
        "two digits swapped": [good[1], good[0], *good[2:]],
        "one signature for two digits": [*good[:3], good[2], good[4]],
        "too few": good[:-1],
        "too many": [*good, good[-1]],
    }
    assert [what for what, digits in orders.items() if verdict(digits)] == []


def test_nobody_but_the_challenger_publishes_its_reveal() -> None:
    """The claimant, who owns K_k and could sign every digit freshly, and everyone else; each signature is of its owner."""
    message = TEMPLATE.sighash(0)
    others = [KIT.personal(0), KIT.personal(2), KIT.reveal_key(G, K)]
    firsts = [*(key.sign(message) for key in others), right()[0], bytes(64), b""]
    assert [first.hex() for first in firsts if verdict(right(), first=first)] == []
    fresh = [KIT.reveal_key(G, K).sign(m) for m in KIT.graph.reveal_messages(G, K)[0]]
    assert verdict(fresh)  # the key signs, so it must never sign these messages outside the presignatures
    assert [first.hex() for first in firsts if verdict(fresh, first=first)] == []


def test_without_the_first_key_the_claimant_alone_would_take_arena_and_show_nothing() -> None:
    spent = TEMPLATE.inputs[0].spends
    ours, key = spent.leaf("digits"), KIT.reveal_key(G, K)
    pieces = tuple(p for p in ours.witness if isinstance(p, Sign) and p.key == key.xonly())
    broken = replace(ours, script=ours.script[34:], witness=pieces)
    for leaf, spendable in ((broken, True), (ours, False)):
        output = Output(role="x", value=spent.value, internal_key=spent.internal_key, leaves=(leaf,))
        inputs = (replace(TEMPLATE.inputs[0], spends=output),)
        template = replace(TEMPLATE, inputs=inputs)
        shift = 2 if leaf is broken else 0  # two opcodes less stand before every code separator
        positions = [script.digit_position(w) - (shift if w else 0) for w in range(5)]
        signatures = [key.sign(message) for message in template.sighashes(0, positions)]
        first = [] if leaf is broken else [signatures[0]]
        tx = parse(template.signed([[*reversed(signatures), *first, leaf.script, output.control_block("digits")]]))
        assert accepts(tx, list(template.prevouts)) is spendable


def test_the_stake_is_spent_by_reveal_or_elsewhere_but_never_by_another_reveal() -> None:
    """The digits are signed over both outpoints: with another coin in place of the stake they are worth nothing."""
    moved = replace(TEMPLATE.inputs[1], txid=digest("another coin"))
    template = replace(TEMPLATE, inputs=(TEMPLATE.inputs[0], moved))
    spent, mine = template.inputs[0].spends, KIT.personal(K)
    tail = [spent.leaf("digits").script, spent.control_block("digits")]
    for candidate, accepted in ((TEMPLATE, True), (template, False)):
        stack = [*reversed(right()), mine.sign(candidate.sighash(0)), *tail]
        tx = parse(candidate.signed([stack, [mine.sign_key_path(candidate.sighash(1), None)]]))
        assert accepts(tx, list(candidate.prevouts)) is accepted


# ---- attack 10: points that cancel the claimant's ----------------------------------------------------------------------
def with_rows(rows: Rows) -> VaultGraph:
    """The graph in which challenger K has stated these points as its own."""
    replace_ = msgspec.structs.replace
    mine = KIT.points[G].reveals[0]
    assert mine.challenger == K
    changed: tuple[Reveals, ...] = (replace_(mine, digits=rows), *KIT.points[G].reveals[1:])
    return derive(KIT.terms, (replace_(KIT.points[G], reveals=changed), KIT.points[1]))


def chosen(digit: int, value: int) -> int:
    """x: what the attacker knows of X."""
    constant, *steps = (scalar("chosen", digit, j) for j in range(3))
    return (constant + sum(step for j, step in enumerate(steps) if value >> j & 1)) % ORDER


@cache
def cancelled() -> tuple[Rows, Rows]:
    """X, whose logarithms the attacker knows, and S' = X - A, which it states as its own."""
    claimant = KIT.points[G].digits
    basis = tuple(tuple(secret(scalar("chosen", w, j)).point() for j in range(3)) for w in range(5))
    minus = tuple(
        tuple(signing.add_points([x, bytes([a[0] ^ 1]) + a[1:]]) for x, a in zip(*pair, strict=True))
        for pair in zip(basis, claimant, strict=True)
    )
    return basis, minus


def flat(rows: Rows) -> bytes:
    return b"".join(point for row in rows for point in row)


def test_attack_10_points_that_cancel_the_claimants_would_reveal_what_was_never_asserted() -> None:
    """With S' = X - A the sum T is X. The broken vault takes S' as it comes; ours asks for a proof of knowledge first."""
    graph = with_rows(cancelled()[1])
    raw = engine.presign_digits(KIT.reveal_key(G, K), Seed.generate(), *graph.reveal_messages(G, K))
    assert check_answers(graph, G, K, raw) == []  # the claimant's part looks right
    never = [(v + 1) % 4 for v in VALUES]
    digits = [signing.complete(presignature(w, v, raw), secret(chosen(w, v))) for w, v in enumerate(never)]
    assert verdict(digits, graph=graph)  # nothing was asserted, everything revealed
    honest = [signing.complete(presignature(w, v), secret(chosen(w, v))) for w, v in enumerate(never)]
    assert not verdict(honest)  # the same knowledge is worth nothing where S is the challenger's own


def test_attack_10_nobody_proves_knowledge_of_points_that_cancel_the_claimants() -> None:
    layout, seed, context = engine.Layout(input_bits=10, digit_bits=2), Seed.generate(), b"vault|graph|challenger"
    lock = KIT.lock(G, K)
    known = engine.digit_points(layout, seed)
    proof = engine.prove_knowledge(layout, seed, [], [lock], context)
    even = b"\x02" + lock.xonly()
    assert engine.check_knowledge(known + even, context, proof)
    # The best that an attacker has: a proof of X, whose logarithms it knows, and the claimant's own proof of A.
    claimed = flat(KIT.points[G].digits)
    minus_claimed = b"".join(bytes([claimed[at] ^ 1]) + claimed[at + 1 : at + 33] for at in range(0, len(claimed), 33))
    cancelling = engine.add_points(known, minus_claimed)
    assert engine.add_points(cancelling, claimed) == known
    for points, where in ((cancelling + even, context), (known + even, b"another graph"), (known, context)):
        assert not engine.check_knowledge(points, where, proof)


# ---- reading, and presignatures that are not right ---------------------------------------------------------------------
def witness() -> list[bytes]:
    return list(parse(KIT.finish(NAME, values=VALUES)).inputs[0].witness)


def junk_cases() -> Mapping[str, list[bytes]]:
    stack = witness()
    return {
        "one item less": stack[1:],
        "one item more": [*stack, b""],
        "nothing": [],
        "zeros for a signature": [bytes(64), *stack[1:]],
        "an empty signature": [b"", *stack[1:]],
        "two digits swapped": [stack[1], stack[0], *stack[2:]],
        "the same R' with another s'": [stack[0][:32] + bytes(32), *stack[1:]],
    }


@pytest.mark.parametrize("case", junk_cases())
def test_a_witness_that_is_no_completion_is_named(case: str) -> None:
    assert read_reveal(KIT.graph, G, K, RAW, witness(), asserted())
    with pytest.raises(PresignedFault):
        read_reveal(KIT.graph, G, K, RAW, junk_cases()[case], asserted())


def test_a_reveal_is_read_only_with_what_was_asserted_and_with_its_own_presignatures() -> None:
    shown = asserted()
    wrong_value = (replace(shown[0], value=2), *shown[1:])
    wrong_secret = (replace(shown[0], secret=shown[1].secret), *shown[1:])
    for digits in (wrong_value, wrong_secret, shown[:-1], (*shown, shown[0])):
        with pytest.raises(PresignedFault):
            read_reveal(KIT.graph, G, K, RAW, witness(), digits)
    with pytest.raises(PresignedFault, match="digit 0"):
        read_reveal(KIT.graph, G, K, KIT.answers(G, 2), witness(), shown)
    with pytest.raises(PresignedFault, match="presignatures"):
        read_reveal(KIT.graph, G, K, RAW[:-1], witness(), shown)


def test_every_wrong_presignature_is_found_where_it_stands() -> None:
    for at in range(20):
        for offset in (0, 5, 40):  # parity, R', s'
            changed = bytearray(RAW)
            changed[65 * at + offset] ^= 1
            assert check_answers(KIT.graph, G, K, bytes(changed)) == [at]
    swapped = RAW[65:130] + RAW[:65] + RAW[130:]
    assert check_answers(KIT.graph, G, K, swapped) == [0, 1]
    assert check_answers(KIT.graph, G, K, KIT.answers(G, 2)) == list(range(20))
    for wrong in (RAW[:-65], RAW + RAW[:65], RAW[:-1], b""):
        with pytest.raises(PresignedFault, match="presignatures"):
            check_answers(KIT.graph, G, K, wrong)


def test_equal_nonces_within_a_digit_are_found_and_would_publish_two_values() -> None:
    """The claimant knows all t_v = s_v + a_v only with the challenger's help; colluding, one R' could serve every value."""
    w, key = 1, KIT.reveal_key(G, K)
    message = KIT.graph.reveal_messages(G, K)[0][w]
    whole = key.sign(message)
    parts = [RAW[65 * i : 65 * i + 65] for i in range(20)]
    for value in range(4):
        t = own(w, value) + KIT.digit_scalar(G, w, value)
        parts[4 * w + value] = b"\2" + whole[:32] + ((int.from_bytes(whole[32:]) - t) % ORDER).to_bytes(32)
    raw = b"".join(parts)
    points = KIT.graph.bound[G, K]
    singly = [signing.check_presignature(key.xonly(), message, points[33 * i : 33 * i + 33], raw[65 * i : 65 * i + 65])
              for i in range(4 * w, 4 * w + 4)]  # fmt: skip
    assert singly == [True] * 4  # each of them alone is right
    assert check_answers(KIT.graph, G, K, raw) == [4 * w + 1, 4 * w + 2, 4 * w + 3]
    assert verdict(with_digit(w, whole))  # one signature publishes every value


def test_reveal_is_finished_only_with_digits_that_verify() -> None:
    good = right()
    assert accepts(parse(finish(KIT.presigned, NAME, personal=KIT.personal(K), digits=good)), list(TEMPLATE.prevouts))
    for digits in ([good[1], good[0], *good[2:]], good[:-1], [*good, good[0]], [b"", *good[1:]], None):
        with pytest.raises(PresignedFault, match="reveal"):
            finish(KIT.presigned, NAME, personal=KIT.personal(K), digits=digits)
    for party in (0, 2):
        with pytest.raises(PresignedFault, match="personal key"):
            finish(KIT.presigned, NAME, personal=KIT.personal(party), digits=good)
