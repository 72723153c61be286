"""The vocabulary: who may state a fact, who hears it, how large it may be, when; and hostile keys."""

import msgspec
import pytest

from challenge.events import Done, Ordered, Told
from challenge.facts import (
    JOB,
    KINDS,
    NOBODY,
    OPERATOR,
    When,
    challengers_of,
    everyone,
    fact_id,
    key,
    parse_key,
    parts,
)
from challenge.faults import Refused
from challenge.machine import step
from challenge.states import Stage
from circuits.engines import ENGINES
from tests.unit.challenge.ceremony import BORROWER, CHALLENGER, DEFAULT, LENDER, PROPOSAL, WITHDRAW, at, done, live
from tests.vault_kit import loan
from vault.agreement import Fast
from vault.pairs import CLAIMANT_GARBLES, evaluator_of, garbler_of

EXAMPLES = {
    name: key(name, *({"p": 1, "g": DEFAULT, "k": 2, "s": 1, "f": 1, "i": 2, "x": 5}[letter] for letter in row.indices))
    for name, row in KINDS.items()
}


BABE = msgspec.structs.replace(
    PROPOSAL,
    graphs=tuple(msgspec.structs.replace(graph, engine="babe") for graph in PROPOSAL.graphs),
    loan=loan(fast=(Fast(slot=0, liquidator=CHALLENGER, price=1, day=0), Fast(slot=1, liquidator=2, price=1, day=0))),
)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_parses_to_itself(name):
    kind, row, indices = parse_key(BABE, EXAMPLES[name])
    assert (kind, row) == (name, KINDS[name])
    assert key(kind, *indices) == EXAMPLES[name]


@pytest.mark.parametrize("name", KINDS)
def test_authors_and_audiences_are_parties_of_the_vault(name):
    _, row, indices = parse_key(BABE, EXAMPLES[name])
    assert row.author(BABE, indices) in {*everyone(PROPOSAL), OPERATOR, JOB, NOBODY}
    assert set(row.audience(BABE, indices)) <= set(everyone(PROPOSAL))
    assert row.of is None or set(row.of(BABE, indices)) <= set(everyone(PROPOSAL))
    assert set(row.indices) <= set("pgksfix")
    assert row.means


@pytest.mark.parametrize("name", [name for name, row in KINDS.items() if row.engine])
def test_what_one_engine_states_no_graph_of_another_takes(name):
    with pytest.raises(Refused, match="engine core, not babe"):
        parse_key(PROPOSAL, EXAMPLES[name])


@pytest.mark.parametrize("name", ["answers/0/0", "kept/1/1", "answer/0/0/5", "presignatures/1/1"])
def test_a_claimant_is_no_challenger_of_its_own_graph(name):
    with pytest.raises(Refused, match="is the claimant of graph"):
        parse_key(BABE, name)


def test_who_garbles_and_who_evaluates():
    for g, k in ((WITHDRAW, LENDER), (WITHDRAW, CHALLENGER), (DEFAULT, BORROWER)):
        claimant = PROPOSAL.graphs[g].claimant
        assert (garbler_of(PROPOSAL, g, k), evaluator_of(PROPOSAL, g, k)) == (claimant, k)
        assert (garbler_of(BABE, g, k), evaluator_of(BABE, g, k)) == (k, claimant)


def test_the_engines_say_the_same_of_who_garbles():
    """`challenge` must not load the engines to know it."""
    assert {name: engine.garbler == "claimant" for name, engine in ENGINES.items()} == CLAIMANT_GARBLES


def test_who_states_and_hears_what_in_engine_babe():
    heard = {
        f"answers/{WITHDRAW}/2": (2, (0, 1, 2)),
        f"commitments/{WITHDRAW}/2": (2, (BORROWER,)),
        f"kept/{WITHDRAW}/2": (BORROWER, (2,)),
        f"openings/{DEFAULT}/0": (0, (LENDER,)),
        f"presignatures/{DEFAULT}/0": (LENDER, (0,)),
        f"answerable/{DEFAULT}/0": (JOB, ()),
        f"proof/{WITHDRAW}": (BORROWER, (1, 2)),
        f"proven/{WITHDRAW}": (JOB, ()),
        f"answer/{WITHDRAW}/1/7": (JOB, ()),
        f"want_reveal/{WITHDRAW}": (OPERATOR, ()),
    }
    for text, (author, audience) in heard.items():
        _, row, indices = parse_key(BABE, text)
        assert (row.author(BABE, indices), row.audience(BABE, indices)) == (author, audience), text


