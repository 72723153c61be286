"""Path B in Terms: every refusal is a loan that passes with one field changed; what an entry pays, costs and opens with."""

from __future__ import annotations

import itertools

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from native._native.keys import Secret
from tests.cases import outcome as cases
from tests.models import amounts as model
from tests.vault_kit import (
    FAST_DAY,
    FAST_PRICE,
    LENDER,
    SLOT,
    announcement,
    attestation,
    attested_secret,
    digest,
    fast_kit,
    fast_loan,
    lending_kit,
    loan_graphs,
    make_proposal,
)
from vault.agreement import Fast, Proposal, encode
from vault.fast import (
    announced,
    check_fast,
    check_ledger,
    earned,
    entry_points,
    entry_secret,
    fast_words,
    graph_of,
    highest_price,
    opens,
)
from vault.fast_point import DAY, STEP
from vault.faults import TermsFault
from vault.fees import amounts_of
from vault.ledger.genesis import Genesis
from vault.ledger.position import LIQUIDATE, Position, Record
from vault.statement import template_id
from vault.terms import check_keys, check_proposal, check_terms, parse_terms

KIT = fast_kit()
PROPOSAL, TERMS = KIT.proposal, KIT.terms
LOAN = PROPOSAL.loan
ENTRY = LOAN.fast[0]


def with_entries(*entries: Fast, **fields: object) -> Proposal:
    """The loan with other entries and the announcements they need."""
    return replace(PROPOSAL, loan=replace(fast_loan(entries), **fields))


def refused(proposal: Proposal) -> str:
    with pytest.raises(TermsFault) as caught:
        check_fast(proposal, proposal.loan)
    return caught.value.field


# ---- Terms -----------------------------------------------------------------------------------------------------------
def test_terms_with_entries_pass_and_come_back_from_their_bytes() -> None:
    assert parse_terms(encode(TERMS)) == TERMS
    assert len(LOAN.fast) == 4
    assert len(LOAN.announcements) == 3


def test_without_entries_nothing_is_there() -> None:
    plain = lending_kit().proposal
    assert plain.fast == ()
    assert b"announcements" not in encode(plain)
    assert b"hashlocks_f" not in encode(lending_kit().terms)
    assert not any("ticket" in role or "liquidate/" in role for role in amounts_of(plain).values)
    assert not any(name.startswith("liquidate") for name in lending_kit().graph.templates)
    assert fast_words(plain) == ()
    check_ledger(plain, cases.genesis(), 0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"slot": 2}, "loan.fast[0].slot"),
        ({"slot": -1}, "loan.fast[0].slot"),
        ({"liquidator": 5}, "loan.fast[0].liquidator"),
        ({"liquidator": 1}, "loan.fast[0].liquidator"),
        ({"liquidator": 4}, "loan.fast[0].liquidator"),
        ({"price": 550_000}, "loan.fast[0].price"),
        ({"price": 0}, "loan.fast[0].price"),
        ({"price": FAST_PRICE + 1}, f"loan.fast[0].price modulo {STEP}, the grid that attestors announce"),
    ],
)
def test_an_entry_with_one_field_changed_is_refused(changes: dict, field: str) -> None:
    check_fast(with_entries(ENTRY), with_entries(ENTRY).loan)
    changed = replace(ENTRY, **changes)
    assert refused(replace(PROPOSAL, loan=replace(fast_loan([ENTRY]), fast=(changed,)))) == field


def test_an_entry_needs_its_claim_of_path_c() -> None:
    less = tuple(g for g in PROPOSAL.graphs if (g.claimant, g.slot) != (ENTRY.liquidator, ENTRY.slot))
    assert refused(replace(with_entries(ENTRY), graphs=less)) == "loan.fast[0].liquidator"


