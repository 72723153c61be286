"""Every parser of foreign bytes, by name: the one table that both runners walk."""

from __future__ import annotations

from tests.fuzz import circuits, natives, node, snark, vault
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target for part in (snark, circuits, natives, vault, node) for target in part.targets()
}
