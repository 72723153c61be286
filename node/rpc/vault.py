"""What proposing, claiming and contesting do, by engine. Holds no state.

Promises: nothing is ordered before everything it needs is there, and every refusal says what is missing and what to do; a claim
of engine babe leaves with a proof that was verified for this very claim, unless its operator says, on regtest, that it is false.
Does NOT decide a dispute: `challenge` does, from the facts that are ordered here.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal, assert_never

import msgspec

from challenge.checks import terms_of
from challenge.deadlines import stage
from challenge.facts import key
from challenge.states import Stage, VaultState
from circuits.engine import Encrypted
from node.faults import LocalFault
from node.in_words import Known, graph_lines, risks
from node.ledger.claims import outcome_of
from node.lending.fast import announcements
from node.proposing import check_opening
from node.rpc.table import ClaimParams, ContestParams
from node.view import parties
from node.work.dispute import proves
from node.work.pair import statement_of
from vault.agreement import Fast
from vault.ledger.forms import to_json
from vault.terms import GraphTerms

if TYPE_CHECKING:
    from node.app import Node
    from node.ledger.room import Ledgers

__all__ = ["accept", "claim", "contest", "propose"]

YES = b"\x01"
G1 = (1, 2)
G2 = (
    0x198E9393920D483A7260BFB731FB5D25F1AA493335A9E71297E485B7AEF312C2,
    0x1800DEEF121F1E76426A00665E5C4479674322D4F75EDADD46DEBD5CD992F6ED,
    0x090689D0585FF075EC9E99AD690C3395BC4B313370B38EF355ACDADCD122975B,
    0x12C85EA5DB8C6DEB4AAB71808DCB408FE3D1E7690C43D37B4CE6CC0166FA7DAA,
)
NOTHING = b"".join(number.to_bytes(32) for number in (*G1, *G2, *G1))
"""Generators in the places of a proof's points: proves nothing under any key that is worth anything."""


async def claim(node: Node, params: ClaimParams) -> dict[str, Any]:
    """Order a claim. Raises LocalFault with what is missing, Unavailable when the ledger cannot be asked now."""
    state = node.state(node.find(params.id))
    terms = _graph(state, params.graph, "claimant")
    match terms.engine:
        case "core":
            return await _claim_opening(node, params, terms)
        case "babe":
            return await _claim_proof(node, params, state, terms)
        case _:
            assert_never(terms.engine)


async def contest(node: Node, params: ContestParams) -> dict[str, Any]:
    """Order a contest. Raises LocalFault when the claim is proven and nobody insists."""
    state = node.state(node.find(params.id))
    terms, g = _graph(state, params.graph, "challenger"), params.graph
    if params.insist and terms.engine != "babe":
        raise LocalFault(
            what="insist", expected="a graph of engine babe", came=f"one of engine {terms.engine}",
            todo="Leave it out: a contest of this graph reveals nothing unless the claim is false.",
        )  # fmt: skip
    if terms.engine == "babe" and not params.insist and state.facts.get(key("proven", g)) == YES:
        raise LocalFault(
            what=f"contest of graph {g}", expected="a claim that nothing proves", came="one whose proof this node has verified",
            todo=f"Leave it: it is true. --insist contests and reveals all the same, and then the stake of {terms.stake} sats "
            "goes to the claimant.",
        )  # fmt: skip
    ordered = await node.order(params.id, "want_contest", g)
    if params.insist:
        await node.order(params.id, "want_reveal", g)
    return {**ordered, "graph": g, "engine": terms.engine, "risk": _risk(terms, params.insist)}


def _risk(terms: GraphTerms, insist: bool) -> str:
    """What a contest can cost, in words."""
    if terms.engine == "core":
        return "none but the fee of Contest: only a false claim frees what Disprove needs"
    if insist:
        return f"this node will reveal whatever it knows: a valid proof then takes the stake of {terms.stake} sats"
    return (
        f"none but the fee of Contest, until Reveal puts the stake of {terms.stake} sats at risk; this node reveals only when it "
        "knows no valid proof and the ledger has no record of this outcome"
    )


# ---- engine core -------------------------------------------------------------------------------------------------------
async def _claim_opening(node: Node, params: ClaimParams, terms: GraphTerms) -> dict[str, Any]:
    if params.proof is not None or params.knowingly_false:
        raise LocalFault(
            what=f"claim of graph {params.graph}",
            expected="balance and salt: its engine is core",
            came="proof or knowingly_false",
        )
    if params.balance is None or params.salt is None:
        raise LocalFault(
            what=f"claim of graph {params.graph}", expected="balance and salt: its engine is core",
            came="no balance" if params.balance is None else "no salt",
            todo="`bitvm3 vault claim ID GRAPH --balance SATS --salt HEX`, as they were sealed.",
        )  # fmt: skip
    salt = int(params.salt or "0", 16)
    check_opening(terms, params.balance, salt)
    return await node.claim(params.id, params.graph, params.balance, salt)


