"""P8: no secret of a node lies readable on its disk, in its logs, or in what it says: searched for after a whole dispute."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog

from native._native.keys import Seed
from node.work.own import nonce_seed
from tests.simulation import babe
from tests.simulation.scenarios import a_world, open_a_vault
from tests.simulation.toy import install
from tests.simulation.world import ROLES


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    install(monkeypatch)


def forms(secret: bytes) -> tuple[bytes, ...]:
    return (secret, secret.hex().encode(), repr(secret)[2:-1].encode(), secret[::-1])


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize("engine", ["core", "babe"])
async def test_no_secret_lies_readable_anywhere(engine):
    """For engine babe after a whole dispute: a claim that was true, contested, revealed and refuted."""
    with structlog.testing.capture_logs() as logs:
        async with a_world(contest={"challenger": "always"}, engine=engine) as world:
            secrets: dict[str, list[bytes]] = {name: [] for name in ROLES}
            ephemeral_before = {}
            original = {}
            for name in ROLES:
                keys = world.actors[name].node.context.keys
                original[name] = keys.ephemeral

                def remember(vault, name=name, keys=keys):
                    seed: Seed = original[name](vault)
                    ephemeral_before.setdefault(name, [seed.reveal(), nonce_seed(seed, 0).reveal()])
                    return seed

                keys.ephemeral = remember
            vault = await open_a_vault(world)
            if engine == "babe":
                await babe.insist(world, vault, "challenger")
                await babe.true_claim(world, vault)
                await babe.phase(world, vault, "paid")
            for name in ROLES:
                node = world.actors[name].node
                own = node.context.own_of(world.state(name, vault))
                secrets[name] += [
                    own.seed.reveal(),
                    own.digits(0).reveal(),
                    *(own.pair(0, k).reveal() for k in (1, 2)),
                    *(own.presigning(0, k).reveal() for k in (1, 2)),
                    node.context.keys.wallet_seed.reveal(),
                ]
                secrets[name] += [own.hashlock_r(0).reveal(), *ephemeral_before[name]]
                assert len(ephemeral_before[name]) == 2  # the keys of G were used, so there was something to lose
            disks = {name: everything_in(world.actors[name].folder) for name in ROLES}
            said = b"".join(block.raw for block in world.chain.blocks)
    texts = repr(logs).encode()
    for name, found in secrets.items():
        for n, secret in enumerate(found):
            for form in forms(secret):
                for where, content in (*disks.items(), ("logs", texts), ("chain", said)):
                    assert form not in content, f"secret {n} of the {name} lies readable in {where}"


async def test_the_search_finds_what_is_there():
    """The search itself works: what a node has published is found."""
    async with a_world() as world:
        vault = await open_a_vault(world)
        shown = world.actors["borrower"].node.context.own_of(world.state("borrower", vault)).hashlock_a().reveal()
        assert any(shown in block.raw for block in world.chain.blocks)
        assert shown in everything_in(world.actors["borrower"].folder)  # the signed Vault is stored before it leaves
