"""Every commitment of docs/ledger.md, in its order: Poseidon over the scalar field of BN254.

Promises that a 256-bit value enters as two halves, never reduced, and that a number too large for its field is refused.
Results are field elements, 32 bytes big-endian.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

from native._native.statements import poseidon
from snark.statements import outcome_public as outcome_public  # the public inputs belong to the commitments' names
from snark.statements import transition_public as transition_public
from vault.agreement import Sats
from vault.ledger.events import PACKED, SATS_BITS, Row
from vault.ledger.faults import RuleFault
from vault.ledger.position import Globals, Position, Record
from vault.ledger.rules import Rules
from vault.ledger.tree import ARITY, LEAVES

ZERO = bytes(32)
Element = bytes | int


def hash_(*inputs: Element) -> bytes:
    """P of docs/ledger.md; integers are field elements already."""
    return poseidon([value.to_bytes(32, "big") if isinstance(value, int) else value for value in inputs])


@cache
def tag(name: str) -> int:
    """What keeps one commitment from being taken for another."""
    return int.from_bytes(f"bitvm3/{name}/1".encode("ascii"), "big")


@lru_cache(maxsize=4096)
def id_(value: bytes) -> bytes:
    """The id of 32 bytes: a hash or an x-only key."""
    return hash_(tag("id"), int.from_bytes(value[:16], "big"), int.from_bytes(value[16:], "big"))


def pack(*fields: tuple[int, int]) -> int:
    """(value, bits) pairs, the first the lowest; RuleFault `range` when one does not fit."""
    packed, shift = 0, 0
    for value, bits in fields:
        if not 0 <= value < 1 << bits:
            raise RuleFault("range", expected=f"0 to 2^{bits} - 1", got=str(value))
        packed |= value << shift
        shift += bits
    return packed


def _sats(sats: Sequence[Sats]) -> tuple[int, int]:
    return pack(*((s, SATS_BITS) for s in sats[:4])), pack(*((s, SATS_BITS) for s in sats[4:]))


# ---- fixed for the life of a ledger ----------------------------------------------------------------------------------
@lru_cache(maxsize=64)
def rules_hash(rules: Rules) -> bytes:
    """The rules, in the order of their struct."""
    r = rules
    first = [r.version, r.max_ltv, r.margin_call, r.liquidation, r.fast, r.bonus, r.target_health]
    blocks = [r.grace, r.max_price_age, r.max_price_lead]
    return hash_(
        tag("rules"),
        pack(*((value, 16) for value in first), *((value, 32) for value in blocks)),
        pack((r.rate, 64), (r.tender_window, 32), (r.settle_window, 32)),
    )


def attestors_root(keys: Sequence[bytes], threshold: int) -> bytes:
    """The set of at most 16 EdDSA keys (x || y, big-endian), in order."""
    leaves = [hash_(tag("attestor"), key[:32], key[32:]) for key in keys] + [ZERO] * (16 - len(keys))
    branches = [hash_(*leaves[i : i + ARITY]) for i in range(0, 16, ARITY)]
    return hash_(tag("set"), threshold, len(keys), hash_(*branches))


# ---- positions -------------------------------------------------------------------------------------------------------
@lru_cache(maxsize=4096)
def vault_key(ledger_id: bytes, vault: bytes) -> bytes:
    """K."""
    return hash_(tag("vault"), id_(ledger_id), id_(vault))


def leaf_number(key: bytes) -> int:
    """The place of a vault key in the tree: its lowest 28 bits."""
    return int.from_bytes(key, "big") % LEAVES


def record(found: Record | None) -> bytes:
    """A record, or 0."""
    if found is None:
        return ZERO
    r = found
    return hash_(
        tag("record"),
        id_(r.claimant),
        id_(r.template),
        pack(
            (r.outcome, 4),
            (r.continued, 1),
            (r.settled, 2),
            (r.height, 32),
            (r.price_time, 32),
            (r.time, 32),
            (r.seq, 32),
            (r.sats, SATS_BITS),
            (r.collateral, 54),
        ),
        pack((r.price, 40), (r.debt, 56), (r.paid, 56), (r.surplus, 56)),
    )


def position(ledger_id: bytes, found: Position) -> bytes:
    """A position: what a leaf holds."""
    p = found
    return hash_(
        tag("position"),
        vault_key(ledger_id, p.vault),
        *_sats(p.sats),
        pack(
            (p.principal, 56),
            (p.open, 8),
            (p.nonce, 32),
            (p.opened, 32),
            (p.maturity, 32),
            (p.last_record, 32),
            (p.version, 16),
        ),
        pack((p.index_open, 80), (p.tender_slot, 4), (p.tender_cents, 56), (p.tender_height, 32), (p.mark, 32)),
        id_(p.owner),
        id_(p.lender),
        hash_(tag("records"), *(record(r) for r in p.records)),
    )


# ---- the whole -------------------------------------------------------------------------------------------------------
def root(ledger_id: bytes, opening: Globals) -> bytes:
    """The root that checkpoints sign and proofs lead to."""
    g = opening
    return hash_(
        tag("root"),
        id_(ledger_id),
        g.tree,
        pack((g.height, 32), (g.time, 32), (g.price, 40), (g.price_time, 32), (g.marks, 32), (g.seq, 32)),
        pack((g.index, 80), (g.cash, 64), (g.principal, 64)),
        g.log,
    )


def log(before: bytes, event: Row) -> bytes:
    """The next head of the chain of events."""
    numbers = [pack(*((getattr(event, name), bits) for name, bits in fields)) for fields in PACKED]
    ids = [ZERO if value is None else id_(value) for value in (event.vault, event.party, event.lender, event.template)]
    return hash_(tag("event"), before, *numbers, *_sats(event.sats), *ids)


def checkpoint(
    ledger_id: bytes, *, seq: int, root: bytes, price: int, price_time: int, height: int, time: int
) -> bytes:
    """The digest that attestors sign with EdDSA."""
    return hash_(tag("checkpoint"), id_(ledger_id), seq, root, price, price_time, height, time)
