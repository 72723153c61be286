"""A true witness of each statement, about a ledger that nobody has: what a new key has to prove before it is taken.

Promises that every rule holds. Does NOT hold a secret: its one attestor's key belongs to nobody.
"""

from __future__ import annotations

from itertools import islice

from native._native.keys import Seed
from native._native.statements import AttestorKey
from node.proving.statements import Statement
from vault.ledger.checkpoint import Signature, checkpoint
from vault.ledger.events import Accrue, Event, MarkPrice, Open, Tender, Withdraw
from vault.ledger.genesis import VERSION, Attestor, Genesis
from vault.ledger.money import due
from vault.ledger.opening import open_vault
from vault.ledger.position import WITHDRAW
from vault.ledger.rules import DEFAULT
from vault.ledger.state import Ledger, apply
from vault.ledger.witness import outcome_witness, transition_witness

__all__ = ["witness"]

_VAULT, _OWNER, _LENDER, _TEMPLATE = (bytes([n]) * 32 for n in range(1, 5))
_TIME, _PRICE, _SATS, _CENTS = 1_700_000_000, 6_000_000, 1_000_000, 20_000


def witness(statement: Statement) -> bytes:
    """JSON of a true witness: a loan and its repayment, as far as the batch goes; or its withdrawal."""
    key = AttestorKey(Seed.generate(), b"sample")
    genesis = Genesis(
        version=VERSION,
        network=bytes(32),
        rules=DEFAULT,
        attestors=(Attestor(identity=_OWNER, eddsa=key.public(), bip340=_LENDER),),
        threshold=1,
        keeper=_OWNER,
        height=100,
        time=_TIME,
        salt=bytes(32),
        transition_key=bytes(32),
    )
    ledger = genesis.begin()
    events = _story(ledger)
    if statement.batch:
        return transition_witness(ledger, islice(events, statement.batch))[0]
    for event in events:
        ledger = apply(ledger, event)
    final = checkpoint(ledger)
    return outcome_witness(
        genesis,
        open_vault(ledger, _VAULT),
        slot=0,
        action=WITHDRAW,
        claimant=_OWNER,
        template=_TEMPLATE,
        checkpoint=final,
        signatures=[Signature(index=0, eddsa=key.sign(final.digest), bip340=bytes(64))],
    )


def _story(ledger: Ledger) -> tuple[Event, ...]:
    """A price, a loan on one slot, a block, a tender of what is owed then, the withdrawal."""
    begun: list[Event] = [
        MarkPrice(price=_PRICE, price_time=_TIME),
        Open(
            vault=_VAULT,
            owner=_OWNER,
            lender=_LENDER,
            sats=(_SATS,),
            cents=_CENTS,
            maturity=1_000,
            last_record=2_000,
            version=DEFAULT.version,
        ),
        Accrue(height=101, time=_TIME + 600),
    ]
    for event in begun:
        ledger = apply(ledger, event)
    position = open_vault(ledger, _VAULT).position
    cents = due(ledger.debt(position), _SATS, position.collateral)
    return (
        *begun,
        Tender(vault=_VAULT, nonce=1, slot=0, cents=cents),
        Withdraw(vault=_VAULT, nonce=2, slot=0, how=1, template=_TEMPLATE),
    )
