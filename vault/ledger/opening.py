"""One vault's position under a root, shown to whoever follows the ledger without its state.

Promises that an opening which passes `check_opening` is the position of that vault under that root. At most 3.5 KiB.
"""

from __future__ import annotations

import msgspec

from vault.ledger import commit, forms
from vault.ledger.checkpoint import FIELD_ORDER
from vault.ledger.events import ID_SIZE, SLOTS
from vault.ledger.faults import FollowFault, RuleFault
from vault.ledger.follow import check_totals
from vault.ledger.position import Globals, Position
from vault.ledger.state import Ledger
from vault.ledger.tree import LEVELS, Path, Siblings, root_of

MAX_BYTES = 3_584


class Opening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`path` is 14 times three siblings of 32 bytes, from the leaves up, in one string."""

    totals: Globals
    position: Position
    path: bytes

    @property
    def siblings(self) -> Path:
        """The path as the tree has it."""
        return tuple(self._level(level) for level in range(LEVELS))

    def _level(self, level: int) -> Siblings:
        first, second, third = (self.path[32 * i : 32 * i + 32] for i in range(3 * level, 3 * level + 3))
        return first, second, third


def open_vault(ledger: Ledger, vault: bytes) -> Opening:
    """The opening of a vault; RuleFault `position.exists` when it has no position."""
    position = ledger.position(vault)
    if position is None:
        raise RuleFault("position.exists", expected="a vault that was opened", got=vault.hex())
    path = b"".join(sibling for level in ledger.positions.path(ledger.leaf(vault)) for sibling in level)
    return Opening(totals=ledger.totals, position=position, path=path)


def decode_opening(raw: bytes) -> Opening:
    """A well-formed opening, unchecked."""
    if len(raw) > MAX_BYTES:
        raise FollowFault("opening", expected=f"at most {MAX_BYTES} bytes", got=f"{len(raw)} bytes")
    opening: Opening = forms.decode(raw, Opening, FollowFault, "opening")
    return opening


def check_opening(ledger_id: bytes, root: bytes, opening: Opening) -> Position:
    """The position; FollowFault `globals` or `path` when the opening does not lead to the root, or the malformed field."""
    check_totals(opening.totals)
    position, path = opening.position, opening.path
    for field in ("vault", "owner", "lender"):
        _ids(f"position.{field}", getattr(position, field))
    if len(position.sats) != SLOTS or len(position.records) != SLOTS:
        raise FollowFault("position", expected=f"{SLOTS} slots", got=f"{len(position.sats)}, {len(position.records)}")
    for i, record in enumerate(position.records):
        if record is not None:
            _ids(f"records[{i}].claimant", record.claimant)
            _ids(f"records[{i}].template", record.template)
    elements = [path[i : i + 32] for i in range(0, len(path), 32)]
    if len(path) != LEVELS * 96 or any(int.from_bytes(element, "big") >= FIELD_ORDER for element in elements):
        raise FollowFault("path", expected=f"{LEVELS * 3} field elements", got=f"{len(path)} bytes")
    if commit.root(ledger_id, opening.totals) != root:
        raise FollowFault("globals", expected=f"the opening of root {root.hex()}", got="another root's")
    try:
        leaf = commit.position(ledger_id, position)
    except RuleFault as fault:  # a number that fits no field
        raise FollowFault("position", expected=fault.expected, got=fault.got) from None
    place = commit.leaf_number(commit.vault_key(ledger_id, position.vault))
    if root_of(place, leaf, opening.siblings) != opening.totals.tree:
        raise FollowFault("path", expected="the position under the root", got="a path that leads elsewhere")
    return position


def _ids(field: str, value: bytes) -> None:
    if len(value) != ID_SIZE:
        raise FollowFault(field, expected=f"{ID_SIZE} bytes", got=f"{len(value)} bytes")
