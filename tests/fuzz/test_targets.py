"""Every fuzz target over the same mutations each time; `make fuzz` searches further, guided by coverage."""

import zlib
from random import Random

import pytest

from tests.fuzz.mutate import mutations
from tests.fuzz.table import TARGETS
from tests.fuzz.target import judge

SEED = 20261122


@pytest.mark.parametrize("name", TARGETS)
def test_mutants_are_taken_or_refused_by_name(name: str) -> None:
    target = TARGETS[name]
    seeds = target.seeds()
    chance = Random(SEED ^ zlib.crc32(name.encode()))
    verdicts = [judge(target, raw) for raw in mutations(seeds, chance, target.rounds, target.most)]
    assert all(verdicts[: len(seeds)]), "a seed is a valid input"
    assert not all(verdicts), "some mutant is refused"
