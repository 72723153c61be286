"""The public inputs of the two statements (docs/ledger.md, Statements), and whether a proof of one is valid.

Promises that a 256-bit value enters as its id, never reduced modulo r. Does NOT know ledgers, rules or witnesses: roots, the
hash of the rules and the root of the attestors' set come as field elements, 32 bytes big-endian.
"""

from __future__ import annotations

from native import NativeError
from native._native.statements import poseidon
from snark.faults import MalformedFault
from snark.formats import Curve
from snark.groth16 import Proof, PublicInputs, VerifyingKey, verify

__all__ = ["outcome_public", "proves", "transition_public", "verify_outcome", "verify_state_transition"]


def outcome_public(
    network: bytes,
    ledger_id: bytes,
    *,
    vault: bytes,
    slot: int,
    action: int,
    claimant: bytes,
    template: bytes,
    attestors: bytes,
    rules: bytes,
) -> bytes:
    """The public input x of `outcome`, 32 bytes big-endian; `attestors` is the set's root, `rules` their hash.

    Args:
        network: hash of the network's genesis block, 32 bytes.
        ledger_id: 32 bytes.
        vault: vault id, 32 bytes.
        slot: 0 to 7.
        action: 1 withdraw, 2 default, 3 liquidate.
        claimant: x-only key, 32 bytes.
        template: template id, 32 bytes.
        attestors: field element.
        rules: field element.

    Raises:
        MalformedFault: a value that is not 32 bytes, or not below r where a field element belongs; a number out of range.
    """
    names = (_id("network", network), _id("ledger", ledger_id), _id("vault", vault))
    numbers = (_number("slot", slot, 0, 7), _number("action", action, 1, 3))
    whose = (_id("claimant", claimant), _id("template", template))
    return _hash("outcome", *names, *numbers, *whose, attestors, rules)


def transition_public(network: bytes, ledger_id: bytes, *, rules: bytes, old_root: bytes, new_root: bytes) -> bytes:
    """The public input x of `transition`, 32 bytes big-endian; `rules` is their hash.

    Raises:
        MalformedFault: a value that is not 32 bytes, or not below r where a field element belongs.
    """
    return _hash("transition", _id("network", network), _id("ledger", ledger_id), rules, old_root, new_root)


def verify_state_transition(
    key: VerifyingKey,
    network: bytes,
    ledger_id: bytes,
    *,
    rules: bytes,
    old_root: bytes,
    new_root: bytes,
    proof: Proof,
) -> bool:
    """Whether the proof shows that a batch of events leads from one root to the other by the rules.

    Raises:
        MalformedFault: as `transition_public`; the key is not of a statement with one public input on BN254.
    """
    x = transition_public(network, ledger_id, rules=rules, old_root=old_root, new_root=new_root)
    return proves(key, x, proof)


def verify_outcome(key: VerifyingKey, x: bytes, proof: Proof) -> bool:
    """Whether the proof is valid for the x of `outcome_public`.

    Raises:
        MalformedFault: x is no field element; the key is not of a statement with one public input on BN254.
    """
    return proves(key, x, proof)


def proves(key: VerifyingKey, x: bytes, proof: Proof) -> bool:
    """Whether the proof is valid for the only public input x (32 bytes big-endian), of whichever statement the key is.

    Raises:
        MalformedFault: x is no field element; the key is not of a statement with one public input on BN254.
    """
    return verify(key, PublicInputs.of([int.from_bytes(x)], Curve.BN254), proof)


def _tag(name: str) -> bytes:
    return f"bitvm3/{name}/1".encode("ascii").rjust(32, b"\0")


def _id(field: str, value: bytes) -> bytes:
    if len(value) != 32:
        raise MalformedFault(field=field, expected="32 bytes", got=f"{len(value)} bytes")
    return _hash("id", bytes(16) + value[:16], bytes(16) + value[16:])


def _number(field: str, value: int, least: int, most: int) -> bytes:
    if not least <= value <= most:
        raise MalformedFault(field=field, expected=f"{least} to {most}", got=value)
    return value.to_bytes(32)


def _hash(name: str, *words: bytes) -> bytes:
    try:
        return poseidon([_tag(name), *words])
    except NativeError as refused:
        raise MalformedFault.of(f"x of {name}", refused) from refused
