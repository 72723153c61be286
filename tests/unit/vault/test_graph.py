"""The graph follows from terms and points alone, and its digest says so."""

from __future__ import annotations

import msgspec
import pytest

from bitcoin_scripts.outputs import KEY_PATH
from bitcoin_scripts.script import digit_position
from tests.models import secp256k1 as model
from tests.vault_kit import Kit, kit, make_proposal, two_graphs
from vault.fees import CHILD_VSIZE, challenger_cost, vsizes_of
from vault.graph import derive, digit_points

KIT = kit()
replace = msgspec.structs.replace

# Per graph: what G signs, in the order of presigning, as (transaction, input, path).
GROUP_SIGNS = [
    ("contest", 0, "contest/1"),
    ("contest", 0, "contest/2"),
    ("uncontested_payout", 0, KEY_PATH),
    ("uncontested_payout", 1, "timeout"),
    ("uncontested_payout", 2, "settle"),
    ("no_assert", 0, "timeout"),
    ("no_assert", 1, "settle"),
    *[("assert", 0, "digits")] * 8,
    ("disprove/1", 1, "settle"),
    ("disprove/2", 1, "settle"),
    ("contested_payout", 0, KEY_PATH),
    ("contested_payout", 1, "settle"),
    ("contested_payout", 2, "timeout"),
]


def test_the_group_signs_exactly_these_inputs() -> None:
    found = [(s.template, s.input, s.path) for s in KIT.graph.signatures]
    assert found[:2] == [("vault", 0, "vault"), ("vault", 1, "vault")]
    of_graph_0 = [(name.removeprefix("0/"), i, path) for name, i, path in found if name.startswith("0/")]
    assert of_graph_0 == GROUP_SIGNS
    assert len(found) == 2 + 2 * len(GROUP_SIGNS)


def test_key_paths_are_tweaked_by_the_root_of_their_output_and_leaves_by_nothing() -> None:
    for s in KIT.graph.signatures:
        spent = KIT.graph.templates[s.template].inputs[s.input].spends
        assert s.merkle_root == (spent.merkle_root if s.path == KEY_PATH else None)


def test_parts_are_the_vault_and_then_each_graph_without_gap() -> None:
    parts = KIT.graph.parts
    assert [i for part in parts for i in part] == list(range(len(KIT.graph.signatures)))
    owners = [{KIT.graph.signatures[i].template.partition("/")[0] for i in part} for part in parts]
    assert owners == [{"vault"}, {"0"}, {"1"}]
    for part in parts:
        batch = KIT.graph.presigning(part)
        assert batch.check(KIT.presigned.signatures[65 * part.start : 65 * part.stop]) == []


def test_the_points_of_a_digit_are_sums_of_its_basis() -> None:
    rows = KIT.points[0].digits
    table = digit_points(rows)
    for row, values in zip(rows, table, strict=True):
        basis = [model.decompress(point) for point in row]
        for value, point in enumerate(values):
            total = basis[0]
            for j, step in enumerate(basis[1:]):
                if value >> j & 1:
                    total = model.add(total, step)
            assert model.compress(total) == point
    for w in range(2):
        adaptors = [KIT.graph.signatures[i].adaptor for i in KIT.graph.digit(0, w)]
        assert adaptors == table[w]
        assert {KIT.graph.signatures[i].position for i in KIT.graph.digit(0, w)} == {digit_position(w)}


def test_two_parties_derive_the_same_graph() -> None:
    again = derive(KIT.terms, KIT.points)
    assert again is not KIT.graph
    assert again.digest() == KIT.graph.digest()
    assert again.signatures == KIT.graph.signatures


def digest_of(kit_: Kit) -> bytes:
    return derive(kit_.unchecked_terms, kit_.points).digest()


def test_the_digest_changes_with_every_field_of_the_terms() -> None:
    base = Kit(proposal=KIT.proposal, name=KIT.name, coins=KIT.coins)
    times, seen = base.proposal.timelocks, {digest_of(base)}
    changes = [replace(times, **{field: getattr(times, field) + 1}) for field in times.__struct_fields__]
    proposals = [replace(base.proposal, timelocks=changed) for changed in changes]
    graphs = base.proposal.graphs
    for field, value in {"amount": graphs[0].amount - 400, "bond": graphs[0].bond + 1, "statement": bytes(32)}.items():
        proposals.append(replace(base.proposal, graphs=(replace(graphs[0], **{field: value}), graphs[1])))
    proposals.append(replace(base.proposal, maturity=base.proposal.maturity + 1))
    for proposal in proposals:
        seen.add(digest_of(Kit(proposal=proposal, name=base.name, coins=base.coins)))
    assert len(seen) == 1 + len(proposals)