def test_days_lie_within_the_loan() -> None:
    span = (PROPOSAL.timelocks.refund + PROPOSAL.maturity) // DAY + 1
    assert span == 1
    last = replace(ENTRY, day=FAST_DAY + span)
    check_fast(with_entries(ENTRY, last), with_entries(ENTRY, last).loan)
    beyond = with_entries(ENTRY, replace(ENTRY, day=FAST_DAY + span + 1))
    assert refused(beyond) == "days between the first and the last of loan.fast"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"threshold": 0}, "loan.threshold"),
        ({"threshold": 4}, "loan.threshold"),
        ({"announcements": ()}, "len(loan.announcements)"),
        ({"announcements": LOAN.announcements * 33}, "len(loan.announcements)"),
        ({"announcements": LOAN.announcements[:2]}, None),
        ({"announcements": LOAN.announcements[::-1]}, "attestors"),
        ({"announcements": (*LOAN.announcements, LOAN.announcements[0])}, "attestors"),
        ({"announcements": (*LOAN.announcements, announcement(LOAN.ledger, 0, 10_000, 3))}, "(price, day)"),
        ({"ledger": bytes(32)}, "proof"),
        ({"fast": (), "threshold": 0}, "loan.announcements without loan.fast"),
        ({"fast": (), "announcements": ()}, "loan.threshold without loan.fast"),
        ({"vault": bytes(32)}, "length of loan.vault of a loan with loan.fast"),
    ],
)
def test_the_announcements_are_those_of_the_entries_and_nothing_else(fields: dict, field: str | None) -> None:
    """Two attestors of two (field None) is another set, which Terms alone cannot tell: `check_ledger` does."""
    changed = replace(PROPOSAL, loan=replace(LOAN, **fields))
    if field is None:
        check_fast(changed, changed.loan)
    else:
        assert field in refused(changed)


def test_a_key_or_nonce_counts_once() -> None:
    """The second attestor is the first again, with an honest announcement of the same secrets under another index."""
    first, second, third = LOAN.announcements
    twice = replace(first, attestor=1)
    assert refused(replace(PROPOSAL, loan=replace(LOAN, announcements=(first, twice, third)))) == (
        "keys of loan.announcements"
    )
    assert second.key != first.key


def test_hashlocks_of_tickets_are_the_lenders_one_an_entry_and_all_distinct() -> None:
    keys = KIT.keys_of(LENDER)
    for hashlocks in (keys.hashlocks_f[:3], (*keys.hashlocks_f, bytes(32)), ()):
        with pytest.raises(TermsFault, match="hashlocks_f"):
            check_keys(PROPOSAL, replace(keys, hashlocks_f=hashlocks))
    repeated = replace(keys, hashlocks_f=(keys.hashlocks_r[0], *keys.hashlocks_f[1:]))
    with pytest.raises(TermsFault, match="hashlocks"):
        check_terms(replace(TERMS, keys=tuple(repeated if k.party == LENDER else k for k in TERMS.keys)))


@given(
    cents=st.integers(1, 2**40),
    sats=st.lists(st.integers(330, 2**45), min_size=1, max_size=8),
    fast=st.integers(1, 10_000),
)
def test_the_highest_price_is_the_last_on_the_grid_beyond_the_fast_threshold(
    cents: int, sats: list[int], fast: int
) -> None:
    """Beyond: the loan is more than `fast` of what its collateral is worth, in exact fractions."""
    loan = replace(LOAN, cents=cents, rules=replace(LOAN.rules, fast=fast))
    found = highest_price(loan, sats)

    def beyond(price: int) -> bool:
        return cents * 10_000 * 10**8 > sum(sats) * price * fast

    assert found % STEP == 0
    assert found == 0 or beyond(found)
    assert not beyond(found + STEP)


# ---- the ledger ------------------------------------------------------------------------------------------------------
def genesis() -> Genesis:
    """A ledger whose attestors have the keys of the kit; its id is what its loans must name."""
    base = cases.genesis()
    keys = [a.key for a in LOAN.announcements]
    attestors = tuple(replace(a, bip340=key) for a, key in zip(base.attestors[:3], keys, strict=True))
    return replace(base, attestors=attestors, threshold=2, height=1_000)


def on_ledger(ledger: Genesis, *entries: Fast) -> Proposal:
    """A loan of this ledger."""
    found = tuple(
        announcement(ledger.ledger_id, j, *p) for p in sorted({(e.price, e.day) for e in entries}) for j in range(3)
    )
    loan = replace(LOAN, ledger=ledger.ledger_id, fast=tuple(entries), announcements=found)
    proposal = replace(PROPOSAL, loan=loan)
    check_fast(proposal, loan)
    return proposal


