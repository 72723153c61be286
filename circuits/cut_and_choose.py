"""Cut and choose: how many instances, how many kept, and what that is worth.

Promises that a kept set is M distinct indices in range, drawn without bias from the evaluator's own entropy after all
commitments arrived. A cheating garbler wins only when every opened instance is honest and every kept one is not:
1 / C(N, M), once, interactively; a kept set hashed from the commitments could be ground offline. Does NOT know who
draws when, or on which network a profile is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import blake3

from circuits.faults import LocalFault

__all__ = ["ENTROPY_BYTES", "PROFILES", "Profile", "draw_kept", "soundness_bits"]

ENTROPY_BYTES = 32
_CONTEXT = "bitvm3 2026 kept set v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A choice of N instances of which M are kept.

    Attributes:
        name: as in Terms.
        instances: N.
        kept: M.
        use: what it is for.
    """

    name: str
    instances: int
    kept: int
    use: str

    @property
    def bits(self) -> float:
        """Soundness: log2 of C(N, M)."""
        return soundness_bits(self.instances, self.kept)


def soundness_bits(instances: int, kept: int) -> float:
    """log2 of the number of kept sets: a cheating garbler's guess is right with 2 to the minus this."""
    return math.log2(math.comb(instances, kept))


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Profile(name="test", instances=8, kept=3, use="unit tests and the demo on regtest; no security"),
            Profile(name="fast", instances=124, kept=8, use="40 bits, what deployed peers call secure"),
            Profile(name="default", instances=387, kept=10, use="64 bits"),
            Profile(name="paranoid", instances=226, kept=16, use="80 bits: more kept, fewer garbled"),
        )
    }
)


def draw_kept(profile: Profile, entropy: bytes) -> tuple[int, ...]:
    """M distinct indices below N, ascending, uniform over all sets.

    Args:
        profile: says N and M.
        entropy: 32 fresh bytes of the evaluator's operating system, shown to nobody before the commitments arrived.

    Raises:
        LocalFault: another number of bytes.
    """
    if len(entropy) != ENTROPY_BYTES:
        raise LocalFault(f"expected {ENTROPY_BYTES} bytes of entropy, got {len(entropy)}")
    hasher = blake3.blake3(entropy, derive_key_context=_CONTEXT)
    limit = (1 << 32) // profile.instances * profile.instances  # above it the remainders are not uniform
    drawn: set[int] = set()
    offset = 0
    while len(drawn) < profile.kept:
        word = int.from_bytes(hasher.digest(length=4, seek=offset), "little")
        offset += 4
        if word < limit:
            drawn.add(word % profile.instances)
    return tuple(sorted(drawn))
