"""A ledger that every node of a world follows: real genesis, state, checkpoints, attestor and judge, without messages.

It stands behind the port `node.ports.LedgerPort`; that a real ledger's nodes agree on all of it is tested in test_ledger.py.
Proofs are real ones of the statement `outcome`, under a key made once a session.
"""

from __future__ import annotations

import asyncio
import atexit
import shutil
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from challenge.checks import terms_of
from challenge.states import VaultState
from native._native.keys import Seed
from native._native.statements import AttestorKey
from node.faults import LocalFault
from node.ledger.claims import NoPosition, Outcome, Proven, doubt, outcome_of
from node.proving import KeyFolder, Statement
from node.proving.sample import witness as sample_witness
from snark.formats import Curve, Format
from snark.groth16 import Proof
from snark.proving import Progress, ProvingKey
from tests.proving_kit import keys
from vault.ledger.checkpoint import Signature, checkpoint
from vault.ledger.events import Accrue, Event, MarkPrice, Open, Tender, Withdraw
from vault.ledger.genesis import VERSION, Attestor, Genesis
from vault.ledger.money import due
from vault.ledger.opening import open_vault
from vault.ledger.position import OUTCOMES
from vault.ledger.rules import DEFAULT
from vault.ledger.state import Ledger, apply
from vault.ledger.witness import outcome_witness

OUTCOME = Statement(name="outcome", batch=0)
TIME, PRICE, CENTS, HEIGHT = 1_700_000_000, 6_000_000, 20_000, 100
LEDGER_MATURITY, LAST_RECORD = 10_000, 20_000


@dataclass
class Registry:
    """The ledger. `cut` makes it as silent as one whose keeper and attestors are away."""

    network: bytes
    key: AttestorKey = field(default_factory=lambda: AttestorKey(Seed.generate(), b"registry"))
    cut: Exception | None = None
    asked: int = 0
    ledger: Ledger = field(init=False)
    file: Genesis = field(init=False)

    def __post_init__(self) -> None:
        person = Seed.generate().secret(b"keeper").xonly()
        attestor = Attestor(identity=person, eddsa=self.key.public(), bip340=Seed.generate().secret(b"other").xonly())
        self.file = Genesis(
            version=VERSION, network=self.network, rules=DEFAULT, attestors=(attestor,), threshold=1, keeper=person,
            height=HEIGHT, time=TIME, salt=bytes(32), transition_key=bytes(32),
        )  # fmt: skip
        self.ledger = self.file.begin()
        self._post(MarkPrice(price=PRICE, price_time=TIME))

    def _post(self, *events: Event) -> None:
        for event in events:
            self.ledger = apply(self.ledger, event)

    # ---- the port --------------------------------------------------------------------------------------------------

    def ids(self) -> frozenset[bytes]:
        return frozenset({self.file.ledger_id})

    def genesis(self, ledger: bytes) -> Genesis:
        if ledger != self.file.ledger_id:
            raise LocalFault(what="ledger", expected=self.file.ledger_id.hex(), came=ledger.hex())
        return self.file

    def price(self, ledger: bytes) -> tuple[int, int]:
        self.genesis(ledger)
        return self.ledger.totals.price, self.ledger.totals.price_time

    async def doubt(self, ledger: bytes, outcome: Outcome) -> LocalFault | None:
        self.asked += 1
        self.genesis(ledger)
        if self.cut is not None:
            raise self.cut
        position = self.ledger.position(outcome.vault)
        if position is None:
            return NoPosition(what="vault", expected="a position", came="none")
        return doubt(position, outcome)

    # ---- what happens in the ledger --------------------------------------------------------------------------------

    def withdraw(self, state: VaultState, g: int) -> None:
        """A loan on the vault, its repayment, and the withdrawal of the slot to the outputs of graph `g`."""
        proposal = state.proposal
        outcome = outcome_of(terms_of(proposal, state.facts), g)
        owner, lender = proposal.parties[proposal.borrower].identity, proposal.parties[proposal.lender].identity
        self._post(
            Open(
                vault=outcome.vault,
                owner=owner,
                lender=lender,
                sats=proposal.slots,
                cents=CENTS,
                maturity=LEDGER_MATURITY,
                last_record=LAST_RECORD,
                version=DEFAULT.version,
            ),
            Accrue(height=HEIGHT + 1, time=TIME + 600),
        )
        position = self.ledger.position(outcome.vault)
        assert position is not None
        cents = due(self.ledger.debt(position), proposal.slots[outcome.slot], position.collateral)
        self._post(
            Tender(vault=outcome.vault, nonce=1, slot=outcome.slot, cents=cents),
            Withdraw(vault=outcome.vault, nonce=2, slot=outcome.slot, how=1, template=outcome.template),
        )

    async def proof(self, state: VaultState, g: int) -> bytes:
        """A real proof that the record bears graph `g` out: 256 bytes."""
        return await self._proof(outcome_of(terms_of(state.proposal, state.facts), g))

    async def prove(self, ledger: bytes, outcome: Outcome, key: bytes) -> Proven:
        doubted = await self.doubt(ledger, outcome)
        if doubted is not None:
            raise doubted
        line = folder().key(key)
        proof = Proof.parse(await self._proof(outcome), Curve.BN254, Format.EIP197).handle.encode(Format.ARKWORKS.value)
        return Proven(
            outcome=outcome,
            seq=self.ledger.totals.seq,
            key=key,
            verifying_key=line.verifying_key,
            x=bytes(32),
            proof=proof,
        )

    async def _proof(self, outcome: Outcome) -> bytes:
        final = checkpoint(self.ledger)
        witness = outcome_witness(
            self.file, open_vault(self.ledger, outcome.vault), slot=outcome.slot, action=OUTCOMES[outcome.action],
            claimant=outcome.claimant, template=outcome.template, checkpoint=final,
            signatures=[Signature(index=0, eddsa=self.key.sign(final.digest), bip340=bytes(64))],
        )  # fmt: skip
        return await asyncio.to_thread(prove, witness)


@cache
def folder() -> KeyFolder:
    """The one key folder of a session's nodes."""
    home = Path(mkdtemp(prefix="bitvm3-outcome-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return keys(home / "proving", OUTCOME)[0]


@cache
def _proving() -> ProvingKey:
    return folder().load(folder().key_of(OUTCOME))


def prove(witness: bytes) -> bytes:
    """A proof of `outcome`, as it travels between nodes."""
    assignment, _ = OUTCOME.assign(witness)
    return _proving().prove(assignment, Progress()).handle.encode(Format.EIP197.value)


@cache
def proof_of_something_else() -> bytes:
    """A valid proof about another vault in another ledger: real points, worth nothing in any world."""
    return prove(sample_witness(OUTCOME))
