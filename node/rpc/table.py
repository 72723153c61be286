"""The table of RPC methods: name, parameters, one line of summary. The command line and the daemon both read it.

Promises: every method is here once; parameters are strict (unknown fields refused). Bytes are lower-case hex in JSON.
Does NOT know what a method does: the daemon brings the handlers (`bind`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from node.faults import PeerFault

Hex32 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", description="32 bytes, lower-case hex")]
VaultId = Annotated[
    str, msgspec.Meta(pattern="^[0-9a-f]{8,64}$", description="vault or proposal id, or 8 or more of its first digits")
]
HexBytes = Annotated[
    str, msgspec.Meta(pattern="^([0-9a-f]{2})*$", max_length=2048, description="bytes, lower-case hex")
]
HexProof = Annotated[
    str,
    msgspec.Meta(
        pattern="^[0-9a-f]{512}$", description="a Groth16 proof on BN254 as EIP-197: 256 bytes, lower-case hex"
    ),
]
Index = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Sats = Annotated[int, msgspec.Meta(ge=0, le=21_000_000 * 100_000_000, description="satoshis")]
Cents = Annotated[int, msgspec.Meta(gt=0, lt=1 << 56, description="cents")]
Text = Annotated[str, msgspec.Meta(max_length=500)]


class _Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Strict by construction."""


class Nothing(_Params, frozen=True, kw_only=True):
    """No parameters."""


class ConnectParams(_Params, frozen=True, kw_only=True):
    """A peer's multiaddress and identity (x-only key)."""

    address: Text
    identity: Hex32 | None = None


class ProposeParams(_Params, frozen=True, kw_only=True):
    """A proposal as a JSON object, the content of the file given to `bitvm3 vault propose`."""

    proposal: dict[str, Any]


class VaultParams(_Params, frozen=True, kw_only=True):
    """A vault or proposal by id."""

    id: VaultId


class RejectParams(_Params, frozen=True, kw_only=True):
    """A proposal by id, and what its proposer is told."""

    id: VaultId
    reason: Text = ""


class ClaimParams(_Params, frozen=True, kw_only=True):
    """A claim in a graph.

    Engine core: the balance asserted and the salt that opens its commitment. Engine babe: nothing more, the node proves what its
    ledger says; or `proof`, in the form of EIP-197. `knowingly_false` (regtest): claim although the proof is not valid; without
    a proof, with one that proves nothing.
    """

    id: VaultId
    graph: Index
    balance: Sats | None = None
    salt: HexBytes | None = None
    proof: HexProof | None = None
    knowingly_false: bool = False


class ContestParams(_Params, frozen=True, kw_only=True):
    """One graph of a vault. `insist`: contest, and reveal, although the claim is proven: that loses the stake."""

    id: VaultId
    graph: Index
    insist: bool = False


class SlotParams(_Params, frozen=True, kw_only=True):
    """One slot of a vault."""

    id: VaultId
    slot: Index


class LoanSlotParams(_Params, frozen=True, kw_only=True):
    """A loan, by its vault; `slot`: the ledger's number, by default the only one that the rules allow now."""

    id: VaultId
    slot: Annotated[int, msgspec.Meta(ge=0, le=7)] | None = None


class RepayParams(_Params, frozen=True, kw_only=True):
    """A loan, by its vault, and the cents (SIMULATED) to pay back."""

    id: VaultId
    cents: Cents


class MoneyParams(_Params, frozen=True, kw_only=True):
    """The ledger whose SIMULATED money is meant; the only one kept here when left out."""

    ledger: VaultId | None = None


class MintParams(_Params, frozen=True, kw_only=True):
    """Whose account, and how many cents (SIMULATED, regtest)."""

    identity: Hex32
    cents: Cents
    ledger: VaultId | None = None


class WaitParams(_Params, frozen=True, kw_only=True):
    """A height to wait for."""

    height: int


class BackupParams(_Params, frozen=True, kw_only=True):
    """A folder that does not exist yet."""

    folder: Text


class BundleParams(_Params, frozen=True, kw_only=True):
    """A vault, and the new file its audit bundle goes into: an absolute path on the daemon's machine."""

    id: VaultId
    path: Text


class PictureParams(_Params, frozen=True, kw_only=True):
    """A vault whose transactions are to be drawn."""

    id: VaultId
    format: Literal["text", "svg", "dot"] = "text"


class DraftParams(_Params, frozen=True, kw_only=True):
    """A new ledger: attestors as `attestor.key` shows them, and what differs from the defaults.

    `keeper` is this node when left out, `key` the verifying key of this node's own proving key of transitions.
    """

    attestors: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=16)]
    threshold: Annotated[int, msgspec.Meta(ge=1, le=5)]
    keeper: Hex32 | None = None
    key: Hex32 | None = None
    rules: dict[str, int] = {}


