"""A complete vault in memory for tests: real keys, real MuSig2 presigning, coins that no chain knows.

`Kit` plays all parties. Everything follows from a name, so a kit is the same in every run. Small layouts keep it fast:
`kit(digits=2)` takes some milliseconds, 96 four-bit digits about a second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import msgspec
from blake3 import blake3

from bitcoin_scripts.outputs import p2tr
from native._native.engine import presign_digits
from native._native.keys import Secret, Seed
from native._native.signing import complete
from tests.models import attest
from vault.agreement import (
    Coin,
    Engine,
    EnginePoints,
    Fast,
    FeePolicy,
    GraphTerms,
    Loan,
    Party,
    PartyKeys,
    Proposal,
    Reveals,
    Rows,
    Terms,
    Timelocks,
)
from vault.fast_point import Announcement
from vault.fees import deposit_needed, minimal_bond
from vault.graph import VaultGraph, derive
from vault.ledger.rules import DEFAULT
from vault.presigned import Presigned, finish, wallet_messages
from vault.terms import bond_script, check_points, check_terms
from vault.timelocks import regtest_timelocks

GENESIS = bytes.fromhex("06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f")  # regtest, as hashed
BORROWER, LENDER, CHALLENGER = 0, 1, 2
ROLES = ("borrower", "lender", "challenger")
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SLOT = 10_000_000


def digest(*words: object) -> bytes:
    """32 bytes that depend on every word."""
    return hashlib.sha256(repr(words).encode()).digest()


def scalar(*words: object) -> int:
    return int.from_bytes(digest(*words), "big") % (ORDER - 1) + 1


def secret(value: int) -> Secret:
    return Secret.from_revealed((value % ORDER).to_bytes(32, "big"))


def identity(party: int) -> Secret:
    """Of a party of every proposal that `make_proposal` makes."""
    return secret(scalar("identity", party))


def graph_terms(**fields: object) -> GraphTerms:
    """A withdrawal of the whole slot 0 with two 2-bit digits, engine core; `fields` replace."""
    base = GraphTerms(
        claimant=BORROWER,
        outcome="withdraw",
        slot=0,
        engine="core",
        profile="test",
        digits=2,
        digit_bits=2,
        circuit=digest("circuit"),
        statement=digest("statement"),
        key=b"",
        amount=SLOT,
        bond=330,
        stake=0,
    )
    return msgspec.structs.replace(base, **fields)


BABE: dict[str, object] = {"engine": "babe", "key": digest("verifying key"), "stake": 1_000}
"""Fields that make a graph one of engine babe: `graph_terms(**BABE)`, `two_graphs(**BABE)`."""


def two_graphs(**fields: object) -> tuple[GraphTerms, ...]:
    """A withdrawal of slot 0 and a default of slot 1 that leaves a rest to the borrower."""
    default = {"claimant": LENDER, "outcome": "default", "slot": 1, "amount": SLOT - 3_000_000}
    return graph_terms(**fields), graph_terms(**{**fields, **default})


def loan_graphs(slots: Sequence[int] = (SLOT, SLOT), *, liquidators: int, **fields: object) -> tuple[GraphTerms, ...]:
    """One graph a (claimant, outcome, slot) of a loan: B, L, then every liquidator of slot 0, then those of slot 1, ..."""
    claims = [(BORROWER, "withdraw"), (LENDER, "default"), *((2 + j, "liquidate") for j in range(liquidators))]
    return tuple(
        graph_terms(claimant=who, outcome=outcome, slot=slot, amount=sats, **{**BABE, **fields})
        for slot, sats in enumerate(slots)
        for who, outcome in claims
    )


def loan(**fields: object) -> Loan:
    """A loan of 1,000.00 that opens its position, under the default rules but for `make_proposal`'s grace; `fields` replace."""
    base = Loan(
        ledger=digest("statement"),
        rules=msgspec.structs.replace(DEFAULT, grace=10),
        cents=100_000,
        vault=b"",
        first_slot=0,
        timeout=13,
    )
    return msgspec.structs.replace(base, **fields)


def make_proposal(
    *,
    graphs: Sequence[GraphTerms] | None = None,
    slots: Sequence[int] = (SLOT, SLOT),
    challengers: int = 1,
    liquidators: int = 0,
    loan: Loan | None = None,
    timelocks: Timelocks | None = None,
    base_rate: int = 1,
    worst_rate: int = 20,
    extra_bond: int = 0,
) -> Proposal:
    """A valid proposal: B, L, `liquidators` and `challengers` more; bonds are the smallest allowed plus `extra_bond`."""
    roles = ("borrower", "lender", *("liquidator",) * liquidators, *("challenger",) * challengers)
    proposal = Proposal(
        version=1,
        network="regtest",
        genesis=GENESIS,
        salt=digest("salt"),
        parties=tuple(Party(identity=identity(i).xonly(), role=role) for i, role in enumerate(roles)),
        slots=tuple(slots),
        graphs=tuple(two_graphs() if graphs is None else graphs),
        timelocks=timelocks or regtest_timelocks(),
        fee_policy=FeePolicy(base_rate=base_rate, worst_rate=worst_rate),
        maturity=20,
        grace=10,
        loan=loan,
    )
    bonded = tuple(
        msgspec.structs.replace(graph, bond=minimal_bond(proposal, g) + extra_bond)
        for g, graph in enumerate(proposal.graphs)
    )
    return msgspec.structs.replace(proposal, graphs=bonded)


