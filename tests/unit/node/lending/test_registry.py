"""Coins of a loan from its Terms alone, Terms by pages, and spends that come and go with blocks."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from node.faults import LocalFault
from node.lending.coins import coin, deposit_of, open_claims, prefund_height, vault_height
from node.lending.pages import serve
from node.lending.spends import COLUMN, Spends, search
from node.lending.words import PAGE_BYTES, Agreed, LoanAsked, Page, read, unbundle
from node.limits import PRODUCT
from node.store import Store
from tests.unit.node.lending.scene import TIP, Scene
from tests.vault_kit import BORROWER, LENDER, lending_kit
from vault.agreement import encode
from vault.statement import template_id


def test_coins_follow_from_terms_as_the_whole_graph_has_them() -> None:
    kit = lending_kit()
    deposit, graph = deposit_of(kit.terms), kit.graph
    templates = graph.templates
    assert (deposit.prefund_txid, deposit.vault_txid) == (templates["prefund"].txid, templates["vault"].txid)
    for slot in range(2):
        for name in ("repay", "deadman"):
            spender = templates[f"{name}/{slot}"]
            assert (spender.inputs[0].txid, spender.inputs[0].vout) == deposit.slots[slot]
            out = spender.outputs[0]
            assert (out.value, out.script_pubkey) in deposit.home[slot]
    for claim in deposit.claims:
        opened = templates[f"{claim.graph}/claim"]
        assert claim.txid == opened.txid and claim.template == template_id(kit.terms, claim.graph)
        assert (opened.inputs[0].txid, opened.inputs[0].vout) == claim.bond
        for payout in ("uncontested_payout", "contested_payout"):
            spender = templates[f"{claim.graph}/{payout}"]
            spent = [(each.txid, each.vout) for each in spender.inputs]
            assert claim.payout in spent and deposit.slots[claim.slot] in spent
            assert tuple((o.value, o.script_pubkey) for o in spender.outputs[: len(claim.pays)]) == claim.pays


def test_what_later_blocks_did_does_not_count() -> None:
    scene = Scene()
    deposit = scene.deposit
    scene.prefunded(10)
    scene.born(20)
    scene.claimed(BORROWER, 0, 25)
    scene.spend(deposit.slots[0], b"\x55" * 32, 30)

    def at(height: int) -> tuple[int | None, int | None, str, int]:
        spends = scene.registry.spend
        claims = len(open_claims(deposit, 0, spends, height))
        return (
            prefund_height(deposit, spends, height),
            vault_height(deposit, spends, height),
            coin(deposit, 0, spends, height).state,
            claims,
        )

    assert at(9) == (None, None, "unfunded", 0)
    assert at(19) == (10, None, "unfunded", 0)
    assert at(24) == (10, 20, "open", 0)
    assert at(29) == (10, 20, "open", 1)
    assert at(30) == (10, 20, "spent", 0)


def test_a_coin_that_another_transaction_took_is_no_prefund_and_no_claim() -> None:
    scene = Scene()
    scene.spend(scene.deposit.inputs[0], b"\x55" * 32, 10)
    scene.spend(scene.graph(BORROWER, 0).bond, b"\x55" * 32, 10)
    assert prefund_height(scene.deposit, scene.registry.spend, TIP) is None
    assert open_claims(scene.deposit, 0, scene.registry.spend, TIP) == ()


@pytest.mark.parametrize("parties", [0, 6])
def test_terms_come_back_from_their_pages(parties: int) -> None:
    kit = lending_kit(slots=4, liquidators=3, challengers=parties)
    scene = Scene(kit=kit)
    raw, pages = b"", 0
    while True:
        answer = serve(scene.registry, LoanAsked(vault=scene.name, first=len(raw)))
        page = read(Page, answer, most=PRODUCT.reply_frame_bytes, what="page")
        raw, pages = raw + page.part, pages + 1
        if len(raw) == page.total:
            break
    signed = {"borrower": kit.signed(BORROWER), "lender": kit.signed(LENDER)}
    assert unbundle(raw) == (Agreed(terms=encode(kit.terms), **signed),) and pages == -(-len(raw) // PAGE_BYTES) > 1
    nothing = read(Page, serve(scene.registry, LoanAsked(vault=bytes(32))), most=99, what="page")
    assert nothing == Page(total=0, part=b"")


# ---- spends --------------------------------------------------------------------------------------------------------------
def compact(n: int) -> bytes:
    return bytes([n])


def transaction(*spent: tuple[bytes, int], pays: int) -> bytes:
    inputs = b"".join(txid + vout.to_bytes(4, "little") + b"\0" + b"\xff" * 4 for txid, vout in spent)
    output = pays.to_bytes(8, "little") + compact(1) + b"\x51"
    return b"\2\0\0\0" + compact(len(spent)) + inputs + compact(1) + output + bytes(4)


def block(*txs: bytes) -> bytes:
    return bytes(80) + compact(len(txs)) + b"".join(txs)


A, B, C = (b"a" * 32, 0), (b"b" * 32, 1), (b"c" * 32, 2)


def test_spends_stand_with_their_block_and_leave_with_it(tmp_path: Path) -> None:
    store = Store.open(tmp_path, network="regtest", genesis=bytes(32))
    spends = Spends.load(store)
    assert spends.connect(5, block(transaction(A, pays=7))) == [], "nothing is watched"
    spends.watch([A, B])
    store.commit(spends.connect(6, block(transaction(A, C, pays=7))))
    store.commit(spends.connect(7, block(transaction(B, pays=8))))
    raw = transaction(A, C, pays=7)
    found = spends.spend(A)
    assert found is not None and (found.height, found.outputs) == (6, ((7, b"\x51"),))
    assert found.txid == hashlib.sha256(hashlib.sha256(raw).digest()).digest() and spends.spend(C) is None
    assert Spends.load(store).spend(A) == found
    store.commit(spends.disconnect(7))
    again = Spends.load(store)
    assert spends.spend(B) is None and again.spend(B) is None and again.spend(A) == found
    store.commit(again.disconnect(6))
    assert again.spend(A) is None and Spends.load(store).spend(A) is None
    store.close()


def test_a_damaged_spend_is_named(tmp_path: Path) -> None:
    store = Store.open(tmp_path, network="regtest", genesis=bytes(32))
    store.commit([(COLUMN, A[0] + bytes(4), b"\xc1")])
    with pytest.raises(LocalFault, match="stored spend"):
        Spends.load(store)
    store.close()


def test_old_blocks_are_searched_as_new_ones_are_connected() -> None:
    raw = block(transaction(A, pays=7), transaction(B, C, pays=8))
    spends = Spends()
    spends.watch([A, C])
    spends.connect(9, raw)
    assert dict(search([A, C], 9, raw)) == {point: spends.spend(point) for point in (A, C)}