class FileParams(_Params, frozen=True, kw_only=True):
    """A ledger's genesis file: the JSON object in it."""

    file: dict[str, Any]


class LedgerParams(_Params, frozen=True, kw_only=True):
    """A ledger by its id, or 8 or more of its first digits."""

    ledger: VaultId


class PostParams(_Params, frozen=True, kw_only=True):
    """Events for a ledger, in order: `kind` and fields; what follows from the ledger's state may be left out."""

    ledger: VaultId
    events: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=1024)]


class PositionParams(_Params, frozen=True, kw_only=True):
    """A vault in a ledger, by its whole id."""

    ledger: VaultId
    vault: Hex32


class EntryParams(_Params, frozen=True, kw_only=True):
    """A final checkpoint by its seq; the last one when left out."""

    ledger: VaultId
    seq: Annotated[int, msgspec.Meta(ge=1, lt=4294967296)] | None = None


class OutcomeParams(_Params, frozen=True, kw_only=True):
    """A slot's outcome: who claims it, and the template that pays."""

    ledger: VaultId
    vault: Hex32
    slot: Annotated[int, msgspec.Meta(ge=0, le=7)]
    action: Literal["withdraw", "default", "liquidate"]
    claimant: Hex32
    template: Hex32


class KeyParams(_Params, frozen=True, kw_only=True):
    """One of a node's attestor keys, by number."""

    number: Annotated[int, msgspec.Meta(ge=0, le=15)] = 0


class ApproveParams(_Params, frozen=True, kw_only=True):
    """A checkpoint that waits; `vouched`: also its price, which our own sources do not bear out."""

    ledger: VaultId
    seq: Annotated[int, msgspec.Meta(ge=1, lt=4294967296)]
    price: Literal["checked", "vouched"] = "checked"


class PriceParams(_Params, frozen=True, kw_only=True):
    """The operator's own price in cents per BTC, for sources of the kind `manual`; none: what the sources say now."""

    cents: Annotated[int, msgspec.Meta(ge=1, lt=1099511627776)] | None = None


class ProveParams(_Params, frozen=True, kw_only=True):
    """A statement (outcome, transition or transition-N), its witness as a JSON object, and a few words for the queue."""

    statement: Annotated[str, msgspec.Meta(max_length=32)]
    witness: dict[str, Any]
    purpose: Text = "asked for by hand"


