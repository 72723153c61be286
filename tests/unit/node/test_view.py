"""Whom a proposal reaches is said, with what to do about the others: a message to an unknown address is never seen to fail."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from challenge.states import VaultState
from node.faults import Unavailable
from node.view import parties
from tests.vault_kit import BORROWER, make_proposal


def test_a_party_whose_address_nobody_told_this_node_is_named_with_what_to_do() -> None:
    proposal = make_proposal()
    *known, last = (party.identity for party in proposal.parties)

    def reach(identity: bytes) -> str:
        if identity not in known:
            raise Unavailable(what="peer", expected="a known address", came="none")
        return "12D3"

    node = SimpleNamespace(context=SimpleNamespace(reach=reach))
    rows = parties(cast(Any, node), VaultState(proposal=proposal, me=BORROWER, facts={}))
    assert [row["identity"] for row in rows] == [party.identity.hex() for party in proposal.parties]
    assert [row["role"] for row in rows] == [party.role for party in proposal.parties]
    said = {bytes.fromhex(row["identity"]): row["address"] for row in rows}
    assert said.pop(last) == "UNKNOWN: `bitvm3 peer connect`"
    assert said.pop(proposal.parties[BORROWER].identity) == "this node"
    assert said and set(said.values()) == {"known"}