def test_a_node_takes_only_the_attestors_of_its_ledger_and_days_ahead() -> None:
    ledger = genesis()
    start = ledger.height + FAST_DAY * DAY
    proposal = on_ledger(ledger, ENTRY)
    longest = PROPOSAL.timelocks.refund + PROPOSAL.maturity
    for height in (start, start + DAY - 1, start - longest):
        check_ledger(proposal, ledger, height)
    for height in (start + DAY, start - longest - 1):
        with pytest.raises(TermsFault, match="day at height"):
            check_ledger(proposal, ledger, height)
    others = [
        (replace(ledger, threshold=3), "loan.ledger"),
        (replace(ledger, attestors=ledger.attestors[:2]), "loan.ledger"),
    ]
    for other, field in others:
        with pytest.raises(TermsFault) as caught:
            check_ledger(proposal, other, start)
        assert caught.value.field == field


@pytest.mark.parametrize(
    ("fields", "field"), [({"threshold": 3}, "loan.threshold"), ({"threshold": 1}, "loan.threshold")]
)
def test_the_threshold_is_the_ledgers(fields: dict, field: str) -> None:
    ledger = genesis()
    proposal = on_ledger(ledger, ENTRY)
    changed = replace(proposal, loan=replace(proposal.loan, **fields))
    check_fast(changed, changed.loan)  # Terms alone cannot tell
    with pytest.raises(TermsFault) as caught:
        check_ledger(changed, ledger, ledger.height + FAST_DAY * DAY)
    assert caught.value.field == field


def test_fewer_attestors_than_the_ledgers_are_refused() -> None:
    ledger = genesis()
    proposal = on_ledger(ledger, ENTRY)
    changed = replace(proposal, loan=replace(proposal.loan, announcements=proposal.loan.announcements[:2]))
    check_fast(changed, changed.loan)
    with pytest.raises(TermsFault) as caught:
        check_ledger(changed, ledger, ledger.height + FAST_DAY * DAY)
    assert caught.value.field == "keys of loan.announcements"


# ---- what it pays ----------------------------------------------------------------------------------------------------
def test_liquidate_pays_the_template_of_path_c() -> None:
    """The same id as the claim's payouts, by hand over what the transaction pays: one record serves both paths."""
    for f, entry in enumerate(LOAN.fast):
        outputs = KIT.graph.templates[f"liquidate/{f}"].outputs
        assert [(o.value, o.script_pubkey) for o in outputs[:-1]] == [(SLOT, KIT.payout_script(entry.liquidator))]
        assert outputs[-1].role == "anchor"
        message = PROPOSAL.ledger_slot(entry.slot).to_bytes(4, "little")
        message += outputs[0].value.to_bytes(8, "little") + outputs[0].script_pubkey
        g = graph_of(PROPOSAL, entry)
        assert g is not None
        assert template_id(TERMS, g) == blake3(message, derive_key_context="bitvm3 2026 template id v1").digest()


@settings(max_examples=8, deadline=None)
@given(slots=st.lists(st.integers(10_000, 50_000_000), min_size=1, max_size=3), base=st.integers(1, 4), data=st.data())
def test_tickets_are_paid_by_the_deposit_and_every_transaction_balances(
    slots: list[int], base: int, data: st.DataObject
) -> None:
    places = [(slot, party) for slot in range(len(slots)) for party in (2, 3)]
    chosen = data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=6, unique=True))
    entries = [Fast(slot=slot, liquidator=party, price=STEP, day=FAST_DAY) for slot, party in sorted(chosen)]
    proposal = make_proposal(
        graphs=loan_graphs(slots, liquidators=2, stake=3_000),
        slots=slots,
        liquidators=2,
        loan=fast_loan(entries),
        base_rate=base,
    )
    values, fees = amounts_of(proposal).values, amounts_of(proposal).fees
    size = model.vsize(model.KEY_SPEND + model.leaf_spend(model.HASHED, 1, 64, 32), 1, 2)
    into_vault = model.vsize(
        len(slots) * model.leaf_spend(model.HASHED, 1, 64, 32), len(slots) + len(entries), len(slots)
    )
    assert fees["vault"] == base * into_vault
    for f, entry in enumerate(entries):
        assert fees[f"liquidate/{f}"] == base * size
        assert values[f"ticket/{f}"] == base * size + model.ANCHOR
        assert values[f"liquidate/{f}"] == slots[entry.slot]
    deposit = sum(values[f"prefund/{s}"] for s in range(len(slots)))
    tickets = sum(values[f"ticket/{f}"] for f in range(len(entries)))
    assert deposit == sum(slots) + tickets + base * into_vault + model.ANCHOR
    check_proposal(proposal)


