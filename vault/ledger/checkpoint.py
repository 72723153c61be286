"""What attestors sign about a ledger, when enough did, and the proof that one of them signed two things.

Promises that a check passes only for signatures that verify under the keys of the genesis; a fault says which does not.
Does not sign: the attestor's node does, behind its guard.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from blake3 import blake3

from native import NativeError
from native._native import signing
from native._native.statements import eddsa_verify
from vault.ledger import commit, forms
from vault.ledger.faults import QuorumFault
from vault.ledger.genesis import Genesis
from vault.ledger.position import BITS, Globals
from vault.ledger.state import Ledger

FIELD_ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617  # r of BN254


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ledger at one seq. The root commits to the rest; it stands here to be read."""

    ledger: bytes
    seq: int
    root: bytes
    price: int
    price_time: int
    height: int
    time: int

    @property
    def digest(self) -> bytes:
        """What the EdDSA key signs: a field element."""
        return commit.checkpoint(
            self.ledger,
            seq=self.seq,
            root=self.root,
            price=self.price,
            price_time=self.price_time,
            height=self.height,
            time=self.time,
        )

    @property
    def message(self) -> bytes:
        """What the BIP340 key signs: 32 bytes."""
        return blake3(forms.encode(self), derive_key_context="bitvm3 2026 checkpoint v1").digest()


class Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Both signatures of the attestor with this index."""

    index: int
    eddsa: bytes  # 96: R8.x || R8.y || S
    bip340: bytes  # 64


class Equivocation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One attestor, one seq, two checkpoints; `equivocation` makes it, ordered by digest: one proof a pair."""

    first: Checkpoint
    second: Checkpoint
    signatures: tuple[Signature, Signature]


def checkpoint_of(ledger_id: bytes, root: bytes, totals: Globals) -> Checkpoint:
    """The checkpoint of a root that these totals open."""
    t = totals
    return Checkpoint(
        ledger=ledger_id, seq=t.seq, root=root, price=t.price, price_time=t.price_time, height=t.height, time=t.time
    )


def checkpoint(ledger: Ledger) -> Checkpoint:
    """The checkpoint of a ledger as it is."""
    return checkpoint_of(ledger.ledger_id, ledger.root, ledger.totals)


def check_checkpoint(genesis: Genesis, found: Checkpoint) -> Checkpoint:
    """Its argument when it is of this ledger and every number is in range."""
    if found.ledger != genesis.ledger_id:
        raise QuorumFault("checkpoint.ledger", expected=genesis.ledger_id.hex(), got=found.ledger.hex()[:80])
    for field in ("seq", "price", "price_time", "height", "time"):
        if not 0 <= getattr(found, field) < 1 << BITS[field]:
            raise QuorumFault(f"checkpoint.{field}", expected=f"below 2^{BITS[field]}", got=str(getattr(found, field)))
    if len(found.root) != 32 or int.from_bytes(found.root, "big") >= FIELD_ORDER:
        raise QuorumFault("checkpoint.root", expected="32 bytes below r", got=found.root.hex()[:80])
    return found


def check_signature(genesis: Genesis, found: Checkpoint, signature: Signature) -> None:
    """QuorumFault names what is wrong with one attestor's pair of signatures under a checked checkpoint."""
    at = f"signatures[{signature.index}]"
    if not 0 <= signature.index < len(genesis.attestors):
        expected = f"below {len(genesis.attestors)}"
        raise QuorumFault("signatures.index", expected=expected, got=str(signature.index))
    if not _eddsa(genesis, found, signature):
        raise QuorumFault(f"{at}.eddsa", expected="a valid EdDSA signature of the digest", got="an invalid one")
    if not _bip340(genesis, found, signature):
        raise QuorumFault(f"{at}.bip340", expected="a valid BIP340 signature of the message", got="an invalid one")


def check_quorum(genesis: Genesis, found: Checkpoint, signatures: Sequence[Signature]) -> None:
    """QuorumFault unless threshold many valid signatures, indices strictly increasing, make the checkpoint final."""
    check_checkpoint(genesis, found)
    if not genesis.threshold <= len(signatures) <= len(genesis.attestors):
        expected = f"{genesis.threshold} to {len(genesis.attestors)}"
        raise QuorumFault("len(signatures)", expected=expected, got=str(len(signatures)))
    indices = [signature.index for signature in signatures]
    if sorted(set(indices)) != indices:
        raise QuorumFault("signatures.index", expected="strictly increasing", got=str(indices))
    for signature in signatures:
        check_signature(genesis, found, signature)


def equivocation(one: Checkpoint, by_one: Signature, two: Checkpoint, by_two: Signature) -> Equivocation:
    """The proof that two signatures make; `check_equivocation` judges it."""
    (_, first, by_first), (_, second, by_second) = sorted(
        ((one.digest, one, by_one), (two.digest, two, by_two)), key=lambda entry: entry[0]
    )
    return Equivocation(first=first, second=second, signatures=(by_first, by_second))


def check_equivocation(genesis: Genesis, proof: Equivocation) -> int:
    """The index of the attestor that signed both; QuorumFault when the proof shows nothing.

    Two valid signatures of one kind are enough: an attestor must not escape by spoiling the other kind.
    """
    first, second = (check_checkpoint(genesis, found) for found in (proof.first, proof.second))
    by_first, by_second = proof.signatures
    if first.seq != second.seq:
        raise QuorumFault("equivocation.seq", expected=f"{first.seq} twice", got=str(second.seq))
    if first.digest >= second.digest:
        raise QuorumFault("equivocation", expected="two checkpoints, the lower digest first", got=second.digest.hex())
    if by_first.index != by_second.index or not 0 <= by_first.index < len(genesis.attestors):
        got = f"{by_first.index} and {by_second.index}"
        raise QuorumFault("equivocation.index", expected="one attestor of the genesis", got=got)
    pairs = ((first, by_first), (second, by_second))
    if not any(all(valid(genesis, *pair) for pair in pairs) for valid in (_eddsa, _bip340)):
        expected = "two valid signatures of one kind"
        raise QuorumFault("equivocation.signatures", expected=expected, got="invalid ones")
    return by_first.index


def _eddsa(genesis: Genesis, found: Checkpoint, signature: Signature) -> bool:
    try:
        return eddsa_verify(genesis.attestors[signature.index].eddsa, found.digest, signature.eddsa)
    except NativeError:  # an encoding that is not canonical
        return False


def _bip340(genesis: Genesis, found: Checkpoint, signature: Signature) -> bool:
    return signing.verify(genesis.attestors[signature.index].bip340, found.message, signature.bip340)
