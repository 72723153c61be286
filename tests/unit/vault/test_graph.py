"""The graph follows from terms and points alone, and its digest says so."""

from __future__ import annotations

import re

import msgspec
import pytest

from bitcoin_scripts.outputs import KEY_PATH
from bitcoin_scripts.script import digit_position
from native._native import signing
from tests.models import secp256k1 as model
from tests.vault_kit import BABE, LENDER, Kit, graph_terms, kit, make_proposal, two_graphs
from vault.faults import PointsFault
from vault.fees import CHILD_VSIZE, challenger_cost, largest_stake, vsizes_of
from vault.graph import derive, digit_points, part_counts
from vault.terms import bond_script

KIT = kit()
BABE_KIT = kit(engine="babe")
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


# With engine babe the group signs no Reveal, Refute or StakeBack: those are of two parties alone.
ENGINE_SIGNS = {
    "core": GROUP_SIGNS,
    "babe": [
        (f"no_payout/{name[-1]}", 1, path) if name.startswith("disprove/") else (name, i, path)
        for name, i, path in GROUP_SIGNS
    ],
}


@pytest.mark.parametrize("engine", ENGINE_SIGNS)
def test_the_group_signs_exactly_these_inputs(engine: str) -> None:
    vault = {"core": KIT, "babe": BABE_KIT}[engine]
    wanted = [entry for name, i, path in ENGINE_SIGNS[engine] for entry in _with_timeout(name, i, path)]
    found = [(s.template, s.input, s.path) for s in vault.graph.signatures]
    assert found[:2] == [("vault", 0, "vault"), ("vault", 1, "vault")]
    of_graph_0 = [(name.removeprefix("0/"), i, path) for name, i, path in found if name.startswith("0/")]
    assert of_graph_0 == wanted
    assert len(found) == 2 + 2 * len(wanted)


def _with_timeout(name: str, i: int, path: str) -> list[tuple[str, int, str]]:
    return [(name, 0, "timeout"), (name, i, path)] if name.startswith("no_payout/") else [(name, i, path)]


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


def test_a_graph_of_many_sessions_is_presigned_in_pieces_of_nearly_equal_size() -> None:
    graphs = (
        graph_terms(digits=64, digit_bits=8, **BABE),
        graph_terms(digits=2, digit_bits=2, claimant=LENDER, outcome="default", slot=1),
        graph_terms(digits=33, digit_bits=8, slot=1),
    )
    vault = Kit(proposal=make_proposal(graphs=graphs, challengers=0), name="parts")
    assert part_counts(vault.proposal) == (2, 1, 2)
    parts = vault.graph.parts
    assert [i for part in parts for i in part] == list(range(len(vault.graph.signatures)))
    owners = [{vault.graph.signatures[i].template.partition("/")[0] for i in part} for part in parts]
    assert owners == [{"vault"}, {"0"}, {"0"}, {"1"}, {"2"}, {"2"}]
    assert all(abs(len(parts[i]) - len(parts[i + 1])) <= 1 for i in (1, 4))
    assert part_counts(KIT.proposal) == (1, 1)


def test_the_points_of_reveal_are_the_challengers_plus_the_claimants() -> None:
    assert list(BABE_KIT.graph.bound) == [(0, 1), (0, 2), (1, 0), (1, 2)]
    assert KIT.graph.bound == {}
    for (g, k), points in BABE_KIT.graph.bound.items():
        claimant = digit_points(BABE_KIT.points[g].digits)
        (challenger,) = (digit_points(r.digits) for r in BABE_KIT.points[g].reveals if r.challenger == k)
        flat = zip((p for row in claimant for p in row), (p for row in challenger for p in row), strict=True)
        sums = [model.compress(model.add(model.decompress(a), model.decompress(s))) for a, s in flat]
        assert b"".join(sums) == points
        messages, again = BABE_KIT.graph.reveal_messages(g, k)
        assert again == points
        assert len(messages) == 2
    for g, k in ((0, 0), (2, 1), (0, 3)):
        with pytest.raises(PointsFault):
            BABE_KIT.graph.reveal_messages(g, k)
    with pytest.raises(PointsFault):
        KIT.graph.reveal_messages(0, 1)


