"""Hostile terms: every rule broken by exactly one, every field of a wrong form, every cut of the bytes.

Each case is a valid agreement with one thing changed. The answer is a VaultFault that names the field and shows both
sides, and never another exception.
"""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native._native import signing
from tests.vault_kit import (
    BABE,
    BORROWER,
    CHALLENGER,
    LENDER,
    SLOT,
    Kit,
    graph_terms,
    kit,
    lending_kit,
    lending_proposal,
    loan,
    loan_graphs,
    make_proposal,
)
from vault.agreement import Proposal, Terms, encode
from vault.faults import PointsFault, TermsFault, VaultFault
from vault.fees import BOND_RULES, MAX_MONEY, largest_stake, minimal_bond, vsizes_of
from vault.terms import (
    MAX_BYTES,
    bond_script,
    check_points,
    check_proposal,
    check_terms,
    decode_keys,
    decode_points,
    decode_proposal,
    decode_terms,
    parse_proposal,
    parse_terms,
)
from vault.timelocks import INEQUALITIES, MAINLINE, answer, check_timelocks, late, regtest_timelocks, settling, slack

KIT, BABE_KIT = kit(), kit(engine="babe")
GOOD, LOAN = KIT.proposal, lending_proposal()
replace = msgspec.structs.replace


def put(value, path, new):
    """`value` with what stands at `path` (names and indices) replaced."""
    head, *rest = path
    if isinstance(head, int):
        changed = list(value)
        changed[head] = put(value[head], rest, new) if rest else new
        return tuple(changed)
    return replace(value, **{head: put(getattr(value, head), rest, new) if rest else new})


def value_at(value, path):
    """What stands at `path`."""
    for step in path:
        value = value[step] if isinstance(step, int) else getattr(value, step)
    return value


def test_the_unchanged_agreement_passes_in_values_and_in_bytes() -> None:
    assert parse_proposal(encode(GOOD)) == GOOD
    assert parse_terms(encode(KIT.terms)) == KIT.terms
    assert decode_points(encode(KIT.points)) == KIT.points == check_points(KIT.terms, KIT.points)
    assert [decode_keys(encode(keys)) for keys in KIT.terms.keys] == list(KIT.terms.keys)
    assert parse_terms(encode(BABE_KIT.terms)) == BABE_KIT.terms
    assert decode_points(encode(BABE_KIT.points)) == check_points(BABE_KIT.terms, BABE_KIT.points)


# ---- inequalities ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("rule", INEQUALITIES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("network", ["regtest", "signet"])
@pytest.mark.parametrize("kind", ["core", "babe", "loan"])
def test_each_inequality_violated_by_one_is_refused_with_both_sides(rule, network: str, kind: str) -> None:
    times = regtest_timelocks() if network == "regtest" else MAINLINE
    good = replace({"core": GOOD, "babe": BABE_KIT.proposal, "loan": LOAN}[kind], network=network, timelocks=times)
    check_timelocks(good)
    if not rule.asked(good):
        assert (rule.name, kind) in (("3 refute", "core"), ("8 settle_window", "core"), ("8 settle_window", "babe"))
        check_timelocks(replace(good, timelocks=replace(times, refute=1)) if kind == "core" else good)
        return
    field = rule.name.split()[1].replace("assert", "assert_")
    path = ("loan", "rules", field) if field == "settle_window" else ("timelocks", field)
    lowered = value_at(good, path) - (rule.left_value(good) - rule.right_value(good))
    bad = put(good, path, lowered)
    with pytest.raises(TermsFault) as caught:
        check_timelocks(bad)
    assert rule.name in caught.value.field
    assert f"{rule.left} > {rule.right}" in caught.value.expected
    assert caught.value.got == f"{rule.left_value(bad)} <= {rule.right_value(bad)}"
    # By one only: a block more and it holds.
    check_timelocks(put(good, path, lowered + 1))


def test_the_named_sets_satisfy_every_inequality_on_their_networks() -> None:
    check_timelocks(GOOD)
    assert GOOD.timelocks == regtest_timelocks()
    for network in ("signet", "testnet", "testnet4"):
        check_timelocks(replace(GOOD, network=network, timelocks=MAINLINE, maturity=20_000, grace=144))
        with pytest.raises(TermsFault, match="inequality"):
            check_timelocks(replace(GOOD, network=network))
    assert (slack("signet").ledger, slack("signet").dead_man, late(MAINLINE)) == (72, 1008, 37)
    assert answer(replace(GOOD, timelocks=MAINLINE)) == 6 + 37
    assert answer(replace(BABE_KIT.proposal, timelocks=MAINLINE)) == 6 + 37 + 144 + 36


