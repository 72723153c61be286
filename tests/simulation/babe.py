"""Disputes of engine babe as people play them: real garblings, proofs, signatures and scripts, at profile `test`."""

from __future__ import annotations

from circuits.engines.babe import digits_of_proof
from node.work.funding import load_stakes
from tests.simulation.money import Game, fee
from tests.simulation.registry import proof_of_something_else
from tests.simulation.scenarios import Step, nothing, open_a_vault
from tests.simulation.world import GIFT, GIFTS, ROLES, World, letter_of

AMOUNT = 900_000
BURIED = 6
"""Blocks after the last transaction of a game until every bond and stake that came free is back."""


async def open_vault(world: World) -> bytes:
    """Step 1."""
    return await open_a_vault(world, AMOUNT)


async def phase(world: World, vault: bytes, wanted: str, limit: int = 60) -> None:
    """Until everybody who is awake sees the graph in this phase."""
    await world.until(lambda: all(world.phases(vault, name)[0] == [wanted] for name in world.awake()), limit)


async def insist(world: World, vault: bytes, name: str) -> None:
    """A challenger's operator contests and reveals whatever is proven."""
    for kind in ("want_contest", "want_reveal"):
        await world.actors[name].ask(lambda node, kind=kind: node.order(vault.hex(), kind, 0))


async def still(world: World, vault: bytes, name: str) -> None:
    """A challenger's Reveal never reaches the chain; it plays on in everything else."""
    graph = await world.actors[name].node.context.graph(world.state(name, vault))
    world.chain.refuse.add(graph.templates[f"0/reveal/{ROLES.index(name)}"].txid)


async def true_claim(world: World, vault: bytes) -> bytes:
    """The slot is withdrawn in the ledger, and the borrower claims with the proof of it."""
    state = world.state("borrower", vault)
    world.registry.withdraw(state, 0)
    proof = await world.registry.proof(state, 0)
    await world.claim_with(vault, 0, proof)
    return proof


async def false_claim(world: World, vault: bytes) -> bytes:
    """The borrower claims with a proof that proves something else."""
    proof = proof_of_something_else()
    await world.claim_with(vault, 0, proof)
    return proof


async def lost_claim(world: World, *, between: Step = nothing, end: str = "no_payout") -> bytes:
    """False claim -> Contest -> Assert -> Reveal -> NoPayout, `between` after every phase; returns the vault."""
    vault = await open_vault(world)
    await between(world, vault)
    await false_claim(world, vault)
    for wanted in ("claimed", "contested", "asserted"):
        await phase(world, vault, wanted)
        await between(world, vault)
    await world.until(lambda: any("/reveal/" in seen.name for seen in world.state("borrower", vault).log), 20)
    await between(world, vault)
    await phase(world, vault, "disproved")
    await between(world, vault)
    await phase(world, vault, "disproved")
    return vault


async def wound_up(world: World, vault: bytes) -> None:
    """Until nothing moves any more: everything that comes back is back."""
    before = None
    while before != (before := [len(world.state(name, vault).log) for name in world.awake()]):
        await world.mine(BURIED)


def names(world: World, vault: bytes, name: str = "borrower") -> list[str]:
    """What the log holds of the game, in order, without the graph's number."""
    return [seen.name.removeprefix("0/") for seen in world.state(name, vault).log]


async def game(world: World, vault: bytes) -> Game:
    """What the chain holds of it."""
    node, state = world.actors["borrower"].node, world.state("borrower", vault)
    templates, terms = (await node.context.graph(state)).templates, state.proposal.graphs[0]
    on_chain = {world.chain.txid(raw): raw for block in world.chain.blocks for raw in block.txs}
    mined = {n.removeprefix("0/"): on_chain[t.txid] for n, t in templates.items() if t.txid in on_chain}
    stakes, reclaims = {}, {}
    for party, name in enumerate(ROLES):
        context = world.actors[name].node.context
        record, raw = load_stakes(context, vault), context.store.get("outgoing", vault + b"0/reclaim")
        assert record is not None
        stakes[party] = record.raw
        if raw is not None and world.chain.txid(raw) in on_chain:
            reclaims[party] = raw
    reveals = [fee(raw) for n, raw in mined.items() if n.startswith("reveal/")]
    assert len(set(reveals)) <= 1
    return Game(
        slot=state.proposal.slots[0], amount=terms.amount, bond=terms.bond, stake=terms.stake, mined=mined, stakes=stakes,
        reclaims=reclaims, reveal_fee=reveals[0] if reveals else templates["0/reveal/1"].vsize,
    )  # fmt: skip


async def expect_balances(world: World, vault: bytes) -> Game:
    """Every wallet holds what the rules say, to the sat."""
    played = await game(world, vault)
    wanted = played.balances(GIFTS * GIFT)
    assert [world.balance(name) for name in ROLES] == wanted, (names(world, vault), played.balances(0))
    return played


__all__ = ["digits_of_proof", "letter_of"]
