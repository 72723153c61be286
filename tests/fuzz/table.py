"""Every parser of foreign bytes, by name: the one table that both runners walk."""

from __future__ import annotations

from tests.fuzz import circuits, ledger, lending, natives, node, proving, snark, vault
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target
    for part in (snark, proving, circuits, natives, vault, ledger, lending, node)
    for target in part.targets()
}
