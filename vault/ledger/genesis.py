"""How a ledger begins, and who vouches for it: network, rules, attestors, threshold, keeper, proving key.

Promises that a Genesis from `decode_genesis`, `genesis_from_json` or `check_genesis` has every number in range, keys that
are keys, none of them twice. The ledger id is the hash of all of it. Does not know the chain.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from blake3 import blake3

from bitcoin_scripts.script import is_xonly
from native import NativeError
from native._native.statements import attestor_key_fault
from vault.ledger import commit, forms
from vault.ledger.faults import GenesisFault
from vault.ledger.rules import Rules, check_rules
from vault.ledger.state import Ledger, begin

VERSION = 1
MAX_ATTESTORS = 16  # leaves of the set's tree
MAX_THRESHOLD = 5  # signatures the statement `outcome` has room for


class Attestor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Signs checkpoints with both keys; `identity` is where its node is reached and signs nothing here."""

    identity: bytes  # x-only
    eddsa: bytes  # 64: x || y big-endian on Baby Jubjub, for use inside circuits
    bip340: bytes  # x-only, for use outside


class Genesis(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that is fixed for the life of a ledger."""

    version: int
    network: bytes  # hash of block 0, internal byte order
    rules: Rules
    attestors: tuple[Attestor, ...]  # in the order that signatures name them
    threshold: int
    keeper: bytes  # x-only identity of the node that orders events
    height: int
    time: int  # median time past at `height`
    salt: bytes
    transition_key: bytes  # 32: id of the verifying key of `transition`

    @property
    def ledger_id(self) -> bytes:
        """32 bytes."""
        return blake3(encode_genesis(self), derive_key_context="bitvm3 2026 ledger v1").digest()

    @property
    def attestors_root(self) -> bytes:
        """The commitment to the attestors and the threshold, as `outcome` has it."""
        return commit.attestors_root([attestor.eddsa for attestor in self.attestors], self.threshold)

    def begin(self) -> Ledger:
        """The empty ledger."""
        return begin(self.ledger_id, self.network, self.rules, height=self.height, time=self.time)


def encode_genesis(genesis: Genesis) -> bytes:
    """The canonical bytes."""
    return forms.encode(genesis)


def decode_genesis(raw: bytes) -> Genesis:
    """A checked genesis of canonical bytes."""
    return check_genesis(forms.decode(raw, Genesis, GenesisFault, "genesis"))


def genesis_from_json(value: object) -> Genesis:
    """A checked genesis of the form that `forms.to_json` writes."""
    return check_genesis(forms.from_json(value, Genesis, GenesisFault, "genesis"))


def check_genesis(genesis: Genesis) -> Genesis:
    """Its argument when everything holds; GenesisFault names the field otherwise."""
    _range("version", genesis.version, VERSION, VERSION)
    for field in ("network", "salt", "transition_key"):
        if len(getattr(genesis, field)) != 32:
            raise GenesisFault(field, expected="32 bytes", got=f"{len(getattr(genesis, field))} bytes")
    check_rules(genesis.rules)
    _range("len(attestors)", len(genesis.attestors), 1, MAX_ATTESTORS)
    for i, attestor in enumerate(genesis.attestors):
        _xonly(f"attestors[{i}].identity", attestor.identity)
        _xonly(f"attestors[{i}].bip340", attestor.bip340)
        try:
            attestor_key_fault(attestor.eddsa)
        except NativeError as error:
            expected = "64 bytes, a point of the prime-order subgroup of Baby Jubjub"
            raise GenesisFault(f"attestors[{i}].eddsa", expected=expected, got=str(error)) from None
    # One attestor twice would count for two; one key in two roles would let a signature for one serve the other.
    _distinct("attestors' EdDSA keys", [attestor.eddsa for attestor in genesis.attestors])
    _distinct("attestors' x-only keys", [key for a in genesis.attestors for key in (a.identity, a.bip340)])
    _range("threshold", genesis.threshold, 1, min(MAX_THRESHOLD, len(genesis.attestors)))
    _xonly("keeper", genesis.keeper)
    _range("height", genesis.height, 0, (1 << 32) - 1)
    _range("time", genesis.time, 0, (1 << 32) - 1)
    return genesis


def _range(field: str, got: int, low: int, high: int) -> None:
    if not low <= got <= high:
        raise GenesisFault(field, expected=f"{low} to {high}", got=str(got))


def _xonly(field: str, got: bytes) -> None:
    if not is_xonly(got):
        raise GenesisFault(field, expected="32 bytes, x of a point on the curve", got=got.hex()[:80])


def _distinct(field: str, keys: Iterable[bytes]) -> None:
    seen: set[bytes] = set()
    for key in keys:
        if key in seen:
            raise GenesisFault(field, expected="all distinct", got=f"{key.hex()} twice")
        seen.add(key)
