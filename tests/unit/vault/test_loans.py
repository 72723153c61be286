"""A loan's graph: every claim of a slot ends it for the others; its clock; top-ups; the largest loan within every limit."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings

from tests.properties.test_vault_amounts import timelocks
from tests.vault_kit import BORROWER, LENDER, SLOT, Kit, digest, lending_kit, loan, loan_graphs, make_proposal
from vault.agreement import Proposal, Timelocks, encode
from vault.faults import TermsFault
from vault.fees import vsizes_of
from vault.loans import check_linked, check_rules_of
from vault.presigned import MAX_BYTES as MAX_PRESIGNED_BYTES
from vault.presigned import SIGNATURE_SIZE
from vault.terms import (
    MAX_BYTES,
    MAX_GRAPHS,
    MAX_PARTIES,
    MAX_POINTS_BYTES,
    MAX_SESSIONS,
    check_proposal,
    parse_proposal,
    parse_terms,
)
from vault.timelocks import (
    MAINLINE,
    check_timelocks,
    last_record,
    late,
    longest_timeout,
    regtest_timelocks,
    settling,
    slack,
)

KIT = lending_kit()  # B, L, two liquidators, a challenger; two slots
TERMS, PROPOSAL = KIT.terms, KIT.proposal
replace = msgspec.structs.replace
PAYOUTS = ("uncontested_payout", "contested_payout")


# ---- graph -----------------------------------------------------------------------------------------------------------
def test_each_party_but_challengers_may_claim_each_slot_and_everybody_else_challenges_it() -> None:
    assert [party.role for party in PROPOSAL.parties] == [
        "borrower",
        "lender",
        "liquidator",
        "liquidator",
        "challenger",
    ]
    for slot in (0, 1):
        claims = {graph.claimant: g for g, graph in enumerate(PROPOSAL.graphs) if graph.slot == slot}
        assert set(claims) == {BORROWER, LENDER, 2, 3}
        for claimant, g in claims.items():
            assert PROPOSAL.challengers(g) == tuple(i for i in range(5) if i != claimant)
            injured = LENDER if claimant == BORROWER else BORROWER
            assert PROPOSAL.other(g) == injured
            for k in PROPOSAL.challengers(g):
                split = KIT.graph.templates[f"{g}/no_payout/{k}"]
                assert split.output(f"{g}/no_payout/{k}/injured").script_pubkey == KIT.payout_script(injured)
                assert split.output(f"{g}/no_payout/{k}/challenger").script_pubkey == KIT.payout_script(k)


def test_the_ways_out_of_a_slot_all_spend_its_one_coin_and_no_other_slots() -> None:
    templates = KIT.graph.templates
    for slot in (0, 1):
        coin = next(i for i in templates[f"repay/{slot}"].inputs if i.spends.role == f"vault/{slot}")
        spenders = {
            name
            for name, template in templates.items()
            if any((i.txid, i.vout) == (coin.txid, coin.vout) for i in template.inputs)
        }
        graphs = [g for g, graph in enumerate(PROPOSAL.graphs) if graph.slot == slot]
        wanted = {f"{g}/{payout}" for g in graphs for payout in PAYOUTS}
        assert spenders == wanted | {f"repay/{slot}", f"deadman/{slot}"}
        assert len(wanted) == 8


@pytest.mark.parametrize("payout", PAYOUTS)
def test_a_payout_of_a_loan_pays_the_whole_coin_to_its_claimant(payout: str) -> None:
    for g, graph in enumerate(PROPOSAL.graphs):
        template = KIT.graph.templates[f"{g}/{payout}"]
        assert [o.role for o in template.outputs] == [f"{g}/amount", f"{g}/{payout}/bond", "anchor"]
        paid = template.output(f"{g}/amount")
        assert (paid.value, paid.script_pubkey) == (SLOT, KIT.payout_script(graph.claimant))


def test_the_games_of_a_slot_share_nothing_but_its_coin() -> None:
    """A transaction of one claim can neither stop nor help another one, but by taking the coin."""
    made = {t.txid: name for name, t in KIT.graph.templates.items()}
    for name, template in KIT.graph.templates.items():
        parents = {made[i.txid].partition("/")[0] for i in template.inputs if i.txid in made}
        own = name.partition("/")[0]
        assert parents <= ({own, "vault"} if own.isdigit() else {"prefund", "vault"}), name


# ---- clock -----------------------------------------------------------------------------------------------------------
def test_the_last_record_is_the_designs_in_real_time_and_stricter_where_assert_is_short() -> None:
    real = replace(PROPOSAL, network="signet", timelocks=MAINLINE)
    design = MAINLINE.contest + MAINLINE.assert_ + MAINLINE.verdict + 2 * MAINLINE.margin
    assert (settling(real), last_record(real)) == (design, MAINLINE.dead_man - design) == (792, 25_488)
    times = regtest_timelocks()
    assert settling(PROPOSAL) == 8 + (2 * 4 + 3) + 21 + 2 * 4 > 8 + 8 + 21 + 2 * 4
    assert last_record(PROPOSAL) == times.dead_man - 48


@settings(max_examples=200, deadline=None)
@given(times=timelocks())
def test_a_record_leaves_time_for_a_contested_claim_and_default_leaves_time_for_a_record(times: Timelocks) -> None:
    """Everything late that can be: Claim, a Contest at the last moment, Assert, ContestedPayout."""
    p = replace(PROPOSAL, timelocks=times, maturity=20, grace=10)
    p = replace(p, loan=loan(timeout=max(1, longest_timeout(p)), rules=replace(loan().rules, settle_window=60_000)))
    claim = last_record(p) + late(times)
    contest = claim + times.contest + times.margin  # the payout may come from claim + contest on, and be late
    asserted = contest + late(times)
    payout = asserted + times.verdict + times.margin
    assert payout < times.dead_man
    assert last_record(p) > p.maturity + p.grace + slack(p.network).dead_man + 6
    if longest_timeout(p) >= 1:
        check_timelocks(p)
        # A borrower that takes the loan in the last block before the timeout: Vault is mined before Refund can be.
        assert p.loan is not None
        assert p.loan.timeout + late(times) < times.refund


def test_what_a_plain_vault_needs_of_its_refund_does_not_change() -> None:
    plain = replace(PROPOSAL, loan=None)
    for refund, passes in ((2, True), (1, False)):
        changed = replace(plain, timelocks=replace(plain.timelocks, refund=refund))
        if passes:
            check_timelocks(changed)
        else:
            with pytest.raises(TermsFault, match="6 refund"):
                check_timelocks(changed)


def test_a_plain_vault_has_the_bytes_and_the_id_it_had() -> None:
    plain = make_proposal()
    assert b"loan" not in encode(plain)
    assert plain.proposal_id.hex() == PLAIN_ID
    assert (plain.ledger_vault, plain.ledger_slot(1)) == (plain.proposal_id, 1)


# Of the same proposal by the version before there were loans.
PLAIN_ID = "3e79a0cdb9fcef74f7309d6c2a7f4be2f0403f1ea9788f9e94a70234afa12305"


# ---- rules and top-ups -----------------------------------------------------------------------------------------------
def top_up(**fields: object) -> Proposal:
    """One more coin for PROPOSAL's position."""
    graphs = loan_graphs((SLOT,), liquidators=2)
    added = {"vault": PROPOSAL.proposal_id, "first_slot": 2, "cents": 0, "timeout": 0, **fields}
    return make_proposal(graphs=graphs, slots=(SLOT,), liquidators=2, loan=loan(**added))