@dataclass(frozen=True, kw_only=True)
class Kit:
    """All secrets of all parties of one proposal."""

    proposal: Proposal
    name: str
    coins: int = 1

    # ---- secrets
    def musig(self, party: int) -> Secret:
        return secret(scalar(self.name, "musig", party))

    def personal(self, party: int) -> Secret:
        return secret(scalar(self.name, "personal", party))

    def wallet(self, coin: int) -> Secret:
        return secret(scalar(self.name, "wallet", coin))

    def lock(self, graph: int, challenger: int) -> Secret:
        """The logarithm of O_k (core) or F_k (babe)."""
        return secret(scalar(self.name, "lock", graph, challenger))

    def reveal_key(self, graph: int, challenger: int) -> Secret:
        """K_k: the claimant's key for the digits of Reveal_k (babe)."""
        return secret(scalar(self.name, "reveal", graph, challenger))

    @property
    def a(self) -> bytes:
        return digest(self.name, "a")

    def h(self, entry: int) -> bytes:
        """L's preimage of the ticket of an entry of path B."""
        return digest(self.name, "h", entry)

    def r(self, slot: int) -> bytes:
        return digest(self.name, "r", slot)

    def _basis(self, graph: int, digit: int, of: int | None) -> list[int]:
        bits = self.proposal.graphs[graph].digit_bits
        owner = "digit" if of is None else f"digit of {of}"
        return [scalar(self.name, owner, graph, digit, j) for j in range(1 + bits)]

    def _rows(self, graph: int, of: int | None) -> Rows:
        digits = range(self.proposal.graphs[graph].digits)
        return tuple(tuple(secret(s).point() for s in self._basis(graph, w, of)) for w in digits)

    def digit_scalar(self, graph: int, digit: int, value: int, *, of: int | None = None) -> int:
        """The secret of a value: the claimant's (Assert), or that `of` a challenger (babe)."""
        constant, *steps = self._basis(graph, digit, of)
        return (constant + sum(step for j, step in enumerate(steps) if value >> j & 1)) % ORDER

    def digit_secret(self, graph: int, digit: int, value: int) -> Secret:
        return secret(self.digit_scalar(graph, digit, value))

    def signed(self, party: int, *, ledger: bytes | None = None) -> bytes:
        """A loan's Terms by a party's identity, for its ledger or another one: the digest is written down here a second time."""
        loan = self.proposal.loan
        assert loan is not None
        parts = self.proposal.genesis + (ledger or loan.ledger) + self.terms.vault_id
        digest = blake3(parts, derive_key_context="bitvm3 2026 loan terms v1").digest()
        return identity(party).sign(digest, bytes(32))

    # ---- what follows
    def payout_script(self, party: int) -> bytes:
        return p2tr(secret(scalar(self.name, "payout", party)).xonly())

    def keys_of(self, party: int) -> PartyKeys:
        proposal, role = self.proposal, self.proposal.parties[party].role
        personal = self.personal(party).xonly()

        def own(kind: str, g: int, value: int) -> tuple[int, Coin]:
            txid = digest(self.name, kind, g, party) if kind == "stake" else digest(self.name, kind, g)
            return g, Coin(txid=txid, vout=g, value=value, script_pubkey=bond_script(personal))

        graphs = list(enumerate(proposal.graphs))
        bonds = tuple(own("bond", g, graph.bond) for g, graph in graphs if graph.claimant == party)
        stakes = tuple(
            own("stake", g, graph.stake) for g, graph in graphs if graph.engine == "babe" and graph.claimant != party
        )
        share = deposit_needed(proposal, self.coins) // self.coins + 1_000
        inputs = tuple(
            Coin(
                txid=digest(self.name, "coin", i),
                vout=i,
                value=share,
                script_pubkey=bond_script(self.wallet(i).xonly()),
            )
            for i in range(self.coins)
        )
        return PartyKeys(
            party=party,
            musig=self.musig(party).point(),
            personal=personal,
            payout_script=self.payout_script(party),
            change_script=p2tr(secret(scalar(self.name, "change", party)).xonly()),
            nonce=digest(self.name, "nonce", party),
            bonds=bonds,
            stakes=stakes,
            hashlock_a=hashlib.sha256(self.a).digest() if role == "borrower" else b"",
            hashlocks_r=tuple(hashlib.sha256(self.r(s)).digest() for s in range(len(proposal.slots)))
            if role == "lender"
            else (),
            hashlocks_f=tuple(hashlib.sha256(self.h(f)).digest() for f in range(len(proposal.fast)))
            if role == "lender"
            else (),
            prefund_inputs=inputs if role == "borrower" else (),
        )

    @cached_property
    def unchecked_terms(self) -> Terms:
        return Terms(proposal=self.proposal, keys=tuple(self.keys_of(i) for i in range(len(self.proposal.parties))))

    @cached_property
    def terms(self) -> Terms:
        return check_terms(self.unchecked_terms)

    @cached_property
    def points(self) -> tuple[EnginePoints, ...]:
        return tuple(
            EnginePoints(
                graph=g,
                digits=self._rows(g, None),
                locks=tuple((k, self.lock(g, k).point()) for k in self.proposal.challengers(g)),
                reveals=tuple(
                    Reveals(challenger=k, key=self.reveal_key(g, k).xonly(), digits=self._rows(g, k))
                    for k in self.proposal.challengers(g)
                    if graph.engine == "babe"
                ),
            )
            for g, graph in enumerate(self.proposal.graphs)
        )

    @cached_property
    def graph(self) -> VaultGraph:
        return derive(self.terms, check_points(self.terms, self.points))

    @cached_property
    def presigned(self) -> Presigned:
        """MuSig2 among all parties, as they would do it over the wire."""
        batch = self.graph.presigning()
        parties = range(len(self.proposal.parties))
        seeds = [Seed.generate() for _ in parties]
        nonces = [batch.public_nonces(seeds[i], self.musig(i)) for i in parties]
        partials = [batch.sign(seeds[i], self.musig(i), nonces) for i in parties]
        assert all(batch.check_partials(i, nonces, partials[i]) == [] for i in parties)
        return Presigned(graph=self.graph, signatures=batch.aggregate(nonces, partials))

    def answers(self, graph: int, challenger: int) -> bytes:
        """The claimant's presignatures of Reveal by this challenger (babe): 65 bytes a value, digit then value."""
        return self._answers[graph, challenger]

    @cached_property
    def _answers(self) -> dict[tuple[int, int], bytes]:
        pairs = self.graph.bound
        return {
            (g, k): presign_digits(self.reveal_key(g, k), Seed.generate(), *self.graph.reveal_messages(g, k))
            for g, k in pairs
        }

    # ---- finished transactions
    def liquidate(self, entry: int, *, chosen: Sequence[int]) -> bytes:
        """Path B with what these attestors attested, as the entry's liquidator publishes it."""
        proposal = self.proposal
        extra = Secret.from_revealed(attested_secret(proposal.loan, entry, chosen))
        owner = self.personal(proposal.fast[entry].liquidator)
        return finish(self.presigned, f"liquidate/{entry}", personal=owner, preimage=self.h(entry), extra=extra)

    def digit_signatures(self, graph: int, values: Sequence[int]) -> list[bytes]:
        return [
            self.presigned.digit_signature(graph, w, v, self.digit_secret(graph, w, v)) for w, v in enumerate(values)
        ]

    def reveal_signatures(self, graph: int, challenger: int, values: Sequence[int]) -> list[bytes]:
        """What the challenger completes once these values were asserted."""
        raw, size = self.answers(graph, challenger), 1 << self.proposal.graphs[graph].digit_bits
        return [
            complete(
                raw[65 * (w * size + v) : 65 * (w * size + v + 1)],
                secret(self.digit_scalar(graph, w, v) + self.digit_scalar(graph, w, v, of=challenger)),
            )
            for w, v in enumerate(values)
        ]

    def finish(self, name: str, *, leaf: int | None = None, values: Sequence[int] | None = None) -> bytes:
        """Transaction `name`, signed by whoever publishes it. Contest by `leaf` (first challenger unless said)."""
        head, _, kind = name.partition("/")
        graph = int(head) if head.isdigit() else None
        if graph is None:
            slot = int(kind) if kind else 0
            if head == "liquidate":
                return self.liquidate(slot, chosen=range(LOAN_ATTESTORS[1]))
            wallet = {
                key: self.wallet(i).sign_key_path(message, None)
                for i, (key, message) in enumerate(wallet_messages(self.graph))
            }
            preimage = {"vault": self.a, "repay": self.r(slot)}.get(head)
            return finish(self.presigned, name, personal=self.personal(BORROWER), preimage=preimage, wallet=wallet)
        terms = self.proposal.graphs[graph]
        claimant = self.personal(terms.claimant)
        if kind == "contest":
            leaf = self.proposal.challengers(graph)[0] if leaf is None else leaf
            return finish(self.presigned, name, personal=self.personal(leaf), leaf=leaf)
        values = values or [w % 2 for w in range(terms.digits)]
        if kind == "assert":
            digits = self.digit_signatures(graph, values)
            return finish(self.presigned, name, personal=claimant, digits=digits)
        answer, _, index = kind.partition("/")
        if not index:
            return finish(self.presigned, name, personal=claimant)
        k = int(index)
        if answer == "reveal":
            digits = self.reveal_signatures(graph, k, values)
            return finish(self.presigned, name, personal=self.personal(k), digits=digits)
        owner = claimant if answer == "refute" else self.personal(k)
        return finish(self.presigned, name, personal=owner, extra=self.lock(graph, k))


