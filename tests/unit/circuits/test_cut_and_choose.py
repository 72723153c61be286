"""Kept sets are drawn without bias; profiles are worth what they say."""

from collections import Counter

import blake3
import pytest

from circuits.cut_and_choose import PROFILES, draw_kept, soundness_bits
from circuits.faults import LocalFault


def entropy(number: int) -> bytes:
    return blake3.blake3(number.to_bytes(8, "little")).digest()


@pytest.mark.parametrize("name", PROFILES)
def test_a_kept_set_is_distinct_in_range_and_ascending(name: str) -> None:
    profile = PROFILES[name]
    for number in range(50):
        kept = draw_kept(profile, entropy(number))
        assert len(kept) == profile.kept
        assert list(kept) == sorted(set(kept))
        assert kept[0] >= 0
        assert kept[-1] < profile.instances
        assert draw_kept(profile, entropy(number)) == kept


def test_all_sets_come_equally_often() -> None:
    counts = Counter(draw_kept(PROFILES["test"], entropy(number)) for number in range(11_200))
    assert len(counts) == 56
    # 200 expected, deviation 14; the inputs are fixed
    assert 140 < min(counts.values()) <= max(counts.values()) < 260


@pytest.mark.parametrize(("name", "bits"), [("test", 5.8), ("fast", 40.2), ("default", 64.0), ("paranoid", 80.0)])
def test_bits(name: str, bits: float) -> None:
    assert abs(PROFILES[name].bits - bits) < 0.35
    assert PROFILES[name].bits == soundness_bits(PROFILES[name].instances, PROFILES[name].kept)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_other_entropy_is_refused(size: int) -> None:
    with pytest.raises(LocalFault, match="expected 32 bytes of entropy"):
        draw_kept(PROFILES["default"], bytes(size))
