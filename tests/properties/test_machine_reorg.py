"""However blocks come and go, the state is that of the final chain alone.

Chains are random walks over the vault's real coins (without timelocks, so more than real chains can hold); Assert comes
with one witness on one branch and another on the other.
"""

from collections.abc import Callable, Iterator
from functools import cache
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from challenge.deadlines import agenda
from challenge.events import Event, Mined, Ordered, Unmined
from challenge.game import Answer, fold
from challenge.machine import step
from challenge.states import Seen, VaultState
from tests.unit.challenge.ceremony import KITS, PARTIES, VALID, digest, live, made_up, seen
from tests.unit.challenge.chainplay import Board, board

Chain = tuple[Mined, ...]


@cache
def whole_board(engine: str) -> Board:
    return board(KITS[engine].graph)


def walk(
    engine: str, random: Random, coins, branch: str, height: int, blocks: int
) -> tuple[Chain, dict[int, frozenset]]:
    """A chain with up to three transactions a block, and the unspent coins after each height."""
    chain, after = [], {height - 1: coins}
    for at in range(height, height + blocks):
        items: list[Seen] = []
        for _ in range(random.randrange(4)):
            moves = list(whole_board(engine).next(coins))
            if not moves:
                break
            # Strangers are many: prefer the vault's own transactions, or no game gets far.
            own = [each for each in moves if not any("foreign" in name for name in each[0].names)]
            move, coins = random.choice(own if own and random.random() < 0.9 else moves)
            items += [seen(at, name, branch) for name in move.names]
        after[at] = coins
        if items:
            chain.append(Mined(height=at, block=made_up(branch, at), seen=tuple(items)))
    return tuple(chain), after


def branches(engine: str, seed: int) -> tuple[Chain, Chain, Chain]:
    """(common blocks, an abandoned branch, the final branch); the two branches begin at the same height."""
    random = Random(seed)
    common, after = walk(engine, random, whole_board(engine).coins, "common", 100, random.randrange(8))
    fork = max(after) + 1
    abandoned, _ = walk(engine, random, after[fork - 1], "abandoned", fork, random.randrange(1, 7))
    final, _ = walk(engine, random, after[fork - 1], "final", fork, random.randrange(1, 9))
    return common, abandoned, final


def unwind(chain: Chain) -> Iterator[Event]:
    """Blocks leave one by one, the tip first."""
    for block in reversed(chain):
        yield Unmined(height=block.height)


def at_once(chain: Chain) -> Iterator[Event]:
    """One event says that the lowest of these blocks, and so all above it, left."""
    if chain:
        yield Unmined(height=chain[0].height)


def straight(common: Chain, abandoned: Chain, final: Chain) -> Iterator[Event]:
    yield from (*common, *final)


def twice_each(common: Chain, abandoned: Chain, final: Chain) -> Iterator[Event]:
    for block in (*common, *final):
        yield from (block, block)


def reorg_block_by_block(common: Chain, abandoned: Chain, final: Chain) -> Iterator[Event]:
    yield from (*common, *abandoned, *unwind(abandoned), *final)


def reorg_at_once(common: Chain, abandoned: Chain, final: Chain) -> Iterator[Event]:
    yield from (*common, *abandoned, *at_once(abandoned), *final)


def back_and_forth(common: Chain, abandoned: Chain, final: Chain) -> Iterator[Event]:
    yield from (*common, *final, *unwind(final), *abandoned, *unwind(abandoned), *final)


def every_block_flaps(common: Chain, abandoned: Chain, final: Chain) -> Iterator[Event]:
    for block in (*common, *final):
        yield from (block, Unmined(height=block.height), block)


def from_the_beginning_again(common: Chain, abandoned: Chain, final: Chain) -> Iterator[Event]:
    yield from (*common, *abandoned, Unmined(height=0), *common, *final)


def told_of_leaving_too_often(common: Chain, abandoned: Chain, final: Chain) -> Iterator[Event]:
    yield Unmined(height=0)
    yield from (*common, Unmined(height=10**6), *abandoned)
    for block in reversed(abandoned):
        yield from (Unmined(height=block.height), Unmined(height=block.height + 1))
    yield from (*at_once(abandoned), *final, *final)


WAYS: list[Callable[[Chain, Chain, Chain], Iterator[Event]]] = [
    straight,
    twice_each,
    reorg_block_by_block,
    reorg_at_once,
    back_and_forth,
    every_block_flaps,
    from_the_beginning_again,
    told_of_leaving_too_often,
]