def test_a_top_up_belongs_to_the_position_it_names() -> None:
    added = check_proposal(top_up())
    check_linked(added, PROPOSAL)
    assert added.ledger_vault == PROPOSAL.ledger_vault == PROPOSAL.proposal_id != added.proposal_id
    assert [added.ledger_slot(0), *(PROPOSAL.ledger_slot(s) for s in (0, 1))] == [2, 0, 1]


@pytest.mark.parametrize(
    ("added", "field"),
    [
        (top_up(vault=digest("another")), "loan.vault"),
        (top_up(ledger=digest("another")), "loan.ledger"),
        (top_up(rules=replace(loan().rules, bonus=400)), "loan.rules.bonus"),
        (replace(top_up(), network="signet"), "network"),
        (replace(top_up(), genesis=bytes(32)), "genesis"),
        (replace(top_up(), parties=(PROPOSAL.parties[4], *PROPOSAL.parties[1:])), "identity of the borrower"),
        (
            replace(top_up(), parties=(PROPOSAL.parties[0], replace(PROPOSAL.parties[4], role="lender"))),
            "identity of the lender",
        ),
        (replace(top_up(), timelocks=replace(PROPOSAL.timelocks, dead_man=119)), "timelocks.dead_man"),
        (replace(top_up(), loan=None), "loan"),
    ],
)
def test_a_top_up_with_one_thing_changed_does_not_fit(added: Proposal, field: str) -> None:
    if field == "identity of the borrower":
        added = replace(added, parties=(replace(added.parties[0], role="borrower"), *added.parties[1:]))
    with pytest.raises(TermsFault) as caught:
        check_linked(added, PROPOSAL)
    assert field in caught.value.field


def test_a_top_up_of_a_top_up_is_refused() -> None:
    with pytest.raises(TermsFault, match="whose position it adds to"):
        check_linked(top_up(vault=top_up().proposal_id), top_up())


def test_rules_that_are_not_the_ledgers_are_refused_by_the_number_that_differs() -> None:
    rules = loan().rules
    check_rules_of(PROPOSAL, rules)
    check_rules_of(replace(PROPOSAL, loan=None), replace(rules, version=2))
    for field in rules.__struct_fields__:
        with pytest.raises(TermsFault) as caught:
            check_rules_of(PROPOSAL, replace(rules, **{field: getattr(rules, field) + 1}))
        assert f"loan.rules.{field}," in caught.value.field


# ---- the largest loan ------------------------------------------------------------------------------------------------
def test_a_loan_of_eight_parties_and_eight_slots_is_within_every_limit() -> None:
    """B, L and six liquidators: 64 graphs in the layout of a Groth16 proof's first point."""
    slots = (SLOT,) * 8
    graphs = loan_graphs(slots, liquidators=6, digits=128, digit_bits=4)
    proposal = make_proposal(graphs=graphs, slots=slots, liquidators=6, challengers=0, loan=loan())
    assert len(proposal.graphs) == MAX_GRAPHS and len(proposal.parties) == 8 <= MAX_PARTIES
    assert parse_proposal(encode(proposal)) == proposal
    terms = Kit(proposal=proposal, name="largest", coins=32).terms
    assert parse_terms(encode(terms)) == terms and len(encode(terms)) < MAX_BYTES // 8
    sessions = sum(graph.digits << graph.digit_bits for graph in graphs)
    assert sessions == MAX_SESSIONS // 2
    digit_rows = 128 * (5 * (33 + 2) + 1) + 3  # a list of five byte strings for each digit
    a_pair = digit_rows + 3 * 33 + 60
    assert len(graphs) * (digit_rows + 7 * a_pair) < MAX_POINTS_BYTES // 3
    assert SIGNATURE_SIZE * (sessions + 64 * 30) + MAX_POINTS_BYTES // 3 < MAX_PRESIGNED_BYTES // 2
    assert max(vsizes_of(proposal).values()) < 10_000  # of a TRUC transaction