def test_one_graph_of_engine_babe_is_enough_to_ask_for_its_longer_answer() -> None:
    mixed = replace(GOOD, graphs=(GOOD.graphs[0], BABE_KIT.proposal.graphs[1]))
    for verdict in (answer(GOOD) + 1, answer(mixed)):
        times = replace(regtest_timelocks(), verdict=verdict)
        check_timelocks(replace(GOOD, timelocks=times))
        with pytest.raises(TermsFault, match="4 verdict"):
            check_timelocks(replace(mixed, timelocks=times))
    check_timelocks(replace(mixed, timelocks=replace(regtest_timelocks(), verdict=answer(mixed) + 1)))


@pytest.mark.parametrize("field", MAINLINE.__struct_fields__)
@pytest.mark.parametrize("blocks", [0, -1, 65_536, 2**63])
def test_a_timelock_outside_its_sixteen_bits_is_refused(field: str, blocks: int) -> None:
    with pytest.raises(TermsFault, match=field.rstrip("_")):
        check_proposal(put(GOOD, ("timelocks", field), blocks))


# ---- money -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("worst_rate", [1, 20, 500])
def test_a_bond_one_sat_too_small_names_the_rule_and_the_smallest_bond(worst_rate: int) -> None:
    good = make_proposal(worst_rate=worst_rate)
    small = minimal_bond(good, 0)
    assert good.graphs[0].bond == small
    with pytest.raises(TermsFault) as caught:
        check_proposal(put(good, ("graphs", 0, "bond"), small - 1))
    assert caught.value.field == "graphs[0].bond"
    assert any(rule.left in caught.value.expected for rule in BOND_RULES)
    assert str(small) in caught.value.expected
    left, right = caught.value.got.split(" < ")
    assert int(left) < int(right)


@pytest.mark.parametrize("rest", [1, 329])
def test_a_rest_below_dust_is_refused(rest: int) -> None:
    with pytest.raises(TermsFault, match="rest"):
        check_proposal(put(GOOD, ("graphs", 0, "amount"), SLOT - rest))
    check_proposal(put(GOOD, ("graphs", 0, "amount"), SLOT - 330))


def test_a_slot_too_small_to_come_home_is_refused() -> None:
    graphs = (graph_terms(slot=0, amount=800),)
    smallest = make_proposal(graphs=graphs, slots=(800,))
    check_proposal(smallest)
    low = 800
    while True:
        low -= 1
        shrunk = replace(smallest, slots=(low,), graphs=(replace(smallest.graphs[0], amount=low),))
        try:
            check_proposal(shrunk)
        except TermsFault as fault:
            assert fault.field == "value of output repay/0"
            assert fault.got == "329"
            break


@pytest.mark.parametrize("change", [-1, 1])
def test_a_bond_coin_of_another_value_is_refused(change: int) -> None:
    terms = KIT.terms
    coin = terms.keys[BORROWER].bonds[0][1]
    bad = put(terms, ("keys", BORROWER, "bonds", 0), (0, replace(coin, value=coin.value + change)))
    with pytest.raises(TermsFault, match=r"keys\[0\].bonds\[0\].value"):
        check_terms(bad)


def test_prefund_coins_must_leave_change_above_dust_or_none_to_the_sat() -> None:
    change = KIT.graph.templates["prefund"].output("change").value
    path = ("keys", BORROWER, "prefund_inputs", 0, "value")
    value = KIT.terms.keys[BORROWER].prefund_inputs[0].value
    check_terms(put(KIT.terms, path, value - change + 330))
    with pytest.raises(TermsFault, match="prefund_inputs"):
        check_terms(put(KIT.terms, path, value - change + 329))
    exact = value - change - 43  # the change output's own 43 vB at 1 sat/vB
    check_terms(put(KIT.terms, path, exact))
    for off in (-1, 1):
        with pytest.raises(TermsFault, match="prefund_inputs"):
            check_terms(put(KIT.terms, path, exact + off))


