"""Path B between real nodes: setup with tickets and adaptors, the loan taken, the ticket let go, Liquidate published and mined.

The attestors are the independent model's; who has paid whom is the ledger's business and told here by orders.
"""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from challenge.states import Stage
from node.faults import LocalFault
from node.ledger.claims import outcome_of
from tests.models import attest
from tests.simulation.scenarios import a_world
from tests.simulation.world import SLOT, World
from tests.vault_kit import announcement, attested_secret, attestor_secrets
from vault.agreement import Loan
from vault.fast import graph_of, highest_price
from vault.ledger.forms import to_json
from vault.ledger.genesis import Attestor
from vault.ledger.rules import DEFAULT

pytestmark = pytest.mark.timeout(600)
CAST = ("borrower", "lender", "liquidator")
CENTS = 20_000
PRICE = highest_price(Loan(ledger=b"", rules=DEFAULT, cents=CENTS, vault=b"", first_slot=0, timeout=1), (SLOT,))
ENTRY = {"slot": 0, "liquidator": 2, "price": PRICE, "day": 0}


def attested_by_the_model(world: World) -> None:
    """The ledger of this world has three attestors whose keys and nonces the model knows; two are enough."""
    registry = world.registry
    (known,) = registry.file.attestors
    names = [attest.x(attestor_secrets(j, PRICE, 0)[0]) for j in range(3)]
    attestors = tuple(Attestor(identity=name, eddsa=known.eddsa, bip340=name) for name in names)
    registry.file = replace(registry.file, attestors=attestors, threshold=2, height=0)
    registry.ledger = registry.file.begin()


async def propose(world: World, **loan: Any) -> bytes:
    ledger = world.registry.file.ledger_id
    told = [to_json(announcement(ledger, j, PRICE, 0)) for j in range(3)]
    wanted = {
        "parties": [{"identity": world.actors[name].identity.hex(), "role": name} for name in CAST],
        "slots": [SLOT], "maturity": 10,
        "loan": {"ledger": ledger.hex(), "cents": CENTS, "fast": [ENTRY], "announcements": told, "threshold": 2, **loan},
    }  # fmt: skip
    return bytes.fromhex(await world.actors["borrower"].node.propose(wanted))


async def order(world: World, name: str, vault: bytes, kind: str, *indices: int, value: bytes = b"") -> None:
    await world.actors[name].ask(lambda node: node.order(vault.hex(), kind, *indices, value=value))


async def test_a_slot_goes_to_its_liquidator_by_what_two_attestors_said() -> None:
    async with a_world(engine="babe", cast=CAST, contest={}) as world:
        attested_by_the_model(world)
        other = replace(world.registry.file, threshold=1)
        with pytest.raises(LocalFault, match=r"loan\.threshold"):
            await propose(world, threshold=other.threshold)
        vault = await propose(world)
        await world.quiet()
        await world.until(lambda: world.phases(vault, "borrower")[1] == ["prefunded"], 20)
        borrower = world.actors["borrower"].node
        a = borrower.context.own_of(world.state("borrower", vault)).hashlock_a().reveal()
        await order(world, "borrower", vault, "loan_taken", 0, value=a)
        await world.until(lambda: world.open_everywhere(vault), 20)
        assert all(world.stage(name, vault) is Stage.LIVE for name in CAST)
        proposal = world.state("liquidator", vault).proposal
        loan = proposal.loan
        assert loan is not None
        graph = await world.actors["liquidator"].node.context.graph(world.state("liquidator", vault))
        assert len(graph.fast(0)) == 3

        with pytest.raises(LocalFault, match="not what enough attestors attested"):
            await order(world, "liquidator", vault, "want_fast", 0, value=attested_secret(loan, 0, (0,)))
        await order(world, "liquidator", vault, "want_fast", 0, value=attested_secret(loan, 0, (1, 2)))
        await world.mine(2)
        assert world.phases(vault, "liquidator")[1] == ["open"], "the lender has not let it go"
        before = world.balance("liquidator")
        await order(world, "lender", vault, "want_fast_release", 0)
        await world.until(lambda: all(world.phases(vault, name)[1] == ["closed"] for name in CAST), 10)
        for name in CAST:
            assert world.state(name, vault).log[-1].name == "liquidate/0"
        await world.mine(2)
        gained = world.balance("liquidator") - before
        assert gained == SLOT, "the whole coin: Liquidate pays its own fee out of the ticket"
        terms = graph.terms
        g = graph_of(proposal, loan.fast[0])
        assert g is not None
        assert outcome_of(terms, g).claimant == world.actors["liquidator"].identity
        assert "fast_release/0" not in world.state("borrower", vault).facts