# ---- path B ----------------------------------------------------------------------------------------------------------
LOAN_ATTESTORS = (3, 2)
"""n and t of the loans with fast liquidation."""
FAST_PRICE, FAST_DAY = 400_000, 3


def attestor_secrets(attestor: int, price: int, day: int) -> tuple[int, int]:
    """Key and nonce of an attestor's announcement."""
    return scalar("attestor", attestor), scalar("attestor nonce", attestor, price, day)


@lru_cache(maxsize=64)
def announcement(ledger: bytes, attestor: int, price: int, day: int) -> Announcement:
    """As an honest attestor makes it, by the independent model."""
    return Announcement(**attest.announce(ledger, attestor, price, day, *attestor_secrets(attestor, price, day)))


def attestation(ledger: bytes, a: Announcement) -> bytes:
    """The 32 bytes that the attestor shows when the price was that low."""
    return attest.sign(*attestor_secrets(a.attestor, a.price, a.day), attest.event(ledger, a.price, a.day))[32:]


def attested_secret(loan: Loan, entry: int, chosen: Sequence[int]) -> bytes:
    """What opens an entry by these attestors, by the independent model."""
    place = loan.fast[entry]
    found = [announcement(loan.ledger, j, place.price, place.day) for j in chosen]
    shown = [int.from_bytes(attestation(loan.ledger, a), "big") for a in found]
    opened = attest.subset_secret(loan.ledger, [msgspec.structs.asdict(a) for a in found], shown)
    return opened.to_bytes(32, "big")


