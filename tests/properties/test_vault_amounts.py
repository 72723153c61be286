"""Money adds up: for any terms that pass, every transaction balances to the sat and pays exactly its fee.

The values come from the amounts table of the product and, a second time, from `tests.models.amounts`.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.models import amounts as model
from tests.models.bitcoin_tx import parse
from tests.vault_kit import BABE, BORROWER, LENDER, Kit, graph_terms, loan, loan_graphs, make_proposal
from vault.agreement import Proposal, Timelocks
from vault.faults import TermsFault
from vault.fees import largest_stake, minimal_bond
from vault.terms import check_proposal
from vault.timelocks import slack

MILLION = 1_000_000


@st.composite
def timelocks(draw: st.DrawFn) -> Timelocks:
    """Every inequality holds for both engines, by margins from one block to many."""
    more = st.integers(1, 300)
    margin, depth = draw(st.integers(1, 40)), draw(st.integers(1, 8))
    contest, assert_, refute = (margin + 1 + draw(more) for _ in range(3))
    answer = depth + (margin + 1) + refute + margin
    verdict = answer + draw(more)
    release = (margin + 1) + assert_ + margin + answer + draw(more)
    dead_man = 30 + 2 * (contest + assert_ + verdict) + slack("regtest").dead_man + draw(more)
    return Timelocks(
        contest=contest,
        assert_=assert_,
        refute=refute,
        verdict=verdict,
        refund=(margin + 1) + slack("regtest").ledger + draw(more),
        bond_release=release,
        dead_man=dead_man,
        margin=margin,
        depth=depth,
    )


@st.composite
def plain(draw: st.DrawFn) -> dict[str, Any]:
    """Graphs of either engine, with a rest or without; challengers that claim nothing."""
    slots = draw(st.lists(st.integers(2_000, 50 * MILLION), min_size=1, max_size=3))
    choices = [(who, slot) for slot in range(len(slots)) for who in (BORROWER, LENDER)]
    graphs = []
    for who, slot in draw(st.lists(st.sampled_from(choices), min_size=1, max_size=3, unique=True)):
        rest = draw(st.one_of(st.just(0), st.integers(330, slots[slot] - 330)))
        graphs.append(
            graph_terms(
                claimant=who,
                outcome="withdraw" if who == BORROWER else "default",
                slot=slot,
                amount=slots[slot] - rest,
                digits=draw(st.integers(1, 9)),
                digit_bits=draw(st.integers(1, 3)),
                **draw(st.sampled_from([BABE, {}])),
            )
        )
    return {"slots": slots, "graphs": graphs, "challengers": draw(st.integers(0, 4))}


@st.composite
def lending(draw: st.DrawFn) -> dict[str, Any]:
    """A loan of up to 8 parties: several claimants of one slot, all of engine babe, all for the whole coin."""
    slots = draw(st.lists(st.integers(2_000, 50 * MILLION), min_size=1, max_size=2))
    liquidators = draw(st.integers(1, 4))
    every = loan_graphs(
        slots, liquidators=liquidators, digits=draw(st.integers(1, 9)), digit_bits=draw(st.integers(1, 3))
    )
    graphs = draw(st.lists(st.sampled_from(every), min_size=1, max_size=3, unique_by=lambda g: (g.claimant, g.slot)))
    return {
        "slots": slots, "graphs": graphs, "liquidators": liquidators, "challengers": draw(st.integers(0, 2)),
        "loan": loan(timeout=1),
    }  # fmt: skip


@st.composite
def kits(draw: st.DrawFn) -> Kit:
    wanted = draw(st.one_of(plain(), lending()))
    base = draw(st.integers(1, 9))
    assume(min(wanted["slots"]) > 10_000 or base == 1)
    proposal = make_proposal(
        **wanted,
        timelocks=draw(timelocks()),
        base_rate=base,
        worst_rate=base + draw(st.integers(0, 100)),
        extra_bond=draw(st.integers(0, MILLION)),
    )
    for g, graph in enumerate(proposal.graphs):
        if graph.engine == "babe":
            least, most = model.stakes(shape(proposal, g), base, proposal.fee_policy.worst_rate)
            assume(least <= most)
            proposal = with_graph(proposal, g, stake=draw(st.integers(least, most)))
    name = f"property {draw(st.integers(0, 9))}"
    return Kit(proposal=proposal, name=name, coins=draw(st.integers(1, 3)))


def with_graph(proposal: Proposal, g: int, **fields: object) -> Proposal:
    graphs = list(proposal.graphs)
    graphs[g] = msgspec.structs.replace(graphs[g], **fields)
    return msgspec.structs.replace(proposal, graphs=tuple(graphs))


def shape(proposal: Proposal, g: int) -> model.Shape:
    graph, times = proposal.graphs[g], proposal.timelocks
    return model.Shape(
        slot=proposal.slots[graph.slot],
        amount=graph.amount,
        bond=graph.bond,
        challengers=len(proposal.parties) - 1,
        digits=graph.digits,
        contest=times.contest,
        assert_=times.assert_,
        verdict=times.verdict,
        release=times.bond_release,
        refute=times.refute,
        margin=times.margin,
        stake=graph.stake if graph.engine == "babe" else None,
    )


ANSWERS = ("disprove", "reveal", "refute", "no_payout", "stake_back")


def expected(kit: Kit) -> dict[str, tuple[list[int], list[int]]]:
    """The model's word on every transaction."""
    proposal, times = kit.proposal, kit.proposal.timelocks
    rate = proposal.fee_policy.base_rate
    coins = [coin.value for coin in kit.terms.keys[BORROWER].prefund_inputs]
    found = model.deposit(list(proposal.slots), coins, times.refund, times.dead_man, rate)
    for g in range(len(proposal.graphs)):
        for name, values in model.game(shape(proposal, g), rate).items():
            many = [f"/{k}" for k in proposal.challengers(g)] if name in ANSWERS else [""]
            found |= {f"{g}/{name}{suffix}": values for suffix in many}
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(kit=kits())
def test_every_transaction_balances_and_pays_exactly_its_fee(kit: Kit) -> None:
    wanted = expected(kit)
    rate = kit.proposal.fee_policy.base_rate
    assert wanted.keys() == kit.graph.templates.keys()
    for name, template in kit.graph.templates.items():
        spent, created = wanted[name]
        assert [i.spends.value for i in template.inputs] == spent, name
        assert [o.value for o in template.outputs] == [*created, model.ANCHOR], name
        assert all(value >= model.DUST for value in created), name
        leaves = [int(p.partition("/")[2]) for p in template.inputs[0].paths] if name.endswith("/contest") else [None]
        sizes = []
        for leaf in leaves:
            signed = parse(kit.finish(name, leaf=leaf))
            assert signed.txid == template.txid, name
            sizes.append(-(-signed.weight // 4))
        # Contest pays for its heaviest leaf; every other transaction has one size.
        assert sum(spent) - sum(created) - model.ANCHOR == rate * max(sizes) == template.fee, name


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(kit=kits())
def test_the_smallest_bond_is_accepted_and_one_sat_less_is_not(kit: Kit) -> None:
    rates = kit.proposal.fee_policy
    for g in range(len(kit.proposal.graphs)):
        wanted = model.smallest_bond(shape(kit.proposal, g), rates.base_rate, rates.worst_rate)
        assert minimal_bond(kit.proposal, g) == wanted
        for less, accepted in ((0, True), (1, False)):
            changed = with_graph(kit.proposal, g, bond=minimal_bond(kit.proposal, g) - less)
            if accepted:
                assert check_proposal(changed) is changed
            else:
                with pytest.raises(TermsFault, match=rf"graphs\[{g}\].bond"):
                    check_proposal(changed)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(kit=kits())
def test_the_smallest_and_the_largest_stake_are_accepted_and_one_sat_beyond_is_not(kit: Kit) -> None:
    rates = kit.proposal.fee_policy
    babe = [g for g, graph in enumerate(kit.proposal.graphs) if graph.engine == "babe"]
    assume(babe)
    for g in babe:
        least, most = model.stakes(shape(kit.proposal, g), rates.base_rate, rates.worst_rate)
        assert largest_stake(kit.proposal, g) == most
        for stake in (least, most):
            changed = with_graph(kit.proposal, g, stake=stake)
            assert check_proposal(changed) is changed
        for stake in (least - 1, most + 1):
            with pytest.raises(TermsFault) as caught:
                check_proposal(with_graph(kit.proposal, g, stake=stake))
            assert f"graphs[{g}].stake" in caught.value.field or f"{g}/refute/" in caught.value.field
