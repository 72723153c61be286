"""Openings: a follower is shown one vault; with one thing changed the opening leads nowhere."""

import pytest
from msgspec.structs import replace

from tests.cases import ledger as cases
from tests.cases import outcome
from tests.cases.ledger import VAULT, run
from vault.ledger import forms
from vault.ledger.faults import FollowFault, RuleFault
from vault.ledger.opening import MAX_BYTES, check_opening, decode_opening, open_vault
from vault.ledger.position import Record

LEDGER = outcome.withdrawn()
GOOD = open_vault(LEDGER, VAULT)


def refused(opening, root: bytes = LEDGER.root) -> str:
    with pytest.raises(FollowFault) as fault:
        check_opening(LEDGER.ledger_id, root, opening)
    return fault.value.field


def test_an_opening_shows_the_position():
    assert check_opening(LEDGER.ledger_id, LEDGER.root, GOOD) == LEDGER.position(VAULT)
    assert check_opening(LEDGER.ledger_id, LEDGER.root, decode_opening(forms.encode(GOOD))) == GOOD.position


def test_a_vault_without_position_has_none():
    with pytest.raises(RuleFault, match=r"position\.exists"):
        open_vault(LEDGER, bytes(32))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"path": GOOD.path[:-32]}, "path"),
        ({"path": b"\xff" * len(GOOD.path)}, "path"),
        ({"path": bytes(32) + GOOD.path[32:-32] + bytes(31) + b"\1"}, "path"),
        ({"totals": replace(GOOD.totals, cash=GOOD.totals.cash + 1)}, "globals"),
        ({"totals": replace(GOOD.totals, cash=1 << 64)}, "totals.cash"),
        ({"position": replace(GOOD.position, principal=GOOD.position.principal - 1)}, "path"),
        ({"position": replace(GOOD.position, principal=1 << 56)}, "position"),
        ({"position": replace(GOOD.position, vault=bytes(32))}, "path"),
        ({"position": replace(GOOD.position, vault=bytes(31))}, "position.vault"),
        ({"position": replace(GOOD.position, records=(None,) * 8)}, "path"),
        ({"position": replace(GOOD.position, records=(None,) * 7)}, "position"),
        ({"position": replace(GOOD.position, sats=(1,) * 9)}, "position"),
    ],
)
def test_one_thing_changed_is_refused(change, field):
    assert refused(replace(GOOD, **change)) == field


def test_a_record_with_a_short_key_is_refused():
    records = list(GOOD.position.records)
    records[2] = replace(records[2], claimant=b"")
    assert refused(replace(GOOD, position=replace(GOOD.position, records=tuple(records)))) == "records[2].claimant"


def test_another_root_is_refused():
    later = cases.at(LEDGER, seq=LEDGER.totals.seq + 1)
    assert refused(GOOD, later.root) == "globals"


def test_the_largest_opening_fits():
    """Eight records with every number at its end."""
    full = Record(
        claimant=b"\xff" * 32,
        template=b"\xff" * 32,
        outcome=3,
        continued=1,
        settled=3,
        **dict.fromkeys(("height", "price_time", "time", "seq"), 2**32 - 1),
        sats=2**51 - 1,
        collateral=2**54 - 1,
        price=2**40 - 1,
        **dict.fromkeys(("debt", "paid", "surplus"), 2**56 - 1),
    )
    eight = {"sats": (2**51 - 1,) * 8, "records": (full,) * 8, "index_open": 2**80 - 1, "principal": 2**56 - 1}
    totals = replace(GOOD.totals, index=2**80 - 1, cash=2**64 - 1, principal=2**64 - 1)
    largest = replace(GOOD, position=replace(GOOD.position, **eight), totals=totals)
    assert len(forms.encode(largest)) <= MAX_BYTES


@pytest.mark.parametrize("raw", [b"", b"\x80", bytes(MAX_BYTES + 1), forms.encode(GOOD)[:-1]])
def test_malformed_bytes_are_refused(raw):
    with pytest.raises(FollowFault, match="opening"):
        decode_opening(raw)


def test_a_slot_without_a_record_makes_no_witness():
    open_slot = run(outcome.loan())
    with pytest.raises(RuleFault, match=r"outcome\.record"):
        outcome.Claim("", open_slot, 0, "withdraw", cases.OWNER).witness()
