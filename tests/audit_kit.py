"""Audit bundles of two real setups, one an engine, made once: what tests of the audit take apart.

Three nodes set a vault up in memory (engine core with the toy circuit); every party's bundle and identity stay here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import msgspec
import pytest

import node.proposing
from native._native.garbling import Progress
from native._native.keys import Secret, Seed
from node.bundle import collect
from tests.simulation import toy
from tests.simulation.scenarios import a_world, open_a_vault
from tests.simulation.world import ROLES
from vault.agreement import GraphTerms
from vault.audit import Audit, audit
from vault.audit_checks import Pair
from vault.audit_file import Bundle, Bytes, parse, write
from vault.terms import encode


@dataclass(frozen=True, kw_only=True)
class Made:
    """One party's bundle, its identity's key, and the secrets of its node by name."""

    bundle: Bundle
    identity: Secret
    secrets: Mapping[str, bytes]

    @property
    def raw(self) -> bytes:
        """The file."""
        return b"".join(write(self.bundle, self.identity.sign))

    def with_sections(self, changed: Mapping[str, Bytes | None], **fields: Any) -> bytes:
        """A forged file: other contents (None: left out), every digest and the signature made again."""
        sections = {name: raw for name, raw in {**self.bundle.sections, **changed}.items() if raw is not None}
        return b"".join(write(replace(self.bundle, sections=sections, **fields), self.identity.sign))

    def pair(self, g: int, k: int) -> Pair:
        """The transcript of a pair."""
        return msgspec.msgpack.decode(self.bundle.get("pair", g, k) or b"", type=Pair)


@lru_cache(maxsize=2)
def made(engine: str) -> Mapping[str, Made]:
    """Role -> bundle. Engine babe takes some seconds."""
    with pytest.MonkeyPatch.context() as patch:
        toy.install(patch)
        return asyncio.run(_made(engine))


async def _made(engine: str) -> Mapping[str, Made]:
    found, ephemeral = {}, dict[str, bytes]()
    async with a_world(engine=engine) as world:
        for role in ROLES:
            _remember(world.actors[role].node.context.keys, role, ephemeral)
        vault = await open_a_vault(world)
        for role in ROLES:
            context, state = world.actors[role].node.context, world.state(role, vault)
            own = context.own_of(state)
            seeds = {
                "seed of the vault": own.seed,
                "digit seed": own.digits(0),
                "wallet seed": context.keys.wallet_seed,
                "preimage a": own.hashlock_a(),
                "preimage r": own.hashlock_r(0),
                **{f"pair seed 0/{k}": own.pair(0, k) for k in (0, 1, 2)},
                **{f"presigning seed 0/{k}": own.presigning(0, k) for k in (1, 2)},
            }
            collected = collect(context, state, encode((await context.graph(state)).points))
            found[role] = Made(
                bundle=parse(b"".join(write(collected, context.keys.identity.sign))),
                identity=context.keys.identity,
                secrets={
                    **{name: seed.reveal() for name, seed in seeds.items()},
                    "seed of the share of G": ephemeral[role],
                },
            )
    return found


def _remember(keys: Any, role: str, into: dict[str, bytes]) -> None:
    """The seed of a party's share of G, before it is burnt."""
    original = keys.ephemeral

    def remembered(vault: bytes) -> Seed:
        seed: Seed = original(vault)
        into.setdefault(role, seed.reveal())
        return seed

    keys.ephemeral = remembered


def toy_predicate(terms: GraphTerms) -> Any:
    """What the nodes of these worlds garbled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(node.proposing, "circuit_of", toy.toy_circuit)
        return node.proposing.predicate_of(terms)


def judged(raw: bytes, predicate: Callable[[GraphTerms], Any] = toy_predicate) -> Audit:
    """The verdict on a file."""
    return audit(parse(raw), predicate=predicate, progress=Progress())