# ---- every field -----------------------------------------------------------------------------------------------------
NO_POINT = bytes(32)  # x = 0 is on no point of secp256k1
BIG = 2**63
OTHER_KEY = KIT.musig(CHALLENGER).point()
OTHER_SCRIPT = KIT.payout_script(CHALLENGER)
PREFUND_0 = KIT.terms.keys[BORROWER].prefund_inputs[0]
PROPOSAL_CASES = [
    (("version",), 2),
    (("version",), 0),
    (("network",), "mainnet"),
    (("network",), ""),
    (("genesis",), b"\0" * 31),
    (("genesis",), b""),
    (("parties",), ()),
    (("parties",), GOOD.parties[:1]),
    (("parties",), GOOD.parties * 6),
    (("parties", 2, "identity"), GOOD.parties[0].identity),
    (("parties", 2, "identity"), NO_POINT),
    (("parties", 2, "identity"), b"\2" + GOOD.parties[2].identity),
    (("parties", 2, "role"), "borrower"),
    (("parties", 0, "role"), "challenger"),
    (("parties", 1, "role"), "borrower"),
    (("slots",), ()),
    (("slots",), (SLOT,) * 17),
    (("slots", 0), 0),
    (("slots", 0), -SLOT),
    (("slots", 0), MAX_MONEY + 1),
    (("slots",), (MAX_MONEY, MAX_MONEY)),
    (("graphs",), ()),
    (("graphs",), GOOD.graphs * 40),
    (("graphs", 1), GOOD.graphs[0]),
    (("graphs", 0, "claimant"), -1),
    (("graphs", 0, "claimant"), 3),
    (("graphs", 0, "claimant"), LENDER),
    (("graphs", 0, "claimant"), CHALLENGER),
    (("graphs", 0, "outcome"), "default"),
    (("graphs", 0, "slot"), 2),
    (("graphs", 0, "slot"), -1),
    (("graphs", 0, "digits"), 0),
    (("graphs", 0, "digits"), 257),
    (("graphs", 0, "digits"), BIG),
    (("graphs", 0, "digit_bits"), 0),
    (("graphs", 0, "digit_bits"), 9),
    (("graphs", 0, "circuit"), b"\0" * 33),
    (("graphs", 0, "statement"), b"\0" * 31),
    (("graphs", 0, "engine"), "other"),
    (("graphs", 0, "engine"), "babe"),
    (("graphs", 0, "key"), b"\0" * 32),
    (("graphs", 0, "stake"), 1),
    (("graphs", 0, "stake"), -1),
    (("graphs", 0, "amount"), SLOT + 1),
    (("graphs", 0, "amount"), 329),
    (("graphs", 0, "amount"), -1),
    (("graphs", 0, "bond"), 0),
    (("graphs", 0, "bond"), -1),
    (("graphs", 0, "bond"), MAX_MONEY + 1),
    (("fee_policy", "base_rate"), 0),
    (("fee_policy", "base_rate"), -1),
    (("fee_policy", "base_rate"), BIG),
    (("fee_policy", "worst_rate"), 0),
    (("fee_policy", "worst_rate"), 10_001),
    (("maturity",), -1),
    (("maturity",), 65_536),
    (("grace",), -1),
    (("grace",), BIG),
]


def shown(case) -> str:
    *_, path, new = case
    return f"{'.'.join(str(step) for step in path)}={str(new)[:24]}"


BABE_GOOD = BABE_KIT.proposal
BABE_PROPOSAL_CASES = [
    (("graphs", 0, "engine"), "core"),
    (("graphs", 0, "key"), b""),
    (("graphs", 0, "key"), b"\0" * 31),
    (("graphs", 0, "key"), b"\0" * 33),
    (("graphs", 0, "statement"), b""),
    (("graphs", 0, "circuit"), b""),
    (("graphs", 0, "stake"), 0),
    (("graphs", 0, "stake"), -1),
    (("graphs", 0, "stake"), 999),
    (("graphs", 0, "stake"), largest_stake(BABE_GOOD, 0) + 1),
    (("graphs", 0, "stake"), MAX_MONEY + 1),
    (("timelocks", "refute"), late(regtest_timelocks())),
    (("timelocks", "verdict"), answer(BABE_GOOD)),
]


@pytest.mark.parametrize(
    "case", [(GOOD, *case) for case in PROPOSAL_CASES] + [(BABE_GOOD, *case) for case in BABE_PROPOSAL_CASES], ids=shown
)
def test_a_proposal_with_one_field_wrong_is_refused(case) -> None:
    good, path, new = case
    bad = put(good, path, new)
    with pytest.raises(TermsFault) as caught:
        parse_proposal(encode(bad))
    assert caught.value.field
    assert caught.value.expected
    assert str(caught.value)


