"""Rules: the defaults pass, one field changed does not, and the fault names it."""

import pytest
from msgspec.structs import replace

from vault.ledger.faults import GenesisFault
from vault.ledger.rules import DEFAULT, Rules, check_rules


def test_the_defaults_pass():
    assert check_rules(DEFAULT) is DEFAULT


@pytest.mark.parametrize(
    ("field", "value", "names"),
    [
        ("version", 1 << 16, "rules.version"),
        ("max_ltv", 0, "rules"),
        ("max_ltv", 7_000, "rules"),
        ("margin_call", 8_300, "rules"),
        ("liquidation", 7_000, "rules"),
        ("fast", 10_001, "rules"),
        ("bonus", 1_001, "rules.bonus"),
        ("bonus", -1, "rules.bonus"),
        ("target_health", 10_000, "rules.target_health"),
        ("grace", 1 << 32, "rules.grace"),
        ("max_price_age", 0, "rules.max_price_age"),
        ("max_price_lead", 1 << 32, "rules.max_price_lead"),
        ("rate", 1 << 64, "rules.rate"),
        ("tender_window", -1, "rules.tender_window"),
        ("settle_window", 1 << 32, "rules.settle_window"),
    ],
)
def test_one_field_out_of_range_is_refused(field, value, names):
    with pytest.raises(GenesisFault) as refused:
        check_rules(replace(DEFAULT, **{field: value}))
    assert refused.value.field == names


def test_a_bonus_that_outruns_the_collateral_is_refused():
    steep = {"liquidation": 9_100, "fast": 9_200}
    assert check_rules(replace(DEFAULT, bonus=900, **steep))
    with pytest.raises(GenesisFault, match=r"rules\.liquidation"):
        check_rules(replace(DEFAULT, bonus=1_000, **steep))


def test_the_order_of_fields_is_the_order_of_the_hash():
    assert Rules.__struct_fields__ == (
        *("version", "max_ltv", "margin_call", "liquidation", "fast", "bonus", "target_health"),
        *("grace", "max_price_age", "max_price_lead", "rate", "tender_window", "settle_window"),
    )
