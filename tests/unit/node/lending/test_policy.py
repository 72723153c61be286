"""What a party may do by itself: defaults that act on nothing, mistakes named with their field, a budget of 144 blocks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.config import LendingConfig, load
from node.faults import LocalFault
from node.lending.policy import BLOCKS_A_DAY, Policy, Spent, policy_of


def written(folder: Path, line: str) -> Path:
    path = folder / "bitvm3.toml"
    path.write_text(f'network = "regtest"\n[lending]\n{line}\n')
    return path


def test_nothing_is_done_before_the_operator_says_so() -> None:
    policy = policy_of(load(None).lending)
    assert {policy.lend, policy.take, policy.default, policy.liquidate} == {"dry-run"}
    assert (policy.tender, policy.dead_man, policy.release) == ("manual", "manual", "auto")
    assert policy.max_slots_a_day == 4 and policy.max_cents_a_day == 1_000_000


def test_what_the_file_says_is_the_policy(tmp_path: Path) -> None:
    config = load(written(tmp_path, 'liquidate = "auto"\nmargin = 250\nmax_cents_a_day = 0\nrelease = "manual"'))
    policy = policy_of(config.lending)
    assert (policy.liquidate, policy.margin, policy.max_cents_a_day, policy.release) == ("auto", 250, 0, "manual")
    assert set(Policy.__dataclass_fields__) < set(LendingConfig.model_fields)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('lend = "on"', "lending.lend"),
        ('take = "always"', "lending.take"),
        ('default = "dry"', "lending.default"),
        ("liquidate = true", "lending.liquidate"),
        ('tender = "auto"', "lending.tender"),
        ('release = "dry-run"', "lending.release"),
        ('dead_man = "off"', "lending.dead_man"),
        ("max_cents_a_day = -1", "lending.max_cents_a_day"),
        ("max_slots_a_day = 10001", "lending.max_slots_a_day"),
        ("margin = 10001", "lending.margin"),
        ("contests_a_day = 1.5", "lending.contests_a_day"),
        ("fee_ceiling_rate = 0", "lending.fee_ceiling_rate"),
        ("fee_ceiling_sats = 999", "lending.fee_ceiling_sats"),
        ("poll_seconds = 0", "lending.poll_seconds"),
        ('bid = "auto"', "lending.bid"),
    ],
)
def test_a_mistake_is_named_with_its_field(tmp_path: Path, line: str, field: str) -> None:
    with pytest.raises(LocalFault, match=field):
        load(written(tmp_path, line))


NAMES = st.sampled_from(["default/a/0", "liquidate/a/0", "liquidate/b/3"])


@given(st.lists(st.tuples(NAMES, st.integers(0, 1 << 56)), max_size=12))
def test_a_payment_counts_once_however_often_it_is_asked_for(asked: list[tuple[str, int]]) -> None:
    spent, model = Spent(day=1), dict[str, int]()
    for name, cents in asked:
        spent = spent.with_payment(name, cents)
        model = {**model, name: cents}
    paid = {name: cents for name, cents in model.items() if cents}
    assert (spent.cents, len(spent.paid)) == (sum(paid.values()), len(paid))


def test_a_day_is_144_blocks_and_a_reorg_gives_nothing_back() -> None:
    first = Spent(day=0).at(BLOCKS_A_DAY - 1).with_payment("default/a/0", 7).with_contest("a/1").with_contest("a/1")
    assert (first.day, first.cents, first.contested) == (0, 7, ("a/1",))
    next_day = first.at(BLOCKS_A_DAY)
    assert (next_day.day, next_day.cents, next_day.contested) == (1, 0, ())
    again = next_day.with_payment("default/b/0", 5).at(BLOCKS_A_DAY - 3)
    assert (again.day, again.cents) == (1, 5), "blocks that left the chain do not open the day before again"
    assert first.with_payment("default/a/0", 0).cents == 0