QS = 2  # the first liquidator of LOAN
RULES = ("loan", "rules")
TOP_UP = make_proposal(
    graphs=loan_graphs((SLOT,), liquidators=1),
    slots=(SLOT,),
    liquidators=1,
    loan=loan(vault=bytes(32), first_slot=7, cents=0, timeout=0),
)
LOAN_CASES = [
    (("loan",), None),
    (("parties", QS, "role"), "challenger"),
    (("parties", QS, "role"), "lender"),
    (("parties", BORROWER, "role"), "liquidator"),
    (("grace",), LOAN.grace + 1),
    (("maturity",), 27),
    (("slots",), (SLOT,) * 9),
    (("graphs", 0, "outcome"), "liquidate"),
    (("graphs", 1, "outcome"), "liquidate"),
    (("graphs", 2, "outcome"), "default"),
    (("graphs", 2, "outcome"), "withdraw"),
    (("graphs", 2, "claimant"), LENDER),
    (("graphs", 2, "claimant"), 4),
    (("graphs", 2, "claimant"), 3),
    (("graphs", 2, "slot"), 1),
    (("graphs", 2, "statement"), bytes(32)),
    (("graphs", 2, "amount"), SLOT - 330),
    (("graphs", 2, "bond"), LOAN.graphs[2].bond - 1),
    (("graphs", 0), GOOD.graphs[0]),
    (("timelocks", "refund"), LOAN.timelocks.refund - 1),
    (("timelocks", "dead_man"), 114),
    (("loan", "ledger"), b""),
    (("loan", "ledger"), bytes(32)),
    (("loan", "ledger"), bytes(33)),
    (("loan", "cents"), 0),
    (("loan", "cents"), -1),
    (("loan", "cents"), 1 << 56),
    (("loan", "vault"), bytes(32)),
    (("loan", "vault"), bytes(31)),
    (("loan", "first_slot"), 1),
    (("loan", "first_slot"), -1),
    (("loan", "timeout"), 0),
    (("loan", "timeout"), -1),
    (("loan", "timeout"), LOAN.loan.timeout + 1),
    (("loan", "timeout"), 65_536),
    (("loan", "threshold"), 1),
    ((*RULES, "version"), -1),
    ((*RULES, "version"), 1 << 16),
    ((*RULES, "max_ltv"), 0),
    ((*RULES, "max_ltv"), 7_000),
    ((*RULES, "margin_call"), 8_300),
    ((*RULES, "liquidation"), 9_200),
    ((*RULES, "fast"), 10_001),
    ((*RULES, "bonus"), 1_001),
    ((*RULES, "target_health"), 10_000),
    ((*RULES, "grace"), LOAN.grace - 1),
    ((*RULES, "max_price_age"), 0),
    ((*RULES, "rate"), -1),
    ((*RULES, "settle_window"), settling(LOAN)),
]
TOP_UP_CASES = [
    (("loan", "vault"), b""),
    (("loan", "vault"), bytes(33)),
    (("loan", "first_slot"), 0),
    (("loan", "first_slot"), 8),
    (("loan", "cents"), 1),
    (("loan", "timeout"), 1),
    (("slots",), (SLOT, SLOT)),
]


@pytest.mark.parametrize(
    "case", [(LOAN, *case) for case in LOAN_CASES] + [(TOP_UP, *case) for case in TOP_UP_CASES], ids=shown
)
def test_a_loan_with_one_field_wrong_is_refused(case) -> None:
    good, path, new = case
    assert parse_proposal(encode(good)) == good
    bad = put(good, path, new)
    with pytest.raises(TermsFault) as caught:
        parse_proposal(encode(bad))
    assert caught.value.field
    assert caught.value.expected


def test_a_plain_vault_with_a_liquidator_is_refused() -> None:
    with pytest.raises(TermsFault, match="only a loan is liquidated"):
        check_proposal(put(GOOD, ("parties", CHALLENGER, "role"), "liquidator"))


def test_a_loan_has_one_encoding() -> None:
    fields = msgspec.to_builtins(LOAN, builtin_types=(bytes,))
    assert encode(LOAN) == msgspec.msgpack.encode(fields)
    for name, value in (("fast", []), ("announcements", []), ("threshold", 0)):
        with pytest.raises(TermsFault, match="canonical"):
            decode_proposal(msgspec.msgpack.encode({**fields, "loan": {**fields["loan"], name: value}}))
    plain = msgspec.to_builtins(GOOD, builtin_types=(bytes,))
    with pytest.raises(TermsFault, match="canonical"):
        decode_proposal(msgspec.msgpack.encode({**plain, "loan": None}))
    with pytest.raises(TermsFault):
        decode_proposal(msgspec.msgpack.encode({**fields, "loan": {**fields["loan"], "override": True}}))


