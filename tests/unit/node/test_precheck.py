"""Before a broadcast: what a vault's transactions are passes, and every single change of one stops it with its part named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from bitcoin.core import COutPoint, CTransaction, CTxIn, CTxOut
from bitcoin.core.script import CScript

from bitcoin_scripts.outputs import RawOutput
from challenge.deadlines import Due
from node.faults import LocalFault
from node.precheck import (
    OWNERS,
    PURPOSES,
    Ceiling,
    Pays,
    anchor,
    insist,
    insist_due,
    insist_package,
    of_graph,
    of_wallet,
)
from node.wallet.spend import Payment
from node.wallet.spend import build as unsigned
from tests.vault_kit import Kit, kit

HIGH = Ceiling(rate=500, sats=1_000_000)
MINE, THEIRS = b"\x51\x20" + bytes(32), b"\x51\x20" + bytes([7]) * 32


@pytest.fixture(params=["core", "babe"])
def vault(request: pytest.FixtureRequest) -> Kit:
    return kit(engine=request.param)


def passed(kit_: Kit, name: str, raw: bytes, ceiling: Ceiling = HIGH) -> str:
    return insist(raw, of_graph(kit_.graph, name), ceiling).words


def changed(raw: bytes, change: Callable[[list, list], None]) -> bytes:
    """The transaction with another list of inputs or outputs and the old witness."""
    tx = CTransaction.deserialize(raw)
    inputs, outputs = list(tx.vin), list(tx.vout)
    change(inputs, outputs)
    return bytes(CTransaction(inputs, outputs, tx.nLockTime, tx.nVersion, tx.wit).serialize())


def test_every_transaction_of_a_vault_passes_as_it_is(vault: Kit) -> None:
    for name, template in vault.graph.templates.items():
        found = insist(template.raw, of_graph(vault.graph, name), HIGH)
        assert found.fee == template.fee and PURPOSES[name.split("/")[1 if name[0].isdigit() else 0]] in found.words


def test_signed_bytes_pass_too_and_the_words_say_who_is_paid(vault: Kit) -> None:
    words = passed(vault, "repay/0", vault.finish("repay/0"))
    assert (
        words.startswith("take a repaid slot home with the lender's r: ") and "sats to the borrower (party 0)" in words
    )
    assert "the borrower, change" in passed(vault, "prefund", vault.finish("prefund"))
    assert "its bond" in passed(vault, "0/uncontested_payout", vault.finish("0/uncontested_payout"))


def _value(inputs: list, outputs: list) -> None:
    outputs[0] = CTxOut(outputs[0].nValue - 1, outputs[0].scriptPubKey)


def _destination(inputs: list, outputs: list) -> None:
    outputs[0] = CTxOut(outputs[0].nValue, CScript(THEIRS))


def _extra(inputs: list, outputs: list) -> None:
    outputs.append(CTxOut(330, CScript(THEIRS)))


def _missing(inputs: list, outputs: list) -> None:
    outputs.pop()


def _order(inputs: list, outputs: list) -> None:
    outputs.reverse()


def _another_coin(inputs: list, outputs: list) -> None:
    inputs[0] = CTxIn(COutPoint(bytes([9]) * 32, 0), nSequence=inputs[0].nSequence)


def _another_output(inputs: list, outputs: list) -> None:
    inputs[0] = CTxIn(COutPoint(inputs[0].prevout.hash, inputs[0].prevout.n + 9), nSequence=inputs[0].nSequence)


CHANGES = {
    "value of output 0": _value,
    "destination of output 0": _destination,
    "number of outputs": _extra,
    "number of outputs ": _missing,
    "destination of output": _order,
    "input 0": _another_coin,
    "input 0 ": _another_output,
}


@pytest.mark.parametrize("part", CHANGES)
@pytest.mark.parametrize("name", ["repay/0", "0/uncontested_payout", "vault", "prefund"])
def test_each_single_change_of_the_bytes_stops_them(vault: Kit, name: str, part: str) -> None:
    raw = vault.finish(name)
    passed(vault, name, raw)
    with pytest.raises(LocalFault, match=f"{name}, {part.strip()}"):
        passed(vault, name, changed(raw, CHANGES[part]))


def test_bytes_of_one_purpose_do_not_leave_for_another(vault: Kit) -> None:
    assert passed(vault, "repay/1", vault.finish("repay/1"))
    with pytest.raises(LocalFault, match=r"repay/0, input 0 \(take a repaid slot home"):
        passed(vault, "repay/0", vault.finish("repay/1"))
    with pytest.raises(LocalFault, match="with a known purpose"):
        of_graph(vault.graph, "repay/9")


def test_a_fee_above_either_ceiling_stops_it(vault: Kit) -> None:
    raw = vault.finish("repay/0")
    found = insist(raw, of_graph(vault.graph, "repay/0"), HIGH)
    just = Ceiling(rate=-(-found.fee // found.vsize), sats=found.fee)
    assert passed(vault, "repay/0", raw, just)
    for low in (replace(just, sats=found.fee - 1), replace(just, rate=just.rate - 1)):
        with pytest.raises(LocalFault, match="repay/0, fee: expected at most"):
            passed(vault, "repay/0", raw, low)
    insist_package("repay/0", fee=found.fee, vsize=found.vsize, ceiling=just)
    with pytest.raises(LocalFault, match="repay/0 with its child, fee"):
        insist_package("repay/0", fee=found.fee + 1, vsize=found.vsize, ceiling=just)


def test_a_template_that_pays_somebody_else_than_terms_say_stops_it(vault: Kit) -> None:
    """The graph is not believed where Terms say whose an output is."""
    name = "repay/0"
    template = vault.graph.templates[name]
    home = template.outputs[0]
    assert isinstance(home, RawOutput)
    stolen = replace(template, outputs=(replace(home, script_pubkey=THEIRS), *template.outputs[1:]))
    graph = replace(vault.graph, templates={**vault.graph.templates, name: stolen})
    with pytest.raises(LocalFault, match="repay/0, destination of repay/0"):
        of_graph(graph, name)


def test_a_template_with_an_output_of_no_known_owner_stops_it(vault: Kit) -> None:
    template = vault.graph.templates["repay/0"]
    named = replace(template, outputs=(replace(template.outputs[0], role="gift"), *template.outputs[1:]))
    graph = replace(vault.graph, templates={**vault.graph.templates, "repay/0": named})
    with pytest.raises(LocalFault, match="output gift"):
        of_graph(graph, "repay/0")


def test_what_is_not_due_does_not_leave() -> None:
    row = Due(name="repay/0", since=10, until=None, why="the lender has shown r")
    assert insist_due("repay/0", (row,), 9) is row
    for name, items, tip in (("repay/1", (row,), 9), ("repay/0", (), 9), ("repay/0", (row,), 8)):
        with pytest.raises(LocalFault, match="a transaction that is due"):
            insist_due(name, items, tip)


COIN, OTHER = (bytes([1]) * 32, 0), (bytes([2]) * 32, 1)
CHILD = of_wallet(
    "child", "child of vault", spends={COIN: 240, OTHER: 100_000}, pays=(), rest=MINE.__eq__, all_spent=False, ends_with=()
)  # fmt: skip


def child(*, spends: tuple = (COIN, OTHER), script: bytes = MINE, value: int = 99_000, more: tuple = ()) -> bytes:
    return unsigned(list(spends), [Payment(value=value, script=script), *more])


def test_a_child_pays_nobody_but_this_wallet() -> None:
    assert insist(child(), CHILD, HIGH).fee == 1_240
    for bad, part in (
        (child(script=THEIRS), "destination of the rest"),
        (child(more=(Payment(value=330, script=THEIRS),)), "number of outputs"),
        (child(spends=(COIN, (bytes([3]) * 32, 1))), "input 1"),
        (child(spends=(COIN, COIN)), "inputs"),
        (child(value=329), "value of the rest"),
        (child(value=100_241), "fee"),
        (child()[:-5], "expected a transaction"),
    ):
        with pytest.raises(LocalFault, match=part):
            insist(bad, CHILD, HIGH)
    with pytest.raises(LocalFault, match="child of vault, fee"):
        insist(child(value=50_000), CHILD, Ceiling(rate=500, sats=50_239))


def test_what_comes_home_stands_before_the_anchor() -> None:
    expected = of_wallet(
        "reclaim", "0/reclaim", spends={OTHER: 100_000}, pays=(), rest=MINE.__eq__, all_spent=True,
        ends_with=(anchor(),),
    )  # fmt: skip
    last = Payment(value=anchor().value, script=anchor().script)
    good = child(spends=(OTHER,), more=(last,))
    assert insist(good, expected, HIGH).fee == 760
    for bad in (
        child(spends=(OTHER,), script=THEIRS, more=(last,)),
        child(spends=(OTHER,)),
        child(spends=(OTHER,), more=(Payment(value=241, script=anchor().script),)),
        child(more=(last,)),
    ):
        with pytest.raises(LocalFault, match="0/reclaim"):
            insist(bad, expected, HIGH)


def test_stakes_pay_each_bond_in_its_place() -> None:
    bonds = (Pays(value=5_000, script=THEIRS, to="our bond or stake"), anchor())
    expected = of_wallet(
        "stakes", "stakes", spends={OTHER: 100_000}, pays=bonds, rest=MINE.__eq__, all_spent=False, ends_with=()
    )
    outs = [Payment(value=each.value, script=each.script) for each in bonds]
    change = Payment(value=94_000, script=MINE)
    assert insist(unsigned([OTHER], [*outs, change]), expected, HIGH).fee == 760
    for bad in ([*outs[::-1], change], [outs[0], change], [*outs, replace(change, script=THEIRS)]):
        with pytest.raises(LocalFault, match="stakes"):
            insist(unsigned([OTHER], bad), expected, HIGH)


def test_every_role_that_pays_a_wallet_has_one_owner(vault: Kit) -> None:
    roles = {
        output.role
        for template in vault.graph.templates.values()
        for output in template.outputs
        if isinstance(output, RawOutput) and output.role != "anchor"
    }
    for role in roles:
        assert sum(pattern.fullmatch(role) is not None for pattern, _ in OWNERS) == 1, role
