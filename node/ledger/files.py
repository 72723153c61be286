"""The one file that a ledger is opened with: its genesis, and the verifying key of its transition proofs.

    {"genesis": {...}, "verifying_key": "hex, arkworks compressed"}

Promises that a parsed file belongs to this chain and that its key is the one the genesis names; off regtest that the operator
trusts the key. The key may be left out: it is fetched then. Does NOT touch the disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from node.faults import LocalFault, PeerFault
from node.ledger.follower import Verify
from snark.faults import MalformedFault
from snark.formats import Curve, Format
from snark.groth16 import Proof, VerifyingKey
from snark.statements import verify_state_transition
from vault.faults import VaultFault
from vault.ledger import commit, forms
from vault.ledger.faults import FollowFault
from vault.ledger.genesis import Genesis, genesis_from_json

_FIELDS = {"genesis", "verifying_key"}
MOST_KEY_BYTES = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class GenesisFile:
    """What stands in the file; `verifying_key` is empty when it was left out."""

    genesis: Genesis
    verifying_key: bytes

    def as_json(self) -> dict[str, Any]:
        """For people, and for `parse`."""
        return {"genesis": forms.to_json(self.genesis), "verifying_key": self.verifying_key.hex()}


def parse(value: object) -> GenesisFile:
    """The file's JSON, checked by itself. Raises LocalFault naming the field."""
    if not isinstance(value, dict) or "genesis" not in value or value.keys() - _FIELDS:
        raise LocalFault(
            what="genesis file",
            expected='{"genesis": {...}, "verifying_key": "hex"}',
            came=f"an object with {', '.join(sorted(map(str, value)))[:80]}"
            if isinstance(value, dict)
            else "another value",
            todo="`bitvm3 ledger genesis` writes one.",
        )
    try:
        genesis = genesis_from_json(value["genesis"])
    except VaultFault as fault:
        raise LocalFault(what=f"genesis file, {fault.field}", expected=fault.expected, came=fault.got[:200]) from fault
    key = value.get("verifying_key", "")
    try:
        raw = bytes.fromhex(key) if isinstance(key, str) and len(key) <= 2 * MOST_KEY_BYTES else None
    except ValueError:
        raw = None
    if raw is None:
        raise LocalFault(
            what="genesis file, verifying_key", expected=f"hex, at most {MOST_KEY_BYTES} bytes", came="another value"
        )
    return GenesisFile(genesis=genesis, verifying_key=raw)


def encode(file: GenesisFile) -> bytes:
    """As it is kept on disk."""
    return msgspec.json.encode(file.as_json())


def decode(raw: bytes) -> GenesisFile:
    """The inverse. Raises LocalFault."""
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LocalFault(what="genesis file", expected="JSON", came=str(error)[:200]) from error
    return parse(value)


def verifier(file: GenesisFile, *, network: str, genesis: bytes, trusted: frozenset[bytes]) -> Verify:
    """The check of a transition proof under the file's key.

    Raises:
        LocalFault: the ledger is of another chain, or the operator does not trust its key.
        PeerFault: the key is none, another than the genesis names, or forgeable.
    """
    wanted, ledger = file.genesis.transition_key, file.genesis.ledger_id
    if file.genesis.network != genesis:
        raise LocalFault(
            what="genesis file, network",
            expected=f"{genesis[::-1].hex()}, this node's chain ({network})",
            came=file.genesis.network[::-1].hex(),
            todo="A ledger belongs to one chain: open it on a node of that one.",
        )
    if network != "regtest" and wanted not in trusted:
        raise LocalFault(
            what="genesis file, transition_key",
            expected="a key listed in ledger.trusted_keys of the configuration",
            came=wanted.hex(),
            todo="Whoever made a key alone can prove anything. Check the ceremony, then list its id.",
        )
    try:
        key = VerifyingKey.parse(file.verifying_key, Format.ARKWORKS, Curve.BN254)
    except MalformedFault as fault:
        raise PeerFault(
            what="verifying key", expected="one of BN254, arkworks compressed", came=str(fault)[:200]
        ) from fault
    for what, right, expected, came in (
        ("verifying key, id", key.id == wanted, f"{wanted.hex()}, which the genesis names", key.id.hex()),
        ("verifying key, inputs", key.inputs == 1, "one public input", str(key.inputs)),
        ("verifying key, delta", not key.forgeable, "another than gamma", "gamma: whoever has a proof forges others"),
    ):
        if not right:
            raise PeerFault(what=what, expected=expected, came=came)
    rules = commit.rules_hash(file.genesis.rules)

    def check(old: bytes, new: bytes, proof: bytes) -> bool:
        try:
            parsed = Proof.parse(proof, Curve.BN254, Format.ARKWORKS)
        except MalformedFault as fault:
            raise FollowFault(
                "proof", expected="a proof on BN254, arkworks compressed", got=str(fault)[:200]
            ) from fault
        return verify_state_transition(key, genesis, ledger, rules=rules, old_root=old, new_root=new, proof=parsed)

    return check
