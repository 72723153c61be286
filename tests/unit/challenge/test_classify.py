"""Every coin of a vault has exactly one name for strangers; every transaction of the graph has its own."""

from collections import Counter

import pytest

from bitcoin_scripts.outputs import ANCHOR_VALUE
from challenge.classify import classify, index
from challenge.game import LEFTOVER, split
from tests.unit.challenge.ceremony import KITS, PROPOSAL
from tests.vault_kit import kit

GRAPHS = {engine: each.graph for engine, each in KITS.items()}
INDEXES = {engine: index(graph) for engine, graph in GRAPHS.items()}
GRAPH, INDEX = GRAPHS["core"], INDEXES["core"]
engines = pytest.mark.parametrize("engine", KITS)
STRANGER = b"\xee" * 32


def spent_by_the_vault(graph):
    return {(item.txid, item.vout) for template in graph.templates.values() for item in template.inputs}


@engines
@pytest.mark.parametrize("challengers", [0, 1, 3])
def test_every_coin_that_the_vault_spends_has_one_name(challengers, engine):
    graph = kit(challengers=challengers, engine=engine).graph
    assert index(graph).coins.keys() == spent_by_the_vault(graph)


@engines
def test_the_names_of_coins_follow_from_what_they_are(engine):
    graphs, slots = range(len(PROPOSAL.graphs)), range(len(PROPOSAL.slots))
    expected = Counter({"foreign/prefund_input": len(GRAPHS[engine].templates["prefund"].inputs)})
    expected.update(f"foreign/{coin}/{s}" for coin in ("prefund", "vault") for s in slots)
    expected.update(
        f"{g}/foreign/{coin}" for coin in ("bond", "contest", "payout", "assertion", "verdict") for g in graphs
    )
    indexed = ("arena",) if engine == "core" else ("arena", "stake", "refute")
    expected.update(f"{g}/foreign/{coin}/{k}" for coin in indexed for g in graphs for k in PROPOSAL.challengers(g))
    assert Counter(INDEXES[engine].coins.values()) == expected


@engines
def test_a_coin_is_named_after_the_output_it_is(engine):
    for template in GRAPHS[engine].templates.values():
        for n, output in enumerate(template.outputs):
            name = INDEXES[engine].coins.get(template.outpoint(n))
            if name is not None:
                graph, coin, number = split(name)
                words = [str(graph)] if graph is not None else []
                words += [coin.removeprefix("foreign/")]
                words += [str(number)] if number is not None else []
                assert output.role == "/".join(words)


@engines
def test_what_has_no_name_belongs_to_nobody_in_the_game(engine):
    """Only anchors and money that has left the vault (destinations) are not watched."""
    for template in GRAPHS[engine].templates.values():
        for n, output in enumerate(template.outputs):
            if template.outpoint(n) not in INDEXES[engine].coins:
                left = hasattr(output, "script_pubkey") and not getattr(output, "leaves", ())
                assert left or output.value == ANCHOR_VALUE


@engines
def test_every_transaction_of_the_graph_is_recognised_whoever_publishes_it(engine):
    graph, known = GRAPHS[engine], INDEXES[engine]
    assert dict(known.names) == {template.txid: name for name, template in graph.templates.items()}
    for name, template in graph.templates.items():
        spent = [(item.txid, item.vout) for item in template.inputs]
        assert classify(known, template.txid, spent) == (name,)
        assert classify(known, template.txid, ()) == (name,)


@engines
def test_a_stranger_is_called_after_the_coins_it_takes_each_once_in_order(engine):
    for name, template in GRAPHS[engine].templates.items():
        spent = [(item.txid, item.vout) for item in template.inputs]
        names = classify(INDEXES[engine], STRANGER, spent)
        assert names == tuple(dict.fromkeys(INDEXES[engine].coins[outpoint] for outpoint in spent))
        assert all("foreign/" in each for each in names)
        assert len(names) == (1 if name == "prefund" else len(spent))


def test_a_transaction_that_touches_nothing_has_no_name():
    assert classify(INDEX, STRANGER, [(STRANGER, 0), (GRAPH.templates["vault"].txid, 99)]) == ()
    assert classify(INDEX, STRANGER, ()) == ()


@engines
def test_every_name_splits_into_a_graph_a_kind_and_an_index(engine):
    for name in (*INDEXES[engine].names.values(), *INDEXES[engine].coins.values()):
        graph, kind, number = split(name)
        assert graph is None or 0 <= graph < len(PROPOSAL.graphs)
        assert "/".join(str(word) for word in (graph, kind, number) if word is not None) == name
    assert {split(name)[1] for name in INDEX.coins.values() if "arena" in name} == {LEFTOVER}