def test_points_whose_sum_with_the_claimants_is_no_point_or_repeats_are_refused() -> None:
    """S_k = -A has no sum; and steps that differ as the claimant's do make two values of T one point."""
    (constant, step, other), first = BABE_KIT.points[0].digits[0], BABE_KIT.points[0].reveals[0]
    row = first.digits[0]
    assert derive(BABE_KIT.terms, BABE_KIT.points)
    same = signing.add_points([row[1], step, _minus(other)])
    for bad in ((_minus(constant), *row[1:]), (row[0], row[1], same)):
        reveals = (replace(first, digits=(bad, *first.digits[1:])), BABE_KIT.points[0].reveals[1])
        with pytest.raises(PointsFault):
            derive(BABE_KIT.terms, (replace(BABE_KIT.points[0], reveals=reveals), BABE_KIT.points[1]))


def _minus(point: bytes) -> bytes:
    return bytes([point[0] ^ 1]) + point[1:]


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


def test_the_digest_and_the_right_txids_change_with_every_point_of_engine_babe() -> None:
    base, points = BABE_KIT.graph, BABE_KIT.points[0]
    other = Kit(proposal=BABE_KIT.proposal, name="other points", coins=2)
    first, second = points.reveals
    changes = {
        # K_1 stands in an arena, so Assert and all below it have other txids; F_1 in what Reveal makes; S_1 nowhere.
        "key": (replace(points, reveals=(replace(first, key=other.reveal_key(0, 1).xonly()), second)), "arena"),
        "lock": (replace(points, locks=((1, other.lock(0, 1).point()), points.locks[1])), "reveal"),
        "digits": (replace(points, reveals=(replace(first, digits=other.points[0].reveals[0].digits), second)), None),
    }
    below = {f"0/{name}/{k}" for name in ("reveal", "refute", "no_payout", "stake_back") for k in (1, 2)}
    moved = {
        "arena": {"0/assert", "0/contested_payout", *below},
        "reveal": {f"0/{name}/1" for name in ("reveal", "refute", "no_payout", "stake_back")},
        None: set(),
    }
    digests = {base.digest()}
    for changed, where in changes.values():
        graph = derive(BABE_KIT.terms, (changed, BABE_KIT.points[1]))
        assert {n for n, t in graph.templates.items() if t.txid != base.templates[n].txid} == moved[where]
        digests.add(graph.digest())
    assert len(digests) == 4


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


def test_who_can_publish_the_answers_of_engine_babe() -> None:
    able = BABE_KIT.graph.spenders
    for g, me, others in ((0, 0, (1, 2)), (1, 1, (0, 2))):
        for k in others:
            found = [able[f"{g}/{name}/{k}"] for name in ("reveal", "refute", "no_payout", "stake_back")]
            assert found == [(k,), (me,), (0, 1, 2), (k,)]


def test_every_stake_and_destination_of_engine_babe_belongs_to_the_right_party() -> None:
    scripts = [BABE_KIT.payout_script(i) for i in range(3)]
    outputs = [o for t in BABE_KIT.graph.templates.values() for o in t.outputs]
    found = {o.role: scripts.index(o.script_pubkey) for o in outputs if o.script_pubkey in scripts}
    answers = {role: party for role, party in found.items() if re.search("refute|no_payout|stake_back", role)}
    assert answers == {
        role: party
        for g, me, injured, others in ((0, 0, 1, (1, 2)), (1, 1, 0, (0, 2)))
        for k in others
        for role, party in (
            (f"{g}/refute/{k}/stake", me),
            (f"{g}/no_payout/{k}/challenger", k),
            (f"{g}/no_payout/{k}/injured", injured),
            (f"{g}/stake_back/{k}/stake", k),
        )
    }
    for g, k in BABE_KIT.graph.bound:
        coin, spent = BABE_KIT.terms.stake(g, k), BABE_KIT.graph.templates[f"{g}/reveal/{k}"].inputs[1]
        assert (spent.txid, spent.vout, spent.spends.value) == (coin.txid, coin.vout, BABE_KIT.proposal.graphs[g].stake)
        assert spent.spends.script_pubkey == coin.script_pubkey == bond_script(BABE_KIT.personal(k).xonly())


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
    # Contest, Reveal, NoPayout.
    proposal = make_proposal(graphs=two_graphs(digits=128, digit_bits=4, **BABE), worst_rate=worst_rate)
    sizes = vsizes_of(proposal)
    path = sum(sizes[f"0/{name}"] + CHILD_VSIZE for name in ("contest", "reveal/1", "no_payout/1"))
    assert challenger_cost(proposal, 0, sizes) == worst_rate * path
    assert largest_stake(proposal, 0) == worst_rate * (sizes["0/assert"] + sizes["0/refute/1"])