def test_who_states_and_hears_what():
    heard = {
        "accept/1": (1, (0, 1, 2)),
        "keys/2": (2, (0, 1, 2)),
        f"points/{WITHDRAW}": (BORROWER, (0, 1, 2)),
        f"points/{DEFAULT}": (LENDER, (0, 1, 2)),
        f"commitments/{WITHDRAW}/2": (BORROWER, (2,)),
        f"kept/{WITHDRAW}/2": (2, (BORROWER,)),
        f"openings/{DEFAULT}/0": (LENDER, (0,)),
        "nonces/2/0": (2, (0, 1, 2)),
        "ask_release/0": (BORROWER, (LENDER,)),
        "release/0": (LENDER, (BORROWER,)),
        "propose": (NOBODY, (0, 1, 2)),
        "verdict/0/7": (JOB, ()),
        "want_claim/0": (OPERATOR, ()),
    }
    for text, (author, audience) in heard.items():
        _, row, indices = parse_key(PROPOSAL, text)
        assert (row.author(PROPOSAL, indices), row.audience(PROPOSAL, indices)) == (author, audience), text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "points",
        "points/",
        "points/0/0",
        "points/2",
        "points/-1",
        "points/+1",
        "points/00",
        "points/01",
        "points/ 1",
        "points/1 ",
        "points/1\n",
        "points/0x1",
        "points/1_0",
        "points/1e0",
        "points/\u0660",  # a digit to str.isdigit and int
        "points/\u00b2",  # a digit to str.isdigit, not to int
        "points/" + "9" * 5000,  # beyond what int() converts
        "Points/0",
        "points/0/",
        "accept/3",
        "accept/18446744073709551616",
        f"commitments/{WITHDRAW}/{BORROWER}",  # the claimant is no challenger
        f"kept/{DEFAULT}/{LENDER}",
        "kept/0/3",
        f"nonces/0/{parts(PROPOSAL)}",
        "release/2",
        f"verdict/0/{1 << 256}",
        "funded/0",
        "abort",
        "x" * 100_000,
        "accept" + "/0" * 50_000,
        "propose/\x00",
        "\ud800",
    ],
)
def test_a_hostile_key_is_refused_and_the_reason_is_short(text):
    with pytest.raises(Refused) as refusal:
        parse_key(PROPOSAL, text)
    assert 0 < len(refusal.value.reason) < 300


def test_the_largest_indices_are_taken():
    for text in ("points/1", "accept/2", "nonces/2/2", "release/1", f"verdict/1/{(1 << 256) - 1}"):
        assert parse_key(PROPOSAL, text)[0] == text.split("/")[0]


def test_challengers_are_everyone_but_the_claimant():
    assert challengers_of(PROPOSAL, WITHDRAW) == (1, 2)
    assert challengers_of(PROPOSAL, DEFAULT) == (0, 2)


def test_bulk_values_are_named_by_their_content():
    assert fact_id(b"a") != fact_id(b"b")
    assert len(fact_id(b"")) == 32


@pytest.mark.parametrize("party", [BORROWER, LENDER])
def test_only_its_author_states_a_fact(party):
    state = at(CHALLENGER, Stage.KEYS)
    for claimed in (BORROWER, LENDER):
        told = step(state, Told(party=party, key=key("accept", claimed), value=b""))
        expected = "duplicate" if claimed == party else "refused"
        assert told.outcome.kind == expected, told.outcome
        assert told.state == state


def test_a_message_in_our_own_name_is_refused():
    state = at(CHALLENGER, Stage.KEYS)
    told = step(state, Told(party=CHALLENGER, key=key("accept", CHALLENGER), value=b""))
    assert (told.outcome.kind, told.state) == ("refused", state)


def test_a_fact_for_someone_else_is_refused():
    state = at(CHALLENGER, Stage.POINTS)
    told = step(state, Told(party=BORROWER, key=key("commitments", WITHDRAW, LENDER), value=b"x"))
    assert told.outcome.kind == "refused"
    assert "not for party 2" in told.outcome.reason


@pytest.mark.parametrize("name", ["funded", "coins", "verdict/0/1", "want_accept", "want_claim/0", "propose"])
def test_a_peer_cannot_state_what_belongs_to_jobs_operator_or_nobody(name):
    for author in everyone(PROPOSAL):
        for state in (at(LENDER, Stage.KEYS), live(LENDER)):
            told = step(state, Told(party=author, key=name, value=b""))
            assert (told.outcome.kind, told.state) == ("refused", state)