def fast_loan(entries: Sequence[Fast], **fields: object) -> Loan:
    """A loan with these entries of path B and the announcements they need, by 2 of 3 attestors."""
    base = loan(fast=tuple(entries), threshold=LOAN_ATTESTORS[1], **fields)
    places = sorted({(entry.price, entry.day) for entry in entries})
    found = tuple(announcement(base.ledger, j, *place) for place in places for j in range(LOAN_ATTESTORS[0]))
    return msgspec.structs.replace(base, announcements=found)


@lru_cache(maxsize=4)
def fast_kit(*, slots: int = 2, liquidators: int = 2) -> Kit:
    """All parties of a loan in which every liquidator may take every slot by path B; cached."""
    values = (SLOT,) * slots
    entries = [
        Fast(slot=slot, liquidator=2 + j, price=FAST_PRICE, day=FAST_DAY)
        for slot in range(slots)
        for j in range(liquidators)
    ]
    proposal = make_proposal(
        graphs=loan_graphs(values, liquidators=liquidators),
        slots=values,
        liquidators=liquidators,
        loan=fast_loan(entries),
    )
    return Kit(proposal=proposal, name=f"fast {slots} {liquidators}", coins=2)


def lending_proposal(*, slots: Sequence[int] = (SLOT, SLOT), liquidators: int = 2, challengers: int = 1) -> Proposal:
    """A valid loan in which every claim that its parties may make has its graph."""
    return make_proposal(
        graphs=loan_graphs(slots, liquidators=liquidators),
        slots=slots,
        liquidators=liquidators,
        challengers=challengers,
        loan=loan(),
    )


@lru_cache(maxsize=4)
def lending_kit(*, slots: int = 2, liquidators: int = 2, challengers: int = 1) -> Kit:
    """All parties of a loan; cached."""
    proposal = lending_proposal(slots=(SLOT,) * slots, liquidators=liquidators, challengers=challengers)
    return Kit(proposal=proposal, name=f"loan {slots} {liquidators} {challengers}", coins=2)


@lru_cache(maxsize=16)
def kit(*, digits: int = 2, digit_bits: int = 2, challengers: int = 1, engine: Engine = "core") -> Kit:
    """Three parties (or more), two slots, two graphs; cached, so that tests share the presigning."""
    fields = BABE if engine == "babe" else {}
    graphs = two_graphs(digits=digits, digit_bits=digit_bits, **fields)
    proposal = make_proposal(graphs=graphs, challengers=challengers)
    return Kit(proposal=proposal, name=f"kit {digits} {digit_bits} {challengers}", coins=2)
