"""What a party says that it does, and why: for every question of a dispute, and never otherwise than the agenda has it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

import pytest

from challenge.answers import answer_key, verdict_key
from challenge.deadlines import agenda
from challenge.events import Done, Event, Halted, Mined, Ordered, Told
from challenge.machine import step
from challenge.states import Job, Stage, VaultState
from node.decisions import Decision, Decisions, decisions
from tests.unit.challenge.ceremony import BORROWER, CHALLENGER, LENDER, VALID, after, at, block, live, seen

YES, NO = b"\x01", b"\x00"
OPEN = ("prefund", "vault")
CLAIMED = (*OPEN, "0/claim")
CONTESTED = (*CLAIMED, "0/contest")
ASSERTED = (*CONTESTED, "0/assert")
REVEALED = (*ASSERTED, "0/reveal/2")
HEIGHTS = {name: 100 * (i + 1) for i, name in enumerate(REVEALED)}
CONTEST, INSIST, CLAIM = (
    Ordered(key="want_contest/0"),
    Ordered(key="want_reveal/0"),
    Ordered(key="want_claim/0", value=VALID),
)


def mined(*names: str) -> list[Event]:
    return [_block(name) for name in names]


def _block(name: str) -> Mined:
    return block(HEIGHTS.get(name, 1000), name)


def proof(value: bytes) -> list[Event]:
    """The claimant's proof has come, and was judged."""
    told = Told(party=BORROWER, key="proof/0", value=VALID)
    return [told, Done(job=Job(kind="verify", indices=(0,)), facts=(("proven/0", value),))]


def verdict(value: bytes) -> Event:
    asserted = seen(HEIGHTS["0/assert"], "0/assert")
    return Done(job=Job(kind="evaluate", indices=(0,), ref=asserted.raw), facts=((verdict_key(0, asserted), value),))


def answer(value: bytes) -> Event:
    revealed = seen(HEIGHTS["0/reveal/2"], "0/reveal/2")
    job = Job(kind="decrypt", indices=(0, 2), ref=revealed.raw)
    return Done(job=job, facts=((answer_key(0, 2, revealed), value),))


@dataclass(frozen=True, kw_only=True)
class Case:
    """Party `me` after these events says that it does or does not publish `about`, and why."""

    does: Literal["yes", "no", "waits"]
    about: str
    why: str
    events: list[Event] = field(hash=False)
    me: int = CHALLENGER
    engine: str = "babe"

    def __str__(self) -> str:
        return f"{self.engine}, {self.about} {self.does}: {self.why}"

    @property
    def state(self) -> VaultState:
        return after(live(self.me, self.engine), *self.events)