def test_the_digest_and_the_right_txids_change_with_every_engine_point() -> None:
    base = KIT.graph
    other = Kit(proposal=KIT.proposal, name="other points", coins=2)
    lock = replace(KIT.points[0], locks=((1, other.lock(0, 1).point()), KIT.points[0].locks[1]))
    moved = derive(KIT.terms, (lock, KIT.points[1]))
    changed = {name for name, t in moved.templates.items() if t.txid != base.templates[name].txid}
    # The lock stands in an arena, so Assert and what spends its outputs have other txids, and nothing else.
    assert changed == {"0/assert", "0/disprove/1", "0/disprove/2", "0/contested_payout"}
    row = (other.points[0].digits[0], *KIT.points[0].digits[1:])
    shifted = derive(KIT.terms, (replace(KIT.points[0], digits=row), KIT.points[1]))
    assert {n for n, t in shifted.templates.items() if t.txid != base.templates[n].txid} == set()
    assert len({base.digest(), moved.digest(), shifted.digest()}) == 3


def test_who_can_publish_is_who_the_leaves_name() -> None:
    able = KIT.graph.spenders
    everyone = (0, 1, 2)
    borrower = ["prefund", "refund/0", "repay/0", "deadman/0"]
    claimant = ["claim", "assert", "release_bond", "release_bond_contest"]
    anyone = ["uncontested_payout", "no_assert", "contested_payout"]
    assert {able[name] for name in borrower} == {(0,)}
    assert able["vault"] == everyone
    for g, me, others in ((0, 0, (1, 2)), (1, 1, (0, 2))):
        assert {able[f"{g}/{name}"] for name in claimant} == {(me,)}
        assert {able[f"{g}/{name}"] for name in anyone} == {everyone}
        assert able[f"{g}/contest"] == others
        assert [able[f"{g}/disprove/{k}"] for k in others] == [(k,) for k in others]


def test_every_bond_and_destination_belongs_to_the_right_party() -> None:
    scripts = [KIT.payout_script(i) for i in range(3)]
    found = {
        o.role: scripts.index(o.script_pubkey)
        for t in KIT.graph.templates.values()
        for o in t.outputs
        if o.script_pubkey in scripts
    }
    assert found == {
        **{f"{name}/{slot}": 0 for name in ("refund", "repay", "deadman") for slot in (0, 1)},
        "0/amount": 0,
        "1/amount": 1,
        "1/rest": 0,
        **{f"{g}/{name}/bond": g for g in (0, 1) for name in ("uncontested_payout", "contested_payout")},
        **{f"{g}/{name}/bond": g for g in (0, 1) for name in ("release_bond", "release_bond_contest")},
        **{f"0/no_assert/{k}": k for k in (1, 2)},
        **{f"1/no_assert/{k}": k for k in (0, 2)},
        **{f"0/disprove/{k}/challenger": k for k in (1, 2)},
        **{f"1/disprove/{k}/challenger": k for k in (0, 2)},
        **{f"0/disprove/{k}/injured": 1 for k in (1, 2)},  # a false withdrawal injures the lender
        **{f"1/disprove/{k}/injured": 0 for k in (0, 2)},
    }


def test_all_txids_and_all_messages_differ() -> None:
    txids = [t.txid for t in KIT.graph.templates.values()]
    assert len(set(txids)) == len(txids)
    messages = {(s.template, s.input, s.path, s.position): s.message for s in KIT.graph.signatures}
    assert len(set(messages.values())) == len(messages)


@pytest.mark.parametrize("worst_rate", [1, 50])
def test_what_a_challenger_must_cover_follows_from_sizes(worst_rate: int) -> None:
    proposal = make_proposal(graphs=two_graphs(digits=96, digit_bits=4), worst_rate=worst_rate)
    sizes = vsizes_of(proposal)
    # Contest, then Disprove (the longer answer with two challengers), each with a child.
    assert sizes["0/disprove/1"] > sizes["0/no_assert"]
    cost = worst_rate * (sizes["0/contest"] + sizes["0/disprove/1"] + 2 * CHILD_VSIZE)
    assert challenger_cost(proposal, 0, sizes) == cost