def test_only_the_liquidator_can_publish_it() -> None:
    assert [KIT.graph.spenders[f"liquidate/{f}"] for f in range(4)] == [(e.liquidator,) for e in LOAN.fast]


# ---- what opens it ---------------------------------------------------------------------------------------------------
def test_any_threshold_of_attestations_opens_an_entry_and_fewer_do_not() -> None:
    shown = {a.attestor: attestation(LOAN.ledger, a) for a in announced(LOAN, 0)}
    for size in range(4):
        for chosen in itertools.combinations(range(3), size):
            secret = entry_secret(LOAN, 0, {j: shown[j] for j in chosen})
            if size < 2:
                assert secret is None
            else:
                assert secret == attested_secret(LOAN, 0, chosen[:2])
                assert opens(LOAN, 0, secret)
                assert Secret.from_revealed(secret).point() in entry_points(LOAN, 0)


def test_what_is_no_attestation_does_not_count() -> None:
    shown = {a.attestor: attestation(LOAN.ledger, a) for a in announced(LOAN, 0)}
    assert entry_secret(LOAN, 0, {0: shown[0], 1: shown[0]}) is None
    assert entry_secret(LOAN, 0, {0: shown[0], 1: bytes(32), 7: shown[1]}) is None
    assert entry_secret(LOAN, 0, {0: shown[0], 1: bytes(32), 2: shown[2]}) == attested_secret(LOAN, 0, (0, 2))


# ---- when the lender lets it go --------------------------------------------------------------------------------------
def record(f: int, **fields: object) -> Record:
    """Of a final checkpoint: the liquidator of entry f has paid for its slot by the ledger's rule."""
    entry = LOAN.fast[f]
    g = graph_of(PROPOSAL, entry)
    assert g is not None
    base = Record(
        claimant=PROPOSAL.parties[entry.liquidator].identity, template=template_id(TERMS, g), outcome=LIQUIDATE, continued=0,
        settled=0, height=1_100, price_time=1, time=1, seq=9, sats=SLOT, collateral=2 * SLOT, price=FAST_PRICE, debt=100_000,
        paid=38_096, surplus=0,
    )  # fmt: skip
    return replace(base, **fields)


def position(f: int, found: Record | None, **fields: object) -> Position:
    """The vault's, with one record at the slot of entry f."""
    records = [None] * 8
    records[PROPOSAL.ledger_slot(LOAN.fast[f].slot)] = found
    base = Position(
        vault=PROPOSAL.ledger_vault, owner=bytes(32), lender=bytes(32), sats=(SLOT, SLOT, *(0,) * 6), open=3, principal=100_000,
        nonce=1, opened=1_050, maturity=1_500, last_record=1_600, version=1, index_open=10**18, tender_slot=0, tender_cents=0,
        tender_height=0, mark=1, records=tuple(records),
    )  # fmt: skip
    return replace(base, **fields)


def test_the_lender_lets_go_exactly_what_a_final_record_says_was_paid() -> None:
    for f in range(4):
        assert [earned(TERMS, other, position(f, record(f))) for other in range(4)] == [i == f for i in range(4)]


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": 1},
        {"outcome": 2},
        {"settled": 1},
        {"settled": 2},
        {"settled": 3},
        {"claimant": PROPOSAL.parties[3].identity},
        {"template": digest("another template")},
    ],
)
def test_a_record_with_one_field_changed_earns_nothing(fields: dict) -> None:
    assert not earned(TERMS, 0, position(0, record(0, **fields)))


def test_without_a_record_of_this_vault_nothing_is_earned() -> None:
    assert not earned(TERMS, 0, None)
    assert not earned(TERMS, 0, position(0, None))
    assert not earned(TERMS, 0, position(0, record(0), vault=bytes(32)))
    plain = lending_kit().terms
    assert not earned(plain, 0, position(0, record(0)))


# ---- words -----------------------------------------------------------------------------------------------------------
def test_the_words_say_whom_it_trusts_and_that_it_never_expires() -> None:
    said = " ".join(fast_words(PROPOSAL))
    for part in (
        "2 of 3 attestors",
        "4,000.00 dollars",
        "never expires",
        "partial repayments",
        "Lender and liquidator together",
    ):
        assert part in said