class ProofJobParams(_Params, frozen=True, kw_only=True):
    """A proof job by its number."""

    job: Annotated[int, msgspec.Meta(ge=1, le=2**53)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One callable method: `handler` gets the parsed parameters and returns what msgspec can write."""

    name: str
    params: type[msgspec.Struct]
    handler: Callable[[Any], Awaitable[object]]
    summary: str


TABLE: dict[str, tuple[type[_Params], str]] = {
    "node.info": (Nothing, "Who this node is: network, height, identity, addresses, outbox, jobs, fee reserve."),
    "node.wait": (WaitParams, "Wait until a height is processed and nothing is left to do; at most 60 s."),
    "node.stop": (Nothing, "Stop the daemon in order."),
    "node.backup": (BackupParams, "Copy master key, vaults and artifacts into a new folder, while running."),
    "wallet.address": (Nothing, "A fresh address of the wallet."),
    "wallet.balance": (Nothing, "Confirmed, unconfirmed and reserved satoshis."),
    "wallet.coins": (Nothing, "The wallet's coins and what they are reserved for."),
    "peer.list": (Nothing, "Peers, wanted or connected."),
    "peer.connect": (ConnectParams, "Connect to a peer and stay connected."),
    "vault.propose": (ProposeParams, "Check a proposal, send it to its parties, and say what it puts at stake."),
    "vault.accept": (VaultParams, "Accept a proposal: setup begins when everyone has."),
    "vault.reject": (RejectParams, "Reject a proposal."),
    "vault.list": (Nothing, "Vaults and proposals with their states."),
    "vault.show": (VaultParams, "One vault: state, deadlines in blocks, transactions."),
    "vault.claim": (
        ClaimParams,
        "Publish Claim of a graph; engine babe: with the proof that this node makes from its ledger.",
    ),
    "vault.contest": (
        ContestParams,
        "Contest a claim, whatever the policy says; one that is proven only on insisting.",
    ),
    "vault.drill": (
        VaultParams,
        "Check what this node keeps to answer with: every chunk, and one opened instance evaluated; spends nothing.",
    ),
    "vault.repay": (SlotParams, "Publish Repay of a slot (borrower, once the lender has shown r)."),
    "vault.release": (SlotParams, "Show r of a slot to the borrower (lender)."),
    "vault.deadman": (SlotParams, "Publish DeadMan of a slot (borrower, after everyone else has vanished)."),
    "vault.refund": (SlotParams, "Publish Refund of a slot (borrower, when the vault did not come about)."),
    "vault.bundle": (
        BundleParams,
        "Write an audit bundle: all that was stated and signed, no secret; `bitvm3 audit FILE` judges it offline.",
    ),
    "vault.graph": (PictureParams, "The vault's transactions as text, SVG or Graphviz."),
    "loan.list": (
        Nothing,
        "This node's loans: debt, health, price; how far its own loop is (height, rounds, busy); SIMULATED money.",
    ),
    "loan.show": (
        VaultParams,
        "One loan: keeper's word and what our own checkpoint proves, levels, deadlines in blocks, decisions.",
    ),
    "loan.policy": (VaultParams, "What this node does by itself in a loan now, and why; what it has spent today."),
    "loan.tender": (LoanSlotParams, "Repay a slot into escrow (borrower): its coin goes home once the lender shows r."),
    "loan.repay": (RepayParams, "Pay debt back to the lender (borrower); frees no slot."),
    "loan.liquidate": (LoanSlotParams, "Pay for the lowest open slot of an unhealthy loan (liquidator)."),
    "loan.default": (LoanSlotParams, "Pay for the lowest open slot after maturity and grace (lender)."),
    "loan.chart": (VaultParams, "A row a block since this node looks: height, price, health, debt, events."),
    "money.show": (MoneyParams, "All SIMULATED money of a ledger kept here: accounts, locks, escrow."),
    "money.mint": (MintParams, "Make SIMULATED money (keeper, regtest)."),
    "proof.prove": (ProveParams, "Queue a proof of a statement under this node's key; answers with the job."),
    "proof.jobs": (Nothing, "Proofs waiting, running and lately ended."),
    "proof.job": (ProofJobParams, "One of them, with its proof (arkworks, compressed) and public input."),
    "proof.cancel": (ProofJobParams, "Ask a proof to end."),
    "setup.list": (Nothing, "Proving keys of this node, and what is wrong with those that cannot be used."),
    "policy.show": (Nothing, "What this node does by itself: contest, accept, release, limits."),
    "ledger.genesis": (DraftParams, "The file that begins a new ledger on this chain, for everybody to open."),
    "ledger.open": (FileParams, "Open a ledger by its file; this node's roles follow from its keys."),
    "ledger.list": (Nothing, "Open ledgers: roles, last final checkpoint, what waits."),
    "ledger.show": (
        LedgerParams,
        "One ledger: rules, attestors, checkpoint, what waits for whom, evidence against attestors.",
    ),
    "ledger.post": (PostParams, "Queue events (keeper): checked against the rules at once, durable when answered."),
    "ledger.seal": (
        LedgerParams,
        "Seal what waits into batches (keeper): proved, signed and final without further asking.",
    ),
    "ledger.discard": (LedgerParams, "Drop the events and batches that nobody has seen yet (keeper)."),
    "ledger.position": (PositionParams, "A vault's debt, health, slots, records, under the last final checkpoint."),
    "ledger.entry": (EntryParams, "A final checkpoint with its proof and signatures, for auditors."),
    "ledger.claim": (
        OutcomeParams,
        "Prove what a slot's record says (statement outcome) under the last final checkpoint.",
    ),
    "attestor.key": (KeyParams, "This node's attestor keys, for a genesis."),
    "attestor.show": (Nothing, "What this node attests: ledgers, own price, checkpoints that wait and why."),
    "attestor.approve": (ApproveParams, "Sign a checkpoint that waits for its operator."),
    "attestor.price": (PriceParams, "What the price sources say; or the operator's own price."),
}


def bind(handlers: Mapping[str, Callable[[Any], Awaitable[object]]]) -> list[Method]:
    """The table's methods with their handlers.

    Raises:
        ValueError: a method without handler, or a handler without method.
    """
    if handlers.keys() != TABLE.keys():
        raise ValueError(f"handlers and table differ: {sorted(handlers.keys() ^ TABLE.keys())}")
    return [
        Method(name=name, params=params, handler=handlers[name], summary=summary)
        for name, (params, summary) in TABLE.items()
    ]


def from_hex(field: str, text: str, size: int | None) -> bytes:
    """Bytes of a hex parameter, of `size` bytes if given. Raises PeerFault (the client's) naming the field."""
    try:
        value = bytes.fromhex(text)
    except ValueError:
        raise PeerFault(what=field, expected="lower-case hex", came=repr(text[:80])) from None
    if size is not None and len(value) != size:
        raise PeerFault(what=field, expected=f"{size} bytes as hex", came=f"{len(value)} bytes")
    return value
