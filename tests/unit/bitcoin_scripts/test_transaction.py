"""Templates: bytes, txids, sizes and messages are exact before anything is signed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bitcoin_scripts.faults import ScriptFault
from bitcoin_scripts.outputs import KEY_PATH, Output
from bitcoin_scripts.transaction import NO_DELAY, display_txid, parse_txid, witness_stack
from native._native import tapscript
from tests.models.bitcoin_tx import parse, sighash
from tests.vault_kit import kit

KIT = kit()
ALL = list(KIT.graph.templates.values())


@pytest.mark.parametrize("template", ALL, ids=lambda t: t.name)
def test_bytes_txid_and_weight_agree_with_the_signed_transaction_and_the_model(template) -> None:
    raw = KIT.finish(template.name)
    signed = parse(raw)
    assert signed.raw == raw
    assert (signed.version, signed.locktime) == (3, 0)
    assert signed.stripped == template.raw == tapscript.strip_witness(raw)
    assert signed.txid == template.txid == tapscript.txid(raw)
    assert signed.weight == template.weight == tapscript.weight(raw)
    assert [o.script for o in signed.outputs].count(bytes.fromhex("51024e73")) == 1


@pytest.mark.parametrize("template", ALL, ids=lambda t: t.name)
def test_messages_of_every_input_agree_with_the_model(template) -> None:
    tx = parse(KIT.finish(template.name))
    for index, spent in enumerate(template.inputs):
        for path in spent.paths:
            leaf = spent.spends.leaf(path).script if path != KEY_PATH and isinstance(spent.spends, Output) else None
            positions = [0xFFFFFFFF] if leaf is None else [0xFFFFFFFF, 5, 8]
            wanted = [sighash(tx, template.prevouts, index, leaf, position) for position in positions]
            assert template.sighashes(index, positions, path=path) == wanted


def test_a_sequence_is_the_delay_of_the_leaf_and_switched_off_without_one() -> None:
    times = KIT.proposal.timelocks
    sequences = {name: [i.sequence for i in t.inputs] for name, t in KIT.graph.templates.items()}
    assert sequences["refund/0"] == [times.refund]
    assert sequences["0/uncontested_payout"] == [NO_DELAY, times.contest, NO_DELAY]
    assert sequences["0/no_assert"] == [times.assert_, NO_DELAY]
    assert sequences["0/contested_payout"] == [NO_DELAY, NO_DELAY, times.verdict]
    assert sequences["0/release_bond_contest"] == [times.bond_release] * 2
    assert NO_DELAY & 1 << 31


def test_the_digit_transaction_has_the_size_of_the_protocol() -> None:
    """770 + 68 n for one input, three outputs and one leaf; here 172 for an output and 32 for a second leaf more."""
    for digits in (96, 128, 200):
        vault = kit(digits=digits, digit_bits=4)  # only derived, not presigned
        assert vault.graph.templates["0/assert"].weight == 770 + 68 * digits + 172 + 32
    large = [t.name for t in ALL if t.vsize > 1_000]
    assert large == []  # every other transaction fits a TRUC child


def test_contest_weighs_what_its_heaviest_leaf_weighs() -> None:
    vault = kit(challengers=2)  # five leaves: two of the three contests lie deeper
    template = vault.graph.templates["0/contest"]
    weights = [tapscript.weight(vault.finish("0/contest", leaf=k)) for k in (1, 2, 3)]
    assert max(weights) == template.weight
    assert min(weights) < template.weight
    txids = {tapscript.txid(vault.finish("0/contest", leaf=k)) for k in (1, 2, 3)}
    assert txids == {template.txid}


def test_txids_are_flipped_at_the_edge_and_back() -> None:
    txid = ALL[0].txid
    assert display_txid(txid) == txid[::-1].hex()
    assert parse_txid(display_txid(txid)) == txid
    for bad in ("", "00" * 31, "00" * 33, "zz" * 32, " " + "00" * 31 + "0", "0 " * 32):
        with pytest.raises(ScriptFault, match="txid"):
            parse_txid(bad)


def test_witnesses_of_another_shape_are_refused() -> None:
    template = KIT.graph.templates["repay/0"]
    spent = template.inputs[0].spends
    good = [bytes(64), bytes(32)]
    assert len(witness_stack(spent, "repay", good)) == 4
    for bad in ([], good[:1], good[::-1], [*good, b""], [bytes(65), bytes(32)], [bytes(64), bytes(33)]):
        with pytest.raises(ScriptFault, match="witness"):
            witness_stack(spent, "repay", bad)
    with pytest.raises(ScriptFault, match="witnesses"):
        template.signed([])


def test_a_spend_of_two_delays_or_an_unknown_output_is_refused() -> None:
    claim = KIT.graph.templates["0/claim"]
    with pytest.raises(ScriptFault, match="one delay"):
        claim.spend("0/contest", "timeout", "release")
    with pytest.raises(ScriptFault, match="0/payout"):
        claim.spend("0/nothing", "settle")
    assert claim.outpoint(1) == (claim.txid, 1)
    for n in (-1, 3):
        with pytest.raises(ScriptFault):
            claim.outpoint(n)


def test_any_change_of_value_changes_the_txid() -> None:
    claim = KIT.graph.templates["0/claim"]
    first, *others = claim.outputs
    changed = replace(claim, outputs=(replace(first, value=first.value + 1), *others))
    assert changed.txid != claim.txid
    assert changed.fee == claim.fee - 1