def test_the_sum_of_presignatures_of_a_vault_is_bounded() -> None:
    graphs = tuple(
        graph_terms(slot=s, claimant=c, outcome=o, digits=256, digit_bits=8)
        for s in range(3)
        for c, o in ((BORROWER, "withdraw"), (LENDER, "default"))
    )
    with pytest.raises(TermsFault, match="sum of digits"):
        check_proposal(replace(GOOD, slots=(SLOT,) * 3, graphs=graphs))


def test_a_slot_that_no_statement_can_name_is_refused_for_engine_babe_alone() -> None:
    for fields, at, refused in ((BABE, 7, False), (BABE, 8, True), ({}, 8, False)):
        proposal = make_proposal(graphs=(graph_terms(slot=at, **fields),), slots=(SLOT,) * 9)
        if refused:
            with pytest.raises(TermsFault, match="slot of engine babe"):
                check_proposal(proposal)
        else:
            assert check_proposal(proposal) is proposal


def test_a_stake_too_small_for_its_fees_names_the_output() -> None:
    """At a high base rate the fee of Refute eats a stake that would be large enough otherwise."""
    proposal = make_proposal(graphs=(graph_terms(**BABE),), base_rate=10)
    with pytest.raises(TermsFault, match=r"0/refute/1/stake"):
        check_proposal(proposal)
    enough = 10 * vsizes_of(proposal)["0/refute/1"] + 240
    check_proposal(put(proposal, ("graphs", 0, "stake"), enough))
    with pytest.raises(TermsFault, match=r"0/refute/1/stake"):
        check_proposal(put(proposal, ("graphs", 0, "stake"), enough - 1))


def test_the_profile_for_tests_is_refused_where_coins_have_value() -> None:
    real = replace(GOOD, network="signet", timelocks=MAINLINE)
    with pytest.raises(TermsFault, match="profile"):
        check_proposal(real)
    graphs = tuple(replace(graph, profile="default") for graph in real.graphs)
    check_proposal(replace(real, graphs=graphs))


KEYS = ("keys", BORROWER)
TERMS_CASES = [
    (("keys",), ()),
    (("keys",), KIT.terms.keys[:2]),
    (("keys",), KIT.terms.keys[::-1]),
    (("keys", 2), KIT.terms.keys[1]),
    ((*KEYS, "party"), 1),
    ((*KEYS, "party"), -1),
    ((*KEYS, "musig"), b""),
    ((*KEYS, "musig"), OTHER_KEY[1:]),
    ((*KEYS, "musig"), b"\2" + NO_POINT),
    ((*KEYS, "musig"), b"\4" + OTHER_KEY[1:]),
    ((*KEYS, "musig"), OTHER_KEY),
    ((*KEYS, "musig"), bytes([OTHER_KEY[0] ^ 1]) + OTHER_KEY[1:]),
    ((*KEYS, "personal"), NO_POINT),
    ((*KEYS, "personal"), KIT.musig(BORROWER).point()),
    ((*KEYS, "payout_script"), b""),
    ((*KEYS, "payout_script"), b"\x51\x20" + NO_POINT),
    ((*KEYS, "payout_script"), b"\x00\x20" + OTHER_SCRIPT[2:]),
    ((*KEYS, "payout_script"), OTHER_SCRIPT + b"\0"),
    ((*KEYS, "change_script"), OTHER_SCRIPT[:-1]),
    ((*KEYS, "nonce"), b"\0" * 33),
    ((*KEYS, "nonce"), KIT.terms.keys[LENDER].nonce),
    ((*KEYS, "bonds"), ()),
    ((*KEYS, "bonds"), KIT.terms.keys[BORROWER].bonds * 2),
    ((*KEYS, "bonds"), KIT.terms.keys[LENDER].bonds),
    ((*KEYS, "bonds", 0, 1, "script_pubkey"), OTHER_SCRIPT),
    ((*KEYS, "bonds", 0, 1, "script_pubkey"), bond_script(KIT.personal(LENDER).xonly())),
    ((*KEYS, "bonds", 0, 1, "txid"), b"\0" * 31),
    ((*KEYS, "bonds", 0, 1, "vout"), -1),
    ((*KEYS, "bonds", 0, 1, "vout"), 2**32),
    ((*KEYS, "hashlock_a"), b""),
    ((*KEYS, "hashlock_a"), b"\0" * 31),
    ((*KEYS, "hashlock_a"), KIT.terms.keys[LENDER].hashlocks_r[0]),
    ((*KEYS, "hashlocks_r"), KIT.terms.keys[LENDER].hashlocks_r),
    ((*KEYS, "prefund_inputs"), ()),
    ((*KEYS, "prefund_inputs"), (PREFUND_0, PREFUND_0)),
    ((*KEYS, "prefund_inputs"), (PREFUND_0,) * 33),
    ((*KEYS, "prefund_inputs", 0, "value"), 0),
    ((*KEYS, "prefund_inputs", 0, "value"), -1),
    ((*KEYS, "prefund_inputs", 0, "value"), MAX_MONEY + 1),
    ((*KEYS, "prefund_inputs", 0, "script_pubkey"), b"\x00\x14" + bytes(20)),
    (("keys", LENDER, "hashlock_a"), b"\1" * 32),
    (("keys", LENDER, "hashlocks_r"), ()),
    (("keys", LENDER, "hashlocks_r"), KIT.terms.keys[LENDER].hashlocks_r[:1] * 2),
    (("keys", LENDER, "hashlocks_r", 1), b"\1" * 33),
    (("keys", LENDER, "prefund_inputs"), (PREFUND_0,)),
    (("keys", CHALLENGER, "bonds"), KIT.terms.keys[BORROWER].bonds),
    (("keys", CHALLENGER, "hashlocks_r"), KIT.terms.keys[LENDER].hashlocks_r),
    (("keys", CHALLENGER, "personal"), GOOD.parties[0].identity),
    (("keys", CHALLENGER, "personal"), KIT.musig(CHALLENGER).xonly()),
    (("keys", CHALLENGER, "personal"), KIT.personal(LENDER).xonly()),
    (("keys", CHALLENGER, "personal"), signing.aggregate_key(KIT.terms.musig_keys)[1:]),
]


