"""The table of endings says what the signed transactions say: to the sat, to the block, to the key, and of all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tests.models.bitcoin_tx import parse
from tests.vault_kit import BORROWER, LENDER, Kit, fast_kit, kit, lending_kit
from vault.endings import Wait, coins_of, endings, foreseen, kind_of, of_coin

KITS = {"core": kit(), "babe": kit(engine="babe"), "babe of five": kit(engine="babe", challengers=3),
        "a loan": lending_kit(), "a loan with path B": fast_kit()}  # fmt: skip


@pytest.fixture(params=KITS, name="vault")
def _vault(request: pytest.FixtureRequest) -> Kit:
    return KITS[request.param]


def test_every_transaction_stands_in_the_table_once_and_every_bond_and_stake_that_is_never_used(vault: Kit) -> None:
    rows, graph = endings(vault.graph), vault.graph
    coins = {f"bond/{g}" for g in range(len(vault.proposal.graphs))} | {f"stake/{g}/{k}" for g, k in graph.plan.stakes}
    coins |= {f"ticket/{f}" for f in range(len(vault.proposal.fast))}
    assert Counter(row.transaction for row in rows) == Counter([*graph.templates, *coins])


def test_what_leaves_the_vault_is_what_the_raw_transactions_pay_to_the_sat_and_to_the_script(vault: Kit) -> None:
    """Read from the bytes that are signed by another parser; the burn goes to a script of nobody."""
    graph, scripts = vault.graph, {keys.payout_script: keys.party for keys in vault.terms.keys}
    scripts[vault.terms.keys[BORROWER].change_script] = BORROWER
    # What another transaction of the graph takes up.
    inner = {(spent.txid, spent.vout) for t in graph.templates.values() for spent in t.inputs}
    for row in endings(graph):
        template = graph.templates.get(row.transaction)
        if template is None:
            continue
        head, body, tail = template.raw[:4], template.raw[4:-4], template.raw[-4:]
        outputs = parse(head + b"\0\1" + body + bytes(len(template.inputs)) + tail).outputs  # empty witnesses
        leaves = [
            (scripts.get(output.script), output.value)
            for n, output in enumerate(outputs)
            if (template.txid, n) not in inner and len(output.script) == 34
        ]
        assert [(paid.to, paid.sats) for paid in row.pays] == leaves, row.transaction
        spent = sum(i.spends.value for i in template.inputs)
        assert row.fee == spent - sum(output.value for output in outputs) > 0


def test_every_ending_gives_the_coins_it_ends_to_somebody_but_for_fee_and_anchor(vault: Kit) -> None:
    for row in endings(vault.graph):
        assert bool(row.ends) == bool(row.pays) or row.transaction == "prefund"


def test_publishers_are_those_of_the_leaves(vault: Kit) -> None:
    rows = {row.transaction: row.by for row in endings(vault.graph)}
    assert {name: rows[name] for name in vault.graph.templates} == dict(vault.graph.spenders)


def test_a_slot_ends_in_every_way_that_its_graphs_and_entries_give_a_stake_in_four(vault: Kit) -> None:
    rows, proposal = endings(vault.graph), vault.proposal
    assert coins_of(rows)[: len(proposal.slots)] == tuple(f"slot/{s}" for s in range(len(proposal.slots)))
    for s in range(len(proposal.slots)):
        claims = sum(graph.slot == s for graph in proposal.graphs)
        wanted = Counter(refund=1, repay=1, deadman=1, uncontested_payout=claims, contested_payout=claims)
        wanted.update(["liquidate"] * sum(entry.slot == s for entry in proposal.fast))
        assert Counter(kind_of(row.transaction) for row in of_coin(rows, f"slot/{s}")) == wanted
    for coin in coins_of(rows):
        if coin.startswith("stake/"):
            kinds = [kind_of(row.transaction) for row in of_coin(rows, coin)]
            assert kinds == ["refute", "no_payout", "stake_back", "stake"]


def test_a_ticket_is_used_by_its_liquidator_or_comes_back_to_the_borrower() -> None:
    vault = KITS["a loan with path B"]
    rows, made = endings(vault.graph), vault.graph.templates["vault"]
    for f, entry in enumerate(vault.proposal.fast):
        used, unused = of_coin(rows, f"ticket/{f}")
        assert used.by == (entry.liquidator,) and used.transaction == f"liquidate/{f}"
        assert [(p.to, p.sats) for p in unused.pays] == [(BORROWER, made.output(f"ticket/{f}").value)]
        leaf = made.output(f"ticket/{f}").leaf("unused")  # type: ignore[union-attr]
        assert unused.earliest == (Wait(after="vault", blocks=leaf.delay),)


def test_blocks_are_those_of_the_terms(vault: Kit) -> None:
    rows, times = {row.transaction: row for row in endings(vault.graph)}, vault.proposal.timelocks
    assert rows["refund/0"].earliest == (Wait(after="prefund", blocks=times.refund),)
    assert rows["refund/0"].latest == ()
    assert set(rows["vault"].latest) == {Wait(after="prefund", blocks=times.refund)}
    assert rows["repay/0"].latest == (Wait(after="vault", blocks=times.dead_man),)
    assert Wait(after="0/claim", blocks=times.contest) in rows["0/uncontested_payout"].earliest
    assert rows["0/contest"].latest == (Wait(after="0/claim", blocks=times.contest),)
    assert rows["0/assert"].earliest == (Wait(after="0/contest", blocks=1),)  # larger than a TRUC child may be
    assert rows["0/assert"].latest == (Wait(after="0/contest", blocks=times.assert_),)
    assert Wait(after="0/assert", blocks=times.verdict) in rows["0/contested_payout"].earliest
    if vault.proposal.graphs[0].engine == "babe":
        assert rows["0/refute/1"].latest == (Wait(after="0/reveal/1", blocks=times.refute),)
        assert rows["0/stake_back/1"].earliest == (Wait(after="0/reveal/1", blocks=times.refute + times.margin),)
        assert set(rows["0/no_payout/1"].instead) >= {"0/refute/1", "0/stake_back/1", "0/contested_payout"}


@pytest.mark.parametrize("name", ["core", "babe"])
def test_a_rest_goes_to_the_other_side(name: str) -> None:
    vault = KITS[name]
    (paid,) = [row for row in endings(vault.graph) if row.transaction == "1/uncontested_payout"]
    assert [(p.to, p.sats) for p in paid.pays[:2]] == [(LENDER, 7_000_000), (BORROWER, 3_000_000)]


def test_before_any_key_exists_the_table_is_the_same_but_for_the_change_of_the_deposit(vault: Kit) -> None:
    after, before = endings(vault.graph), foreseen(vault.proposal)
    assert before[0].transaction == after[0].transaction == "prefund"
    assert replace(before[0], pays=(), fee=0) == replace(after[0], pays=(), fee=0)
    assert before[1:] == after[1:]
