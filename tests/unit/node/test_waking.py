"""A vault that is not looked at is one in which a look finds nothing new."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from challenge.classify import index
from challenge.coins import free_bonds, free_stakes
from challenge.deadlines import due, settled
from challenge.events import Ordered
from challenge.states import VaultState
from challenge.wakes import wakes
from node.faults import LocalFault
from node.store import Store
from node.waking import Waking
from node.watches import COLUMN, VERSION, coins_of, put_of, watches
from tests.properties.test_machine_reorg import ENGINES, SEEDS, branches, run
from tests.unit.challenge.ceremony import KITS, PARTIES, VALID, live

BOUND = 30
VAULT, OTHER = b"\x01" * 32, b"\x02" * 32


def played(engine: str, seed: int, me: int) -> VaultState:
    """A living vault at the end of a random chain, with what this party may order ordered."""
    orders = {0: ("want_claim/0", VALID), 1: ("want_contest/0", b""), 2: ("want_contest/1", b"")}
    key, value = orders[me]
    common, _, final = branches(engine, seed)
    return run(live(me, engine), iter((Ordered(key=key, value=value), *common, *final)))


def answers(state: VaultState, tip: int) -> tuple[object, ...]:
    return (
        due(state, tip),
        bool(state.log) and settled(state, tip, BOUND),
        free_bonds(state, tip),
        free_stakes(state, tip),
    )


@settings(max_examples=150, deadline=None)
@given(engine=ENGINES, seed=SEEDS, me=st.sampled_from(PARTIES))
def test_between_two_wakes_every_answer_stays_the_same(engine, seed, me):
    state = played(engine, seed, me)
    first = state.log[-1].height if state.log else 90
    times = set(wakes(state, BOUND))
    for tip in range(first + 1, first + BOUND + 200):
        if tip not in times:
            assert answers(state, tip) == answers(state, tip - 1), tip


def test_the_random_chains_have_wakes_of_every_sort():
    """Else the property above would say nothing: dues, coins that come free, and ends are all among the changes."""
    changed = [False] * 4
    for seed in range(15):
        for engine in KITS:
            for me in PARTIES:
                state = played(engine, seed, me)
                tips = [tip for tip in wakes(state, BOUND) if state.log and tip > state.log[-1].height]
                for tip in tips:
                    pairs = zip(answers(state, tip), answers(state, tip - 1), strict=True)
                    changed = [known or now != before for known, (now, before) in zip(changed, pairs, strict=True)]
    assert changed == [True] * 4


def test_everybody_is_looked_at_once_then_only_who_changed_or_whose_time_has_come():
    state = next(
        s for seed in range(99) if (s := played("babe", seed, 0)).log and wakes(s, BOUND)[-1] > s.log[-1].height
    )
    waking, tip = Waking(BOUND), state.log[-1].height
    waking.wake([VAULT, OTHER])
    assert waking.at(tip) == [VAULT, OTHER]
    waking.rest(VAULT, state)
    assert waking.at(tip) == [OTHER]
    waking.rest(OTHER, state)
    later = [at for at in wakes(state, BOUND) if at > tip]
    assert [at for at in range(tip + 1, later[0] + 1) if waking.at(at)] == [later[0]]
    waking.rest(VAULT, state)
    assert waking.at(later[0]) == [OTHER]
    waking.rest(OTHER, state)
    waking.wake([OTHER])
    assert waking.at(later[0]) == [OTHER]


def test_a_vault_without_a_plan_sleeps_until_the_chain_gets_shorter():
    state, waking = live(1, "babe"), Waking(BOUND)
    assert wakes(state, BOUND) == ()
    waking.wake([VAULT])
    assert waking.at(100) == [VAULT]
    waking.rest(VAULT, state)
    assert waking.at(10_000) == []
    assert waking.at(9_999) == [VAULT]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store", network="regtest", genesis=bytes(32))


@pytest.mark.parametrize("engine", KITS)
def test_what_to_look_for_is_read_back_as_it_was_derived(store: Store, engine: str):
    known = index(KITS[engine].graph)
    assert coins_of(store, VAULT) is None
    store.commit([put_of(VAULT, known)])
    assert coins_of(store, VAULT) == list(known.coins)
    back = watches(store)(VAULT)
    assert (back.names, back.coins) == (dict(known.names), dict(known.coins))


@pytest.mark.parametrize("change", ["version", "shape"])
def test_an_entry_of_another_version_is_derived_again(store: Store, change: str):
    column, vault, raw = put_of(VAULT, index(KITS["core"].graph))
    assert column == COLUMN and raw is not None
    held = msgspec.msgpack.decode(raw)
    store.commit(
        [(column, vault, msgspec.msgpack.encode([VERSION + 1, *held[1:]] if change == "version" else held[:2]))]
    )
    assert coins_of(store, VAULT) is None


def test_a_lost_entry_of_a_watched_vault_is_a_fault_of_the_disk(store: Store):
    with pytest.raises(LocalFault, match="watches of vault"):
        watches(store)(VAULT)
