"""The words of an agreement as plain data: who, what coin, which outcomes, when, for what fee.

Promises frozen values with one canonical byte form. Checks nothing: `vault.terms` parses and checks, and everything
above takes its values from there. Does not know transactions.
Amounts are sats, times are blocks, keys x-only (32 bytes) unless said otherwise, txids in internal byte order.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from blake3 import blake3

from vault.fast_point import Announcement
from vault.ledger.rules import Rules

Sats = int
Role = Literal["borrower", "lender", "liquidator", "challenger"]
Outcome = Literal["withdraw", "default", "liquidate"]
Engine = Literal["core", "babe"]
Profile = Literal["test", "fast", "default", "paranoid"]


class Party(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One signer of the vault; every party but the claimant is a challenger of a graph."""

    identity: bytes  # x-only; signs its messages
    role: Role


class Timelocks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"assert_": "assert"}):
    """All in blocks. The inequalities between them are in `vault.timelocks`."""

    contest: int
    assert_: int
    refute: int
    verdict: int
    refund: int
    bond_release: int
    dead_man: int
    margin: int  # an honest transaction is surely mined within this many blocks once possible, evaluation included
    depth: int  # burial before a secret is shown


class FeePolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """sat/vB: what presigned transactions pay themselves, and the worst a party plans to pay by children."""

    base_rate: int
    worst_rate: int


class GraphTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One (claimant, outcome, slot): pays `amount` to the claimant and the rest of the slot to B or L, the other."""

    claimant: int  # index into parties
    outcome: Outcome
    slot: int
    engine: Engine
    profile: Profile
    digits: int  # how many digits Assert publishes: input bits of the circuit / digit_bits, rounded up
    digit_bits: int
    circuit: bytes  # 32, circuit id; babe: of the circuit from a point's digits to the bits of its features
    statement: (
        bytes  # 32; core: the commitment that the circuit compares with; babe: id of the ledger the claim is about
    )
    key: bytes  # babe: 32, id of the verifying key of the statement `outcome`; core: empty
    amount: Sats
    bond: Sats
    stake: Sats  # babe: what a challenger risks with Reveal; core: 0


class Fast(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """This liquidator may take this slot at once when the price was attested and the lender lets it (path B)."""

    slot: int  # of this vault
    liquidator: int  # index into parties
    price: int  # cents per BTC
    day: int  # of the ledger: `vault.fast_point`


class Loan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What makes a vault a loan: the ledger that keeps its position, the rules it is judged by, the money lent.

    A vault that names another one (`vault`) adds its slots to that one's position: a top-up. It lends nothing.
    """

    ledger: bytes  # 32, id of the ledger; every claim of the vault is about it
    rules: Rules  # those of the ledger's genesis, every number written out
    cents: int  # principal that the lender pays under hashlock_a; 0 for a top-up
    vault: bytes  # empty: this vault opens the position; else 32, the position it adds to
    first_slot: int  # slot of the position that slot 0 becomes; 0 when it opens
    timeout: int  # blocks after PreFund until the lender can take its locked loan back; 0 for a top-up
    fast: tuple[Fast, ...] = ()  # path B; the next two belong to it
    announcements: tuple[Announcement, ...] = ()
    threshold: int = 0  # how many of the ledger's attestors must attest