BABE_TERMS = BABE_KIT.terms
STAKES = BABE_TERMS.keys[LENDER].stakes
STAKE = ("keys", LENDER, "stakes", 0, 1)
BABE_TERMS_CASES = [
    (("keys", LENDER, "stakes"), ()),
    (("keys", LENDER, "stakes"), STAKES * 2),
    (("keys", LENDER, "stakes"), ((1, STAKES[0][1]),)),
    (("keys", BORROWER, "stakes"), STAKES),
    (("keys", CHALLENGER, "stakes"), BABE_TERMS.keys[CHALLENGER].stakes[::-1]),
    (("keys", CHALLENGER, "stakes"), BABE_TERMS.keys[CHALLENGER].stakes[:1]),
    ((*STAKE, "value"), STAKES[0][1].value + 1),
    ((*STAKE, "value"), STAKES[0][1].value - 1),
    ((*STAKE, "txid"), b"\0" * 31),
    ((*STAKE, "vout"), -1),
    ((*STAKE, "script_pubkey"), OTHER_SCRIPT),
    ((*STAKE, "script_pubkey"), bond_script(BABE_KIT.personal(CHALLENGER).xonly())),
]


LOAN_TERMS = lending_kit().terms
LOAN_TERMS_CASES = [
    (("keys", QS, "bonds"), ()),
    (("keys", QS, "bonds"), LOAN_TERMS.keys[3].bonds),
    (("keys", QS, "bonds"), LOAN_TERMS.keys[QS].bonds[::-1]),
    (("keys", QS, "stakes"), LOAN_TERMS.keys[QS].stakes[1:]),
    (("keys", QS, "hashlocks_r"), LOAN_TERMS.keys[LENDER].hashlocks_r),
    (("keys", QS, "hashlocks_f"), (b"\1" * 32,)),
    (("keys", LENDER, "hashlocks_f"), (b"\1" * 32,)),
    (("keys", QS, "prefund_inputs"), (PREFUND_0,)),
    (("keys", 4, "bonds"), LOAN_TERMS.keys[3].bonds),
    (("keys",), LOAN_TERMS.keys[:4]),
]


@pytest.mark.parametrize(
    "case",
    [(KIT.terms, *case) for case in TERMS_CASES]
    + [(KIT.terms, (("keys", LENDER, "stakes")), STAKES)]
    + [(BABE_TERMS, *case) for case in BABE_TERMS_CASES]
    + [(LOAN_TERMS, *case) for case in LOAN_TERMS_CASES],
    ids=shown,
)
def test_terms_with_one_field_wrong_are_refused(case) -> None:
    good, path, new = case
    bad = put(good, path, new)
    with pytest.raises(TermsFault) as caught:
        parse_terms(encode(bad))
    assert caught.value.field
    assert caught.value.got is not None


def test_a_coin_named_twice_is_refused() -> None:
    bond = KIT.terms.keys[BORROWER].bonds[0][1]
    bad = put(KIT.terms, ("keys", BORROWER, "prefund_inputs", 1, "txid"), bond.txid)
    bad = put(bad, ("keys", BORROWER, "prefund_inputs", 1, "vout"), bond.vout)
    with pytest.raises(TermsFault, match="coins"):
        check_terms(bad)