def run(state: VaultState, events: Iterator[Event], restarts: Random | None = None) -> VaultState:
    for event in events:
        taken = step(state, event)
        assert taken.outcome.kind in ("applied", "duplicate"), taken.outcome
        state = taken.state
        if restarts is not None and restarts.random() < 0.3:
            state = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=VaultState)
    return state


SEEDS = st.integers(0, 2**32)
ENGINES = st.sampled_from(sorted(KITS))


@settings(max_examples=150, deadline=None)
@given(engine=ENGINES, seed=SEEDS, me=st.sampled_from(PARTIES))
def test_eight_ways_of_delivering_blocks_end_in_one_state(engine, seed, me):
    chains = branches(engine, seed)
    fresh = run(live(me, engine), iter((*chains[0], *chains[2])))
    assert len(WAYS) == 8
    for way in WAYS:
        state = run(live(me, engine), way(*chains), Random(seed))
        assert state == fresh
        assert digest(state) == digest(fresh)
        assert agenda(state) == agenda(fresh)


@settings(max_examples=100, deadline=None)
@given(engine=ENGINES, seed=SEEDS, me=st.sampled_from(PARTIES))
def test_the_log_is_the_final_chain_and_nothing_else(engine, seed, me):
    common, abandoned, final = branches(engine, seed)
    expected = tuple(item for block in (*common, *final) for item in block.seen)
    for way in WAYS:
        assert run(live(me, engine), way(common, abandoned, final)).log == expected
    proposal = KITS[engine].proposal
    assert fold(proposal, expected) == fold(proposal, run(live(me, engine), straight(common, abandoned, final)).log)


@settings(max_examples=100, deadline=None)
@given(engine=ENGINES, seed=SEEDS, me=st.sampled_from(PARTIES), data=st.data())
def test_orders_given_at_any_moment_of_a_reorg_give_the_same_state(engine, seed, me, data):
    """Messages and blocks commute: what is due follows from what was said and what is on chain, not from when."""
    orders = {0: "want_claim/0", 1: "want_contest/0", 2: "want_contest/1" if engine == "core" else "want_reveal/1"}
    order = Ordered(key=orders[me], value=VALID if me == 0 else b"")
    chains = branches(engine, seed)
    fresh = run(live(me, engine), iter((order, *chains[0], *chains[2])))
    events = list(data.draw(st.sampled_from(WAYS))(*chains))
    events.insert(data.draw(st.integers(0, len(events))), order)
    state = run(live(me, engine), iter(events))
    assert digest(state) == digest(fresh)
    assert agenda(state) == agenda(fresh)


@pytest.mark.parametrize(("engine", "evidence"), [("core", 4), ("babe", 12)])
def test_the_random_chains_get_far_enough_to_mean_something(engine, evidence):
    """Both branches show different witnesses somewhere, every kind of end and answer occurs, and branches differ."""
    kinds, answers, witnesses, differ = set(), set(), set(), 0
    for seed in range(400):
        common, abandoned, final = branches(engine, seed)
        view = fold(KITS[engine].proposal, (item for block in (*common, *final) for item in block.seen))
        kinds |= {game.phase for game in view.graphs} | {slot.phase for slot in view.slots}
        answers |= {answer for game in view.graphs for answer in game.answers.values()}
        for block in (*abandoned, *final):
            witnesses |= {(item.name, item.raw) for item in block.seen if item.raw}
        differ += [i.name for b in abandoned for i in b.seen] != [i.name for b in final for i in b.seen]
    assert len(kinds) == 14
    assert answers == (set(Answer) if engine == "babe" else set())
    assert len(witnesses) == evidence
    assert differ > 200


@pytest.mark.parametrize("engine", sorted(KITS))
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_an_evaluation_is_open_for_the_assertion_on_chain_and_no_other(way, engine):
    names = ("prefund", "vault", "0/claim", "0/contest")
    common = tuple(Mined(height=100 + i, block=made_up(i), seen=(seen(100 + i, n),)) for i, n in enumerate(names))
    abandoned = (Mined(height=104, block=made_up("a"), seen=(seen(104, "0/assert", "a"),)),)
    final = (Mined(height=105, block=made_up("b"), seen=(seen(105, "0/assert", "b"),)),)
    state = run(live(2, engine), way(common, abandoned, final))
    assert [job.ref for job in state.jobs] == [seen(105, "0/assert", "b").raw]
