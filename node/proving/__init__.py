"""Proving keys on disk, and proofs made one at a time beside the loop.

`statements` names what can be proved, `folder` keeps the keys, `setup` makes, exports and imports them, `jobs` is the queue.
Does NOT know what a proof is for: witnesses come from `vault.ledger`, the constraints stand in Rust.
"""

from __future__ import annotations

from node.proving.folder import KeyFolder, KeyLine
from node.proving.jobs import Proved, Proving
from node.proving.statements import Statement

__all__ = ["KeyFolder", "KeyLine", "Proved", "Proving", "Statement"]