def test_a_stake_that_is_another_coin_of_the_vault_is_refused() -> None:
    """One coin cannot be risked twice: as two stakes, as stake and bond, as stake and PreFund input."""
    keys = BABE_TERMS.keys
    for other in (keys[CHALLENGER].stakes[1][1], keys[LENDER].bonds[0][1], keys[BORROWER].prefund_inputs[0]):
        bad = put(BABE_TERMS, (*STAKE, "txid"), other.txid)
        bad = put(bad, (*STAKE, "vout"), other.vout)
        with pytest.raises(TermsFault, match="coins"):
            check_terms(bad)


POINT = KIT.points[0].locks[0][1]
POINTS_CASES = [
    ((), ()),
    ((), KIT.points[:1]),
    ((), KIT.points[::-1]),
    ((0, "digits"), ()),
    ((0, "digits"), KIT.points[0].digits[:1]),
    ((0, "digits"), (*KIT.points[0].digits, KIT.points[0].digits[0])),
    ((0, "digits", 0), KIT.points[0].digits[0][:2]),
    ((0, "digits", 0), (*KIT.points[0].digits[0], POINT)),
    ((0, "digits", 0, 0), POINT[:32]),
    ((0, "digits", 0, 0), b"\2" + NO_POINT),
    ((0, "digits", 0, 0), b"\0" * 33),
    ((0, "locks"), KIT.points[0].locks[:1]),
    ((0, "locks"), KIT.points[0].locks[::-1]),
    ((0, "locks", 0), (0, POINT)),
    ((0, "locks", 1), (2, POINT)),
    ((0, "locks", 1), (2, bytes([POINT[0] ^ 1]) + POINT[1:])),
    ((0, "locks", 0), (1, b"\2" + KIT.personal(1).xonly())),
    ((0, "locks", 0), (1, signing.aggregate_key(KIT.terms.musig_keys))),
    ((1, "locks", 0), (0, POINT)),
]


BABE_POINTS = BABE_KIT.points
REVEALS = BABE_POINTS[0].reveals
REVEAL = (0, "reveals", 0)
GROUP = signing.aggregate_key(BABE_TERMS.musig_keys)
BABE_POINTS_CASES = [
    ((0, "reveals"), ()),
    ((0, "reveals"), REVEALS[:1]),
    ((0, "reveals"), REVEALS[::-1]),
    ((0, "reveals"), (*REVEALS, REVEALS[0])),
    ((*REVEAL, "challenger"), 0),
    ((*REVEAL, "challenger"), 2),
    ((*REVEAL, "key"), b""),
    ((*REVEAL, "key"), NO_POINT),
    ((*REVEAL, "key"), b"\2" + REVEALS[0].key),
    ((*REVEAL, "key"), REVEALS[1].key),
    ((*REVEAL, "key"), BABE_POINTS[1].reveals[0].key),
    ((*REVEAL, "key"), BABE_POINTS[0].locks[0][1][1:]),
    ((*REVEAL, "key"), BABE_KIT.personal(BORROWER).xonly()),
    ((*REVEAL, "key"), BABE_KIT.musig(LENDER).xonly()),
    ((*REVEAL, "key"), BABE_KIT.proposal.parties[BORROWER].identity),
    ((*REVEAL, "key"), GROUP[1:]),
    ((*REVEAL, "digits"), ()),
    ((*REVEAL, "digits"), REVEALS[0].digits[:1]),
    ((*REVEAL, "digits"), (*REVEALS[0].digits, REVEALS[0].digits[0])),
    ((*REVEAL, "digits", 0), REVEALS[0].digits[0][:2]),
    ((*REVEAL, "digits", 0, 0), REVEALS[0].digits[0][0][:32]),
    ((*REVEAL, "digits", 0, 0), b"\2" + NO_POINT),
    ((0, "locks"), BABE_POINTS[0].locks[:1]),
    ((0, "locks", 0), (1, b"\2" + REVEALS[0].key)),
    ((0, "locks", 0), (1, b"\2" + BABE_KIT.proposal.parties[LENDER].identity)),
    ((0, "locks", 1), (2, BABE_POINTS[1].locks[0][1])),
    ((0, "digits"), BABE_POINTS[0].digits[:1]),
]


