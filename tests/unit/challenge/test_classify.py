"""Every coin of a vault has exactly one name for strangers; every transaction of the graph has its own."""

from collections import Counter

import pytest

from bitcoin_scripts.outputs import ANCHOR_VALUE
from challenge.classify import classify, index
from challenge.game import LEFTOVER, split
from tests.unit.challenge.ceremony import KIT, PROPOSAL
from tests.vault_kit import kit

GRAPH = KIT.graph
INDEX = index(GRAPH)
STRANGER = b"\xee" * 32


def spent_by_the_vault(graph):
    return {(item.txid, item.vout) for template in graph.templates.values() for item in template.inputs}


@pytest.mark.parametrize("challengers", [0, 1, 3])
def test_every_coin_that_the_vault_spends_has_one_name(challengers):
    graph = kit(challengers=challengers).graph
    assert index(graph).coins.keys() == spent_by_the_vault(graph)


def test_the_names_of_coins_follow_from_what_they_are():
    graphs, slots = range(len(PROPOSAL.graphs)), range(len(PROPOSAL.slots))
    expected = Counter({"foreign/prefund_input": len(GRAPH.templates["prefund"].inputs)})
    expected.update(f"foreign/{coin}/{s}" for coin in ("prefund", "vault") for s in slots)
    expected.update(
        f"{g}/foreign/{coin}" for coin in ("bond", "contest", "payout", "assertion", "verdict") for g in graphs
    )
    expected.update(f"{g}/foreign/arena/{k}" for g in graphs for k in PROPOSAL.challengers(g))
    assert Counter(INDEX.coins.values()) == expected


def test_a_coin_is_named_after_the_output_it_is():
    for template in GRAPH.templates.values():
        for n, output in enumerate(template.outputs):
            name = INDEX.coins.get(template.outpoint(n))
            if name is not None:
                graph, coin, number = split(name)
                words = [str(graph)] if graph is not None else []
                words += [coin.removeprefix("foreign/")]
                words += [str(number)] if number is not None else []
                assert output.role == "/".join(words)


def test_what_has_no_name_belongs_to_nobody_in_the_game():
    """Only anchors and money that has left the vault (destinations) are not watched."""
    for template in GRAPH.templates.values():
        for n, output in enumerate(template.outputs):
            if template.outpoint(n) not in INDEX.coins:
                left = hasattr(output, "script_pubkey") and not getattr(output, "leaves", ())
                assert left or output.value == ANCHOR_VALUE


def test_every_transaction_of_the_graph_is_recognised_whoever_publishes_it():
    assert dict(INDEX.names) == {template.txid: name for name, template in GRAPH.templates.items()}
    for name, template in GRAPH.templates.items():
        spent = [(item.txid, item.vout) for item in template.inputs]
        assert classify(INDEX, template.txid, spent) == (name,)
        assert classify(INDEX, template.txid, ()) == (name,)


def test_a_stranger_is_called_after_the_coins_it_takes_each_once_in_order():
    for name, template in GRAPH.templates.items():
        spent = [(item.txid, item.vout) for item in template.inputs]
        names = classify(INDEX, STRANGER, spent)
        assert names == tuple(dict.fromkeys(INDEX.coins[outpoint] for outpoint in spent))
        assert all("foreign/" in each for each in names)
        assert len(names) == (1 if name == "prefund" else len(spent))


def test_a_transaction_that_touches_nothing_has_no_name():
    assert classify(INDEX, STRANGER, [(STRANGER, 0), (GRAPH.templates["vault"].txid, 99)]) == ()
    assert classify(INDEX, STRANGER, ()) == ()


def test_every_name_splits_into_a_graph_a_kind_and_an_index():
    for name in (*INDEX.names.values(), *INDEX.coins.values()):
        graph, kind, number = split(name)
        assert graph is None or 0 <= graph < len(PROPOSAL.graphs)
        assert "/".join(str(word) for word in (graph, kind, number) if word is not None) == name
    assert {split(name)[1] for name in INDEX.coins.values() if "arena" in name} == {LEFTOVER}