# Without defaults in the bytes: a plain vault has the encoding, and the id, that it had before there were loans.
class Proposal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Terms without keys, hashlocks and outpoints."""

    version: int
    network: str
    genesis: bytes  # 32, hash of block 0, internal byte order
    salt: bytes  # 32 fresh bytes: the same wish twice is two proposals, and burnt keys stay burnt
    parties: tuple[Party, ...]
    slots: tuple[Sats, ...]  # value of each vault output
    graphs: tuple[GraphTerms, ...]
    timelocks: Timelocks
    fee_policy: FeePolicy
    maturity: int  # blocks from PreFund: Vault may be mined in the same block, not before
    grace: int  # blocks after maturity; of a loan: as its rules say
    loan: Loan | None = None  # None: a plain vault

    @property
    def proposal_id(self) -> bytes:
        """32 bytes: what aborts are counted under."""
        return _hash("bitvm3 2026 proposal id v1", self)

    @property
    def borrower(self) -> int:
        """Index of B."""
        return next(i for i, party in enumerate(self.parties) if party.role == "borrower")

    @property
    def lender(self) -> int:
        """Index of L."""
        return next(i for i, party in enumerate(self.parties) if party.role == "lender")

    @property
    def liquidators(self) -> tuple[int, ...]:
        """Indices of every Q_j, ascending."""
        return tuple(i for i, party in enumerate(self.parties) if party.role == "liquidator")

    @property
    def fast(self) -> tuple[Fast, ...]:
        """The entries of path B; none of a plain vault."""
        return self.loan.fast if self.loan else ()

    @property
    def ledger_vault(self) -> bytes:
        """32 bytes: the name of the position that this vault's slots belong to."""
        return self.loan.vault if self.loan and self.loan.vault else self.proposal_id

    def ledger_slot(self, slot: int) -> int:
        """The slot of the position that slot `slot` of this vault is."""
        return slot + (self.loan.first_slot if self.loan else 0)

    def challengers(self, graph: int) -> tuple[int, ...]:
        """Indices of the challengers of a graph, ascending: every party but its claimant."""
        return tuple(i for i in range(len(self.parties)) if i != self.graphs[graph].claimant)

    def other(self, graph: int) -> int:
        """Who gets the rest of the slot, and is injured when the claim is false: L for a withdrawal, B otherwise."""
        return self.lender if self.graphs[graph].outcome == "withdraw" else self.borrower


class Coin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A confirmed P2TR output."""

    txid: bytes  # 32, internal byte order
    vout: int
    value: Sats
    script_pubkey: bytes  # 34


class PartyKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one party adds to a proposal: fresh keys, destinations, hashlocks and coins."""

    party: int
    musig: bytes  # 33-byte point, one share of G
    personal: bytes  # x-only: B, L, W_k or c in leaves; internal key of its bonds
    payout_script: bytes  # 34, where its money ends
    change_script: bytes  # 34
    nonce: bytes  # 32 fresh bytes
    bonds: tuple[tuple[int, Coin], ...]  # (graph, coin), ascending: key-path outputs (BIP86) of `personal`
    stakes: tuple[tuple[int, Coin], ...]  # the same for every babe graph that this party may challenge
    hashlock_a: bytes  # 32 from the borrower, empty from others
    hashlocks_r: tuple[bytes, ...]  # one a slot from the lender, none from others
    prefund_inputs: tuple[Coin, ...]  # from the borrower
    hashlocks_f: tuple[bytes, ...] = ()  # one a `Fast` of the loan from the lender, none from others


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole agreement: proposal and the keys of every party in party order."""

    proposal: Proposal
    keys: tuple[PartyKeys, ...]

    @property
    def vault_id(self) -> bytes:
        """32 bytes: the hash of everything."""
        return _hash("bitvm3 2026 vault id v1", self)

    @property
    def musig_keys(self) -> list[bytes]:
        """33-byte points in party order: the order G aggregates in."""
        return [keys.musig for keys in self.keys]

    def bond(self, graph: int) -> Coin:
        """The coin that Claim of this graph spends."""
        return dict(self.keys[self.proposal.graphs[graph].claimant].bonds)[graph]

    def stake(self, graph: int, challenger: int) -> Coin:
        """The coin that this challenger risks with Reveal of this graph (babe)."""
        return dict(self.keys[challenger].stakes)[graph]


Rows = tuple[tuple[bytes, ...], ...]
"""digits x (1 + digit_bits) basis points; the point of value v of digit w is row[0] + the sum of v_j row[1 + j]."""


class Reveals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What Reveal of one challenger is made from (babe)."""

    challenger: int
    key: bytes  # K_k, x-only: a fresh key of the claimant, for the digits of this transaction alone
    digits: Rows  # S_k: the challenger's own digit points


class EnginePoints(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Public points of one graph (33 bytes compressed unless said)."""

    graph: int
    digits: Rows  # core: S, of the garbling; babe: A, the claimant's own
    locks: tuple[tuple[int, bytes], ...]  # (challenger, O_k or F_k), ascending
    reveals: tuple[Reveals, ...]  # babe: one a challenger, ascending; core: none


Word = (
    Party
    | Timelocks
    | FeePolicy
    | GraphTerms
    | Fast
    | Loan
    | Proposal
    | Coin
    | PartyKeys
    | Terms
    | Reveals
    | EnginePoints
)


def encode(word: Word | tuple[EnginePoints, ...]) -> bytes:
    """The canonical bytes: MessagePack maps in field order."""
    return msgspec.msgpack.encode(word)


def _hash(context: str, word: Word) -> bytes:
    return blake3(encode(word), derive_key_context=context).digest()