@pytest.mark.parametrize(
    "case",
    [(KIT, *case) for case in POINTS_CASES]
    + [(KIT, (0, "reveals"), REVEALS)]
    + [(BABE_KIT, *case) for case in BABE_POINTS_CASES],
    ids=shown,
)
def test_points_that_do_not_fit_are_refused(case) -> None:
    vault, path, new = case
    assert check_points(vault.terms, decode_points(encode(vault.points))) == vault.points
    bad = put(vault.points, path, new) if path else new
    with pytest.raises(PointsFault):
        check_points(vault.terms, decode_points(encode(bad)))


def test_digit_values_that_share_a_point_are_refused() -> None:
    """d_0 = d_1 makes the values 1 and 2 one point: one signature would assert both."""
    from vault.graph import derive

    constant, step, _ = KIT.points[0].digits[0]
    negative = bytes([constant[0] ^ 1]) + constant[1:]
    for row in ((constant, step, step), (constant, negative, step)):
        with pytest.raises(PointsFault):
            derive(KIT.terms, put(KIT.points, (0, "digits", 0), row))


# ---- bytes -----------------------------------------------------------------------------------------------------------
RAW = {
    "proposal": (encode(GOOD), decode_proposal),
    "keys": (encode(KIT.terms.keys[0]), decode_keys),
    "terms": (encode(KIT.terms), decode_terms),
    "points": (encode(KIT.points), decode_points),
    "terms of engine babe": (encode(BABE_TERMS), decode_terms),
    "points of engine babe": (encode(BABE_POINTS), decode_points),
    "a loan": (encode(LOAN), decode_proposal),
}


@pytest.mark.parametrize("kind", RAW)
def test_truncated_and_trailing_bytes_are_refused(kind: str) -> None:
    raw, decode = RAW[kind]
    for cut in range(len(raw)):
        with pytest.raises(VaultFault):
            decode(raw[:cut])
    for extra in (b"\0", b"\xc0", raw):
        with pytest.raises(VaultFault):
            decode(raw + extra)


@pytest.mark.parametrize("kind", RAW)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_changed_bytes_decode_to_another_value_or_are_refused(kind: str, data: st.DataObject) -> None:
    raw, decode = RAW[kind]
    changed = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        value = decode(bytes(changed))
    except VaultFault:
        return
    assert encode(value) == changed
    try:
        if isinstance(value, Proposal):
            check_proposal(value)
        elif isinstance(value, Terms):
            check_terms(value)
        elif kind.startswith("points"):
            check_points(KIT.terms if kind == "points" else BABE_TERMS, value)
    except VaultFault:
        return


def test_another_encoding_of_the_same_value_is_refused() -> None:
    fields = msgspec.to_builtins(GOOD, builtin_types=(bytes,))
    assert encode(GOOD) == msgspec.msgpack.encode(fields)
    reordered = dict(reversed(fields.items()))
    with pytest.raises(TermsFault, match="canonical"):
        decode_proposal(msgspec.msgpack.encode(reordered))
    raw = encode(GOOD)
    longer = raw.replace(b"\xa7version\x01", b"\xa7version\xcc\x01")  # 1 as uint 8 instead of a fixint
    assert longer != raw
    with pytest.raises(TermsFault, match="canonical"):
        decode_proposal(longer)
    with pytest.raises(TermsFault):
        decode_proposal(msgspec.msgpack.encode({**fields, "override": True}))


@pytest.mark.parametrize("value", [2**64 - 1, -(2**63), None, True, 1.5, "1", b"1", [], {}, [[[[]]]]])
def test_a_field_of_another_type_is_refused(value: object) -> None:
    fields = msgspec.to_builtins(GOOD, builtin_types=(bytes,))
    for name in fields:
        if msgspec.msgpack.encode(value) == msgspec.msgpack.encode(fields[name]):
            continue
        with pytest.raises(TermsFault):
            parse_proposal(msgspec.msgpack.encode({**fields, name: value}))


def test_more_bytes_than_the_limit_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(TermsFault, match="at most"):
        decode_terms(b"\x80" * (MAX_BYTES + 1))


# ---- identities ------------------------------------------------------------------------------------------------------
def test_ids_change_with_every_field_and_keys_do_not_change_the_proposal_id() -> None:
    ids = {GOOD.proposal_id}
    for path, new in PROPOSAL_CASES:
        ids.add(put(GOOD, path, new).proposal_id)
    assert len(ids) == 1 + len({encode(put(GOOD, path, new)) for path, new in PROPOSAL_CASES})
    other = Kit(proposal=GOOD, name="other keys", coins=2)
    assert other.terms.vault_id != KIT.terms.vault_id
    assert other.terms.proposal.proposal_id == KIT.terms.proposal.proposal_id
    assert len(hashlib.sha256(KIT.terms.vault_id).digest()) == len(KIT.terms.vault_id) == 32