# ---- engine babe -------------------------------------------------------------------------------------------------------
async def _claim_proof(node: Node, params: ClaimParams, state: VaultState, terms: GraphTerms) -> dict[str, Any]:
    g, name = params.graph, key("want_claim", params.graph)
    if params.balance is not None or params.salt is not None:
        raise LocalFault(
            what=f"claim of graph {g}", expected="a proof, or nothing: its engine is babe", came="a balance or a salt",
            todo=f"`bitvm3 vault claim {params.id} {g}`: this node makes the proof from its ledger.",
        )  # fmt: skip
    if params.knowingly_false and node.rules.network != "regtest":
        raise LocalFault(
            what="knowingly_false", expected="regtest, where no coin is worth anything", came=node.rules.network,
            todo="A false claim is lost with its bond.",
        )  # fmt: skip
    if stage(state) is not Stage.LIVE:
        raise LocalFault(
            what="claim", expected="possible now: a vault that is live", came=f"one at stage {stage(state).value}",
            todo="`bitvm3 vault show` tells what it waits for.",
        )  # fmt: skip
    if name in state.facts and params.proof is None:
        return {
            "vault": node.find(params.id).hex(),
            "outcome": "duplicate",
            "graph": g,
            "proof": state.facts[name].hex(),
        }
    proof, source = await _proof(node, params, state, terms)
    ordered = await node.order(params.id, "want_claim", g, value=proof)
    return {**ordered, "graph": g, "proof": proof.hex(), "source": source}


async def _proof(node: Node, params: ClaimParams, state: VaultState, terms: GraphTerms) -> tuple[bytes, str]:
    """The proof that the claim asserts, and where it is from."""
    if params.knowingly_false:
        return (
            (NOTHING, "no proof at all")
            if params.proof is None
            else (bytes.fromhex(params.proof), "given, not verified")
        )
    encrypted = await asyncio.to_thread(statement_of, node.context, state, params.graph)
    assert encrypted is not None  # noqa: S101 - the graph's engine is babe
    if params.proof is not None:
        given = bytes.fromhex(params.proof)
        _insist_on_valid(given, encrypted)
        return given, "given, verified"
    outcome = outcome_of(terms_of(state.proposal, state.facts), params.graph)
    proven = await node.context.ledgers.prove(terms.statement, outcome, terms.key)
    _insist_on_valid(proven.eip197, encrypted)
    return proven.eip197, f"record in ledger {terms.statement.hex()[:16]} under the checkpoint of seq {proven.seq}"


def _insist_on_valid(proof: bytes, statement: Encrypted) -> None:
    """Refuse a proof that everybody could defeat. Raises LocalFault."""
    if not proves(statement, proof):
        raise LocalFault(
            what="proof", expected=f"one that is valid for x = {statement.x.hex()} under the vault's key",
            came="one that is valid for another statement, or for none",
            todo="A claim on it would be lost with its bond. Without --proof this node makes one from its ledger.",
        )  # fmt: skip


def _graph(state: VaultState, g: int, part: Literal["claimant", "challenger"]) -> GraphTerms:
    """The graph in which this node has that part. Raises LocalFault."""
    graphs, mine = state.proposal.graphs, part == "claimant"
    if not 0 <= g < len(graphs) or (graphs[g].claimant == state.me) is not mine:
        raise LocalFault(
            what="graph", expected=f"one in which this node is {'the claimant' if mine else 'a challenger'}", came=str(g),
            todo="`bitvm3 vault show` lists them.",
        )  # fmt: skip
    return graphs[g]


async def propose(node: Node, proposal: dict[str, Any]) -> dict[str, Any]:
    """Begin a vault and say what it puts at stake, and for this party. Raises LocalFault naming the field."""
    found = await node.propose(await _with_fast(node, _with_ledgers(node, proposal)))
    return {"id": found, **await asyncio.to_thread(_stakes, node, node.state(bytes.fromhex(found)))}


async def accept(node: Node, vault: str) -> dict[str, Any]:
    """Agree to a proposal, and say what this party has agreed to. Raises LocalFault."""
    state = node.state(node.find(vault))
    said = await asyncio.to_thread(_stakes, node, state)  # before: what cannot be said is not agreed to
    return {**await node.order(vault, "want_accept"), **said}


def _stakes(node: Node, state: VaultState) -> dict[str, Any]:
    known = Known.of(node.context)
    return {
        "parties": parties(node, state),
        "graphs": graph_lines(state.proposal, known),
        "risks": risks(state.proposal, state.me, known),
    }


async def _with_fast(node: Node, proposal: dict[str, Any]) -> dict[str, Any]:
    """What the entries of path B need of the ledger's attestors, asked for unless it is there.

    Raises Unavailable naming the attestors that gave none, LocalFault for entries that are none.
    """
    loan = proposal.get("loan")
    if not isinstance(loan, dict) or not loan.get("fast") or loan.get("announcements") or node.ledgers is None:
        return proposal
    try:
        entries = msgspec.convert(loan["fast"], tuple[Fast, ...])
    except msgspec.ValidationError as error:
        raise LocalFault(
            what="loan.fast", expected="entries of slot, liquidator, price and day", came=str(error)
        ) from error
    opened = node.ledgers.find(str(loan.get("ledger", "")))
    ask = node.ledgers.asking(opened.id)
    found = await announcements(ask, opened.genesis, sorted({(entry.price, entry.day) for entry in entries}))
    told = {"announcements": to_json(found), "threshold": opened.genesis.threshold}
    return {**proposal, "loan": {**loan, **told}}


def _with_ledgers(node: Node, proposal: dict[str, Any]) -> dict[str, Any]:
    """A ledger may be named by its first digits, as everywhere."""
    if node.ledgers is None:
        return proposal
    graphs, found = proposal.get("graphs"), {**proposal}
    if isinstance(graphs, list):
        found["graphs"] = [_with_ledger(node.ledgers, graph) for graph in graphs]
    if "loan" in proposal:
        found["loan"] = _with_ledger(node.ledgers, proposal["loan"])
    return found


def _with_ledger(rooms: Ledgers, named: object) -> object:
    if not isinstance(named, dict) or not isinstance(named.get("ledger"), str):
        return named
    return {**named, "ledger": rooms.find(named["ledger"]).id.hex()}