@pytest.mark.parametrize("name", ["ready/0", "presigned", "accept/0", "keys/0", "ask_release/0", "release/0", "coins"])
def test_the_operator_states_orders_only(name):
    """An order `ready` before the presignatures are stored would break the promise about deposits."""
    for state in (at(BORROWER, Stage.PARTIALS), live(BORROWER)):
        ordered = step(state, Ordered(key=name, value=b""))
        assert (ordered.outcome.kind, ordered.state) == ("refused", state)


@pytest.mark.parametrize(
    ("name", "able"),
    [
        (f"want_claim/{WITHDRAW}", {BORROWER}),
        (f"want_claim/{DEFAULT}", {LENDER}),
        (f"want_contest/{WITHDRAW}", {LENDER, CHALLENGER}),
        (f"want_contest/{DEFAULT}", {BORROWER, CHALLENGER}),
        ("want_repay/0", {BORROWER}),
        ("want_release/0", {LENDER}),
        ("want_deadman/1", {BORROWER}),
        ("want_refund/1", {BORROWER}),
    ],
)
def test_an_order_is_taken_only_where_it_can_do_something(name, able):
    for me in everyone(PROPOSAL):
        outcome = step(live(me), Ordered(key=name)).outcome
        assert outcome.kind == ("applied" if me in able else "refused"), (me, outcome)


@pytest.mark.parametrize("name", ["points/0", "nonces/0/1", "partials/0/2", "commitments/0/1"])
def test_a_value_at_the_limit_is_taken_and_one_byte_more_is_refused(name):
    state = at(LENDER, Stage.KEYS)
    limit = KINDS[name.split("/")[0]].limit
    assert step(state, Told(party=BORROWER, key=name, value=bytes(limit))).outcome.kind == "applied"
    over = step(state, Told(party=BORROWER, key=name, value=bytes(limit + 1)))
    assert (over.outcome.kind, over.state) == ("refused", state)
    assert str(limit + 1) in over.outcome.reason


def test_an_acceptance_carries_nothing():
    state = at(BORROWER, Stage.PROPOSED)
    assert step(state, Told(party=LENDER, key="accept/1", value=b"x")).outcome.kind == "refused"


def test_a_long_abort_is_refused_like_any_fact():
    state = at(BORROWER, Stage.KEYS)
    limit = KINDS["abort"].limit
    assert step(state, Told(party=LENDER, key="abort/1", value=bytes(limit + 1))).outcome.kind == "refused"
    assert step(state, Told(party=LENDER, key="abort/1", value=bytes(limit))).outcome.kind == "applied"


def test_facts_of_a_living_vault_are_early_during_setup():
    state = at(BORROWER, Stage.READY)
    for event in (
        Told(party=LENDER, key="release/0", value=bytes(32)),
        Ordered(key=f"want_claim/{WITHDRAW}", value=b""),
    ):
        early = step(state, event)
        assert (early.outcome.kind, early.state) == ("early", state)


def test_facts_of_the_setup_are_refused_in_a_living_vault():
    state = live(BORROWER)
    for event in (Ordered(key="want_abort"), Told(party=1, key="abort/1", value=b"")):
        refused = step(state, event)
        assert (refused.outcome.kind, refused.state) == ("refused", state)
    assert {row.when for row in KINDS.values()} <= set(When)


def test_a_bulk_value_goes_beside_the_state():
    state = at(LENDER, Stage.KEYS)
    taken = step(state, Told(party=BORROWER, key="points/0", value=b"large"))
    assert taken.state.facts["points/0"] == fact_id(b"large")
    assert taken.blobs == {fact_id(b"large"): b"large"}
    again = step(taken.state, Told(party=BORROWER, key="points/0", value=b"large"))
    assert (again.outcome.kind, again.blobs) == ("duplicate", {})


def test_a_job_states_its_own_partys_facts_only():
    state = at(BORROWER, Stage.FUNDING)
    (job,) = state.jobs
    own = done(state, job)
    foreign = Done(job=job, facts=(*own.facts, ("accept/1", b"")))
    assert step(state, own).outcome.kind == "applied"
    ended = step(state, foreign)
    assert ended.state.end is not None
    assert "accept/1" in ended.state.end[1]