CASES = [
    Case(about="contest", does="no", why="neither the policy nor the operator", events=mined(*CLAIMED)),
    Case(about="contest", does="yes", why="ordered by the policy or the operator", events=[CONTEST, *mined(*CLAIMED)]),
    Case(about="contest", does="yes", why="is not valid", events=[CONTEST, *mined(*CLAIMED), *proof(NO)]),
    Case(about="contest", does="no", why="proof is valid", events=[CONTEST, *mined(*CLAIMED), *proof(YES)]),
    Case(about="contest", does="yes", why="insists", events=[INSIST, *mined(*CLAIMED), *proof(YES)]),
    Case(about="reveal", does="waits", why="looking for a proof", events=mined(*ASSERTED)),
    Case(about="reveal", does="yes", why="no valid proof is known", events=[*mined(*ASSERTED), verdict(YES)]),
    Case(about="reveal", does="no", why="the ledger bears the claim out", events=[*mined(*ASSERTED), verdict(NO)]),
    Case(about="reveal", does="no", why="proof is valid", events=[*mined(*ASSERTED), verdict(YES), *proof(YES)]),
    Case(about="reveal", does="yes", why="insists", events=[INSIST, *mined(*ASSERTED), *proof(YES)]),
    Case(
        about="reveal", does="no", why="is disarmed",
        events=[*mined(*ASSERTED), verdict(YES), block(1000, "0/foreign/stake/2")],
    ),
    Case(about="reveal", does="yes", why="mined", events=[*mined(*ASSERTED), verdict(YES), *mined("0/reveal/2")]),
    Case(about="assert", does="yes", why="ordered with the claim", me=BORROWER, events=[CLAIM, *mined(*CONTESTED)]),
    Case(about="assert", does="no", why="never ordered", me=BORROWER, events=mined(*CONTESTED)),
    Case(about="refute/2", does="waits", why="being evaluated", me=BORROWER, events=[CLAIM, *mined(*REVEALED)]),
    Case(about="refute/2", does="yes", why="sats are ours", me=BORROWER, events=[CLAIM, *mined(*REVEALED), answer(YES)]),
    Case(about="refute/2", does="no", why="not valid", me=BORROWER, events=[CLAIM, *mined(*REVEALED), answer(NO)]),
    Case(about="disprove", does="waits", why="being evaluated", engine="core", events=mined(*ASSERTED)),
    Case(about="disprove", does="yes", why="the claim is false", engine="core", events=[*mined(*ASSERTED), verdict(YES)]),
    Case(about="disprove", does="no", why="the claim is true", engine="core", events=[*mined(*ASSERTED), verdict(NO)]),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_question_is_answered_in_words(case: Case) -> None:
    (found,) = [each for each in decisions(case.state) if each.graph == 0]
    assert (found.about, found.does) == (case.about, case.does)
    assert case.why in found.why


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_agenda_does_what_the_words_say(case: Case) -> None:
    kind, _, index = case.about.partition("/")
    names = {item.name for item in agenda(case.state)}
    named = f"0/{kind}/{index or case.me}" if kind in ("reveal", "refute", "disprove") else f"0/{kind}"
    over = "mined" in case.why  # Reveal is out: what follows is another question
    assert (named in names) is (case.does == "yes" and not over)


@pytest.mark.parametrize("me", [BORROWER, LENDER, CHALLENGER])
def test_nothing_is_decided_before_the_vault_lives_or_when_it_has_ended(me: int) -> None:
    assert decisions(at(me, Stage.PARTIALS, "babe")) == ()
    assert decisions(live(me, "babe")) == (), "nobody has claimed"
    claimed = after(live(me, "babe"), *mined(*CLAIMED))
    assert decisions(step(claimed, Halted(reason="a deep reorg")).state) == ()


def test_only_what_is_new_is_told() -> None:
    told, vault = Decisions(), b"v" * 32
    claimed = after(live(CHALLENGER, "babe"), CONTEST, *mined(*CLAIMED))
    (first,) = told.news(vault, claimed)
    assert (first.about, first.does) == ("contest", "yes")
    assert told.news(vault, claimed) == []
    assert told.news(b"w" * 32, claimed) == [first], "another vault"
    (second,) = told.news(vault, after(claimed, *proof(YES)))
    assert (second.about, second.does) == ("contest", "no")


def test_a_question_has_a_kind_without_its_index() -> None:
    assert Decision(graph=0, about="refute/2", does="no", why="").kind == "refute"


def test_the_count_is_that_of_all_states_as_they_are_now():
    """Only what changed is looked at anew, and nothing that changed is missed."""
    told, states = Decisions(), {bytes([n]): live(CHALLENGER, "babe") for n in range(3)}
    for names in ((), CLAIMED, ASSERTED):
        states[b"\x01"] = after(live(CHALLENGER, "babe"), CONTEST, *mined(*names))
        stages, answers = told.tally(states.items())
        assert stages == {"live": 3}
        fresh = Counter((each.kind, each.does) for state in states.values() for each in decisions(state))
        assert answers == fresh
        assert bool(answers) == bool(names)
    states[b"\x02"] = at(CHALLENGER, Stage.KEYS, "babe")
    assert told.tally(states.items())[0] == {"live": 2, "keys": 1}
